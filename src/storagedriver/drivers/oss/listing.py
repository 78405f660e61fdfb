"""Listing with version 2 of ListObjects, in bytewise order.

Source: https://www.alibabacloud.com/help/en/oss/developer-reference/listobjectsv2
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from urllib.parse import unquote

from storagedriver.adapter.http.listed import ListedPage, entries_of
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.skipping import skip_after
from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.errors import InvalidAnswerError

__all__ = ["pages"]

_MOST = 1000


@dataclass(frozen=True)
class _Place:
    """Where a page begins: what the request says of it, and the last key before."""

    start: Mapping[str, str]
    last: str = ""


def pages(
    bucket: Bucket, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`."""
    query = {"list-type": 2, "prefix": bucket.full(prefix), "encoding-type": "url"}
    if not recursive:
        query["delimiter"] = "/"

    def fetch(place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        after = skip_after(place.last, skipped) if recursive else ""
        start = {"start-after": bucket.full(after)} if after else place.start
        asked = {**query, "max-keys": min(wanted or _MOST, _MOST), **start}
        page = ListedPage(bucket.requests.ask("ListBucketResult", "GET", "", asked), bucket.full(prefix), unquote)
        entries = entries_of(page.objects, page.prefixes, bucket.relative)
        following = _following(page, start)
        last = entries[-1].key if entries else ""
        return entries, _Place(following, last) if following else None

    return Listing(
        fetch, _Place({"start-after": bucket.full(start_after)} if start_after and recursive else {}), limit=limit
    )


def _following(page: ListedPage, start: Mapping[str, str]) -> dict[str, str] | None:
    """What the request for the next page says, by the token or behind the last name of this one."""
    if not page.is_truncated:
        return None
    if page.token and page.token != start.get("continuation-token"):
        return {"continuation-token": page.token}
    if page.token or page.end <= start.get("start-after", ""):
        raise InvalidAnswerError("a listing of the store is cut and does not say how it goes on")
    return {"start-after": page.end}
