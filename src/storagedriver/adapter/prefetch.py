"""The pages of a listing, and the next one fetched while this one is visited."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from storagedriver.errors import StorageDriverError

__all__ = ["Listing", "Prefetcher"]

T = TypeVar("T")

#: Seconds that `Prefetcher.close` waits for requests whose answers are not wanted any more.
_PATIENCE = 2.0

_Fetched = tuple[Sequence[T], Any]
_Call = Callable[[], AbstractContextManager[Any]]


class Listing(Iterator[Sequence[T]]):
    """The pages of a listing, each the answer to a request that says where the next one begins.

    To fetch a page does not change anything: it can be done by any thread, and
    again by another process. So `Prefetcher` can do it before the page is asked for.

    Parameters
    ----------
    fetch : callable
        Makes the request. It is given where the page begins and how many
        entries are wanted at most, 0 for as many as there are, and returns
        them and where the next page begins: None after the last one.
    start : object
        Where the first page begins.
    limit : int
        How many entries are wanted at most; 0 for all.
    """

    def __init__(self, fetch: Callable[[Any, int], _Fetched[T]], start: Any, *, limit: int = 0) -> None:
        self._fetch = fetch
        self._where = start
        self._limited = limit > 0
        self._left = limit

    @property
    def has_more(self) -> bool:
        """Whether there is another page, which may be empty."""
        return self._where is not None

    def next_page(self) -> Callable[[], _Fetched[T]]:
        """What fetches the page that is next; the listing stays where it is."""
        return partial(self._page, self._where, self._left)

    def go_on(self, fetched: _Fetched[T]) -> Sequence[T]:
        """Give the page that was next, and stand before the one after it."""
        page, following = fetched
        if self._limited:
            page = page[: self._left]
            self._left -= len(page)
        self._where = None if self._limited and not self._left else following
        return page

    def __next__(self) -> Sequence[T]:
        if not self.has_more:
            raise StopIteration
        return self.go_on(self.next_page()())

    def _page(self, where: Any, wanted: int) -> _Fetched[T]:
        page, following = self._fetch(where, wanted)
        if following is not None and following == where:
            raise StorageDriverError("the store's listing does not go on")
        return page, following


class Prefetcher:
    """Fetches pages of listings before they are asked for, one page for each listing that is being read.

    A listing of one page needs no thread. For any other one there is a thread
    for each page that follows, no longer than its request takes. It is a
    daemon: when a walk is left early it is not waited for.
    """

    def __init__(self) -> None:
        self._fetches: set[_Fetch[Any]] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def pages(
        self, pages: Iterator[T], call: _Call = contextlib.nullcontext, *, early: bool = False
    ) -> Generator[T, None, None]:
        """The same pages; of a `Listing` the next one is being fetched while one is visited.

        Parameters
        ----------
        pages : iterator
            A `Listing`, or anything else that has nothing to gain from it.
        call : callable
            Gives what is entered around each step, by whichever thread takes it.
        early : bool
            Whether the first page is being fetched from now on.

        Returns
        -------
        generator
            What goes wrong with a page is raised when that page is asked for.
        """
        if not isinstance(pages, Listing):
            return _steps(pages, call)
        return self._listed(pages, call, self._begin(pages, call) if early else None)

    def close(self) -> None:
        """Give up what is being fetched: what has not begun will not, and what is under way is waited for a little."""
        fetches = [fetch for fetch in self._fetches.copy() if fetch.is_ours]
        for fetch in fetches:
            fetch.give_up()
        end = time.monotonic() + _PATIENCE
        for fetch in fetches:
            fetch.join(max(0.0, end - time.monotonic()))

    def _listed(self, listing: Listing[Any], call: _Call, fetch: _Fetch[Any] | None) -> Generator[Any, None, None]:
        try:
            while listing.has_more:
                page = listing.go_on(fetch.result() if fetch else _now(listing, call))
                fetch = self._begin(listing, call) if listing.has_more else None
                yield page
        finally:
            if fetch is not None:
                fetch.give_up()

    def _begin(self, listing: Listing[T], call: _Call) -> _Fetch[T] | None:
        fetch = _Fetch(listing.next_page(), call, self._fetches)
        try:
            fetch.start()
        except RuntimeError:
            # There are no more threads to be had, or the interpreter is about to end.
            self._fetches.discard(fetch)
            return None
        return fetch


class _Fetch(threading.Thread, Generic[T]):
    """A page that is being fetched."""

    def __init__(self, fetch: Callable[[], _Fetched[T]], call: _Call, running: set[_Fetch[Any]]) -> None:
        super().__init__(name="storagedriver-page", daemon=True)
        self._fetch = fetch
        self._context = copy_context()
        self._call = call
        self._running = running
        self._pid = os.getpid()
        self._future: Future[_Fetched[T]] = Future()
        running.add(self)

    def run(self) -> None:
        """Fetch the page, unless it was given up while a slot was waited for."""
        self._context.run(self._fetch_it)

    def _fetch_it(self) -> None:
        try:
            with self._call():
                if self._future.set_running_or_notify_cancel():
                    self._future.set_result(self._fetch())
        except BaseException as error:  # noqa: BLE001 - it is raised where the page is asked for
            with contextlib.suppress(InvalidStateError):
                self._future.set_exception(error)
        finally:
            self._running.discard(self)

    @property
    def is_ours(self) -> bool:
        """Whether it runs in this process; a thread stays with the parent of a fork."""
        return self._pid == os.getpid()

    def result(self) -> _Fetched[T]:
        """The page, once it is there."""
        if self.is_ours:
            with contextlib.suppress(CancelledError):
                return self._future.result()
        with self._call():
            return self._fetch()

    def give_up(self) -> None:
        """The page is not wanted any more."""
        if self.is_ours:
            self._future.cancel()


def _steps(pages: Iterator[T], call: _Call) -> Generator[T, None, None]:
    end = object()
    while True:
        with call():
            page = next(pages, end)
        if page is end:
            return
        yield page  # type: ignore[misc] # it is not the end


def _now(listing: Listing[T], call: _Call) -> _Fetched[T]:
    with call():
        return listing.next_page()()
