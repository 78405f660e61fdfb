"""Removing a tree: however deep it is, and nothing that is behind a link."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass, field

from storagedriver.drivers.filesystem.disk import open_directory
from storagedriver.errors import ConflictError

__all__ = ["remove_tree"]

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: How often a directory is emptied into which files are written meanwhile.
_ATTEMPTS = 10


@dataclass
class _Level:
    """A directory on the way down: its name and identity, and which directories in it are to be removed."""

    name: str
    identity: tuple[int, int]
    directories: list[str] = field(default_factory=list)
    attempts: int = 0


def remove_tree(path: str) -> None:
    """Remove a directory with everything below it.

    Names are looked up in the directory that is open, and there are no more
    than two of those: neither the length of a path nor the number of open
    files is a limit. Who moves a directory away meanwhile stops the removal.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    NotADirectoryError
        If it is a file or a link.
    ConflictError
        If a directory was moved away.
    """
    parent, name = os.path.split(path)
    outside = open_directory(parent)
    try:
        _remove(outside, name)
    finally:
        os.close(outside)


def _remove(outside: int, name: str) -> None:
    file = os.open(name, _FLAGS, dir_fd=outside)
    try:
        levels = [_Level(name, _identity(file))]
        levels[0].directories = _empty(file)
        while True:
            level = levels[-1]
            if level.directories:
                name = level.directories.pop()
                below = _enter(file, name)
                if below is None:
                    continue
                os.close(file)
                file = below
                levels.append(_Level(name, _identity(file)))
                levels[-1].directories = _empty(file)
                continue
            if len(levels) == 1:
                if not _remove_directory(outside, level, file):
                    continue
                return
            above = os.open("..", _FLAGS, dir_fd=file)
            if _identity(above) != levels[-2].identity:
                os.close(above)
                raise ConflictError("a directory was moved away while it was deleted")
            try:
                removed = _remove_directory(above, level, file)
            except BaseException:
                os.close(above)
                raise
            if removed:
                levels.pop()
                os.close(file)
                file = above
            else:
                os.close(above)
    finally:
        os.close(file)


def _empty(file: int) -> list[str]:
    """Remove what is in a directory but for the directories, and name these."""
    with os.scandir(file) as listing:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
    for name, is_dir in found:
        if not is_dir:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=file)
    return [name for name, is_dir in found if is_dir]


def _enter(file: int, name: str) -> int | None:
    """Open a directory in a directory; None if it has gone."""
    try:
        return os.open(name, _FLAGS, dir_fd=file)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
    # It was a directory a moment ago.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=file)
    return None


def _remove_directory(above: int, level: _Level, file: int) -> bool:
    """Remove the directory of a level, which `file` is; False if something was put there meanwhile."""
    try:
        os.rmdir(level.name, dir_fd=above)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or level.attempts >= _ATTEMPTS:
            raise
        level.attempts += 1
        level.directories = _empty(file)
        return False
    return True


def _identity(file: int) -> tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino
