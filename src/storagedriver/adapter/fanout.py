"""Calls that wait for a store, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import TypeVar

__all__ = ["both", "fan_out", "in_context"]

T = TypeVar("T")
R = TypeVar("R")

#: So many requests at a time do a store no harm, and hide the time that each waits for its answer.
_THREADS = 8


def in_context(function: Callable[..., R]) -> Callable[..., R]:
    """The same function, for one call by another thread, with the context variables that this thread has now.

    What counts the requests of a call goes along so, and the span of a tracer.
    """
    return partial(copy_context().run, function)


def fan_out(function: Callable[[T], R], items: Sequence[T], *, threads: int = _THREADS, name: str = "call") -> list[R]:
    """Call a function with each of the items.

    Parameters
    ----------
    function : callable
        Called from several threads, or from this one if there is one item only.
    items : sequence
        What it is called with.
    threads : int
        How many calls run at a time.
    name : str
        What the threads are for.

    Returns
    -------
    list
        What it returned, in the order of the items.

    Raises
    ------
    Exception
        That of the first item that failed. Items whose turn had not come by
        then are left out; calls that run are waited for.
    """
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items)), thread_name_prefix=f"storagedriver-{name}") as pool:
        futures = [pool.submit(in_context(function), item) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(cancel_futures=True)
    failed = [future for future in futures if not future.cancelled() and future.exception() is not None]
    return [future.result() for future in failed or futures]


def both(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """What two calls return that are made at the same time; if both fail, the failure is that of the second."""
    with ThreadPoolExecutor(1, thread_name_prefix="storagedriver-call") as pool:
        future = pool.submit(in_context(first))
        here = second()
        return future.result(), here
