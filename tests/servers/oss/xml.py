"""The XML of answers and of requests. OSS's has no namespace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from tests.servers.oss.failures import OSSError

#: The name of an element and its text, or the elements in it.
Node = tuple[str, "str | Sequence[Node]"]


def document(root: str, *nodes: Node, text: str | None = None) -> bytes:
    """A document of nested names and texts, or of a text alone."""
    element = Element(root)
    element.text = text
    _add(element, nodes)
    raw: bytes = tostring(element, encoding="utf-8", xml_declaration=True)
    return raw


def parsed(body: bytes, root: str) -> Element:
    """A request's document.

    Raises
    ------
    OSSError
        If it is none, or another one.
    """
    try:
        element = fromstring(body)
    except ParseError:
        raise OSSError("MalformedXML", "The XML you provided was not well-formed.") from None
    if element.tag != root:
        raise OSSError("MalformedXML", f"The XML you provided is no {root}.")
    return element


def encoder(encoding_type: str) -> Callable[[str], str]:
    """How keys are written, as the parameter ``encoding-type`` wants it."""
    if encoding_type not in ("", "url"):
        raise OSSError("InvalidArgument", "Invalid Encoding Method specified in Request.")
    return (lambda text: quote(text, safe="")) if encoding_type == "url" else str


def iso_time(seconds: float) -> str:
    """A time as OSS writes it: to the second, whatever the three digits pretend."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def flag(value: bool) -> str:
    return "true" if value else "false"


def _add(parent: Element, nodes: Sequence[Node]) -> None:
    for name, content in nodes:
        child = SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            _add(child, content)
