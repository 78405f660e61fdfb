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

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.document import Document, time_of
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
        _Listed(bucket, Prefix=bucket.prefix, MaxKeys=1)
    return "tree" if bucket.client.is_seaweedfs else "bytewise"


def pages(
    bucket: Bucket, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`."""
    lister = _Lister(bucket, prefix, recursive=recursive, skipped=skipped)
    return Listing(lister.page, lister.start(start_after), limit=limit)


@dataclass(frozen=True)
class _Place:
    """Where a page begins.

    Attributes
    ----------
    name, value : str
        The parameter of the request that says it, no name at the very beginning.
    last : str
        The last key of the page before.
    """

    name: str = ""
    value: str = ""
    last: str = ""


class _Listed(Document):
    """An answer."""

    def __init__(self, bucket: Bucket, **params: Any) -> None:
        super().__init__(bucket.signed.send("list_objects_v2", "", EncodingType="url", **params).content)
        self._encoded = self.text("EncodingType") == "url"

    @property
    def token(self) -> str:
        """Where the next page begins, ``""`` after the last one."""
        return self.text("NextContinuationToken") if self.text("IsTruncated") == "true" else ""

    def objects(self) -> Iterator[tuple[str, int, datetime, str]]:
        """Key, size, time and ETag of each object."""
        key, size, changed, etag = (self.space + name for name in ("Key", "Size", "LastModified", "ETag"))
        for item in self.elements("Contents"):
            time = time_of(item.findtext(changed))
            yield self._key(item.findtext(key)), int(item.findtext(size) or 0), time, item.findtext(etag) or ""

    def prefixes(self) -> list[str]:
        """What stands for the keys with a delimiter in them, the delimiter at the end."""
        return [self._key(item.findtext(self.space + "Prefix")) for item in self.elements("CommonPrefixes")]

    def _key(self, text: str | None) -> str:
        return unquote_plus(text or "") if self._encoded else text or ""


class _Lister:
    def __init__(self, bucket: Bucket, prefix: str, *, recursive: bool, skipped: AbstractSet[str]) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._recursive = recursive
        self._skipped = skipped
        self._order: WalkOrder = walk_order(bucket)

    def start(self, start_after: str) -> _Place:
        if not start_after or not (self._recursive or self._order == "bytewise"):
            # With a delimiter SeaweedFS would leave out the directory of a file's name.
            return _Place()
        if self._order == "tree" and not start_after.endswith("/"):
            start_after += "/"
        return _Place("StartAfter", self._bucket.full(start_after))

    def page(self, place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        bucket = self._bucket
        full = bucket.full(self._prefix)
        place = self._leap(place.last) or place
        params: dict[str, Any] = {place.name: place.value} if place.name else {}
        if not self._recursive:
            params["Delimiter"] = "/"
        listed = _Listed(bucket, Prefix=full, MaxKeys=min(wanted or _MOST, _MOST), **params)
        prefixes = listed.prefixes()
        objects = list(listed.objects())
        if self._order == "tree" and not self._recursive:
            prefixes = self._inhabited(prefixes)
            if objects and objects[0][0] == full and self._first(full) != full:
                del objects[0]
        entries = [Entry(bucket.relative(key), size, time, version=etag) for key, size, time, etag in objects]
        # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
        entries += [Entry(bucket.relative(prefix)[:-1], is_dir=True) for prefix in prefixes]
        if prefixes:
            entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order=self._order))
        last = entries[-1].key if entries else ""
        return entries, _Place("ContinuationToken", listed.token, last) if listed.token else None

    def _leap(self, last: str) -> _Place | None:
        """Where to go on after a page that ended below a directory whose content is not wanted."""
        if not self._recursive or self._order != "bytewise":
            return None
        above = [last[:end] for end, character in enumerate(last) if character == "/"]
        leaps = [self._bucket.full(f"{directory}/{_BEYOND}") for directory in above if directory in self._skipped]
        return _Place("StartAfter", leaps[0]) if leaps and leaps[0] > self._bucket.full(last) else None

    def _inhabited(self, prefixes: list[str]) -> list[str]:
        """Those below which there is an object."""
        found = fan_out(self._first, prefixes, threads=_CHECKS, name="list")
        return [prefix for prefix, first in zip(prefixes, found, strict=True) if first is not None]

    def _first(self, prefix: str) -> str | None:
        """The first key of a flat listing, which shows no directory that was emptied."""
        return next((key for key, *_ in _Listed(self._bucket, Prefix=prefix, MaxKeys=1).objects()), None)
