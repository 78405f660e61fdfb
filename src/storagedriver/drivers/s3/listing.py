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

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.listed import ListedPage, entries_of
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.skipping import skip_after
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import code_of
from storagedriver.errors import InvalidAnswerError, ParameterError
from storagedriver.paths import WalkOrder

__all__ = ["pages", "walk_order"]

_MOST = 1000
_STUCK = "a listing of the store is cut and does not say how it goes on"
_CHECKS = 16


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


class _Listed(ListedPage):
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
        try:
            document = bucket.requests.ask("ListBucketResult", "GET", "", {**version, **query, **start})
        except AnswerError as error:
            if code_of(error) != "NoSuchKey":
                raise
            # A bucket has no key that could be missing: what stands for it in the URL was taken for one.
            detail = "the server takes the bucket for a key of a bucket: leave the bucket's name out of the endpoint"
            raise ParameterError(detail, path="regionendpoint") from error
        super().__init__(document, prefix, unquote_plus)
        # Only the first version repeats the marker, and only the second counts the keys and gives tokens.
        cut_off = self.is_truncated and not document.has("NextContinuationToken")
        self.is_v1 = (document.has("Marker") or cut_off) and not document.has("KeyCount")
        self.following = self._following(place, self._decode(document.text("NextMarker")) if self.is_v1 else "")

    def _following(self, place: _Place, given: str) -> _Place | None:
        """Where the next page begins: by the token, by the marker `given`, or behind the last name of this one."""
        if not self.is_truncated:
            return None
        if self.token:
            if self.token == place.value:
                raise InvalidAnswerError(_STUCK)
            return _Place("continuation-token", self.token)
        place_after = _Place("marker" if self.is_v1 else "start-after", given or self.end)
        # A marker that is given need not be a name; a name has to come after the one before.
        stands = place_after.value == place.value or (not given and place_after.value < place.value)
        if not place_after.value or (place.name == place_after.name and stands):
            raise InvalidAnswerError(_STUCK)
        return place_after


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
        if self._recursive and self._order == "bytewise":
            after = skip_after(place.last, self._skipped)
            place = _Place("start-after", bucket.full(after)) if after else place
        listed = self._list(full, min(wanted or _MOST, _MOST), place)
        prefixes, objects = listed.prefixes, listed.objects
        if self._order == "tree" and not self._recursive:
            prefixes = self._inhabited(prefixes)
            if objects and objects[0].key == full and self._first(full) != full:
                del objects[0]
        if place.name == "start-after" and self._order == "bytewise":
            # A server of the first version has not understood where it begins, and may not show which it is.
            objects = [found for found in objects if found.key > place.value]
        entries = entries_of(objects, prefixes, bucket.relative, self._order)
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

    def _inhabited(self, prefixes: list[str]) -> list[str]:
        """Those below which there is an object."""
        found = fan_out(self._first, prefixes, threads=_CHECKS, name="list")
        return [prefix for prefix, first in zip(prefixes, found, strict=True) if first is not None]

    def _first(self, prefix: str) -> str | None:
        """The first key of a flat listing, which shows no directory that was emptied."""
        return next((found.key for found in _Listed(self._bucket, prefix, 1, _Place()).objects), None)
