"""The requests about one object: head, get, put and a stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from oss2.exceptions import ServerError

from storagedriver.adapter.http.client import Answer, whole_size
from storagedriver.adapter.store import EPOCH, Body, EmptyBody, Entry
from storagedriver.drivers.oss.connection import Connection
from storagedriver.errors import StorageDriverError

__all__ = ["from_unixtime", "get", "head", "put", "stream"]

_OK = 200
_NOT_FOUND = 404
_UNSATISFIABLE = 416

#: Without it OSS answers a range that it cannot satisfy with the whole object:
#: https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
_STANDARD = {"x-oss-range-behavior": "standard"}


def head(connection: Connection, key: str) -> Entry | None:
    """The object, None if there is none.

    OSS puts its reason into a header of the answer; other servers may give
    none, and then a missing bucket is None as well.
    """
    try:
        result = connection.bucket.head_object(connection.full(key))
    except ServerError as error:
        if error.status == _NOT_FOUND and error.code in ("", "NoSuchKey"):
            return None
        raise
    return _entry(key, result.headers, int(result.headers.get("Content-Length", 0)))


def get(connection: Connection, key: str) -> bytes:
    """The whole content."""
    content: bytes = connection.bucket.get_object(connection.full(key)).read()
    return content


def put(connection: Connection, key: str, content: memoryview) -> None:
    """Write the content in one request, which OSS makes visible as a whole."""
    headers = {**connection.creating(), **connection.publishing(), **connection.checking(content)}
    connection.bucket.put_object(connection.full(key), content, headers=headers)


def stream(connection: Connection, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    same = {"If-Match": version} if version else {}
    headers = dict(same)
    if offset or length is not None:
        # There is no empty range: of a stream without length a byte is asked for, and dropped.
        last = "" if length is None else offset + max(length, 1) - 1
        headers |= {"Range": f"bytes={offset}-{last}", **_STANDARD}
    try:
        result = connection.streams.get_object(connection.full(key), headers=headers)
    except ServerError as error:
        if error.status != _UNSATISFIABLE:
            raise
        found = connection.bucket.head_object(connection.full(key), headers=same)
        return EmptyBody(_entry(key, found.headers, int(found.headers["Content-Length"])))
    body = result.resp.body
    body.entry = _entry(key, result.headers, whole_size(Answer(result.status, result.headers)))
    if offset < body.entry.size and length != 0 and not (offset and result.status == _OK):
        return body  # type: ignore[no-any-return]
    body.close()
    if offset < body.entry.size and length != 0:
        raise StorageDriverError("the store does not support ranges: it answered with the whole object")
    return EmptyBody(body.entry)


def from_unixtime(seconds: Any) -> datetime:
    """The SDK's times are seconds of the epoch."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def _entry(key: str, headers: Mapping[str, str], size: int) -> Entry:
    date = headers.get("Last-Modified")
    changed = parsedate_to_datetime(date).astimezone(timezone.utc) if date else EPOCH
    return Entry(key, size, changed, version=headers.get("ETag", ""))
