"""Listing, a page a request, read with the standard library: the SDK takes 20 times longer for an entry.

Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.drivers.azure.blobs import CLEARING_TYPE
from storagedriver.drivers.azure.client import Client

__all__ = ["pages"]

_MOST = 5000


def pages(
    client: Client, prefix: str, *, recursive: bool, limit: int = 0, start_after: str = "", unfinished: bool = False
) -> Listing[Entry]:
    """As `storagedriver.adapter.store.Store.pages`.

    The store can begin only where it left off itself, so entries before
    `start_after` are listed and dropped.

    Parameters
    ----------
    client : Client
        The connection.
    prefix, recursive, limit, start_after
        As there.
    unfinished : bool
        Whether blobs that have nothing but uncommitted blocks are listed, too,
        and what an unfinished clearing of such blocks has left.
    """
    query = {"restype": "container", "comp": "list", "prefix": client.full(prefix)}
    if not recursive:
        query["delimiter"] = "/"
    if unfinished:
        query["include"] = "uncommittedblobs"

    def fetch(marker: str, wanted: int) -> tuple[list[Entry], str | None]:
        asked = {**query, "maxresults": str(min(wanted or _MOST, _MOST)), **({"marker": marker} if marker else {})}
        root = ET.fromstring(client.send("GET", None, asked).content)  # noqa: S314 - from the store, and expat bounds entities
        page = [
            entry
            for entry in _entries(client, root, unfinished=unfinished)
            if not start_after or _position(entry) > start_after
        ]
        return page, root.findtext("NextMarker") or None

    return Listing(fetch, "", limit=limit)


def _entries(client: Client, root: ET.Element, *, unfinished: bool) -> Iterator[Entry]:
    for element in root.iterfind("Blobs/*"):
        name = element.find("Name")
        text = "" if name is None else name.text or ""
        if name is not None and name.get("Encoded") == "true":
            # A name with characters that XML cannot hold.
            text = unquote(text)
        key = client.relative(text)
        if element.tag == "BlobPrefix":
            yield Entry(key[:-1], is_dir=True)
            continue
        if element.findtext("Properties/Content-Type") == CLEARING_TYPE and not unfinished:
            continue
        size = int(element.findtext("Properties/Content-Length") or 0)
        etag = element.findtext("Properties/Etag") or ""
        # Here it comes without the quotes that it has in headers.
        version = f'"{etag}"' if etag and not etag.startswith('"') else etag
        yield Entry(key, size, _time(element.findtext("Properties/Last-Modified")), version=version)


def _position(entry: Entry) -> str:
    return entry.key + "/" if entry.is_dir else entry.key


def _time(told: str | None) -> datetime:
    return parsedate_to_datetime(told).astimezone(timezone.utc) if told else EPOCH
