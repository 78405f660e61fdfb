"""Listing with ListObjectsV2, in bytewise order or in SeaweedFS's order of a tree.

What SeaweedFS does of its own (seen with 4.48):

* It keeps real directories. A flat listing comes component by component, a
  file before the directory of its name, and StartAfter counts in that order.
* StartAfter with the name of a directory skips that directory; with a ``/``
  behind it does not, and a file of that name is skipped as it should be.
* A directory that has been emptied is listed for up to two minutes more by a
  listing with a delimiter, as a prefix and in itself as an object ``directory/``,
  though a flat listing finds nothing below it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket, in_utc
from storagedriver.paths import WalkOrder, sort_key

__all__ = ["pages", "walk_order"]

_MOST = 1000
_CHECKS = 16
#: Greater than every character of a path but no end of the directory: keys
#: after it may still be in there, but none that a path can name.
_BEYOND = "~"


def walk_order(bucket: Bucket) -> WalkOrder:
    """The order in which the server lists. It is asked if it has not answered anything yet."""
    if bucket.client.server is None:
        bucket.client.run(lambda: bucket.call("list_objects_v2", Prefix=bucket.prefix, MaxKeys=1))
    return "tree" if bucket.client.is_seaweedfs else "bytewise"


def pages(
    bucket: Bucket, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Iterator[Sequence[Entry]]:
    """As `storagedriver.adapter.store.Store.pages`."""
    lister = _Lister(bucket, prefix, recursive=recursive)
    params = lister.start(start_after)
    wanted = limit or _MOST
    while True:
        page, token = bucket.client.run(partial(lister.page, min(wanted, _MOST), params))
        if limit:
            page = page[:wanted]
            wanted -= len(page)
        yield page
        if not token or (limit and wanted <= 0):
            return
        params = lister.leap(page, skipped) or {"ContinuationToken": token}


class _Lister:
    def __init__(self, bucket: Bucket, prefix: str, *, recursive: bool) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._recursive = recursive
        self._order: WalkOrder = walk_order(bucket)

    def start(self, start_after: str) -> dict[str, Any]:
        if not start_after or not (self._recursive or self._order == "bytewise"):
            # With a delimiter SeaweedFS would leave out the directory of a file's name.
            return {}
        if self._order == "tree" and not start_after.endswith("/"):
            start_after += "/"
        return {"StartAfter": self._bucket.full(start_after)}

    def leap(self, page: Sequence[Entry], skipped: AbstractSet[str]) -> dict[str, Any] | None:
        """Where to go on after a page that ended below a directory whose content is not wanted."""
        if not page or not skipped or not self._recursive or self._order != "bytewise":
            return None
        last = page[-1].key
        above = [last[:end] for end, character in enumerate(last) if character == "/"]
        leaps = [self._bucket.full(f"{directory}/{_BEYOND}") for directory in above if directory in skipped]
        return {"StartAfter": leaps[0]} if leaps and leaps[0] > self._bucket.full(last) else None

    async def page(self, most: int, params: dict[str, Any]) -> tuple[list[Entry], str]:
        if not self._recursive:
            params = {**params, "Delimiter": "/"}
        bucket = self._bucket
        # botocore asks for url-encoded keys and decodes them.
        response = await bucket.call("list_objects_v2", Prefix=bucket.full(self._prefix), MaxKeys=most, **params)
        objects = response.get("Contents", [])
        prefixes = [item["Prefix"] for item in response.get("CommonPrefixes", [])]
        if self._order == "tree" and not self._recursive:
            prefixes = await self._inhabited(prefixes)
            own = [item["Key"] for item in objects if item["Key"] == bucket.full(self._prefix)]
            if own and await self._first(own[0]) != own[0]:
                objects = [item for item in objects if item["Key"] != own[0]]
        entries = [
            Entry(
                bucket.relative(item["Key"]), item["Size"], in_utc(item["LastModified"]), version=item.get("ETag", "")
            )
            for item in objects
        ]
        # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
        entries += [Entry(bucket.relative(prefix)[:-1], is_dir=True) for prefix in prefixes]
        if prefixes:
            entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order=self._order))
        return entries, response.get("NextContinuationToken", "") if response.get("IsTruncated") else ""

    async def _inhabited(self, prefixes: list[str]) -> list[str]:
        """Those below which there is an object."""
        checks = asyncio.Semaphore(_CHECKS)

        async def has_object(prefix: str) -> bool:
            async with checks:
                return await self._first(prefix) is not None

        found = await asyncio.gather(*(has_object(prefix) for prefix in prefixes))
        return [prefix for prefix, kept in zip(prefixes, found, strict=True) if kept]

    async def _first(self, prefix: str) -> str | None:
        """The first key of a flat listing, which shows no directory that was emptied."""
        response = await self._bucket.call("list_objects_v2", Prefix=prefix, MaxKeys=1)
        return next((str(item["Key"]) for item in response.get("Contents", [])), None)
