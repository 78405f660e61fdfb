"""Pages of the listing of a bucket, as S3 defined it and the stores that follow it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element

from storagedriver.adapter.http.document import Document, time_of
from storagedriver.adapter.store import Entry
from storagedriver.paths import WalkOrder, sort_key

__all__ = ["ListedObject", "ListedPage", "entries_of"]

#: The greatest character: no name below a prefix comes after it.
_LAST = "\U0010ffff"


class ListedObject(NamedTuple):
    """An object of a page. There are thousands of them, and a tuple is made at a third of the cost of a class.

    Attributes
    ----------
    key : str
        The key as the server knows it.
    size : int
        Bytes.
    time : datetime
        When it was written.
    etag : str
        As the store gave it, quotes included.
    """

    key: str
    size: int
    time: datetime
    etag: str


class ListedPage:
    """A page.

    Parameters
    ----------
    document : Document
        The answer.
    decode : callable
        Reads a name that the store has quoted, where the page says that it has.

    Attributes
    ----------
    objects : list of ListedObject
        The objects.
    prefixes : list of str
        What stands for the names below it, with the delimiter at the end.
    is_truncated : bool
        Whether there is another page.
    token : str
        What the next page is asked for by, ``""`` where the store gives none.
    """

    def __init__(self, document: Document, decode: Callable[[str], str]) -> None:
        self._document = document
        self._decode = decode if document.text("EncodingType") == "url" else str
        self.is_truncated = document.text("IsTruncated") == "true"
        self.token = document.text("NextContinuationToken")
        changed, etag = (document.space + name for name in ("LastModified", "ETag"))
        self.objects = [
            ListedObject(
                self._name(item, "Key"),
                document.number(item, "Size"),
                time_of(item.findtext(changed)),
                item.findtext(etag) or "",
            )
            for item in document.elements("Contents")
        ]
        self.prefixes = [self._name(item, "Prefix") for item in document.elements("CommonPrefixes")]

    @property
    def end(self) -> str:
        """The name behind which a listing without a token goes on, ``""`` for an empty page."""
        last = max([*(found.key for found in self.objects), *self.prefixes], default="")
        # The names below a prefix were put together to one line of this page.
        return last + _LAST if last in self.prefixes else last

    def _name(self, item: Element, name: str) -> str:
        return self._decode(self._document.required(item, name))


def entries_of(
    objects: Sequence[ListedObject],
    prefixes: Sequence[str],
    relative: Callable[[str], str],
    order: WalkOrder = "bytewise",
) -> list[Entry]:
    """The entries of a page.

    Parameters
    ----------
    objects, prefixes
        What the page has.
    relative : callable
        Gives a key without the root directory.
    order : {"bytewise", "tree"}
        The order in which the server lists.
    """
    entries = [Entry(relative(found.key), found.size, found.time, version=found.etag) for found in objects]
    # A prefix that is nothing but slashes, `a//`, is the directory `a/`.
    entries += [Entry(relative(prefix)[:-1], is_dir=True) for prefix in prefixes]
    if prefixes:
        entries.sort(key=lambda entry: sort_key(entry.key, is_dir=entry.is_dir, order=order))
    return entries
