"""The requests about one object: head, get, put and a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from oss2.exceptions import ServerError

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.reading import first_byte, http_time, measured, open_range, size_in, whole
from storagedriver.adapter.one_put import version_of
from storagedriver.adapter.store import Body, Entry
from storagedriver.drivers.oss.connection import Connection
from storagedriver.errors import InvalidAnswerError

__all__ = ["from_unixtime", "get", "head", "put", "stream", "written_over"]

_NOT_FOUND = 404
_UNSATISFIABLE = 416
_EXISTS = "FileAlreadyExists"

#: Without it OSS answers a range that it cannot satisfy with the whole object:
#: https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
_STANDARD = {"x-oss-range-behavior": "standard"}


def head(connection: Connection, key: str) -> Entry | None:
    """The object, None if there is none.

    OSS puts its reason into a header of the answer; other servers may give
    none, and then a missing bucket is None as well.
    """
    try:
        return _head(connection, key, {})
    except ServerError as error:
        if error.status == _NOT_FOUND and error.code in ("", "NoSuchKey"):
            return None
        raise


def get(connection: Connection, key: str) -> bytes:
    """The whole content."""
    answer = connection.bucket.get_object(connection.full(key)).resp.answer
    return whole(answer, lambda: _head(connection, key, _same(answer.headers.get("ETag", ""))).size)


def put(connection: Connection, key: str, content: memoryview, condition: Mapping[str, str] | None = None) -> None:
    """Write the content in one request, which OSS makes visible as a whole."""
    headers = {**connection.creating(), **connection.publishing(), **connection.checking(content), **(condition or {})}
    connection.bucket.put_object(connection.full(key), content, headers=headers)


def written_over(connection: Connection, key: str, version: str, write: Callable[[Mapping[str, str]], None]) -> bool:
    """Write where nothing but one version of the object lies, ``""`` for nothing; False if something else does.

    OSS knows one condition, that there is nothing:
    https://www.alibabacloud.com/help/en/oss/developer-reference/putobject

    Parameters
    ----------
    connection, key, version : Connection, str, str
        The object.
    write : callable
        Writes it, with the headers of the condition.
    """
    if version and version_of(head(connection, key)) != version:
        return False
    try:
        write({} if version else {"x-oss-forbid-overwrite": "true"})
    except ServerError as error:
        if error.code == _EXISTS:
            return False
        raise
    return True


def stream(connection: Connection, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    same = _same(version)

    return open_range(
        lambda part: _open(connection, key, {**same, **part}), lambda: _head(connection, key, same), offset, length
    )


def from_unixtime(seconds: Any) -> datetime:
    """The SDK's times are seconds of the epoch."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def _open(connection: Connection, key: str, headers: Mapping[str, str]) -> HTTPBody:
    standard = _STANDARD if "Range" in headers else {}
    try:
        result = connection.streams.get_object(connection.full(key), headers={**headers, **standard})
    except ServerError as error:
        if error.status != _UNSATISFIABLE:
            raise
        asked = Signed("GET", connection.parameters.locate(connection.parameters.bucket, connection.full(key)))
        raise AnswerError(Answer(error.status, error.headers), asked) from error
    body: HTTPBody = result.resp.body
    try:
        body.entry = _entry(key, body.answer)
    except BaseException:
        body.close()
        raise
    return body


def _head(connection: Connection, key: str, same: Mapping[str, str]) -> Entry:
    """The object, with its size."""
    full = connection.full(key)
    entry = _entry(key, connection.bucket.head_object(full, headers=same).resp.answer)
    return measured(
        entry,
        lambda: first_byte(lambda headers: _open(connection, key, {**same, **headers})),
        lambda: _listed_size(connection, full),
    )


def _listed_size(connection: Connection, full: str) -> int | None:
    listed = connection.ask("ListBucketResult", list_type="2", prefix=full, max_keys="1")
    for item in listed.elements("Contents"):
        if listed.required(item, "Key") == full:
            return listed.number(item, "Size")
    return None


def _same(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}


def _entry(key: str, answer: Answer) -> Entry:
    if not answer.headers.get("ETag"):
        raise InvalidAnswerError(f"HTTP {answer.status} without an ETag is no answer of OSS")
    time = http_time(answer.headers.get("Last-Modified"))
    return Entry(key, size_in(answer), time, version=answer.headers["ETag"])
