"""Listing a store that keeps real directories, one directory after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from storagedriver.adapter.store import Entry

__all__ = ["tree_pages"]


def tree_pages(
    children: Callable[[str], Iterable[Entry]],
    prefix: str,
    *,
    recursive: bool,
    start_after: str,
    skipped: AbstractSet[str],
) -> Iterator[Sequence[Entry]]:
    """Give the pages of `Store.pages` in bytewise order, from listings of single directories.

    A page ends with a directory, so that the caller can say that its content
    is not wanted before it is listed.

    Parameters
    ----------
    children : callable
        The direct children of a directory, given by its key, ``""`` for the
        root. It raises `FileNotFoundError` where there is none.
    prefix, recursive, start_after, skipped
        As for `Store.pages`.
    """
    entries = sorted(children(prefix.removesuffix("/")), key=_position)
    if not recursive:
        yield entries
        return
    page: list[Entry] = []
    # The directories that are open, each with what is left of it. A tree may be deeper than Python's stack.
    open_ = [iter(entries)]
    while open_:
        entry = next(open_[-1], None)
        if entry is None:
            open_.pop()
            if page:
                yield page
                page = []
            continue
        page.append(entry)
        if not entry.is_dir:
            continue
        yield page
        page = []
        below = _position(entry)
        if entry.key in skipped or (below < start_after and not start_after.startswith(below)):
            continue
        try:
            open_.append(iter(sorted(children(entry.key), key=_position)))
        except FileNotFoundError:
            # It was there a moment ago, and has been deleted since.
            continue


def _position(entry: Entry) -> str:
    return entry.key + "/" if entry.is_dir else entry.key
