"""The requests about one object: head, get, put and a stream."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import first_byte, http_time, measured, open_range, size_in, whole
from storagedriver.adapter.store import Body, Entry
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.errors import code_of
from storagedriver.errors import InvalidAnswerError

__all__ = ["get", "head", "put", "stream", "with_etag"]

_NOT_FOUND = 404

#: Without it OSS answers a range that it cannot satisfy with the whole object:
#: https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
_STANDARD = {"x-oss-range-behavior": "standard"}


def head(bucket: Bucket, key: str) -> Entry | None:
    """The object, None if there is none.

    OSS puts its reason into a header of the answer; other servers may give
    none, and then a missing bucket is None as well.
    """
    try:
        return _head(bucket, key, {})
    except AnswerError as error:
        if error.answer.status == _NOT_FOUND and code_of(error) in ("", "NoSuchKey"):
            return None
        raise


def get(bucket: Bucket, key: str) -> bytes:
    """The whole content."""
    answer = bucket.requests.send("GET", bucket.full(key), large=True, interpret=with_etag)
    return whole(answer, lambda: _head(bucket, key, _same(answer.headers.get("ETag", ""))).size)


def put(bucket: Bucket, key: str, content: memoryview) -> None:
    """Write the content in one request, which OSS makes visible as a whole."""
    headers = {**bucket.creating, **bucket.publishing, **bucket.checking(content)}
    bucket.requests.send("PUT", bucket.full(key), headers=headers, body=content, interpret=with_etag)


def stream(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    same = _same(version)
    return open_range(partial(_open, bucket, key, same), partial(_head, bucket, key, same), offset, length)


def with_etag(answer: Answer) -> Answer:
    """An answer by which something was written, or one that describes an object: it has an ETag.

    Raises
    ------
    InvalidAnswerError
        If it has none.
    """
    if not answer.headers.get("ETag"):
        raise InvalidAnswerError(f"HTTP {answer.status} without an ETag is no answer of OSS")
    return answer


def _open(bucket: Bucket, key: str, same: Mapping[str, str], part: Mapping[str, str]) -> HTTPBody:
    standard = _STANDARD if part else {}
    return bucket.requests.open(bucket.full(key), {**same, **part, **standard}, partial(_entry, key))


def _head(bucket: Bucket, key: str, same: Mapping[str, str]) -> Entry:
    """The object, with its size."""
    full = bucket.full(key)
    entry = _entry(key, bucket.requests.send("HEAD", full, headers=same, interpret=with_etag))
    return measured(entry, lambda: first_byte(partial(_open, bucket, key, same)), lambda: _listed_size(bucket, full))


def _listed_size(bucket: Bucket, full: str) -> int | None:
    listed = bucket.requests.ask("ListBucketResult", "GET", "", {"list-type": 2, "prefix": full, "max-keys": 1})
    for item in listed.elements("Contents"):
        if listed.required(item, "Key") == full:
            return listed.number(item, "Size")
    return None


def _same(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}


def _entry(key: str, answer: Answer) -> Entry:
    with_etag(answer)
    time = http_time(answer.headers.get("Last-Modified"))
    return Entry(key, size_in(answer), time, version=answer.headers["ETag"])
