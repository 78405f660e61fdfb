"""The bytes of objects and of parts. What is large lies in files, and is never copied."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence

_LARGE = 1 << 20


class Content:
    """Bytes, as views that follow each other."""

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        self._pieces = pieces
        self._size = sum(len(piece) for piece in pieces)

    @classmethod
    def of(cls, data: bytes) -> Content:
        """Keep what a request brought."""
        if len(data) < _LARGE:
            return cls([memoryview(data)])
        # The file has no name, and goes with the last view of it.
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            return cls([memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))])

    @classmethod
    def joined(cls, contents: Iterable[Content]) -> Content:
        """One after the other."""
        return cls([piece for content in contents for piece in content])

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[memoryview]:
        return iter(self._pieces)

    def part(self, first: int, end: int) -> Content:
        """The bytes from `first` up to `end`."""
        pieces = []
        for piece in self._pieces:
            if first < len(piece) and end > 0:
                pieces.append(piece[max(0, first) : end])
            first -= len(piece)
            end -= len(piece)
        return Content(pieces)

    def tobytes(self) -> bytes:
        return b"".join(self._pieces)
