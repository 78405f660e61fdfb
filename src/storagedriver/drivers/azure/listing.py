"""Listing, a page a request, read with the standard library: the SDK takes 20 times longer for an entry.

An account with a hierarchical namespace keeps directories as blobs, which stay
when they are emptied: those are no entries, and neither are directories without
a file below. It fails where a prefix leads through a file.

Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.reading import http_time, quoted_etag
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.store import Entry
from storagedriver.drivers.azure.blobs import CLEARING_TYPE, STAGED, head
from storagedriver.drivers.azure.client import Client
from storagedriver.drivers.azure.errors import status_of
from storagedriver.errors import InvalidAnswerError

__all__ = ["Aside", "pages"]

_MOST = 5000
_CHECKS = 16
#: What may be answered where a prefix leads through a file.
_THROUGH_A_FILE = (400, 404, 409)


@dataclass
class Aside:
    """Blobs that are no files.

    Attributes
    ----------
    directories : list of str
        The keys of those that are directories, in an account with a
        hierarchical namespace.
    staged : list of Entry
        The append blobs that are to be copied over others.
    """

    directories: list[str] = field(default_factory=list)
    staged: list[Entry] = field(default_factory=list)


def pages(  # noqa: PLR0913 - all but two are given by name
    client: Client,
    prefix: str,
    *,
    recursive: bool,
    limit: int = 0,
    start_after: str = "",
    unfinished: bool = False,
    aside: Aside | None = None,
    on_empty: Callable[[], None] | None = None,
    only_files: bool = False,
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
    aside : Aside, optional
        Gets the blobs that are no entries.
    on_empty : callable, optional
        Called where the first page has nothing, or only names that begin with ``/``.
    only_files : bool
        Whether the store is asked not to send directories at all. Only an
        account with a hierarchical namespace takes that.
    """
    query = {"restype": "container", "comp": "list", "prefix": client.full(prefix), "include": "metadata"}
    if not recursive:
        query["delimiter"] = "/"
    if only_files:
        query["showonly"] = "files"
    if unfinished:
        query["include"] += ",uncommittedblobs"

    def fetch(marker: str, wanted: int) -> tuple[list[Entry], str | None]:
        asked = {**query, "maxresults": str(min(wanted or _MOST, _MOST)), **({"marker": marker} if marker else {})}
        try:
            listed = client.ask("EnumerationResults", "GET", None, asked)
        except AnswerError as error:
            if status_of(error) in _THROUGH_A_FILE and _is_a_file_above(client, prefix):
                return [], None
            raise
        kept: list[str] = []
        entries = _entries(client, listed, aside or Aside(), kept, unfinished=unfinished)
        page = [entry for entry in entries if not start_after or _position(entry) > start_after]
        if kept:
            empty = set(kept) - _inhabited(client, kept)
            page = [entry for entry in page if entry.key not in empty]
        following = listed.text("NextMarker") or None
        if on_empty is not None and not marker and all(entry.key.startswith("/") for entry in page):
            on_empty()
        if following == marker:
            raise InvalidAnswerError("a listing of the store does not go on")
        return page, following

    return Listing(fetch, "", limit=limit)


def _entries(client: Client, listed: Document, aside: Aside, kept: list[str], *, unfinished: bool) -> Iterator[Entry]:
    """The entries of a page; `kept` gets the directories that may be empty."""
    for element in listed.elements("Blobs/*"):
        name = element.find("Name")
        text = listed.required(element, "Name")
        if name is not None and name.get("Encoded") == "true":
            # A name with characters that XML cannot hold.
            text = unquote(text)
        key = client.relative(text)
        if element.tag == "BlobPrefix":
            if _is_directory(element):
                kept.append(key[:-1])
            yield Entry(key[:-1] or key, is_dir=True)
            continue
        if element.findtext("Properties/Content-Type") == CLEARING_TYPE and not unfinished:
            continue
        if _is_directory(element):
            client.is_hierarchical = True
            aside.directories.append(key)
            continue
        size = listed.number(element, "Properties/Content-Length")
        # Here it comes without the quotes that it has in headers.
        version = quoted_etag(element.findtext("Properties/Etag"))
        entry = Entry(key, size, http_time(element.findtext("Properties/Last-Modified")), version=version)
        if "~" in key and STAGED.fullmatch(key) and element.findtext("Properties/BlobType") == "AppendBlob":
            aside.staged.append(entry)
            continue
        yield entry


def _inhabited(client: Client, directories: list[str]) -> set[str]:
    """Those below which there is a file."""

    def has_file(key: str) -> bool:
        return any(pages(client, f"{key}/", recursive=True, limit=1, only_files=True))

    found = fan_out(has_file, directories, threads=_CHECKS, name="list")
    return {key for key, is_inhabited in zip(directories, found, strict=True) if is_inhabited}


def _is_a_file_above(client: Client, prefix: str) -> bool:
    """Whether a prefix leads through a file, so that there is nothing below it."""
    parts = prefix.split("/")[:-1]
    return any(head(client, "/".join(parts[:count])) is not None for count in range(len(parts), 0, -1))


def _position(entry: Entry) -> str:
    return entry.key + "/" if entry.is_dir else entry.key


def _is_directory(element: Element) -> bool:
    """Whether it is a directory of an account with a hierarchical namespace."""
    folder = element.findtext("Metadata/hdi_isfolder") or element.findtext("Metadata/Hdi_isfolder") or ""
    return element.findtext("Properties/ResourceType") == "directory" or folder.lower() == "true"
