"""Listing a container, a page at a time.

https://docs.openstack.org/api-ref/object-store/#show-container-details-and-list-objects
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.store import EPOCH
from storagedriver.errors import BucketNotMadeError, InvalidAnswerError
from storagedriver.swiftfs.client import Client
from storagedriver.swiftfs.container import EMPTY, Container, ObjectInfo
from storagedriver.swiftfs.errors import status

__all__ = ["Listed", "containers", "heads", "objects", "page", "sizes"]

_PAGE = 10_000
#: A server may have a lower limit of its own, a round number, and give so many whatever it is asked for.
_ROUND = 100
#: How many objects are asked for their headers at a time.
_THREADS = 16
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_DIRECTORY_TYPE = "application/directory"


@dataclass(frozen=True)
class Listed:
    """A line of a listing.

    Attributes
    ----------
    name : str
        The object's name, or that of a pseudo-directory with the ``/`` at its end.
    size : int
        Bytes; 0 for a dynamic large object.
    mod_time : datetime
        Aware, in UTC.
    etag : str
        The hash of the content; empty for a directory.
    is_dir : bool
        Whether it is a pseudo-directory.
    is_marker : bool
        Whether it is an empty object that stands for a directory.
    """

    name: str
    size: int = 0
    mod_time: datetime = EPOCH
    etag: str = ""
    is_dir: bool = False
    is_marker: bool = False

    @property
    def may_be_manifest(self) -> bool:
        """Whether only a HEAD can tell its size."""
        return not self.is_dir and self.size == 0 and self.etag in (EMPTY, "")


def objects(
    container: Container, prefix: str, *, delimiter: str = "", marker: str = "", limit: int = 0
) -> Listing[Listed]:
    """The objects whose names begin with `prefix`, bytewise in order, a page a request.

    Parameters
    ----------
    container : Container
        The container.
    prefix : str
        How the names begin.
    delimiter : str
        With it, names that go on after it are put together to a pseudo-directory.
    marker : str
        Only what comes after this name.
    limit : int
        How many are wanted at most; 0 for all.
    """
    return Listing(partial(page, container, prefix, delimiter), marker, limit=limit)


def page(
    container: Container, prefix: str, delimiter: str, marker: str, wanted: int
) -> tuple[list[Listed], str | None]:
    """A page of `objects`, and the marker of the next one, None after the last one.

    Raises
    ------
    BucketNotMadeError
        If there is no such container.
    """
    query = {"prefix": prefix, "delimiter": delimiter}
    try:
        lines, following = _page(container.client, container.name, query, marker, wanted)
    except AnswerError as error:
        if status(error) == _NOT_FOUND:
            raise BucketNotMadeError(f"there is no container {container.name!r}; the first write makes it") from error
        raise
    return [_listed(line) for line in lines], following


def containers(client: Client) -> Iterator[dict[str, Any]]:
    """The containers of the account, as Swift describes them."""
    marker: str | None = ""
    while marker is not None:
        lines, marker = _page(client, "", {}, marker, 0)
        yield from lines


def heads(container: Container, names: Sequence[str], *, raw: bool) -> Mapping[str, ObjectInfo]:
    """The headers of many objects, of those that are there; some are asked for at a time."""
    found = fan_out(lambda name: container.head(name, raw=raw), names, threads=_THREADS, name="head")
    return {name: info for name, info in zip(names, found, strict=True) if info is not None}


def sizes(container: Container, lines: Sequence[Listed]) -> Iterator[tuple[Listed, int]]:
    """The lines of a listing with the sizes that they really have."""
    suspects = [line.name for line in lines if line.may_be_manifest]
    known = heads(container, suspects, raw=False)
    for line in lines:
        info = known.get(line.name)
        if info is None:
            yield line, line.size
        else:
            known_sizes = [size for size in (info.size, info.whole) if size is not None]
            yield line, min(known_sizes, default=0)


def _page(
    client: Client, name: str, query: Mapping[str, str], marker: str, wanted: int
) -> tuple[list[dict[str, Any]], str | None]:
    most = _PAGE
    while True:
        asked = min(wanted or most, most)
        params = {**query, "marker": marker, "format": "json", "limit": asked}
        try:
            lines = client.ask(list, "GET", name, query={key: value for key, value in params.items() if value})
            break
        except AnswerError as error:
            lower = int(client.info().get("swift", {}).get("container_listing_limit", 0))
            if status(error) != _PRECONDITION_FAILED or not 0 < lower < most:
                raise
            most = lower
    if not lines or (len(lines) < asked and len(lines) % _ROUND):
        return lines, None
    following = _name(lines[-1])
    if following <= marker:
        raise InvalidAnswerError(f"a listing of the store does not go on after {marker!r}")
    return lines, following


def _name(line: Any) -> str:
    name = (line.get("name") or line.get("subdir")) if isinstance(line, dict) else None
    if not isinstance(name, str):
        raise InvalidAnswerError(f"a line of a listing has no name: {str(line)[:60]!r}")
    return name


def _listed(line: dict[str, Any]) -> Listed:
    name = _name(line)
    if "subdir" in line:
        return Listed(name, is_dir=True)
    if not isinstance(line.get("bytes"), int) or "last_modified" not in line:
        raise InvalidAnswerError(f"a listing does not say size and time of {name!r}")
    size = line["bytes"]
    is_marker = size == 0 and line.get("content_type", "").startswith(_DIRECTORY_TYPE)
    # Of a static large object this is the hash of the manifest, which a HEAD does not show.
    etag = "" if "slo_etag" in line else line.get("hash", "")
    return Listed(name, size, time_of(line["last_modified"]), etag, is_marker=is_marker)
