"""The part engine: it cuts a stream into parts and sends them from a few threads.

A part stays here until the store has acknowledged it. So a call that failed can
be made again: it sends what has not arrived yet, and nothing else.

Memory is bounded by (concurrency + 1) parts: those that are being sent, and
the one that is being filled. The buffer of a part that has arrived is filled
again: new memory costs more than what is copied into it.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from storagedriver.adapter.fanout import in_context
from storagedriver.adapter.one_put import OnePut
from storagedriver.adapter.store import Upload

__all__ = ["PartEngine", "PartUpload", "growing"]

P = TypeVar("P")

_GROWS_AFTER = 4000
_GROWS_EVERY = 500


def growing(base: int, largest: int, *, after: int = _GROWS_AFTER, every: int = _GROWS_EVERY) -> Callable[[int], int]:
    """Sizes of parts that reach a store's largest object within its number of parts.

    Parameters
    ----------
    base : int
        The bytes of the first parts.
    largest : int
        The most bytes a part may have.
    after, every : int
        From which part on they double, and every how many parts.

    Returns
    -------
    callable
        The bytes of a part, by its number from 1 on. With 5 MiB and at most
        5 GiB a part, 10,000 parts hold more than 5 TiB.
    """

    def size(number: int) -> int:
        doublings = max(0, (number - after + every - 1) // every)
        return min(largest, base << doublings)

    return size


class _Part(Generic[P]):
    """A part: what is to be sent under a number, and what became of it.

    Attributes
    ----------
    number : int
        Its number.
    start : int
        How many bytes of the upload come before it.
    filled : int
        How many bytes of the buffer belong to it.
    sent : int
        How many of these the store has; -1 for none.
    """

    def __init__(self, number: int, start: int, buffer: bytearray) -> None:
        self.number = number
        self.start = start
        self.buffer: bytearray | memoryview = buffer
        self.filled = 0
        self.sent = -1
        self.result: P | None = None
        self.future: Future[None] | None = None
        self.lock = threading.Lock()

    @property
    def end(self) -> int:
        return self.start + self.filled

    @property
    def arrived(self) -> bool:
        return self.sent == self.filled

    def fill(self, piece: memoryview) -> None:
        """Add bytes. The count is raised last: an interrupt leaves a part that is as it was, or complete."""
        end = self.filled + len(piece)
        if not self.buffer and type(piece.obj) is bytes and len(piece.obj) == end:
            # They cannot change, so they need not be copied.
            self.buffer = piece
            self.filled = end
            return
        if isinstance(self.buffer, memoryview):
            self.buffer = bytearray(self.buffer)
        if len(self.buffer) >= end:
            memoryview(self.buffer)[self.filled : end] = piece
        else:
            try:
                del self.buffer[self.filled :]
                self.buffer += piece
            except BufferError:
                # A request that failed still holds a view of it, in its traceback.
                self.buffer = bytearray(memoryview(self.buffer)[: self.filled]) + piece
        self.filled = end

    def send(self, send: Callable[[int, memoryview], P]) -> None:
        """Send what there is, unless it has arrived."""
        with self.lock:
            size = self.filled
            if self.sent != size:
                self.result = send(self.number, memoryview(self.buffer)[:size])
                self.sent = size


class PartEngine(Generic[P]):
    """Collects what is written and sends it as numbered parts.

    Parameters
    ----------
    send : callable
        Sends a part, given its number and its bytes, and returns what the
        store says of it. It is called from several threads, for different
        numbers. After a failure it is called again for the same number.
    first : int
        The number of the first part.
    base : int
        How many bytes of the upload come before it.
    part_size : callable
        How many bytes a part has, by its number.
    concurrency : int
        How many parts are sent at a time.
    first_alone : bool
        Whether the first part must have arrived before others are sent.
    tail_grows : bool
        Whether a short last part may be sent again, longer, under its number.
        If not, what is written after it begins another part.
    """

    def __init__(
        self,
        send: Callable[[int, memoryview], P],
        *,
        first: int,
        base: int = 0,
        part_size: Callable[[int], int],
        concurrency: int,
        first_alone: bool = False,
        tail_grows: bool = False,
    ) -> None:
        self._send = send
        self._first = first
        self._part_size = part_size
        self._concurrency = concurrency
        self._first_alone = first_alone
        self._tail_grows = tail_grows
        self._free: list[bytearray] = []
        self._pool: ThreadPoolExecutor | None = None
        self._results: dict[int, P] = {}
        self._acknowledged = base
        #: Parts that are complete and not known to have arrived, in order.
        self._waiting: deque[_Part[P]] = deque()
        #: The last complete part, if it is a short one.
        self._short: _Part[P] | None = None
        self._part: _Part[P] = _Part(first, base, bytearray())

    @property
    def size(self) -> int:
        """All bytes of the upload: `base` and what was written."""
        return self._part.end

    @property
    def acknowledged(self) -> int:
        """The bytes of the upload, from its beginning on, that the store has."""
        return self._acknowledged

    @property
    def tail(self) -> memoryview:
        """What is in the part that is being filled."""
        return memoryview(self._part.buffer)[: self._part.filled]

    def write(self, data: memoryview) -> None:
        """Take all of `data`, waiting while `concurrency` parts are on their way.

        Raises
        ------
        Exception
            The failure of a part. A prefix of `data` was taken, which `size`
            counts; nothing, if it is at most one part long. The next call
            sends the part again.
        """
        self._reopen()
        while data:
            piece = data[: self._part_size(self._part.number)]
            if self._part.filled + len(piece) >= self._part_size(self._part.number):
                # Before anything is taken: a failure takes nothing.
                self._settle(self._concurrency - 1)
            data = data[len(piece) :]
            while piece:
                room = self._part_size(self._part.number) - self._part.filled
                self._part.fill(piece[:room])
                piece = piece[room:]
                if self._part.filled == self._part_size(self._part.number):
                    self._complete()

    def flush(self) -> list[P]:
        """Send what is left as a last part, wait for all, and return them in order.

        After a failure it can be called again, and so it can after more was written.
        """
        if self._part.filled:
            self._complete()
        self.settle()
        self._shutdown()
        return [self._results[number] for number in sorted(self._results)]

    def settle(self) -> None:
        """Wait until all parts but the one that is being filled have arrived."""
        if len(self._waiting) == 1 and self._waiting[0].future is None:
            # A lone part needs no thread.
            self._waiting[0].send(self._send)
        self._settle(0)

    def abandon(self) -> None:
        """Give up what is buffered; parts that are on their way may still arrive."""
        self._drop()
        self._shutdown(wait=False)

    def drain(self) -> None:
        """Send nothing more and wait until no request is under way, whatever became of it."""
        self._drop()
        self._shutdown()

    def _drop(self) -> None:
        """Forget the parts that no thread has taken up."""
        for part in self._waiting:
            if part.future is not None:
                part.future.cancel()

    def _complete(self) -> None:
        """Hand on the part that is being filled, and begin the next one."""
        part = self._part
        if not self._waiting or self._waiting[-1] is not part:
            self._waiting.append(part)
        is_full = part.filled == self._part_size(part.number)
        self._short = None if is_full else part
        size = self._part_size(part.number + 1)
        reused = self._free.pop() if self._free and len(self._free[-1]) >= size else bytearray()
        self._part = _Part(part.number + 1, part.end, reused)
        if is_full:
            self._submit()

    def _reopen(self) -> None:
        """Before more is written: after a flush, go on with its short last part if that may grow."""
        if self._waiting and self._waiting[-1] is self._part:
            # An interrupt came while it was handed on.
            self._complete()
        short = self._short
        if short is None or not self._tail_grows:
            return
        if short.future is not None:
            wait([short.future])
            short.future = None
        self._part, self._short = short, None
        if self._waiting and self._waiting[-1] is short:
            self._waiting.pop()

    def _submit(self) -> None:
        """Have all parts sent that are complete, and those again that failed."""
        for part in self._waiting:
            if part.number != self._first and self._first_alone and self._first not in self._results:
                return
            if part.future is None:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="storagedriver-part")
                part.future = self._pool.submit(in_context(part.send), self._send)

    def _settle(self, remaining: int) -> None:
        """Wait until at most `remaining` complete parts have not arrived; raise the first failure among them."""
        while self._waiting:
            part = self._waiting[0]
            if not part.arrived:
                self._submit()
                assert part.future is not None
                if len(self._waiting) <= remaining and not part.future.done():
                    return
                try:
                    part.future.result()
                except Exception:
                    self._forget_failures()
                    raise
            self._retire(part)

    def _forget_failures(self) -> None:
        """Wait until no part is under way, so that the next call sends again all that have failed."""
        wait([part.future for part in self._waiting if part.future is not None])
        for part in self._waiting:
            part.future = None

    def _retire(self, part: _Part[P]) -> None:
        """Take the result of a part that has arrived. Each step may be made twice, as an interrupt can come between."""
        self._results[part.number] = part.result  # type: ignore[assignment] # None is a result where P is None
        self._acknowledged = part.end
        self._waiting.popleft()
        if part.filled == self._part_size(part.number) and isinstance(part.buffer, bytearray):
            self._free.append(part.buffer)

    def _shutdown(self, *, wait: bool = True) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=wait, cancel_futures=True)
        self._free.clear()


class PartUpload(Upload, Generic[P]):
    """An upload that sends its parts through a `PartEngine`, which it makes with the first byte.

    Parameters
    ----------
    size : int
        The bytes that are there already.
    """

    def __init__(self, size: int) -> None:
        self._there = size
        self._engine: PartEngine[P] | None = None
        #: What publishes the content by one request while the store knows nothing of the upload.
        self._one_put: OnePut | None = None

    @property
    def size(self) -> int:
        """What was there, what is on its way and what is buffered."""
        return self._there if self._engine is None else self._engine.size

    @property
    def durable(self) -> int | None:
        """What was there, or the parts that have arrived of an upload that the store knows."""
        if self._engine is None or not self._is_begun:
            return self._there
        return self._engine.acknowledged or self._there

    @abstractmethod
    def _prepare(self) -> PartEngine[P]:
        """Make sure that parts can follow, and give the engine that sends them, with all that was there before.

        After a failure it is called again.
        """

    def write(self, data: memoryview, /) -> None:
        """Append."""
        if not data:
            return
        self._has_published()
        if self._engine is None:
            self._engine = self._prepare()
        self._engine.write(data)

    def abandon(self) -> None:
        """Stop sending."""
        if self._engine is not None:
            self._engine.abandon()

    @property
    def _is_begun(self) -> bool:
        """Whether the store knows of the upload, or may know of it."""
        return True

    def _unsent(self) -> memoryview | None:
        """The whole content, while all of it is in the buffer and the store knows nothing of the upload."""
        if self._is_begun:
            return None
        if self._engine is None:
            return memoryview(b"")
        tail = self._engine.tail
        return tail if len(tail) == self._engine.size else None

    def _put_at_once(self) -> bool:
        """Publish by one request; False if that cannot be."""
        content = self._unsent()
        if self._one_put is None or content is None:
            return False
        self._one_put.publish(content)
        self._stop()
        return True

    def _has_published(self) -> bool:
        """Find out whether a commit by one request that raised has published all that was written up to now."""
        content = self._unsent()
        return self._one_put is not None and content is not None and self._one_put.settle(content)

    def _flush(self) -> list[P]:
        """Send what is buffered; all parts that were sent in this session."""
        return [] if self._engine is None else self._engine.flush()

    def _stop(self) -> None:
        """Stop sending and wait until nothing is under way."""
        if self._engine is not None:
            self._engine.drain()
