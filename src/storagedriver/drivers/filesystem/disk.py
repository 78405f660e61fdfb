"""What is asked of the system about one file or one directory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence

from storagedriver.errors import ConflictError, InvalidPathError, PathNotFoundError

__all__ = [
    "PATH_MAX",
    "check_length",
    "check_place",
    "make_directories",
    "open_directory",
    "open_file",
    "remove_directories",
    "sync_directory",
    "write_all",
]

#: The most bytes of one name, and of a path that is given to the system (Linux's limits.h, without the final NUL).
NAME_MAX = 255
PATH_MAX = 4095
#: A longer path is opened in pieces of this length.
_PIECE = 3500
#: What an open gives for what is neither a file nor a directory, or is below a file.
_NO_FILE = {errno.EISDIR, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP}
#: What an fsync of a directory gives where a filesystem has no such thing (CIFS, VirtualBox, some of FUSE).
_NOT_SYNCED = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
}


def check_length(path: str, *, spare: int = 0) -> None:
    """Raise `InvalidPathError` if a path, or a name in it, is longer than the system takes.

    Parameters
    ----------
    path : str
        The path on the disk.
    spare : int
        How many bytes longer a name beside it may be.
    """
    encoded = os.fsencode(path)
    if len(encoded) + spare > PATH_MAX:
        detail = f"it has {len(encoded)} bytes on the disk, and at most {PATH_MAX - spare} are possible"
        raise InvalidPathError(detail)
    longest = max(map(len, encoded.split(b"/")))
    if longest > NAME_MAX:
        raise InvalidPathError(f"a name in it has {longest} bytes, and at most {NAME_MAX} are possible")


def check_place(path: str) -> None:
    """Raise unless a file can be put at a path: if there is a directory, or what is no file at all.

    Raises
    ------
    ConflictError
        If it is a directory, also behind a link, or a pipe, socket or device.
    OSError
        With ELOOP, if it is a link in a loop.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        raise ConflictError("there is a directory")
    if not stat.S_ISREG(mode):
        raise ConflictError("there is a pipe, a socket or a device")


def open_file(path: str, flags: int, *, dir_fd: int | None = None) -> tuple[int, os.stat_result]:
    """Open a regular file; give its descriptor and its status.

    Raises
    ------
    PathNotFoundError
        If it is something else. No pipe is waited for.
    """
    try:
        # O_NONBLOCK means nothing to a regular file. Without it, opening a pipe waits for its other end.
        file = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise PathNotFoundError from error
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise PathNotFoundError
    except BaseException:
        os.close(file)
        raise
    return file, status


def open_directory(path: str) -> int:
    """Open a directory, whose path may be longer than the system takes."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    rest = os.fsencode(path)
    if len(rest) <= _PIECE:
        return os.open(path, flags)
    file = os.open("/", flags)
    try:
        begin = 0
        while begin < len(rest):
            end = len(rest) if len(rest) - begin <= _PIECE else rest.rindex(b"/", begin, begin + _PIECE)
            below = os.open(rest[begin:end].lstrip(b"/") or b".", flags, dir_fd=file)
            os.close(file)
            file = below
            begin = end + 1
    except BaseException:
        os.close(file)
        raise
    return file


def make_directories(directory: str) -> list[str]:
    """Make a directory and those above it, durably.

    Returns
    -------
    list of str
        Those that were made, the topmost first.
    """
    missing = []
    made: list[str] = []
    try:
        while not _is_directory(directory):
            missing.append(directory)
            directory = os.path.dirname(directory)
        for directory in reversed(missing):
            try:
                os.mkdir(directory)
            except FileExistsError:
                if not os.path.isdir(directory):
                    raise
            else:
                made.append(directory)
            sync_directory(os.path.dirname(directory))
    except BaseException:
        remove_directories(made)
        raise
    return made


def remove_directories(made: Sequence[str]) -> None:
    """Remove what `make_directories` made, as far as it is empty."""
    with contextlib.suppress(OSError):
        for directory in reversed(made):
            os.rmdir(directory)


def sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk, where the filesystem can do that.

    Raises
    ------
    OSError
        For any failure but that it is not supported.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # It may be written to, and not read.
        return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise
    finally:
        os.close(file)


def write_all(file: int, data: memoryview) -> None:
    """Write everything."""
    while data:
        data = data[os.write(file, data) :]


def _is_directory(path: str) -> bool:
    """Whether there is a directory; False only if there is nothing."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if os.path.islink(path):
            raise ConflictError("a link on the way to it leads nowhere") from None
        return False
    if not stat.S_ISDIR(mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return True
