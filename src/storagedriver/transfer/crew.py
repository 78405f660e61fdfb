"""Many files at a time, as few as memory allows, until the end, a failure of all or an interrupt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["Crew", "Pace", "StoppedError"]

T = TypeVar("T")

_TICK = 0.25
#: Tasks that wait, for each thread.
_AHEAD = 4


class StoppedError(Exception):
    """Raised in the threads of a transfer that is to end."""


class Crew:
    """Threads that deal with the files of a transfer.

    Parameters
    ----------
    tick : callable
        Called in the thread of the caller every quarter of a second.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self.stopped = threading.Event()

    def check(self) -> None:
        """Raise if the transfer is to end."""
        if self.stopped.is_set():
            raise StoppedError

    def run(self, function: Callable[[T], None], items: Iterable[T], threads: int, name: str) -> None:
        """Call a function with each of the items, which are taken from the iterable as they are needed.

        What the function raises ends it all, but for `StoppedError`: that is raised once no call runs any more.
        """
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(threads, thread_name_prefix=f"storagedriver-{name}") as pool:
            try:
                for item in items:
                    self.check()
                    running.add(pool.submit(self._call, function, item))
                    while len(running) >= threads * _AHEAD:
                        running = self._wait(running)
                while running:
                    running = self._wait(running)
            except BaseException:
                self.stopped.set()
                pool.shutdown(cancel_futures=True)
                raise
        self.check()

    def _call(self, function: Callable[[T], None], item: T) -> None:
        self.check()
        function(item)

    def _wait(self, running: set[Future[None]]) -> set[Future[None]]:
        done, left = wait(running, _TICK, FIRST_COMPLETED)
        for future in done:
            future.result()
        self._tick()
        return left


class Pace:
    """So many bytes per second, for all threads together.

    Parameters
    ----------
    rate : int
        Bytes per second; 0: no limit.
    stopped : threading.Event
        Ends the waiting.
    """

    def __init__(self, rate: int, stopped: threading.Event) -> None:
        self._rate = rate
        self._stopped = stopped
        self._free = time.monotonic()
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Wait until so many bytes may have gone."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now) + count / self._rate
            delay = self._free - now
        self._stopped.wait(delay)
