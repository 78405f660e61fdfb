"""A stream that is read in several ranges at a time, for stores that give each connection a part of the network."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from storagedriver.adapter.fanout import in_context
from storagedriver.adapter.store import Body
from storagedriver.errors import UnavailableError

__all__ = ["RANGE", "RangesBody"]

#: The bytes of a range; as many for each of the requests are in memory.
RANGE = 8 << 20


class RangesBody:
    """The open content of an object, as a `Body`.

    The first range comes as a stream, so that it begins as soon as any; those
    after it are fetched ahead, and given in order.

    Parameters
    ----------
    first : Body
        The first range, open.
    position, end : int
        Where the second range begins and the last one ends, in bytes.
    fetch : callable
        Gets a range, given its first byte and its length, of the version that
        `first` has. It is called from several threads, and takes its slots.
    concurrency : int
        How many ranges are asked for at a time.
    """

    def __init__(
        self, first: Body, position: int, end: int, fetch: Callable[[int, int], bytes], concurrency: int
    ) -> None:
        self.entry = first.entry
        self._first: Body | None = first
        self._next = position
        self._end = end
        self._fetch = fetch
        self._concurrency = concurrency
        self._pid = os.getpid()
        self._piece = memoryview(b"")
        self._ahead: deque[Future[bytes]] = deque()
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="storagedriver-range")
        self._ask()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, ``b""`` at the end."""
        if self._first is not None:
            data = self._first.read(size)
            if data:
                return data
            self._first.close()
            self._first = None
            self._ask()
        if not self._piece and self._ahead:
            if self._pid != os.getpid():
                # The threads stayed with the parent.
                raise UnavailableError("the stream was opened by another process")
            self._piece = memoryview(self._ahead.popleft().result())
            self._ask()
        data, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return data

    def close(self) -> None:
        """Ask for no more."""
        if self._first is not None:
            self._first.close()
            self._first = None
        self._next = self._end
        self._ahead.clear()
        self._piece = memoryview(b"")
        if self._pid == os.getpid():
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> None:
        """Have as many ranges under way, or ready, as there may be beside the first."""
        most = self._concurrency - (self._first is not None)
        while len(self._ahead) < most and self._next < self._end:
            length = min(RANGE, self._end - self._next)
            self._ahead.append(self._pool.submit(in_context(self._fetch), self._next, length))
            self._next += length
