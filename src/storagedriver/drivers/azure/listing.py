"""Listing, a page a request, read with the standard library: the SDK takes 20 times longer for an entry.

Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from storagedriver.adapter.ahead import Listing
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.reading import http_time, quoted_etag
from storagedriver.adapter.store import Entry
from storagedriver.drivers.azure.blobs import CLEARING_TYPE
from storagedriver.drivers.azure.client import Client
from storagedriver.errors import InvalidAnswerError

__all__ = ["pages"]

_MOST = 5000


def pages(
    client: Client,
    prefix: str,
    *,
    recursive: bool,
    limit: int = 0,
    start_after: str = "",
    unfinished: bool = False,
    directories: list[str] | None = None,
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
    directories : list of str, optional
        Gets the keys of the blobs that are directories, in an account with a
        hierarchical namespace. They are no entries.
    """
    query = {"restype": "container", "comp": "list", "prefix": client.full(prefix), "include": "metadata"}
    if not recursive:
        query["delimiter"] = "/"
    if unfinished:
        query["include"] += ",uncommittedblobs"

    def fetch(marker: str, wanted: int) -> tuple[list[Entry], str | None]:
        asked = {**query, "maxresults": str(min(wanted or _MOST, _MOST)), **({"marker": marker} if marker else {})}
        listed = client.ask("EnumerationResults", "GET", None, asked)
        page = [
            entry
            for entry in _entries(client, listed, directories, unfinished=unfinished)
            if not start_after or _position(entry) > start_after
        ]
        following = listed.text("NextMarker") or None
        if following == marker:
            raise InvalidAnswerError("a listing of the store does not go on")
        return page, following

    return Listing(fetch, "", limit=limit)


def _entries(client: Client, listed: Document, directories: list[str] | None, *, unfinished: bool) -> Iterator[Entry]:
    for element in listed.elements("Blobs/*"):
        name = element.find("Name")
        text = listed.required(element, "Name")
        if name is not None and name.get("Encoded") == "true":
            # A name with characters that XML cannot hold.
            text = unquote(text)
        key = client.relative(text)
        if element.tag == "BlobPrefix":
            yield Entry(key[:-1], is_dir=True)
            continue
        if element.findtext("Properties/Content-Type") == CLEARING_TYPE and not unfinished:
            continue
        if _is_directory(element):
            if directories is not None:
                directories.append(key)
            continue
        size = listed.number(element, "Properties/Content-Length")
        # Here it comes without the quotes that it has in headers.
        version = quoted_etag(element.findtext("Properties/Etag"))
        yield Entry(key, size, http_time(element.findtext("Properties/Last-Modified")), version=version)


def _position(entry: Entry) -> str:
    return entry.key + "/" if entry.is_dir else entry.key


def _is_directory(element: Element) -> bool:
    """Whether it is a directory of an account with a hierarchical namespace."""
    folder = element.findtext("Metadata/hdi_isfolder") or element.findtext("Metadata/Hdi_isfolder") or ""
    return element.findtext("Properties/ResourceType") == "directory" or folder.lower() == "true"
