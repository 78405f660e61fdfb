"""Running coroutines: on an event loop of our own, which no other code runs on, or on that of a filesystem."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from storagedriver.errors import UnavailableError

__all__ = ["close_on", "is_running_here", "own_loop", "run_on", "waited_for"]

T = TypeVar("T")

#: The event loop of the thread that waits for this one.
_waiting: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("storagedriver_waiting", default=None)
#: What is closing. A loop itself keeps no reference to its tasks.
_closing: set[concurrent.futures.Future[None]] = set()


class _OwnLoop:
    """The loop of this process, made when it is first needed, in a daemon thread."""

    _loop: asyncio.AbstractEventLoop | None

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="storagedriver-loop", daemon=True).start()
            return self._loop

    def _reset(self) -> None:
        """Begin anew: a child process has neither the thread nor, maybe, the one that holds the lock."""
        self._lock = threading.Lock()
        self._loop = None


_own = _OwnLoop()


def own_loop() -> asyncio.AbstractEventLoop:
    """The event loop of this package, one for each process.

    What drivers need of asynchronous libraries runs on it. fsspec has one loop
    for everything: there a driver that is called from a coroutine would wait
    for a loop that is waiting for it. Nothing but the coroutines of `run_on`
    runs here, so that a driver can be called from any thread, whichever loop
    runs in it.
    """
    return _own.get()


def is_running_here(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether a loop runs in this thread, or in one that waits for this one: to wait for it would take for ever."""
    return loop is not None and _running() is loop


def waited_for(function: Callable[..., T]) -> Callable[..., T]:
    """A function for other threads, whose results this thread waits for: `is_running_here` knows this thread's loop."""
    loop = _running()

    def call(*arguments: Any) -> T:
        token = _waiting.set(loop)
        try:
            return function(*arguments)
        finally:
            _waiting.reset(token)

    return call


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return _waiting.get()


def run_on(loop: asyncio.AbstractEventLoop, make: Callable[[], Awaitable[T]], timeout: float | None = None) -> T:
    """Run a coroutine on a loop of another thread and wait for it.

    A coroutine that is cancelled is an error here; `fsspec.asyn.sync`
    would return None for it, which looks like success.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        The loop, of another thread.
    make : callable
        Gives the coroutine; called on the loop.
    timeout : float, optional
        Seconds to wait at most.

    Raises
    ------
    UnavailableError
        If the coroutine was cancelled, or took longer than `timeout`.
    """
    if is_running_here(loop):
        raise RuntimeError("a coroutine of this event loop cannot wait for another one in this way")

    async def bounded() -> T:
        try:
            return await asyncio.wait_for(make(), timeout)
        except asyncio.TimeoutError as error:
            if timeout is None:
                raise
            raise UnavailableError(f"no answer within {timeout:g} s") from error

    future = asyncio.run_coroutine_threadsafe(bounded(), loop)
    try:
        return future.result()
    except concurrent.futures.CancelledError as error:
        raise UnavailableError("the request was cancelled before it was answered") from error
    except BaseException:
        # Ctrl-C comes here while the request is under way.
        future.cancel()
        raise


def close_on(loop: asyncio.AbstractEventLoop, make: Callable[[], Awaitable[None]], timeout: float) -> None:
    """Run the coroutine that closes something on the loop that it belongs to.

    It is waited for, but not in the thread of that loop, nor in one that this
    thread waits for: there it runs as soon as the loop goes on. On a loop that has ended there is nothing to do.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        The loop.
    make : callable
        Gives the coroutine; called on the loop.
    timeout : float
        Seconds to wait at most.
    """
    if not loop.is_running():
        return
    if is_running_here(loop):
        future = asyncio.run_coroutine_threadsafe(_run(make), loop)
        _closing.add(future)
        future.add_done_callback(_closing.discard)
        return
    run_on(loop, make, timeout)


async def _run(make: Callable[[], Awaitable[None]]) -> None:
    await make()
