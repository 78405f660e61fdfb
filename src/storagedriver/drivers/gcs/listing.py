"""Listing, in bytewise order, without the states of unfinished uploads.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.skipping import skip
from storagedriver.adapter.store import Entry
from storagedriver.drivers.gcs.bucket import STATE_TYPE, Bucket, Item
from storagedriver.errors import InvalidAnswerError

__all__ = ["items", "pages"]

_MOST = 1000
_FIELDS = "name,size,generation,updated,contentType"
#: So many directories are looked into by one chain of requests, so many chains at a time.
_RUN = 64
_RUNS = 4
#: What follows `/` in the order of bytes: everything in a directory comes before it.
_AFTER_SLASH = "0"


def pages(
    bucket: Bucket, prefix: str, *, recursive: bool, start_after: str, limit: int, skipped: AbstractSet[str]
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`."""
    params = {"prefix": bucket.full(prefix), "fields": f"kind,items({_FIELDS}),prefixes,nextPageToken"}
    if not recursive:
        params["delimiter"] = "/"

    def fetch(place: _Place, wanted: int) -> tuple[list[Entry], _Place | None]:
        left_out = skip(place.last, skipped) if recursive else ""
        start = {"startOffset": bucket.full(left_out + _AFTER_SLASH)} if left_out else place.start
        # Where few entries are wanted and states of uploads lie before them.
        most = min(place.most or wanted or _MOST, _MOST)
        page, token, directory = _page(bucket, {**params, **start, "maxResults": str(most)}, place.directory)
        last = page[-1].key if page else ""
        following = {**start, "pageToken": token}
        return page, _Place(following, last, directory, most * 8) if token else None

    return Listing(fetch, _Place({"startOffset": bucket.full(start_after)} if start_after else {}), limit=limit)


@dataclass(frozen=True)
class _Place:
    """Where a page begins.

    Attributes
    ----------
    start : mapping
        What the request says of it.
    last : str
        The last key of the page before.
    directory : str
        The last prefix that was given; an emulator gives it on several pages.
    most : int
        How many names the page may have, 0 for as many as are wanted.
    """

    start: Mapping[str, str]
    last: str = ""
    directory: str = ""
    most: int = 0


def items(bucket: Bucket, prefix: str) -> Iterator[tuple[list[Item], bool]]:
    """Everything below the prefix, states of uploads included, a page at a time and whether it is the last."""
    params = {
        "prefix": bucket.full(prefix),
        "fields": f"kind,items({_FIELDS},metadata),nextPageToken",
        "maxResults": str(_MOST),
    }
    while True:
        listed = _list(bucket, params)
        token = listed.get("nextPageToken", "")
        yield [bucket.item(resource) for resource in listed.get("items", [])], not token
        if not token:
            return
        params["pageToken"] = token


def _page(bucket: Bucket, params: dict[str, str], given: str) -> tuple[list[Entry], str, str]:
    """A page, the token of the next one, and the last prefix so far. `given` is that of the pages before."""
    listed = _list(bucket, params)
    found = [bucket.item(resource) for resource in listed.get("items", [])]
    entries = [item.entry for item in found if not item.is_state]
    prefixes = sorted(prefix for prefix in listed.get("prefixes", []) if prefix > given)
    if prefixes:
        inhabited = _inhabited(bucket, params["prefix"], prefixes)
        entries += [Entry(bucket.relative(prefix)[:-1], is_dir=True) for prefix in prefixes if prefix in inhabited]
        entries.sort(key=lambda entry: entry.key + "/" if entry.is_dir else entry.key)
    return entries, listed.get("nextPageToken", ""), prefixes[-1] if prefixes else given


def _list(bucket: Bucket, params: dict[str, str]) -> dict[str, Any]:
    try:
        listed = bucket.client.ask("GET", "b/{}/o", bucket.name, params=params, kind="storage#objects")
    except AnswerError as error:
        raise bucket.not_listed(error) from error
    token = listed.get("nextPageToken", "")
    if token and token == params.get("pageToken"):
        raise InvalidAnswerError("a listing of the store does not go on")
    return listed


def _inhabited(bucket: Bucket, directory: str, prefixes: list[str]) -> set[str]:
    """Of the prefixes those below which there is more than unfinished uploads.

    The listing with a delimiter does not say what is below a prefix.
    """
    groups = [prefixes[start : start + _RUN] for start in range(0, len(prefixes), _RUN)]
    found = fan_out(lambda group: _inhabited_of(bucket, directory, group), groups, threads=_RUNS, name="list")
    return set().union(*found)


def _inhabited_of(bucket: Bucket, directory: str, group: list[str]) -> set[str]:
    """One chain: a flat listing that leaves a directory as soon as it has shown an object of it."""
    found: set[str] = set()
    left = group
    params = {
        "prefix": directory,
        "fields": "kind,items(name,contentType),nextPageToken",
        "endOffset": group[-1][:-1] + _AFTER_SLASH,
    }
    following: dict[str, str] = {"startOffset": left[0]}
    while True:
        # A directory of a registry holds few objects or very many.
        most = min(500, 8 * len(left))
        listed = _list(bucket, {**params, **following, "maxResults": str(most)})
        resources = listed.get("items", [])
        for resource in resources:
            if resource.get("contentType") != STATE_TYPE:
                found.add(_child(resource["name"], directory))
        token = listed.get("nextPageToken", "")
        if not token:
            return found
        last = _child(resources[-1]["name"], directory) if resources else left[0]
        left = [prefix for prefix in left if prefix >= last and prefix not in found]
        if not left:
            return found
        following = {**following, "pageToken": token} if left[0] == last else {"startOffset": left[0]}


def _child(name: str, directory: str) -> str:
    end = name.find("/", len(directory))
    return name[: end + 1]
