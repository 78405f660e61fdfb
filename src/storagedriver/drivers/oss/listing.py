"""Listing with version 2 of ListObjects, in bytewise order."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.errors import InvalidAnswerError
from storagedriver.paths import sort_key

__all__ = ["pages"]

_MOST = 1000
#: Greater than every character of a path but no end of the directory: keys
#: after it may still be in there, but none that a path can name.
_BEYOND = "~"
#: The greatest character: no name below a directory comes after it.
_LAST = "\U0010ffff"


def pages(
    bucket: Bucket, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`."""

    def fetch(place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        start = (recursive and _leap(bucket, place.last, skipped)) or place.start
        page, following = _page(bucket, prefix, min(wanted or _MOST, _MOST), start, recursive=recursive)
        last = page[-1].key if page else ""
        return page, _Place(following, last) if following else None

    start = {"start-after": bucket.full(start_after)} if start_after and recursive else {}
    return Listing(fetch, _Place(start), limit=limit)


@dataclass(frozen=True)
class _Place:
    """Where a page begins: what the request says of it, and the last key before."""

    start: Mapping[str, str]
    last: str = ""


def _page(
    bucket: Bucket, prefix: str, most: int, start: Mapping[str, str], *, recursive: bool
) -> tuple[list[Entry], dict[str, str]]:
    query = {
        "list-type": 2,
        "prefix": bucket.full(prefix),
        "delimiter": None if recursive else "/",
        "max-keys": most,
        "encoding-type": "url",
        **start,
    }
    listed = bucket.requests.ask("ListBucketResult", "GET", "", query)
    encoded = listed.text("EncodingType") == "url"
    changed, etag = (listed.space + name for name in ("LastModified", "ETag"))

    def key_in(item: Element, name: str) -> str:
        text = listed.required(item, name)
        return bucket.relative(unquote(text) if encoded else text)

    entries = [
        Entry(
            key_in(item, "Key"),
            listed.number(item, "Size"),
            time_of(item.findtext(changed)),
            version=item.findtext(etag) or "",
        )
        for item in listed.elements("Contents")
    ]
    # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
    prefixes = [Entry(key_in(item, "Prefix")[:-1], is_dir=True) for item in listed.elements("CommonPrefixes")]
    entries += prefixes
    if prefixes:
        entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order="bytewise"))
    if listed.text("IsTruncated") != "true":
        return entries, {}
    token = listed.text("NextContinuationToken")
    if token:
        return entries, {"continuation-token": token}
    # Without a token it goes on behind the last name, which may stand for all that lie below it.
    last = entries[-1] if entries else Entry("")
    following = bucket.full(f"{last.key}/{_LAST}" if last.is_dir else last.key)
    if not entries or following <= start.get("start-after", ""):
        raise InvalidAnswerError("a listing of the store is cut and does not say how it goes on")
    return entries, {"start-after": following}


def _leap(bucket: Bucket, last: str, skipped: AbstractSet[str]) -> dict[str, str] | None:
    """Where to go on after a page that ended below a directory whose content is not wanted."""
    above = [last[:end] for end, character in enumerate(last) if character == "/"]
    leaps = [f"{directory}/{_BEYOND}" for directory in above if directory in skipped]
    return {"start-after": bucket.full(leaps[0])} if leaps and leaps[0] > last else None
