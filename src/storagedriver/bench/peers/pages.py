"""The bare pages of a flat listing, fetched and not looked into: what no walk can be faster than."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import Any
from urllib.parse import urlencode

import urllib3

from storagedriver.bench.peers.libraries import needing, version_of
from storagedriver.bench.peers.places import GOOGLE, azure_account, gcs_bearer, gcs_place, swift_place
from storagedriver.bench.subject import Subject

__all__ = ["Pages"]

#: The URL of a page below a prefix, after what the page before ended with; what there is one of for
#: each name in a page; what says where the next page begins; and the headers that say who asks.
Listing = tuple[Callable[[str, str], str], "re.Pattern[bytes]", "re.Pattern[bytes]", Callable[[], dict[str, str]]]


class Pages(Subject):
    """Requests for the pages on one connection, in the size that the store gives them in."""

    drivers = frozenset({"azure", "gcs", "swift"})

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        self.version = version_of("urllib3")
        self._url, self._name, self._next, self._headers = _LISTINGS[driver](driver, parameters)
        self._pool = urllib3.PoolManager()

    def walk(self, path: str) -> int:
        """Fetch all pages below a directory, and count the names in them."""
        return sum(len(self._name.findall(page)) for page in self._pages(path.strip("/") + "/"))

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _pages(self, prefix: str) -> Iterator[bytes]:
        after = ""
        while True:
            answer = self._pool.request("GET", self._url(prefix, after), headers=self._headers())
            if not 200 <= answer.status < 300:  # noqa: PLR2004 - 2xx
                raise ValueError(f"a page was answered with {answer.status}")
            yield answer.data
            found = self._next.findall(answer.data)
            if not found:
                return
            after = unescape(found[-1].decode())


def _azure(driver: str, parameters: Mapping[str, Any]) -> Listing:
    parsed, account = azure_account(driver, parameters)
    with needing("azure-storage-blob"):
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas  # noqa: PLC0415 - slow to load

    signature = generate_container_sas(
        account.name,
        parsed.container,
        account_key=account.key,
        permission=ContainerSasPermissions(list=True),
        expiry=datetime.now(timezone.utc) + timedelta(days=1),
    )
    base = f"{account.url}/{parsed.container}?restype=container&comp=list&{signature}"

    def url(prefix: str, after: str) -> str:
        return f"{base}&{urlencode({'prefix': parsed.prefix + prefix, 'marker': after})}"

    return url, re.compile(rb"<Blob>"), re.compile(rb"<NextMarker>([^<]+)</NextMarker>"), dict


def _gcs(driver: str, parameters: Mapping[str, Any]) -> Listing:
    parsed, endpoint, who = gcs_place(driver, parameters)
    base = f"{endpoint or GOOGLE}/storage/v1/b/{parsed.bucket}/o"

    def url(prefix: str, after: str) -> str:
        query = {"prefix": parsed.prefix + prefix, "maxResults": "1000", **({"pageToken": after} if after else {})}
        return f"{base}?{urlencode(query)}"

    return url, re.compile(rb'"selfLink"'), re.compile(rb'"nextPageToken": ?"([^"]+)"'), gcs_bearer(who)


def _swift(driver: str, parameters: Mapping[str, Any]) -> Listing:
    parsed, account, layout = swift_place(driver, parameters)
    access = account.access()

    def url(prefix: str, after: str) -> str:
        query = {"format": "json", "prefix": layout.file(prefix), "marker": after}
        return f"{access.url}/{parsed.container}?{urlencode(query)}"

    name = re.compile(rb'"name": ?"([^"]+)"')
    return url, name, name, lambda: {"X-Auth-Token": access.token}


_LISTINGS: Mapping[str, Callable[[str, Mapping[str, Any]], Listing]] = {"azure": _azure, "gcs": _gcs, "swift": _swift}
