"""A store whose pages are made when they are asked for, and that says what was asked for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.store import Body, Entry, Failure, Upload, UploadsStore
from storagedriver.driver import Capabilities, UploadInfo
from storagedriver.errors import StorageDriverError, UnavailableError

__all__ = ["GeneratedStore", "Page"]


class Page(list[Entry]):
    """A list that can be seen to be gone."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment] # lists have none


class GeneratedStore(UploadsStore):
    """`count` keys, ``dir/0000000`` and so on with ten in a directory, in pages of `size`.

    Attributes
    ----------
    before : callable
        Called before a page is made, with its number from 0 on.
    on_delete, on_abort : callable
        Called before keys are deleted, and before an upload is aborted.
    own : Entry or None
        The object ``dir``.
    open : list of UploadInfo
        The unfinished uploads, wherever they are.
    fetched : list of int
        The first keys of the pages that were made, as numbers.
    threads : set of int
        The threads that made them.
    alive : weak set
        The pages that somebody still has.
    most_alive : int
        How many there were at most.
    events : list of str
        What was done, in order: ``list 3``, ``delete 10``, ``abort /dir``.
    """

    capabilities = Capabilities(multiprocess=True)

    def __init__(self, count: int, size: int = 10, *, slots: int | None = None) -> None:
        super().__init__("generated", limit=Limit(slots))
        self.count = count
        self.size = size
        self.before: Callable[[int], None] = lambda _: None
        self.on_delete: Callable[[Sequence[str]], None] = lambda _: None
        self.on_abort: Callable[[UploadInfo], None] = lambda _: None
        self.own: Entry | None = None
        self.open: list[UploadInfo] = []
        self.fetched: list[int] = []
        self.threads: set[int] = set()
        self.alive: weakref.WeakSet[Page] = weakref.WeakSet()
        self.most_alive = 0
        self.events: list[str] = []

    @property
    def filesystem(self) -> Any:
        raise NotImplementedError

    def classify(self, error: Exception, /) -> Failure:
        kind = UnavailableError if isinstance(error, ConnectionError) else StorageDriverError
        return Failure(kind, str(error))

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str],
    ) -> Listing[Entry]:
        del prefix, recursive, start_after

        def fetch(start: int, wanted: int) -> tuple[Page, int | None]:
            before = f"dir/{(start - 1) // 10:06}"
            if before in skipped:
                start += -start % 10
            self.threads.add(threading.get_ident())
            self.before(start // self.size)
            end = min(start + min(wanted or self.size, self.size), self.count)
            page = Page(Entry(f"dir/{number // 10:06}/{number:07}", 1) for number in range(start, end))
            self.fetched.append(start)
            self.events.append(f"list {start}")
            self.alive.add(page)
            self.most_alive = max(self.most_alive, len(self.alive))
            return page, end if end < self.count else None

        return Listing(fetch, 0, limit=limit)

    def head(self, key: str, /) -> Entry | None:
        return self.own if key == "dir" else None

    def delete(self, keys: Sequence[str], /) -> None:
        self.on_delete(keys)
        self.events.append(f"delete {len(keys)}")

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        del key
        return iter(self.open)

    def abort(self, upload: UploadInfo, /) -> None:
        self.on_abort(upload)
        self.events.append(f"abort {upload.path}")

    def get(self, key: str, /) -> bytes:
        raise NotImplementedError

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        raise NotImplementedError

    def put(self, key: str, content: memoryview, /) -> None:
        raise NotImplementedError

    def copy(self, source: str, dest: str, /) -> None:
        raise NotImplementedError

    def begin(self, key: str, /) -> Upload:
        raise NotImplementedError

    def resume(self, key: str, /) -> Upload:
        raise NotImplementedError
