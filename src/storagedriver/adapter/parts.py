"""The part engine: it cuts a stream into parts and sends them from a few threads.

Memory is bounded by (concurrency + 1) parts: those that are being sent, and
the one that is being filled. The buffer of a part that was sent is filled
again: new memory costs more than what is copied into it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from storagedriver.adapter.store import Upload

__all__ = ["PartEngine", "PartUpload", "growing"]

P = TypeVar("P")

_GROWS_AFTER = 4000
_GROWS_EVERY = 500


def growing(base: int, largest: int) -> Callable[[int], int]:
    """Sizes of parts that reach a store's largest object within its number of parts.

    Parameters
    ----------
    base : int
        The bytes of the first 4000 parts; then they double every 500 parts.
    largest : int
        The most bytes a part may have.

    Returns
    -------
    callable
        The bytes of a part, by its number from 1 on. With 5 MiB and at most
        5 GiB a part, 10,000 parts hold more than 5 TiB.
    """

    def size(number: int) -> int:
        doublings = max(0, (number - _GROWS_AFTER + _GROWS_EVERY - 1) // _GROWS_EVERY)
        return min(largest, base << doublings)

    return size


class PartEngine(Generic[P]):
    """Collects what is written and sends it as numbered parts.

    Parameters
    ----------
    send : callable
        Sends a part, given its number and its bytes, and returns what the
        store says of it. It is called from several threads, for different
        numbers.
    first : int
        The number of the first part.
    part_size : callable
        How many bytes a part has, by its number.
    concurrency : int
        How many parts are sent at a time.
    """

    def __init__(
        self, send: Callable[[int, memoryview], P], *, first: int, part_size: Callable[[int], int], concurrency: int
    ) -> None:
        self._send = send
        self._next = first
        self._part_size = part_size
        self._concurrency = concurrency
        self._buffer = bytearray()
        self._filled = 0
        self._free: list[bytearray] = []
        self._pool: ThreadPoolExecutor | None = None
        self._sending: deque[Future[P]] = deque()
        self._sent: list[P] = []
        self._failure: BaseException | None = None

    @property
    def buffered(self) -> int:
        """The bytes of the part that is being filled."""
        return self._filled

    def write(self, data: memoryview) -> None:
        """Take all of `data`, waiting while `concurrency` parts are on their way.

        Raises
        ------
        Exception
            The first failure of a part, at every call from then on.
        """
        self._raise_failure()
        while data:
            size = self._part_size(self._next)
            piece = data[: size - self._filled]
            self._fill(piece, size)
            data = data[len(piece) :]
            if self._filled == size:
                self._dispatch()

    def flush(self) -> list[P]:
        """Send what is left as a last part, wait for all, and return them in order.

        Only the last part may be shorter than its size: nothing can be written
        afterwards.
        """
        self._raise_failure()
        if self._filled and not self._sending:
            # A lone part needs no thread.
            self._sent.append(self._send_part(self._next, *self._take()))
        elif self._filled:
            self._dispatch()
        self._collect(0)
        self._shutdown()
        return self._sent

    def abandon(self) -> None:
        """Give up what is buffered; parts that are on their way may still arrive."""
        self._drop()
        self._shutdown(wait=False)

    def drain(self) -> None:
        """Send nothing more and wait until no request is under way, whatever became of it."""
        self._drop()
        self._shutdown()

    def _drop(self) -> None:
        """Forget what is buffered, and the parts that no thread has taken up."""
        self._take()
        self._free.clear()
        for future in self._sending:
            future.cancel()

    def _fill(self, piece: memoryview, size: int) -> None:
        """Copy a piece behind what is there, into the buffer of a part that was sent or into one that grows."""
        if not self._filled and self._free and len(self._free[-1]) >= size:
            self._buffer = self._free.pop()
        end = self._filled + len(piece)
        if len(self._buffer) > self._filled:
            memoryview(self._buffer)[self._filled : end] = piece
        else:
            self._buffer += piece
        self._filled = end

    def _take(self) -> tuple[bytearray, int]:
        """The buffer and how much of it is filled; there is a new one then."""
        taken = self._buffer, self._filled
        self._buffer, self._filled = bytearray(), 0
        return taken

    def _send_part(self, number: int, buffer: bytearray, size: int) -> P:
        sent = self._send(number, memoryview(buffer)[:size])
        self._free.append(buffer)
        return sent

    def _dispatch(self) -> None:
        self._collect(self._concurrency - 1)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="storagedriver-part")
        self._sending.append(self._pool.submit(self._send_part, self._next, *self._take()))
        self._next += 1

    def _collect(self, remaining: int) -> None:
        """Wait until at most `remaining` parts are on their way, and take those that are done."""
        while self._sending and (len(self._sending) > remaining or self._sending[0].done()):
            try:
                self._sent.append(self._sending[0].result())
            except BaseException as error:
                self._failure = error
                self.drain()
                raise
            self._sending.popleft()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _shutdown(self, *, wait: bool = True) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
            self._pool = None


class PartUpload(Upload, Generic[P]):
    """An upload that sends its parts through a `PartEngine`, which it makes with the first byte.

    Parameters
    ----------
    size : int
        The bytes that are there already.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._engine: PartEngine[P] | None = None

    @property
    def size(self) -> int:
        """What was there, what is on its way and what is buffered."""
        return self._size

    @abstractmethod
    def _prepare(self) -> PartEngine[P]:
        """Make sure that parts can follow, and give the engine that sends them."""

    def write(self, data: memoryview, /) -> None:
        """Append."""
        if not data:
            return
        if self._engine is None:
            self._engine = self._prepare()
        self._engine.write(data)
        self._size += len(data)

    def abandon(self) -> None:
        """Stop sending."""
        if self._engine is not None:
            self._engine.abandon()

    def _stop(self) -> None:
        """Stop sending and wait until nothing is under way."""
        if self._engine is not None:
            self._engine.drain()
