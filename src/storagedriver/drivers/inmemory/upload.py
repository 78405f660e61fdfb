"""An upload that grows in place."""

from __future__ import annotations

from datetime import datetime, timezone

from fsspec.implementations.memory import MemoryFile

from storagedriver.adapter.store import Upload
from storagedriver.drivers.inmemory.files import Files
from storagedriver.errors import ConflictError

__all__ = ["InMemoryUpload"]


class InMemoryUpload(Upload):
    """An upload that grows in place.

    An interrupt may leave bytes in the file that are not counted; they are
    written over by the next write, and cut off at the end.
    """

    def __init__(self, files: Files, key: str, file: MemoryFile) -> None:
        self._files = files
        self._key = key
        self._file = file
        self._size: int = file.seek(0, 2)
        self._changed = False
        # The writer that opened the file last may write; there is no other lock on a path. Not
        # `self`: the two would hold each other, and a file that was deleted its memory.
        self._token = file.upload = object()

    @property
    def size(self) -> int:
        """The size of the file."""
        return self._size

    @property
    def durable(self) -> int:
        """The same: nothing is safer than memory."""
        return self._size

    def write(self, data: memoryview, /) -> None:
        """Append all, or, where there is no memory for it, nothing."""
        with self._files.tree.lock:
            self._check()
            self._changed = True
            self._file.seek(self._size)
            self._file.write(data)
            self._size += len(data)

    def suspend(self) -> None:
        """What was written is there already."""
        with self._files.tree.lock:
            if self._changed:
                self._check()
                self._file.truncate(self._size)
            self._file.modified = datetime.now(timezone.utc)

    def commit(self) -> None:
        """The same: a commit changes nothing in memory."""
        with self._files.tree.lock:
            self._check()
            self.suspend()

    def cancel(self) -> None:
        """Remove the file, unless it is another writer's by now."""
        with self._files.tree.lock:
            if self._owns():
                self._files.tree.remove(self._key)

    def _owns(self) -> bool:
        return self._file.upload is self._token and self._files.tree.get(self._key) is self._file

    def _check(self) -> None:
        if not self._owns():
            raise ConflictError("the file was replaced, removed or opened by another writer")
