"""Answers that are documents, in XML or JSON. XML is read with the standard library: SDKs take ten times longer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from xml.etree import ElementTree as ET

from storagedriver.adapter.http.answer import Answer
from storagedriver.adapter.http.reading import http_time, iso_time
from storagedriver.adapter.http.strangers import NO_STORE, is_web_page
from storagedriver.adapter.store import EPOCH
from storagedriver.errors import InvalidAnswerError

__all__ = ["Document", "beyond_xml", "error_fields", "is_cut", "json_in", "time_of", "with_document", "with_json"]

T = TypeVar("T")

_INTERNAL = 500
#: XML Schema's: https://www.w3.org/TR/xmlschema-2/#boolean. Some servers write them in capitals.
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}
#: What says where the next page begins, in one listing or another.
_FOLLOWING = ("NextContinuationToken", "NextMarker", "NextKeyMarker", "NextPartNumberMarker")
#: What is read of a description that is no XML: it may quote a key that has what XML cannot carry.
_FIELD = re.compile(rb"<([A-Za-z0-9]+)>([^<]*)</\1>")
#: What no document can hold, not even as a reference: https://www.w3.org/TR/xml/#charsets.
_BEYOND = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def beyond_xml(name: str) -> str:
    """What `storagedriver.adapter.store.Store.refuses` says of a name that XML cannot carry.

    Such an object could be put and deleted, but where its upload is begun or
    listed the name is another one, or the whole answer is no XML: a resume
    would find nothing, or only the old object.
    """
    found = _BEYOND.search(name)
    return f"the answers of the store are XML, which has no {found[0]!r}" if found else ""


class Document:
    """An answer.

    Attributes
    ----------
    name : str
        That of its outermost element.
    space : str
        What stands before the names of its elements: their namespace, which some servers leave out.
    """

    def __init__(self, root: ET.Element, what: str) -> None:
        self._root = root
        self._what = what
        space, brace, self.name = root.tag.rpartition("}")
        self.space = space + brace

    @classmethod
    def read(cls, content: bytes, what: str) -> Document:
        """Read what was answered.

        Parameters
        ----------
        content : bytes
            The content.
        what : str
            What was answered, for errors.

        Raises
        ------
        InvalidAnswerError
            If it is no XML: half an answer, or a page of a proxy.
        """
        try:
            return cls(ET.fromstring(content), what)  # noqa: S314 - from the store, and expat bounds entities
        except ET.ParseError as error:
            raise _no_answer(f"{what} with what is no XML: {content[:60]!r}", content) from error

    def text(self, name: str) -> str:
        """The text of an element, ``""`` if there is none."""
        return self._root.findtext(self.space + name) or ""

    def has(self, name: str) -> bool:
        """Whether there is an element of this name."""
        return self._root.find(self.space + name) is not None

    def elements(self, name: str) -> Iterator[ET.Element]:
        """All elements of a name."""
        return self._root.iterfind(self.space + name)

    def needed(self, name: str) -> str:
        """The text of an element, which must be there.

        Raises
        ------
        InvalidAnswerError
            If there is none, or an empty one.
        """
        return self.required(self._root, name)

    def required(self, element: ET.Element, name: str) -> str:
        """The text of what an element must have.

        Raises
        ------
        InvalidAnswerError
            If it has no such element, or an empty one.
        """
        text = element.findtext(self.space + name)
        if not text:
            raise InvalidAnswerError(f"{self._what} with an element that has no {name}")
        return text

    def number(self, element: ET.Element, name: str) -> int:
        """The number in an element, which must be there.

        Raises
        ------
        InvalidAnswerError
            If there is none.
        """
        text = self.required(element, name)
        if not text.isdecimal():
            raise InvalidAnswerError(f"{self._what} with {text[:40]!r} for a {name}")
        return int(text)


def with_document(root: str, what: str) -> Callable[[Answer], Answer]:
    """What `HTTPClient.request` takes for `interpret`, where a success is answered with a document in XML.

    Parameters
    ----------
    root : str
        The name that the outermost element must have.
    what : str
        What was asked for, for errors.

    Returns
    -------
    callable
        Gives an answer its `Document`. Where that says that the store has
        failed, the status becomes 500: a store that has begun to answer can
        say it in no other way. It raises `InvalidAnswerError` for another
        document, or none.
    """

    def read(answer: Answer) -> Answer:
        asked = f"{what} was answered {answer.status}"
        document = Document.read(answer.content, asked)
        if document.name == "Error":
            return replace(answer, status=_INTERNAL)
        # Some servers say Response for Result.
        if document.name not in (root, root.replace("Result", "Response")):
            raise _no_answer(f"{asked} with <{document.name}>, and <{root}> was expected", answer.content)
        return replace(answer, document=document)

    return read


def error_fields(content: bytes) -> dict[str, str]:
    """What the description of a failure says, as S3 defined it and the stores that follow it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

    Parameters
    ----------
    content : bytes
        The content of an answer.

    Returns
    -------
    dict
        The texts by their names (``Code``, ``Message``), none where it is no such description.
    """
    try:
        root = ET.fromstring(content)  # noqa: S314 - from the store, and expat bounds entities
    except ET.ParseError:
        found = _FIELD.findall(content) if b"<Error>" in content else ()
        return {name.decode(): text.decode(errors="replace") for name, text in found}
    return {element.tag.rpartition("}")[2]: element.text or "" for element in root}


def with_json(kind: type, what: str) -> Callable[[Answer], Answer]:
    """The same for an answer in JSON, a `dict` or a `list`."""
    return lambda answer: replace(answer, document=json_in(answer, kind, what))


def json_in(answer: Answer, kind: type[T], what: str) -> T:
    """What the JSON of an answer says.

    Parameters
    ----------
    answer : Answer
        The answer.
    kind : type
        What it has to be: `dict` or `list`.
    what : str
        What was asked for, for errors.

    Raises
    ------
    InvalidAnswerError
        If it is something else.
    """
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        name = "object" if kind is dict else "list"
        detail = f"{what} was answered {answer.status} with what is no JSON {name}: {answer.content[:60]!r}"
        raise _no_answer(detail, answer.content)
    return found


def is_cut(listed: Document) -> bool:
    """Whether a listing has another page.

    Raises
    ------
    InvalidAnswerError
        If it says neither that it has one nor that it has none.
    """
    text = listed.text("IsTruncated").strip().lower()
    if text not in _BOOLEANS:
        raise InvalidAnswerError(f"a listing of the store has {text[:40]!r} for IsTruncated")
    return _BOOLEANS[text] or (not text and any(listed.text(name) not in ("", "0") for name in _FOLLOWING))


def _no_answer(detail: str, content: bytes) -> InvalidAnswerError:
    error = InvalidAnswerError(detail)
    if is_web_page(content):
        error.hint = NO_STORE
    return error


def time_of(text: str | None) -> datetime:
    """A time of an answer, in UTC; `EPOCH` if there is none. Most servers write it as ISO does, some as HTTP does."""
    if not text:
        return EPOCH
    try:
        return iso_time(text)
    except ValueError:
        return http_time(text)
