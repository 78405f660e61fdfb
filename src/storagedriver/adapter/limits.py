"""How many requests run at a time, and what a process has for itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["Limit", "PerProcess"]

T = TypeVar("T")

_FREE: AbstractContextManager[None] = nullcontext()


class PerProcess(Generic[T]):
    """A value that each process makes for itself when it first needs it.

    A connection pool, an event loop or a lock must not be carried over a fork.
    There is no lock here, for the same reason: when two threads make the value
    at the same time, one of the two is dropped.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[int, T] = {}

    def get(self) -> T:
        """The value of this process."""
        pid = os.getpid()
        value = self._values.get(pid)
        if value is None:
            value = self._values.setdefault(pid, self._make())
        return value

    def peek(self) -> T | None:
        """The value of this process if it was made."""
        return self._values.get(os.getpid())


class _Slots:
    """As a semaphore: the slots lie in a queue. It costs a fifth of one of `threading`, which is written in Python."""

    def __init__(self, slots: int) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()
        for _ in range(slots):
            self._queue.put(None)

    def __enter__(self) -> None:
        self._queue.get()

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)


class Limit:
    """A bound on the requests of one driver that run at a time.

    A slot is held for one call or for one request of a stream, never for a
    stream's life: any number of open streams can be used by one thread.

    Parameters
    ----------
    slots : int or None
        How many requests; None for no bound.
    """

    def __init__(self, slots: int | None) -> None:
        self.slots = slots
        self._free = None if slots is None else PerProcess(lambda: _Slots(slots))

    def slot(self) -> AbstractContextManager[Any]:
        """Hold a slot for a block, waiting for one if need be."""
        return _FREE if self._free is None else self._free.get()
