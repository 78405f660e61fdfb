"""A stream that is read in ranges, several at a time: one connection to a cloud gives a fraction of the bandwidth."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from storagedriver.adapter.store import Entry

__all__ = ["RANGE", "RangesBody"]

#: The bytes of one range; a stream holds so many for each of its requests, and those that are being read.
RANGE = 4 << 20


class RangesBody:
    """The open content of a blob.

    Parameters
    ----------
    entry : Entry
        The blob.
    first : bytes
        The first range.
    offset, end : int
        Where the first range begins, and where the last one ends.
    fetch : callable
        Gets a range, given its first byte and its length, of this version of the blob.
    concurrency : int
        How many ranges are asked for at a time.
    """

    def __init__(
        self,
        entry: Entry,
        first: bytes,
        offset: int,
        end: int,
        fetch: Callable[[int, int], bytes],
        concurrency: int,
    ) -> None:
        self.entry = entry
        self._piece = memoryview(first)
        self._next = offset + len(first)
        self._end = end
        self._fetch = fetch
        self._concurrency = concurrency
        self._pool: ThreadPoolExecutor | None = None
        self._asked: deque[Future[bytes]] = deque()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        if not self._piece:
            self._ask()
            if not self._asked:
                return b""
            self._piece = memoryview(self._asked.popleft().result())
        data, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return data

    def close(self) -> None:
        """Ask for no more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._asked.clear()
        self._next = self._end

    def _ask(self) -> None:
        while len(self._asked) < self._concurrency and self._next < self._end:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="storagedriver-range")
            length = min(RANGE, self._end - self._next)
            self._asked.append(self._pool.submit(self._fetch, self._next, length))
            self._next += length
