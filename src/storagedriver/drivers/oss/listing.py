"""Listing with version 2 of ListObjects, in bytewise order."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.objects import from_unixtime
from storagedriver.paths import sort_key

__all__ = ["pages"]

_MOST = 1000
#: Greater than every character of a path but no end of the directory: keys
#: after it may still be in there, but none that a path can name.
_BEYOND = "~"


def pages(
    connection: Connection, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`."""

    def fetch(place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        start = (recursive and _leap(connection, place.last, skipped)) or place.start
        page, token = _page(connection, prefix, min(wanted or _MOST, _MOST), start, recursive=recursive)
        last = page[-1].key if page else ""
        return page, _Place({"continuation_token": token}, last) if token else None

    start = {"start_after": connection.full(start_after)} if start_after and recursive else {}
    return Listing(fetch, _Place(start), limit=limit)


@dataclass(frozen=True)
class _Place:
    """Where a page begins: what the request says of it, and the last key before."""

    start: Mapping[str, str]
    last: str = ""


def _page(
    connection: Connection, prefix: str, most: int, start: Mapping[str, str], *, recursive: bool
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


def _leap(connection: Connection, last: str, skipped: AbstractSet[str]) -> dict[str, str] | None:
    """Where to go on after a page that ended below a directory whose content is not wanted."""
    above = [last[:end] for end, character in enumerate(last) if character == "/"]
    leaps = [f"{directory}/{_BEYOND}" for directory in above if directory in skipped]
    return {"start_after": connection.full(leaps[0])} if leaps and leaps[0] > last else None
