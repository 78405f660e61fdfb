"""Making a call in a thread, and waiting for it in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import Any, Generic, TypeVar

from storagedriver.adapter.fanout import in_context
from storagedriver.adapter.limits import PerProcess

__all__ = ["THREADS", "Outcome", "in_its_own_thread", "run"]

T = TypeVar("T")

#: How many calls run at a time in a process.
THREADS = 128

_threads = PerProcess(lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="storagedriver-aio"))


class Outcome(Generic[T]):
    """What became of a call. Of an exception that passes from thread to thread by itself, asyncio changes some."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._value: T | None = None
        self.error: BaseException | None = None
        try:
            self._value = call()
        except BaseException as error:  # noqa: BLE001 - it is raised by `get`
            self.error = error

    def get(self) -> T:
        """The result, or the error once: its traceback holds frames that hold this."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error
        return self._value  # type: ignore[return-value] # None is a result where T is None


def _in_the_pool(call: Callable[[], T]) -> Future[Outcome[T]]:
    return _threads.get().submit(in_context(Outcome), call)


def in_its_own_thread(call: Callable[[], T]) -> Future[Outcome[T]]:
    """Start a call in a thread that is made for it: one that waits for others of the pool."""
    running: Future[Outcome[T]] = Future()
    running.set_running_or_notify_cancel()
    make = in_context(Outcome)

    def work() -> None:
        running.set_result(make(call))

    Thread(target=work, name="storagedriver-aio-walk", daemon=True).start()
    return running


async def run(
    call: Callable[[], T],
    undo: Callable[[T], object] | None = None,
    *,
    start: Callable[[Callable[[], T]], Future[Outcome[T]]] = _in_the_pool,
    stop: Callable[[], object] | None = None,
) -> T:
    """Make a call in a thread.

    Parameters
    ----------
    call : callable
        What is called.
    undo : callable, optional
        What takes back the result of a call that was cancelled and has
        succeeded nevertheless. It runs in a thread, too.
    start : callable
        Starts the thread.
    stop : callable, optional
        Has a call that was cancelled end soon.
    """
    running = start(call)
    try:
        outcome = await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        if not running.cancelled():
            if stop is not None:
                stop()
            await _through(running)
            if undo is not None and running.result().error is None:
                await _through(_in_the_pool(partial(undo, running.result().get())))
        raise
    return outcome.get()


async def _through(running: Future[Any]) -> None:
    """Wait until a call has ended, however often that is cancelled."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake(_: Future[Any]) -> None:
        # A loop that was closed meanwhile waits for nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    running.add_done_callback(wake)
    while not ended.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await ended.wait()
