"""What an answer says of an object, and contents that are read from an offset on.

The size of an object is never guessed: an answer that does not say it, one
that a proxy has sent in chunks for example, leads to another question.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.store import EPOCH, Body, EmptyBody, Entry
from storagedriver.errors import InvalidAnswerError

__all__ = [
    "SIZE_UNKNOWN",
    "check_range",
    "etag_of",
    "first_byte",
    "http_time",
    "iso_time",
    "measured",
    "open_range",
    "quoted_etag",
    "range_of",
    "size_in",
    "strong_etag",
    "whole",
    "with_etag",
    "without_content",
]

#: The size of an entry whose answer did not say it. It never leaves a store.
SIZE_UNKNOWN = -1

_OK = 200
_SUCCESSES = range(200, 300)
_PARTIAL = 206
_UNSATISFIABLE = 416
#: gcp-storage-emulator says `0--1/0` of an empty object.
_CONTENT_RANGE = re.compile(r"bytes (?:\*|[0-9]+--?[0-9]+)/([0-9]+)")
_FIRST = re.compile(r"bytes ([0-9]+)-")
_ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ]")
#: A zone as `+0000`, without the colon.
_ZONE = re.compile(r"([+-][0-9]{2})([0-9]{2})$")
_FRACTION = re.compile(r"\.([0-9]+)")


def size_in(answer: Answer) -> int:
    """The size of the object of which an answer holds all, a range or the head, in bytes.

    RFC 9110, 8.6 and 14.4.

    Returns
    -------
    int
        `SIZE_UNKNOWN` if the answer does not say it.
    """
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match:
        return int(match[1])
    if answer.status in (_PARTIAL, _UNSATISFIABLE):
        return SIZE_UNKNOWN
    return int(answer.headers.get("Content-Length", SIZE_UNKNOWN))


def measured(entry: Entry, *questions: Callable[[], int | None]) -> Entry:
    """The entry with its size, for which the store is asked if need be.

    Parameters
    ----------
    entry : Entry
        The object.
    *questions : callable
        Each asks the store in one way, and gives `SIZE_UNKNOWN` or None where
        that does not answer it.

    Raises
    ------
    InvalidAnswerError
        If no answer says the size.
    """
    if entry.size != SIZE_UNKNOWN:
        return entry
    for ask in questions:
        size = ask()
        if size is not None and size != SIZE_UNKNOWN:
            return replace(entry, size=size)
    raise InvalidAnswerError("no answer of the store says how large the object is")


def first_byte(send: Callable[[Mapping[str, str]], HTTPBody]) -> int:
    """The size of an object as the answer to a request for its first byte says it.

    Parameters
    ----------
    send : callable
        Sends a GET with the headers that it is given.
    """
    try:
        body = send(range_of(0, 1))
        body.close()
        return size_in(body.answer)
    except AnswerError as error:
        if error.answer.status != _UNSATISFIABLE:
            raise
        # There is no first byte.
        return 0


def whole(answer: Answer, size: Callable[[], int]) -> bytes:
    """The content of an answer that has to be all of an object.

    Parameters
    ----------
    answer : Answer
        The answer, which was read to its end.
    size : callable
        Gives the size of the same version of the object. It is asked for where
        the answer does not say how long it is.

    Raises
    ------
    InvalidAnswerError
        If it is a part of the object, or was decompressed on its way.
    """
    if answer.status == _PARTIAL:
        raise InvalidAnswerError("the store answered with a part of the object, and was asked for all of it")
    if ("Content-Length" not in answer.headers or not answer.is_framed) and len(answer.content) != size():
        raise InvalidAnswerError(
            "the content of the answer has another length than the object: it was cut or changed on its way"
        )
    return answer.content


def with_etag(answer: Answer) -> Answer:
    """An answer by which an object or a part was written, or one that describes it, as it is.

    Raises
    ------
    InvalidAnswerError
        If it has no ETag: then it is not the store's.
    """
    if not answer.headers.get("ETag"):
        raise InvalidAnswerError(f"HTTP {answer.status} without an ETag is no answer of the store")
    return answer


def quoted_etag(text: str | None) -> str:
    """An ETag as a store takes it in a condition: strong, and in quotes; ``""`` if there is none.

    Some servers leave the quotes out. A proxy that compresses answers makes
    their ETags weak, which match nothing (RFC 9110, 8.8.3 and 13.1.1), though
    the store behind it still knows the strong one.
    """
    text = strong_etag(text)
    return f'"{text}"' if text and not text.startswith('"') else text


def strong_etag(text: str | None) -> str:
    """An ETag as it is, but strong; ``""`` if there is none."""
    text = (text or "").strip()
    return text[2:] if text[:2] in ("W/", "w/") else text


def etag_of(answer: Answer) -> str:
    """The ETag of an answer, as `quoted_etag` gives it."""
    return quoted_etag(answer.headers.get("ETag"))


def without_content(answer: Answer) -> Answer:
    """The answer to a request that removes something, as it is.

    Raises
    ------
    InvalidAnswerError
        If it was a success and has a content. Stores send none, so it is the
        page of a proxy or a portal.
    """
    if answer.status in _SUCCESSES and answer.content:
        raise InvalidAnswerError(f"HTTP {answer.status} with {answer.content[:60]!r} does not say that it is removed")
    return answer


def range_of(offset: int, length: int | None) -> dict[str, str]:
    """The header for a range: RFC 9110, 14.2. There is no empty range: in place of one a byte is asked for."""
    if not offset and length is None:
        return {}
    last = "" if length is None else offset + max(length, 1) - 1
    return {"Range": f"bytes={offset}-{last}"}


def open_range(
    send: Callable[[Mapping[str, str]], HTTPBody],
    head: Callable[[], Entry],
    offset: int,
    length: int | None,
) -> Body:
    """Open the content of an object from `offset` on.

    Parameters
    ----------
    send : callable
        Sends a GET with the headers of a range; the body has its entry, whose
        size may be unknown.
    head : callable
        Gives the entry of the same version of the object, with its size.
    offset, length : int
        What is wanted, in bytes; a length of None means all that follows.

    Raises
    ------
    InvalidAnswerError
        If the store answers with another range than it was asked for.
    """
    try:
        body = send(range_of(offset, length))
    except AnswerError as error:
        if error.answer.status != _UNSATISFIABLE:
            raise
        return EmptyBody(head())
    with contextlib.ExitStack() as stack:
        stack.callback(body.close)
        if body.entry.size == SIZE_UNKNOWN:
            body.entry = replace(body.entry, size=head().size)
        left = max(0, body.entry.size - offset)
        wanted = left if length is None else min(left, length)
        if not wanted:
            return EmptyBody(body.entry)
        check_range(body.answer, offset)
        body.expect(body.entry.size if body.answer.status == _OK else wanted)
        stack.pop_all()
    return body


def check_range(answer: Answer, offset: int) -> None:
    """See that an answer with a content begins at a byte.

    Raises
    ------
    InvalidAnswerError
        If it is the whole object, or another range.
    """
    if offset and answer.status == _OK:
        raise InvalidAnswerError("the store does not support ranges: it answered with the whole object")
    began = _FIRST.match(answer.headers.get("Content-Range", ""))
    if answer.status == _PARTIAL and (began is None or int(began[1]) != offset):
        raise InvalidAnswerError(f"the store answered with another range than that from byte {offset} on")


@functools.lru_cache(maxsize=1024)
def http_time(text: str | None) -> datetime:
    """A time of a header, aware and in UTC; `EPOCH` if there is none.

    The forms are those of RFC 9110, 5.6.7; some servers write it as ISO does. All are UTC where they name no zone.

    Raises
    ------
    InvalidAnswerError
        If it is none.
    """
    if not text:
        return EPOCH
    try:
        if _ISO.match(text):
            return iso_time(text)
        time = parsedate_to_datetime(text)
    except (TypeError, ValueError) as error:
        raise InvalidAnswerError(f"{text[:40]!r} is no time") from error
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def iso_time(text: str) -> datetime:
    """A time of ISO 8601, aware and in UTC. Without a zone it is taken for UTC.

    Raises
    ------
    ValueError
        If it is none.
    """
    if sys.version_info < (3, 11):
        # Python 3.10 takes no Z, and no more or less than three or six digits of a second.
        text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.replace("Z", "+00:00"))
        text = _ZONE.sub(r"\1:\2", text)
    time = datetime.fromisoformat(text)
    if time.tzinfo is timezone.utc:
        return time
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
