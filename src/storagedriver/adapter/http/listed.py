"""Pages of the listing of a bucket, as S3 defined it and the stores that follow it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element

from storagedriver.adapter.http.document import Document, is_cut, time_of
from storagedriver.adapter.http.reading import quoted_etag
from storagedriver.adapter.store import Entry
from storagedriver.errors import InvalidAnswerError
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
        As `storagedriver.adapter.http.reading.quoted_etag` gives it.
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
    prefix : str
        What every name has to begin with.
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

    Raises
    ------
    InvalidAnswerError
        If a name does not begin with the prefix, or the page does not say whether it is the last.
    """

    def __init__(self, document: Document, prefix: str, decode: Callable[[str], str]) -> None:
        self._document = document
        self._prefix = prefix
        self._given = decode
        self._decode = decode if document.text("EncodingType") == "url" else str
        self.token = document.text("NextContinuationToken")
        self.is_truncated = is_cut(document)
        changed, etag = (document.space + name for name in ("LastModified", "ETag"))
        self.objects = [
            ListedObject(
                self._name(item, "Key"),
                document.number(item, "Size"),
                time_of(item.findtext(changed)),
                quoted_etag(item.findtext(etag)),
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
        given = self._document.required(item, name)
        decoded = self._decode(given)
        if decoded.startswith(self._prefix):
            return decoded
        # Some servers encode names and do not say so, others say so and do not.
        for other in (given, self._given(given)):
            if other.startswith(self._prefix):
                return other
        raise InvalidAnswerError(f"a listing of {self._prefix!r} has {decoded[:80]!r}")


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
