"""The directories below the root, which may be nested deeper than a path can say or Python's stack can go."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone

from storagedriver.adapter.store import Entry
from storagedriver.driver import FileInfo
from storagedriver.drivers.filesystem.disk import open_directory

__all__ = ["Child", "Directories", "entry_of", "time_of"]

#: A path of a directory of this length can have a name put behind it.
_SHORT = 3800
#: So many characters have no more bytes than that.
_SURELY_SHORT = _SHORT // 4
#: What a look at an entry gives that has gone, or at a link that leads nowhere or in a loop.
_NOWHERE = {errno.ENOENT, errno.ELOOP}


@dataclass(frozen=True)
class Child:
    """What is in a directory: a file or a directory, or what a link leads to.

    Attributes
    ----------
    name : str
        Its name.
    is_dir, is_link : bool
        Whether it is, or leads to, a directory; whether it is a link.
    status : os.stat_result or None
        None where it was not asked for.
    """

    name: str
    is_dir: bool
    is_link: bool
    status: os.stat_result | None

    def entry(self, key: str) -> Entry:
        """The child as an entry of a store."""
        return Entry(key, is_dir=self.is_dir) if self.status is None else entry_of(key, self.status)


class Directories:
    """The directories below a root, by key.

    Parameters
    ----------
    root : str
        The path of the root.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, key: str) -> str:
        """The path of a key on the disk."""
        return os.path.join(self.root, key) if key else self.root

    def children(self, key: str, *, sized: bool) -> list[Child]:
        """What is in a directory, in no order.

        A link that leads nowhere, or in a loop, is left out, and so is what is
        neither a file nor a directory.

        Parameters
        ----------
        key : str
            The directory.
        sized : bool
            Whether the status of each child is wanted: it is a call for each.

        Raises
        ------
        FileNotFoundError
            If there is no such directory; the root always is one.
        """
        with self._listed(key) as listing:
            return [child for child in (_child(found, sized=sized) for found in listing) if child is not None]

    def names(self, key: str) -> tuple[list[str], list[str]]:
        """The names in a directory, those of files and those of directories; what is left out is as for `children`.

        The directory itself says what most of them are: it is no call for each.
        """
        files: list[str] = []
        directories: list[str] = []
        with self._listed(key) as listing:
            for found in listing:
                try:
                    if found.is_file():
                        files.append(found.name)
                    elif found.is_dir():
                        directories.append(found.name)
                except OSError as error:
                    if error.errno not in _NOWHERE:
                        raise
        return files, directories

    def infos(self, key: str, hides: Callable[[str], bool]) -> tuple[list[FileInfo], list[str]]:
        """What is in a directory, in the order of a walk, by one call for each.

        Parameters
        ----------
        key : str
            The directory.
        hides : callable
            Says of the name of a file whether it is left out.

        Returns
        -------
        tuple
            The entries, and the keys of the links among them that lead to a
            directory that they are in.
        """
        above = f"/{key}/" if key else "/"
        placed: dict[str, FileInfo] = {}
        circles: list[str] = []
        is_file, from_timestamp, utc = stat.S_ISREG, datetime.fromtimestamp, timezone.utc
        with self._listed(key) as listing:
            for found in listing:
                try:
                    # It follows links, and is one call for what is no link.
                    status = found.stat()
                except OSError as error:
                    if error.errno not in _NOWHERE:
                        raise
                    continue
                name, mode = found.name, status.st_mode
                if is_file(mode):
                    if hides(name):
                        continue
                    version = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
                    changed = from_timestamp(status.st_mtime, utc)
                    placed[name] = FileInfo(above + name, status.st_size, changed, False, version)
                elif stat.S_ISDIR(mode):
                    path = above + name
                    placed[name + "/"] = FileInfo(path, 0, time_of(status), True, _version_of(status))
                    if found.is_symlink() and self.leads_up(path[1:]):
                        circles.append(path[1:])
        return [placed[name] for name in sorted(placed)], circles

    def _listed(self, key: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """Read a directory. There is a root before the first file."""
        path = self.path(key)
        try:
            if len(path) > _SURELY_SHORT and len(os.fsencode(path)) > _SHORT:
                return _listed_by(open_directory(path))
            return os.scandir(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            if key:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
            return nullcontext(iter(()))

    @contextmanager
    def opened(self, key: str) -> Iterator[int]:
        """Open a directory, whatever the length of its path, and give its descriptor."""
        file = open_directory(self.path(key))
        try:
            yield file
        finally:
            os.close(file)

    def leads_up(self, key: str) -> bool:
        """Whether a link leads to one of the directories that it is in."""
        own = self._identity(key)
        while key:
            key = key.rpartition("/")[0]
            if self._identity(key) == own:
                return True
        return False

    def below(self, key: str, enter: Callable[[str, Child], bool]) -> Iterator[tuple[str, list[Child]]]:
        """A directory and all those below it, with what is in each. Links are followed, but not in a circle.

        Parameters
        ----------
        key : str
            Where to begin. If there is nothing, nothing is given.
        enter : callable
            Says of a directory, by the key of the one that it is in, whether
            to go there.
        """
        waiting = [key]
        while waiting:
            key = waiting.pop()
            try:
                children = self.children(key, sized=False)
            except FileNotFoundError:
                continue
            yield key, children
            prefix = key + "/" if key else ""
            waiting.extend(
                prefix + child.name
                for child in children
                if child.is_dir and enter(key, child) and not (child.is_link and self.leads_up(prefix + child.name))
            )

    def _identity(self, key: str) -> tuple[int, int]:
        path = self.path(key)
        if len(os.fsencode(path)) <= _SHORT:
            status = os.stat(path)
        else:
            with self.opened(key) as file:
                status = os.fstat(file)
        return status.st_dev, status.st_ino


def entry_of(key: str, status: os.stat_result) -> Entry:
    """The entry of a file or a directory."""
    is_dir = stat.S_ISDIR(status.st_mode)
    return Entry(key, 0 if is_dir else status.st_size, time_of(status), is_dir, _version_of(status))


def time_of(status: os.stat_result) -> datetime:
    """When it was last changed."""
    return datetime.fromtimestamp(status.st_mtime, timezone.utc)


@contextmanager
def _listed_by(file: int) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Read a directory that is open, and close it."""
    try:
        with os.scandir(file) as listing:
            yield listing
    finally:
        os.close(file)


def _version_of(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _child(found: os.DirEntry[str], *, sized: bool) -> Child | None:
    try:
        is_link = found.is_symlink()
        # Where a link leads has to be looked at.
        status = found.stat() if sized or is_link else None
        if status is None:
            is_dir = found.is_dir()
            usual = is_dir or found.is_file()
        else:
            is_dir = stat.S_ISDIR(status.st_mode)
            usual = is_dir or stat.S_ISREG(status.st_mode)
    except OSError as error:
        if error.errno in _NOWHERE:
            return None
        raise
    return Child(found.name, is_dir, is_link, status) if usual else None
