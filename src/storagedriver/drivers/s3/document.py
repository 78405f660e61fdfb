"""The XML of an answer, read with the standard library: the SDK takes ten times longer for an entry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from storagedriver.adapter.store import EPOCH
from storagedriver.drivers.s3.bucket import in_utc

__all__ = ["Document", "time_of"]


class Document:
    """An answer.

    Parameters
    ----------
    content : bytes
        What was answered.

    Raises
    ------
    botocore.parsers.ResponseParserError
        If that is no XML: half an answer, or a page of a proxy.

    Attributes
    ----------
    name : str
        That of its outermost element.
    space : str
        What stands before the names of its elements. Not every server has Amazon's namespace.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._root = ET.fromstring(content)  # noqa: S314 - from the store, and expat bounds entities
        except ET.ParseError as error:
            raise ResponseParserError(f"the store's answer cannot be read: {error}") from error
        space, brace, self.name = self._root.tag.rpartition("}")
        self.space = space + brace

    def text(self, name: str) -> str:
        """The text of an element, ``""`` if there is none."""
        return self._root.findtext(self.space + name) or ""

    def elements(self, name: str) -> Iterator[ET.Element]:
        """All elements of a name."""
        return self._root.iterfind(self.space + name)


def time_of(text: str | None) -> datetime:
    """A time of an answer, in UTC; `EPOCH` if there is none."""
    if not text:
        return EPOCH
    with contextlib.suppress(ValueError):
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else in_utc(time)
    return in_utc(parse_timestamp(text))
