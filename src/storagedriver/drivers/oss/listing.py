"""Listing with version 2 of ListObjects, in bytewise order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.objects import from_unixtime
from storagedriver.errors import StorageDriverError
from storagedriver.paths import sort_key

__all__ = ["pages"]

_MOST = 1000
#: Greater than every character of a path but no end of the directory: keys
#: after it may still be in there, but none that a path can name.
_BEYOND = "~"


def pages(
    connection: Connection, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Iterator[Sequence[Entry]]:
    """As `storagedriver.adapter.store.Store.pages`."""
    start = {"start_after": connection.full(start_after)} if start_after and recursive else {}
    wanted = limit or _MOST
    while True:
        page, token = _page(connection, prefix, min(wanted, _MOST), start, recursive=recursive)
        if limit:
            page = page[:wanted]
            wanted -= len(page)
        yield page
        if not token or (limit and wanted <= 0):
            return
        following = (recursive and _leap(connection, page, skipped)) or {"continuation_token": token}
        if following == start:
            raise StorageDriverError("the store's list of objects does not go on")
        start = following


def _page(
    connection: Connection, prefix: str, most: int, start: dict[str, str], *, recursive: bool
) -> tuple[list[Entry], str]:
    result: Any = connection.bucket.list_objects_v2(
        prefix=connection.full(prefix), delimiter="" if recursive else "/", max_keys=most, **start
    )
    entries = [
        Entry(connection.relative(item.key), item.size, from_unixtime(item.last_modified), version=f'"{item.etag}"')
        for item in result.object_list
    ]
    # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
    entries += [Entry(connection.relative(directory)[:-1], is_dir=True) for directory in result.prefix_list]
    if result.prefix_list:
        entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order="bytewise"))
    return entries, result.next_continuation_token if result.is_truncated else ""


def _leap(connection: Connection, page: Sequence[Entry], skipped: AbstractSet[str]) -> dict[str, str] | None:
    """Where to go on after a page that ended below a directory whose content is not wanted."""
    if not page or not skipped:
        return None
    last = page[-1].key
    above = [last[:end] for end, character in enumerate(last) if character == "/"]
    leaps = [f"{directory}/{_BEYOND}" for directory in above if directory in skipped]
    return {"start_after": connection.full(leaps[0])} if leaps and leaps[0] > last else None
