"""Files of any fsspec filesystem by key, with the ways in which filesystems differ evened out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

from fsspec.implementations.dirfs import DirFileSystem

from storagedriver.drivers.fsspec.bodies import BLOCK, HandleBody
from storagedriver.drivers.fsspec.errors import is_disconnected, status_of
from storagedriver.drivers.fsspec.infos import brings_rename
from storagedriver.drivers.fsspec.lookup import Filesystem, Lookup, parent_of
from storagedriver.drivers.fsspec.traits import Rename
from storagedriver.errors import ConflictError

__all__ = ["Files", "Filesystem", "descriptor_of", "parent_of"]

_PIECE = 1 << 20
_NOT_FOUND = 404
#: How many directories are made in one call.
_LEVELS = 100
#: How often a file is opened that is being replaced all the time.
_ATTEMPTS = 5


class Files(Lookup):
    """The files below a root directory; what is looked up is that of `Lookup`.

    Parameters
    ----------
    filesystem, root, native_copy
        As for `Lookup`.
    rename : callable, optional
        Renames a file over another one: see `storagedriver.drivers.fsspec.traits.Traits`.
    """

    def __init__(
        self, filesystem: Filesystem, root: str, *, native_copy: bool = True, rename: Rename | None = None
    ) -> None:
        super().__init__(filesystem, root, native_copy=native_copy)
        self._rename = rename

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.filesystem, self.root, self.native_copy, self._rename)

    def read(self, key: str) -> bytes:
        """The whole content."""
        if self.is_local:
            # To open a pipe would be to wait for its other end.
            self.file(key)
        with self._noticing(key):
            return bytes(self.fs.cat_file(self.path(key)))

    def body(self, key: str, offset: int, length: int | None, version: str = "") -> HandleBody:
        """Open the content, of one version if one is given."""
        for _ in range(_ATTEMPTS):
            entry = self.file(key)
            if version and entry.version != version:
                raise ConflictError("it was replaced while it was read")
            block = BLOCK if length is None else max(1, min(length, BLOCK))
            with self._noticing(key):
                handle = self._open(self.path(key), block)
            try:
                body = HandleBody(handle, entry, offset, length, lambda: self._version(key))
                if body.consistent:
                    return body
            except BaseException:
                handle.close()
                raise
            body.close()
        raise ConflictError("it is being replaced all the time")

    def write(self, key: str, content: bytes) -> None:
        """Write a whole file, durably where it is a local one. Should it fail there may be part of it."""
        if self.is_local:
            handle = self.create(key)
            try:
                handle.write(content)
            except BaseException:
                self.drop(handle)
                raise
            self.finish(handle)
        else:
            self.fs.pipe_file(self.path(key), content)

    def create(self, key: str) -> Any:
        """Open a new file for writing."""
        return self.fs.open(self.path(key), "wb")

    def finish(self, handle: Any) -> None:
        """Close a file that was written; bring it to the disk where there is one."""
        descriptor = descriptor_of(handle)
        if descriptor is not None:
            handle.flush()
            os.fsync(descriptor)
        handle.close()

    def drop(self, handle: Any) -> None:
        """Let go of a file that was being written, without publishing it: a plain close would."""
        discard = getattr(handle, "discard", None)
        if callable(discard):
            with contextlib.suppress(Exception):
                discard()
        self.abandon(handle)

    def abandon(self, handle: Any) -> None:
        """The same, without any network."""
        if isinstance(handle, SpooledTemporaryFile):
            # Its class may send it all when it is closed (webdav4).
            SpooledTemporaryFile.close(handle)
        elif descriptor_of(handle) is not None:
            with contextlib.suppress(OSError):
                handle.close()
        else:
            # Both AbstractBufferedFile and paramiko's files look here before they close themselves.
            with contextlib.suppress(AttributeError):
                handle._closed = True  # noqa: SLF001

    def join(self, sources: Iterable[tuple[str, int]], dest: str) -> None:
        """Write the first bytes of some files, one after the other, into a new one."""
        handle = self.create(dest)
        try:
            for key, size in sources:
                with contextlib.closing(self.body(key, 0, size)) as body:
                    left = size
                    while left and (data := body.read(min(left, _PIECE))):
                        handle.write(data)
                        left -= len(data)
                if left:
                    raise ConflictError(f"{left} bytes of the upload are missing")
        except BaseException:
            self.drop(handle)
            self.remove(dest, quietly=True)
            raise
        self.finish(handle)

    def copy(self, source: str, dest: str) -> None:
        """Copy a file over another one, through the client if there is no other way."""
        if self.native_copy:
            try:
                self.fs.cp_file(self.path(source), self.path(dest))
            except NotImplementedError:
                pass
            else:
                if self.is_local:
                    self._sync(dest)
                return
        self.join([(source, self.file(source).size)], dest)

    def replace(self, source: str, dest: str, spare: str) -> None:
        """Rename a file over another one.

        Parameters
        ----------
        source, dest : str
            The keys.
        spare : str
            A key for the old file meanwhile, where a rename does not
            overwrite. This is not atomic; after a kill the old file is here.
        """
        fs = self.fs
        if self._rename is not None:
            self._rename(fs, self.path(source), self.path(dest))
            return
        if not brings_rename(fs) or not self.native_copy:
            self.copy(source, dest)
            self.remove(source)
            return
        try:
            fs.mv(self.path(source), self.path(dest))
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:
            if is_disconnected(error) or self.entry(dest) is None or self.entry(source) is None:
                raise
            fs.mv(self.path(dest), self.path(spare))
            try:
                fs.mv(self.path(source), self.path(dest))
            except BaseException:
                fs.mv(self.path(spare), self.path(dest))
                raise
            self.remove(spare)

    def remove(self, key: str, *, quietly: bool = False) -> None:
        """Remove a file; one that is missing is no error."""
        try:
            self.fs.rm_file(self.path(key))
        except (FileNotFoundError, NotADirectoryError):
            pass
        except Exception as error:
            # Some filesystems have another word for a file that is not there.
            if not quietly and (is_disconnected(error) or self.entry(key) is not None):
                raise

    def remove_directory(self, key: str) -> None:
        """Remove an empty directory; one that is missing is no error."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rmdir(self.path(key))

    def make_directory(self, key: str) -> None:
        """Make a directory and those above it; one that is there is no error.

        Raises
        ------
        NotADirectoryError
            If it is a file. Some filesystems leave it at that.
        """
        path = self.path(key)
        if not path.strip("/") and not isinstance(self.fs, DirFileSystem):
            return
        with self._making.get():
            try:
                # Most filesystems make what is missing above by recursion.
                parts = key.split("/")
                for end in range(_LEVELS, len(parts), _LEVELS):
                    self.fs.makedirs(self.path("/".join(parts[:end])), exist_ok=True)
                self.fs.makedirs(path, exist_ok=True)
            except Exception as error:
                # Another process may have made it in the meantime.
                entry = None if is_disconnected(error) else self.entry(key)
                if entry is None or not entry.is_dir:
                    raise
            else:
                entry = self.entry(key)
        if entry is not None and not entry.is_dir:
            raise NotADirectoryError(path)

    @contextlib.contextmanager
    def _noticing(self, key: str) -> Iterator[None]:
        """A failure to open a file that is not there is that one, whatever the filesystem says."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            is_file = status_of(error) != _NOT_FOUND
            with contextlib.suppress(Exception):
                entry = self.entry(key) if is_file else None
                is_file = entry is not None and not entry.is_dir
            if not is_file:
                raise FileNotFoundError(key) from error
            raise

    def _sync(self, key: str) -> None:
        """Bring a local file to the disk that the filesystem itself has written."""
        with contextlib.closing(self.fs.open(self.path(key), "rb")) as handle:
            descriptor = descriptor_of(handle)
            if descriptor is not None:
                os.fsync(descriptor)

    def _version(self, key: str) -> str:
        entry = self.entry(key)
        return "" if entry is None else entry.version


def _restore(filesystem: Filesystem, root: str, native_copy: bool, rename: Rename | None) -> Files:
    return Files(filesystem, root, native_copy=native_copy, rename=rename)


def descriptor_of(handle: Any) -> int | None:
    """The file descriptor of a local file; a file that is kept here until it is sent is none."""
    if isinstance(handle, SpooledTemporaryFile):
        return None
    try:
        return int(handle.fileno())
    except (AttributeError, OSError, TypeError, ValueError):
        return None
