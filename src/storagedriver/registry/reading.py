"""Reading many small files at a time, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from storagedriver.errors import BucketNotFoundError, StorageDriverError, UnavailableError

__all__ = ["CONCURRENCY", "each"]

#: How many requests for small files are made at a time.
CONCURRENCY = 32

T = TypeVar("T")
R = TypeVar("R")


def each(
    function: Callable[[T], R], items: Iterable[T], concurrency: int = CONCURRENCY
) -> Iterator[tuple[T, R | StorageDriverError]]:
    """Call a function with each of the items, several at a time.

    Parameters
    ----------
    function : callable
        Called from several threads.
    items : iterable
        What it is called with. It is read no further than needed.
    concurrency : int
        How many calls are made at a time; at most twice as many results wait.

    Yields
    ------
    tuple
        Each item with what the function returned or the error of this item,
        in the order of the items.

    Raises
    ------
    UnavailableError, BucketNotFoundError
        They concern all that would follow.
    """
    waiting: deque[tuple[T, Future[R]]] = deque()

    def taken() -> tuple[T, R | StorageDriverError]:
        item, future = waiting.popleft()
        error = future.exception()
        if isinstance(error, StorageDriverError) and not isinstance(error, (UnavailableError, BucketNotFoundError)):
            return item, error
        return item, future.result()

    with ThreadPoolExecutor(concurrency, thread_name_prefix="storagedriver-read") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) >= 2 * concurrency:
                    yield taken()
            while waiting:
                yield taken()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
