"""The driver ``filesystem``: files below a root directory of a local, POSIX filesystem."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any

from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Entry, Failure, Store, Upload
from storagedriver.adapter.tree import tree_pages
from storagedriver.driver import Capabilities, UploadInfo
from storagedriver.errors import (
    ConflictError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
)
from storagedriver.parameters import integer, parse, string

__all__ = ["FilesystemParameters", "FilesystemStore", "create"]

#: A put is staged beside its path under this name, which no path can have.
_STAGED = re.compile(r"(?P<name>.+)~[0-9a-f]{16}")
#: A name may have 255 bytes; a longer one is cut before the suffix is put on.
_LONGEST = 255 - 17
_BUFFER = 1 << 18


@dataclass(frozen=True)
class FilesystemParameters:
    """The parameters of the driver.

    Attributes
    ----------
    rootdirectory : str
        The directory below which everything lies; it is made at the first
        write.
    maxthreads : int
        How many calls run at a time; less than 25 is raised to 25.
    """

    rootdirectory: str = string("/var/lib/registry")
    maxthreads: int = integer(100, minimum=0, raised_to=25)


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver."""
    return FsspecDriver(FilesystemStore("filesystem", parse(FilesystemParameters, "filesystem", parameters)))


class FilesystemStore(Store):
    """A store over the local filesystem.

    It goes below fsspec's `LocalFileSystem` for what that does not do: fsync,
    a rename within one directory, and writing in place.
    """

    capabilities = Capabilities(
        unfinished="shown",
        key_and_prefix=False,
        empty_directories=True,
        conflicts_detected="always",
    )
    put_limit = 1 << 62

    def __init__(self, name: str, parameters: FilesystemParameters) -> None:
        super().__init__(name, limit=Limit(parameters.maxthreads))
        self._parameters = parameters
        self._root = os.path.abspath(parameters.rootdirectory)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """A `LocalFileSystem` below the root directory."""
        return DirFileSystem(path=self._root, fs=LocalFileSystem(auto_mkdir=True), skip_instance_cache=True)

    def classify(self, error: Exception, /) -> Failure:
        """Go by the errno."""
        detail = str(error)
        if isinstance(error, FileNotFoundError):
            return Failure(PathNotFoundError)
        if isinstance(error, PermissionError):
            return Failure(PermissionDeniedError, detail)
        if isinstance(error, (IsADirectoryError, NotADirectoryError, FileExistsError)):
            return Failure(ConflictError, "a file and a directory cannot have one name")
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return Failure(InvalidPathError, detail)
        return Failure(StorageDriverError, detail)

    def head(self, key: str, /) -> Entry | None:
        """Stat the file or the directory."""
        try:
            return _entry(key, os.stat(self._path(key)))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def get(self, key: str, /) -> bytes:
        """Read the whole file."""
        with contextlib.closing(self.stream(key, 0, None, "")) as body:
            return body.file.readall()

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> FileBody:  # noqa: ARG002 - an open file keeps its version
        """Open the file."""
        try:
            return FileBody(key, self._path(key), offset)
        except (IsADirectoryError, NotADirectoryError) as error:
            raise PathNotFoundError from error

    def put(self, key: str, content: memoryview, /) -> None:
        """Write a file beside the path, then rename it onto the path."""

        def write(staged: str) -> None:
            with open(staged, "xb", buffering=0) as file:
                _write_all(file.fileno(), content)
                os.fsync(file.fileno())

        self._publish(key, write)

    def pages(
        self, prefix: str, *, recursive: bool, start_after: str = "", limit: int = 0, skipped: frozenset[str] | set[str]
    ) -> Iterator[Sequence[Entry]]:
        """List directory by directory."""
        del limit  # a directory is read whole
        children = self._children if recursive else partial(self._children, sized=False)
        return tree_pages(children, prefix, recursive=recursive, start_after=start_after, skipped=skipped)

    def copy(self, source: str, dest: str, /) -> None:
        """Copy the file beside the destination, then rename it."""
        self._check_file(source)

        def write(staged: str) -> None:
            shutil.copyfile(self._path(source), staged)
            _fsync(staged)

        self._publish(dest, write)

    def move(self, source: str, dest: str, /) -> None:
        """Rename the file."""
        self._check_file(source)
        self._make_parent(dest)
        os.replace(self._path(source), self._path(dest))
        _fsync(os.path.dirname(self._path(dest)))
        _fsync(os.path.dirname(self._path(source)))

    def delete(self, keys: Sequence[str], /) -> None:
        """Unlink the files."""
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(key))

    def delete_tree(self, key: str, /) -> bool:
        """Remove the file or the directory; what is staged below it goes along."""
        path = self._path(key)
        found = False
        for upload in self._staged_of(key):
            self.abort(upload)
            found = True
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            return found
        _fsync(os.path.dirname(path))
        return True

    def begin(self, key: str, /) -> Upload:
        """Put an empty file at the path: a new one, so that readers keep the one they have."""
        self._publish(key, lambda staged: open(staged, "xb").close(), sync=False)
        return self.resume(key)

    def resume(self, key: str, /) -> Upload:
        """Go on at the end of the file, whoever wrote it."""
        try:
            return FileUpload(self._path(key), self.limit)
        except (IsADirectoryError, NotADirectoryError) as error:
            raise PathNotFoundError from error

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """What puts have left that were killed; an upload itself is the file at its path."""
        if key:
            yield from self._staged_of(key)
        if os.path.isdir(self._path(key)):
            for directory, _, names in os.walk(self._path(key), onerror=_raise):
                yield from self._staged(directory, names)

    def abort(self, upload: UploadInfo, /) -> None:
        """Unlink what was staged."""
        parent = os.path.dirname(self._path(upload.path[1:]))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(parent, upload.id))

    def _path(self, key: str) -> str:
        return os.path.join(self._root, key) if key else self._root

    def _check_file(self, key: str) -> None:
        entry = self.head(key)
        if entry is None or entry.is_dir:
            raise PathNotFoundError

    def _children(self, key: str, *, sized: bool = True) -> Iterator[Entry]:
        """What is in a directory; without sizes that is what the directory itself says."""
        try:
            listing = os.scandir(self._path(key))
        except NotADirectoryError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), error.filename) from error
        except FileNotFoundError:
            if key:
                raise
            return
        prefix = key + "/" if key else ""
        with listing:
            for child in listing:
                if _STAGED.fullmatch(child.name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    # Where a link leads has to be looked at, and it may lead nowhere.
                    if sized or child.is_symlink():
                        yield _entry(prefix + child.name, child.stat())
                    else:
                        yield Entry(prefix + child.name, is_dir=child.is_dir())

    def _publish(self, key: str, write: Callable[[str], None], *, sync: bool = True) -> None:
        """Have a file written beside the path of `key` and rename it onto that path."""
        path = self._path(key)
        parent, name = os.path.split(path)
        staged = os.path.join(parent, f"{name[:_LONGEST]}~{secrets.token_hex(8)}")
        try:
            self._make_parent(key)
            try:
                write(staged)
            except FileNotFoundError:
                # Somebody has deleted the directory in between.
                self._make_parent(key)
                write(staged)
            os.replace(staged, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(staged)
            raise
        if sync:
            _fsync(parent)

    def _make_parent(self, key: str) -> None:
        """Make the directories above the path, durably."""
        missing = []
        parent = os.path.dirname(self._path(key))
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        for directory in reversed(missing):
            try:
                os.mkdir(directory)
            except FileExistsError:
                if not os.path.isdir(directory):
                    raise
            _fsync(os.path.dirname(directory))

    def _staged_of(self, key: str) -> list[UploadInfo]:
        """What puts of exactly this key have left."""
        directory, name = os.path.split(self._path(key))
        try:
            names = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [upload for upload in self._staged(directory, names) if upload.path.endswith("/" + name)]

    def _staged(self, directory: str, names: Sequence[str]) -> Iterator[UploadInfo]:
        for name in names:
            match = _STAGED.fullmatch(name)
            if match is None:
                continue
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(os.path.join(directory, name))
                path = os.path.join(directory, match["name"])[len(self._root.rstrip("/")) :]
                yield UploadInfo(path, name, _time(status), status.st_size)


class FileBody:
    """An open file, read from an offset on."""

    def __init__(self, key: str, path: str, offset: int) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115 - close() closes it
        self.entry = _entry(key, os.fstat(self.file.fileno()))
        self.file.seek(offset)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        return self.file.read(size)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class FileUpload(Upload):
    """An upload that grows in place.

    Before bytes are added the file must be the one that was opened, and as
    long as this upload has made it: else another writer has been there.
    """

    def __init__(self, path: str, limit: Limit) -> None:
        self._path = path
        self._limit = limit
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        status = os.fstat(self._file)
        self._identity = (status.st_dev, status.st_ino)
        self._written = status.st_size
        self._buffer = bytearray()

    @property
    def size(self) -> int:
        """What is in the file and what is buffered."""
        return self._written + len(self._buffer)

    def write(self, data: memoryview, /) -> None:
        """Gather small pieces; write large ones through."""
        if len(self._buffer) + len(data) < _BUFFER:
            self._buffer += data
            return
        self._flush()
        self._append(data)

    def suspend(self) -> None:
        """Bring everything to the disk."""
        self._flush()
        with self._limit.slot():
            os.fsync(self._file)
            _fsync(os.path.dirname(self._path))
        self.abandon()

    def commit(self) -> None:
        """Bring everything to the disk, if the file is still this upload's."""
        self._check()
        self.suspend()

    def cancel(self) -> None:
        """Unlink the file, unless it is somebody else's by now."""
        with self._limit.slot(), contextlib.suppress(FileNotFoundError):
            if self._identify() == self._identity:
                os.unlink(self._path)
        self.abandon()

    def abandon(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _flush(self) -> None:
        if self._buffer:
            self._append(memoryview(bytes(self._buffer)))
            self._buffer.clear()

    def _append(self, data: memoryview) -> None:
        with self._limit.slot():
            self._check()
            _write_all(self._file, data)
        self._written += len(data)

    def _check(self) -> None:
        try:
            intact = self._identify() == self._identity and os.fstat(self._file).st_size == self._written
        except FileNotFoundError:
            intact = False
        if not intact:
            raise ConflictError("the file was changed, replaced or removed by another writer")

    def _identify(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return (status.st_dev, status.st_ino)


def _time(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, timezone.utc)


def _entry(key: str, status: os.stat_result) -> Entry:
    version = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    is_dir = stat.S_ISDIR(status.st_mode)
    return Entry(key, 0 if is_dir else status.st_size, _time(status), is_dir, version)


def _write_all(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


def _fsync(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _raise(error: OSError) -> None:
    raise error
