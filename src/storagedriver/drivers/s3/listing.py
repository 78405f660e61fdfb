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
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.errors import InvalidAnswerError
from storagedriver.paths import WalkOrder, sort_key

__all__ = ["pages", "walk_order"]

_MOST = 1000
_CHECKS = 16
#: Greater than every character of a path but no end of the directory: keys
#: after it may still be in there, but none that a path can name.
_BEYOND = "~"
#: The greatest character: no name below a prefix comes after it.
_LAST = "\U0010ffff"


def walk_order(bucket: Bucket) -> WalkOrder:
    """The order in which the server lists. It is asked if it has not answered anything yet."""
    if bucket.requests.server is None:
        _Listed(bucket, bucket.prefix, 1, _Place())
    return "tree" if bucket.requests.is_seaweedfs else "bytewise"


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


class _Listed:
    """A page of a listing.

    Attributes
    ----------
    following : _Place or None
        Where the next page begins, None after the last one.
    is_v1 : bool
        Whether the server knows only the first version of the request.
    """

    def __init__(self, bucket: Bucket, prefix: str, most: int, place: _Place, delimiter: str = "") -> None:
        version = {} if bucket.lists_v1 else {"list-type": 2}
        query = {"prefix": prefix, "max-keys": most, "encoding-type": "url", "delimiter": delimiter or None}
        start = {place.name: place.value} if place.name else {}
        self._document = bucket.requests.ask("ListBucketResult", "GET", "", {**version, **query, **start})
        self._encoded = self._document.text("EncodingType") == "url"
        # Only the first version repeats the marker, and only the second counts the keys and gives tokens.
        cut_off = self._is_truncated and not self._document.has("NextContinuationToken")
        self.is_v1 = (self._document.has("Marker") or cut_off) and not self._document.has("KeyCount")
        self.objects = list(self._objects())
        self.prefixes = [self._key(item, "Prefix") for item in self._document.elements("CommonPrefixes")]
        self.following = self._following(place)

    @property
    def _is_truncated(self) -> bool:
        return self._document.text("IsTruncated") == "true"

    def _following(self, place: _Place) -> _Place | None:
        """Where the next page begins: by the token, by the marker, or behind the last name of this one."""
        if not self._is_truncated:
            return None
        token = self._document.text("NextContinuationToken")
        if token:
            return _Place("continuation-token", token)
        last = max([*(key for key, *_ in self.objects), *self.prefixes], default="")
        if last in self.prefixes:
            # The names below it were put together to one line of this page.
            last += _LAST
        given = self._decoded(self._document.text("NextMarker")) if self.is_v1 else ""
        place_after = _Place("marker" if self.is_v1 else "start-after", given or last)
        # A marker that is given need not be a name; a name has to come after the one before.
        stands = place_after.value == place.value or (not given and place_after.value < place.value)
        if not place_after.value or (place.name == place_after.name and stands):
            raise InvalidAnswerError("a listing of the store is cut and does not say how it goes on")
        return place_after

    def _objects(self) -> Iterator[tuple[str, int, datetime, str]]:
        """Key, size, time and ETag of each object."""
        document = self._document
        changed, etag = (document.space + name for name in ("LastModified", "ETag"))
        for item in document.elements("Contents"):
            size, time = document.number(item, "Size"), time_of(item.findtext(changed))
            yield self._key(item, "Key"), size, time, item.findtext(etag) or ""

    def _key(self, item: Element, name: str) -> str:
        return self._decoded(self._document.required(item, name))

    def _decoded(self, text: str) -> str:
        return unquote_plus(text) if self._encoded else text


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
        return _Place("start-after", self._bucket.full(start_after))

    def page(self, place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        bucket = self._bucket
        full = bucket.full(self._prefix)
        place = self._leap(place.last) or place
        listed = self._list(full, min(wanted or _MOST, _MOST), place)
        prefixes, objects = listed.prefixes, listed.objects
        if self._order == "tree" and not self._recursive:
            prefixes = self._inhabited(prefixes)
            if objects and objects[0][0] == full and self._first(full) != full:
                del objects[0]
        if place.name == "start-after" and self._order == "bytewise":
            # A server of the first version has not understood where it begins, and may not show which it is.
            objects = [found for found in objects if found[0] > place.value]
        entries = [Entry(bucket.relative(key), size, time, version=etag) for key, size, time, etag in objects]
        # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
        entries += [Entry(bucket.relative(prefix)[:-1], is_dir=True) for prefix in prefixes]
        if prefixes:
            entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order=self._order))
        last = entries[-1].key if entries else ""
        return entries, replace(listed.following, last=last) if listed.following else None

    def _list(self, prefix: str, most: int, place: _Place) -> _Listed:
        """A page; once more, in the words of the first version, if the server has not understood where it begins."""
        delimiter = "" if self._recursive else "/"
        listed = _Listed(self._bucket, prefix, most, self._spoken(place), delimiter)
        if not listed.is_v1 or self._bucket.lists_v1:
            return listed
        self._bucket.lists_v1 = True
        return _Listed(self._bucket, prefix, most, self._spoken(place), delimiter) if place.name else listed

    def _spoken(self, place: _Place) -> _Place:
        return replace(place, name="marker") if self._bucket.lists_v1 and place.name == "start-after" else place

    def _leap(self, last: str) -> _Place | None:
        """Where to go on after a page that ended below a directory whose content is not wanted."""
        if not self._recursive or self._order != "bytewise":
            return None
        above = [last[:end] for end, character in enumerate(last) if character == "/"]
        leaps = [self._bucket.full(f"{directory}/{_BEYOND}") for directory in above if directory in self._skipped]
        return _Place("start-after", leaps[0]) if leaps and leaps[0] > self._bucket.full(last) else None

    def _inhabited(self, prefixes: list[str]) -> list[str]:
        """Those below which there is an object."""
        found = fan_out(self._first, prefixes, threads=_CHECKS, name="list")
        return [prefix for prefix, first in zip(prefixes, found, strict=True) if first is not None]

    def _first(self, prefix: str) -> str | None:
        """The first key of a flat listing, which shows no directory that was emptied."""
        return next((key for key, *_ in _Listed(self._bucket, prefix, 1, _Place()).objects), None)
