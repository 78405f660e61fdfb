"""Open content of any fsspec filesystem."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from fsspec.spec import AbstractBufferedFile

from storagedriver.adapter.store import Entry
from storagedriver.errors import ConflictError

__all__ = ["BLOCK", "HandleBody"]

#: How much a filesystem may read ahead, in bytes; a stream holds that much at most.
BLOCK = 4 << 20


class HandleBody:
    """A file of an fsspec filesystem, read from an offset on.

    A file of `AbstractBufferedFile` asks for its ranges one by one and may get
    each from another version of the object, so the version is looked at again
    after every block and at the end.

    Parameters
    ----------
    handle : file object
        The file as ``fs.open(path, "rb")`` gave it.
    entry : Entry
        What was known of it before it was opened.
    offset : int
        Where to begin, in bytes.
    length : int, optional
        How much will be read at most, in bytes.
    current : callable
        Gives the version of what is at the path now.
    """

    def __init__(self, handle: Any, entry: Entry, offset: int, length: int | None, current: Callable[[], str]) -> None:
        shared = isinstance(handle, io.BytesIO)
        # A filesystem in memory gives all readers the same file, with one position.
        self._handle = io.BytesIO(handle.getvalue()) if shared else handle
        end = _end_of(self._handle)
        self.entry = replace(entry, size=end) if shared and end is not None else entry
        self.consistent = end is None or end == self.entry.size
        available = max(0, self.entry.size - offset)
        self._left = available if length is None else min(length, available)
        if self._left and end is not None:
            self._handle.seek(offset)
        elif self._left:
            _pass_over(self._handle, offset)
        self._current = current
        self._checked = bool(entry.version) and isinstance(handle, AbstractBufferedFile)
        self._unchecked = 0
        #: Held while the file is closed, which may be a request.
        self.slot: Callable[[], AbstractContextManager[None]] = nullcontext

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        if not self._left or not size:
            return b""
        try:
            data = bytes(self._handle.read(min(size, self._left)))
        except Exception as error:
            # Of a shorter file that has taken its place there is no such range.
            if self._checked and self._current() != self.entry.version:
                raise ConflictError("it was replaced while it was read") from error
            raise
        self._left -= len(data)
        self._unchecked += len(data)
        if self._checked and (not self._left or self._unchecked >= BLOCK):
            self._unchecked = 0
            if self._current() != self.entry.version:
                raise ConflictError("it was replaced while it was read")
        return data

    def close(self) -> None:
        """Close the file."""
        with self.slot():
            self._handle.close()


def _end_of(handle: Any) -> int | None:
    """Where a file ends; None of a stream, which can only be read on."""
    try:
        handle.seek(0, 2)
    except (ValueError, TypeError, NotImplementedError, io.UnsupportedOperation):
        return None
    return int(handle.tell())


def _pass_over(handle: Any, count: int) -> None:
    """Read and forget the first bytes of a stream."""
    while count and (piece := handle.read(min(count, BLOCK))):
        count -= len(piece)
