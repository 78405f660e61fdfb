"""The driver ``inmemory``: objects in the memory of this process, for tests and for trials."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.store import Entry, Failure, Store, Upload
from storagedriver.driver import Capabilities
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.parameters import parse

__all__ = ["InMemoryStore", "create"]

_PAGE = 1000
#: Sorts after every other character.
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class InMemoryParameters:
    """The driver has no parameters."""


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver; each has a store of its own."""
    parse(InMemoryParameters, "inmemory", parameters)
    return FsspecDriver(InMemoryStore("inmemory"))


class SortedFiles(MutableMapping[str, MemoryFile]):
    """The files of a `MemoryFileSystem` by name, with the names kept in order."""

    def __init__(self) -> None:
        self._files: dict[str, MemoryFile] = {}
        self._names: list[str] = []
        self.lock = threading.RLock()

    def __getitem__(self, name: str) -> MemoryFile:
        return self._files[name]

    def __setitem__(self, name: str, file: MemoryFile) -> None:
        with self.lock:
            if name not in self._files:
                insort(self._names, name)
            self._files[name] = file

    def __delitem__(self, name: str) -> None:
        with self.lock:
            del self._files[name]
            del self._names[bisect_left(self._names, name)]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        with self.lock:
            return iter(self._names[:])

    def __len__(self) -> int:
        return len(self._files)

    def after(self, name: str, *, count: int) -> list[tuple[str, MemoryFile]]:
        """Up to `count` files after `name`, in order."""
        with self.lock:
            start = bisect_right(self._names, name)
            return [(name, self._files[name]) for name in self._names[start : start + count]]


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
        self._files = self._fs.store = SortedFiles()

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
        file = self._files.get("/" + key)
        return None if file is None else self._entry(key, file)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return self._file(key).getvalue()  # type: ignore[no-any-return]

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> SnapshotBody:  # noqa: ARG002
        """Open a snapshot; it costs nothing until somebody appends."""
        file = self._file(key)
        content = file.getvalue()
        return SnapshotBody(Entry(key, len(content), file.modified), content, offset)

    def put(self, key: str, content: memoryview, /) -> None:
        """Replace the object."""
        self._files["/" + key] = self._make(key, content)

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: frozenset[str] | set[str],  # noqa: ARG002 - going past a directory saves nothing here
    ) -> Iterator[Sequence[Entry]]:
        """List by the order of the names."""
        entries = self._objects(prefix, start_after) if recursive else self._children(prefix)
        while page := list(islice(entries, limit or _PAGE)):
            yield page

    def _objects(self, prefix: str, start_after: str) -> Iterator[Entry]:
        name = "/" + max(prefix, start_after)
        while found := self._files.after(name, count=_PAGE):
            for name, file in found:
                if not name.startswith("/" + prefix):
                    return
                yield self._entry(name[1:], file)

    def _children(self, prefix: str) -> Iterator[Entry]:
        name = below = "/" + prefix
        while found := self._files.after(name, count=1):
            name, file = found[0]
            if not name.startswith(below):
                return
            slash = name.find("/", len(below))
            if slash < 0:
                yield self._entry(name[1:], file)
            else:
                yield Entry(name[1:slash], is_dir=True)
                name = name[: slash + 1] + _LAST

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object."""
        self._files["/" + dest] = self._make(dest, self._file(source).getvalue())

    def move(self, source: str, dest: str, /) -> None:
        """Move an object in one step."""
        with self._files.lock:
            self._files["/" + dest] = self._file(source)
            del self._files["/" + source]

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects."""
        with self._files.lock:
            for key in keys:
                self._files.pop("/" + key, None)

    def begin(self, key: str, /) -> Upload:
        """Begin an upload with nothing at the path."""
        self.put(key, memoryview(b""))
        return self.resume(key)

    def resume(self, key: str, /) -> Upload:
        """Go on where the content ends, whoever wrote it."""
        return InMemoryUpload(self._files, "/" + key, self._file(key))

    def _file(self, key: str) -> MemoryFile:
        try:
            return self._files["/" + key]
        except KeyError:
            raise PathNotFoundError from None

    def _entry(self, key: str, file: MemoryFile) -> Entry:
        with self._files.lock:
            return Entry(key, file.seek(0, 2), file.modified)

    def _make(self, key: str, content: memoryview | bytes) -> MemoryFile:
        return MemoryFile(self._fs, "/" + key, content)


class InMemoryUpload(Upload):
    """An upload that grows in place.

    An interrupt may leave bytes in the file that are not counted; they are
    written over by the next write, and cut off at the end.
    """

    def __init__(self, files: SortedFiles, name: str, file: MemoryFile) -> None:
        self._files = files
        self._name = name
        self._file = file
        self._size: int = file.seek(0, 2)
        self._changed = False
        # Whoever opened the file last may write; there is no other lock on a path. Not
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
        with self._files.lock:
            self._check()
            self._changed = True
            self._file.seek(self._size)
            self._file.write(data)
            self._size += len(data)

    def suspend(self) -> None:
        """What was written is there already."""
        with self._files.lock:
            if self._changed:
                self._check()
                self._file.truncate(self._size)
            self._file.modified = datetime.now(timezone.utc)

    def commit(self) -> None:
        """The same: a commit changes nothing in memory."""
        with self._files.lock:
            self._check()
            self.suspend()

    def cancel(self) -> None:
        """Remove the file, unless it is somebody else's by now."""
        with self._files.lock:
            if self._owns():
                del self._files[self._name]

    def _owns(self) -> bool:
        return self._files.get(self._name) is self._file and self._file.upload is self._token  # type: ignore[union-attr]

    def _check(self) -> None:
        if not self._owns():
            raise ConflictError("the file was replaced, removed or opened by another writer")
