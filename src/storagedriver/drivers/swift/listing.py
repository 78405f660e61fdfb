"""Listing a container, a page at a time.

https://docs.openstack.org/api-ref/object-store/#show-container-details-and-list-objects
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from storagedriver.adapter.lane import AnswerError
from storagedriver.adapter.store import EPOCH
from storagedriver.drivers.swift.client import Client
from storagedriver.drivers.swift.container import EMPTY, Container
from storagedriver.drivers.swift.errors import status
from storagedriver.errors import BucketNotFoundError

__all__ = ["Listed", "containers", "objects"]

_PAGE = 10_000
#: A server may have a lower limit of its own, a round number, and give so many whatever it is asked for.
_ROUND = 100
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
) -> Iterator[list[Listed]]:
    """The objects whose names begin with `prefix`, bytewise in order.

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

    Yields
    ------
    list of Listed
        A page. A marker may be sent back, to go on after a name of the caller's choice.

    Raises
    ------
    BucketNotFoundError
        If there is no such container.
    """
    query = {"prefix": prefix, "delimiter": delimiter}
    try:
        for page in _pages(container.client, container.name, query, marker, limit):
            yield [_listed(line) for line in page]
    except AnswerError as error:
        if status(error) == _NOT_FOUND:
            raise BucketNotFoundError(f"there is no container {container.name!r}") from error
        raise


def containers(client: Client) -> Iterator[dict[str, Any]]:
    """The containers of the account, as Swift describes them."""
    for page in _pages(client, "", {}, "", 0):
        yield from page


def _pages(client: Client, name: str, query: dict[str, str], marker: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    left = limit
    most = _PAGE
    while True:
        asked = min(left, most) if limit else most
        params = {**query, "marker": marker, "format": "json", "limit": asked}
        try:
            content = client.request("GET", name, query={key: value for key, value in params.items() if value}).content
        except AnswerError as error:
            lower = int(client.info().get("swift", {}).get("container_listing_limit", 0))
            if status(error) != _PRECONDITION_FAILED or not 0 < lower < most:
                raise
            most = lower
            continue
        page: list[dict[str, Any]] = json.loads(content) if content.strip() else []
        yield page
        left -= len(page)
        if not page or (limit and left <= 0) or (len(page) < asked and len(page) % _ROUND):
            return
        marker = page[-1].get("name") or page[-1]["subdir"]


def _listed(line: dict[str, Any]) -> Listed:
    if "subdir" in line:
        return Listed(line["subdir"], is_dir=True)
    size = int(line["bytes"])
    is_marker = size == 0 and line.get("content_type", "").startswith(_DIRECTORY_TYPE)
    return Listed(line["name"], size, _moment(line["last_modified"]), line.get("hash", ""), is_marker=is_marker)


def _moment(text: str) -> datetime:
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
