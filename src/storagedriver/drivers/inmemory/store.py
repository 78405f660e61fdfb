"""`InMemoryStore`: a store in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from storagedriver.adapter.store import EPOCH, Entry, Failure, Store, Upload, info_of
from storagedriver.driver import Capabilities, FileInfo
from storagedriver.drivers.inmemory.files import Content, File, Files
from storagedriver.drivers.inmemory.upload import InMemoryUpload
from storagedriver.errors import PathNotFoundError, StorageDriverError

__all__ = ["InMemoryStore"]

_PAGE = 500


class SnapshotBody:
    """The content as it was when the stream was opened."""

    def __init__(self, entry: Entry, content: bytes, offset: int) -> None:
        self.entry = entry
        self._content = content
        self._position = offset

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        data = self._content[self._position : self._position + size]
        self._position += len(data)
        return data

    def close(self) -> None:
        """Let go of the content."""
        self._content = b""


class InMemoryStore(Store):
    """A store over a `MemoryFileSystem` of its own, never the one that a process shares."""

    capabilities = Capabilities(
        unfinished="shown",
        multiprocess=False,
        conflicts_detected="always",
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._fs = MemoryFileSystem(global_store=False, skip_instance_cache=True)
        self._files = Files(self._fs)
        self._tree = self._files.tree

    def __reduce__(self) -> tuple[Any, ...]:
        message = f"{self.name}: a driver that lives in the memory of one process cannot be pickled"
        raise TypeError(message)

    @property
    def filesystem(self) -> Any:
        """The `MemoryFileSystem`."""
        return self._fs

    def classify(self, error: Exception, /) -> Failure:
        """There is no SDK: what can fail here raises an error of the contract itself."""
        return Failure(StorageDriverError, str(error))

    def head(self, key: str, /) -> Entry | None:
        """The object, if there is one."""
        file = self._tree.get(key)
        return None if file is None else self._entry(key, file)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return _data_of(self._file(key))

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> SnapshotBody:  # noqa: ARG002
        """Open a snapshot; it costs nothing until the file is appended to."""
        file = self._file(key)
        data = _data_of(file)
        return SnapshotBody(Entry(key, len(data), file.modified), data, offset)

    def put(self, key: str, content: memoryview, /) -> None:
        """Replace the object."""
        self._tree.set(key, Content.now(bytes(content)))

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str],
    ) -> Iterator[Sequence[Entry]]:
        """List from the tree, each page as it is when it is asked for."""
        if not recursive:
            yield [
                Entry(key, is_dir=True) if file is None else self._entry(key, file)
                for key, file in self._tree.children(prefix)
            ]
            return
        for page in self._rows(prefix, start_after, limit or _PAGE, skipped):
            yield [self._entry(key, file) for key, file in page if file is not None]

    def infos(self, prefix: str, *, start_after: str, skipped: set[str]) -> Iterator[Sequence[FileInfo]]:
        """As `pages`, with the directories."""
        for page in self._rows(prefix, start_after, _PAGE, skipped):
            yield [
                FileInfo("/" + key, len(file.data), file.modified, False)
                if type(file) is Content
                else self._info(key, file)
                for key, file in page
            ]

    def names(self, prefix: str, /) -> Sequence[str]:
        """The names in a directory."""
        return self._tree.names(prefix)

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object."""
        self._tree.set(dest, Content.now(_data_of(self._file(source))))

    def move(self, source: str, dest: str, /) -> None:
        """Move an object in one step."""
        with self._tree.lock:
            self._tree.set(dest, self._file(source))
            self._tree.remove(source)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects."""
        with self._tree.lock:
            for key in keys:
                self._tree.remove(key)

    def delete_tree(self, key: str, /) -> bool:
        """Take the object and the directory off the tree. Uploads are among the objects."""
        return self._tree.remove_all(key) != (None, None)

    def begin(self, key: str, /) -> Upload:
        """Begin an upload with nothing at the path."""
        file = MemoryFile(self._fs, "/" + key)
        self._tree.set(key, file)
        return InMemoryUpload(self._files, key, file)

    def resume(self, key: str, /) -> Upload:
        """Go on where the content ends. Any writer may have written it."""
        file = self._files.open(key)
        if file is None:
            raise PathNotFoundError
        return InMemoryUpload(self._files, key, file)

    def _rows(
        self, prefix: str, start_after: str, count: int, skipped: AbstractSet[str]
    ) -> Iterator[list[tuple[str, File | None]]]:
        key = max(prefix, start_after)
        while found := self._tree.after(prefix, key, count=count, skipped=skipped):
            yield found
            key = found[-1][0]

    def _info(self, key: str, file: File | None) -> FileInfo:
        return FileInfo("/" + key[:-1], 0, EPOCH, True) if file is None else info_of(self._entry(key, file))

    def _file(self, key: str) -> File:
        file = self._tree.get(key)
        if file is None:
            raise PathNotFoundError
        return file

    def _entry(self, key: str, file: File) -> Entry:
        if isinstance(file, Content):
            return Entry(key, len(file.data), file.modified)
        # Its position is what a write goes by.
        with self._tree.lock:
            return Entry(key, file.seek(0, 2), file.modified)


def _data_of(file: File) -> bytes:
    return file.data if isinstance(file, Content) else file.getvalue()
