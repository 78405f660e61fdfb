"""The objects, as the store has them and as a `MemoryFileSystem` does."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeAlias

from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from storagedriver.drivers.inmemory.tree import Tree

__all__ = ["Content", "File", "Files"]


class Content(NamedTuple):
    """The content of a file that was put as a whole, and when.

    A `MemoryFile` is larger, and takes four times as long to make and to drop.
    """

    data: bytes
    modified: datetime

    @classmethod
    def now(cls, data: bytes) -> Content:
        """A content that is put at this moment."""
        return cls(data, datetime.now(timezone.utc))


#: A content becomes a `MemoryFile` when it is appended to, or opened on the filesystem.
File: TypeAlias = Content | MemoryFile


class Files(MutableMapping[str, MemoryFile]):
    """The files of a `MemoryFileSystem` by name: what it keeps in a dict is here kept in a tree.

    Parameters
    ----------
    fs : MemoryFileSystem
        The filesystem, whose ``store`` this becomes.
    """

    def __init__(self, fs: MemoryFileSystem) -> None:
        self.tree: Tree[File] = Tree()
        self._fs = fs
        fs.store = self

    def open(self, key: str) -> MemoryFile | None:
        """The file of a key as one that can be written to, if there is one."""
        with self.tree.lock:
            file = self.tree.get(key)
            if isinstance(file, Content):
                content, file = file, MemoryFile(self._fs, "/" + key, file.data)
                file.created = file.modified = content.modified
                self.tree.set(key, file)
            return file

    def __getitem__(self, name: str) -> MemoryFile:
        file = self.open(name[1:]) if name.startswith("/") else None
        if file is None:
            raise KeyError(name)
        return file

    def __setitem__(self, name: str, file: MemoryFile) -> None:
        if not name.startswith("/"):
            raise IsADirectoryError(name)
        self.tree.set(name[1:], file)

    def __delitem__(self, name: str) -> None:
        if not name.startswith("/") or not self.tree.remove(name[1:]):
            raise KeyError(name)

    def __contains__(self, name: Any) -> bool:
        return name.startswith("/") and self.tree.get(name[1:]) is not None

    def __iter__(self) -> Iterator[str]:
        return ("/" + key for key in self.tree)

    def __len__(self) -> int:
        return sum(1 for _ in self.tree)
