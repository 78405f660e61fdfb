"""Running coroutines on the event loop of an asynchronous fsspec filesystem."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storagedriver.errors import UnavailableError

__all__ = ["run_on"]

T = TypeVar("T")


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
    try:
        running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        raise RuntimeError("a storage driver must not be called from the thread of fsspec's event loop")

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
