"""The content of an open file."""

from __future__ import annotations

import os

from storagedriver.drivers.filesystem.directories import entry_of
from storagedriver.drivers.filesystem.disk import open_file

__all__ = ["FileBody"]


class FileBody:
    """An open file, read from an offset on.

    Each read says its position: the offset of an open file is shared with the
    processes that are forked while it is open.

    Parameters
    ----------
    key : str
        Its key.
    path : str
        Where it is.
    offset : int
        Where to begin, in bytes.
    """

    def __init__(self, key: str, path: str, offset: int) -> None:
        self._file = -1
        self._file, status = open_file(path, os.O_RDONLY)
        self._position = offset
        self.entry = entry_of(key, status)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        data = os.pread(self._file, size, self._position)
        self._position += len(data)
        return data

    def read_all(self) -> bytes:
        """Everything that is left."""
        pieces = []
        while piece := self.read(max(1, self.entry.size - self._position)):
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()
