"""The requests about one object: head, get, put, a part, and a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import first_byte, http_time, measured, open_range, size_in, whole
from storagedriver.adapter.multipart import Part
from storagedriver.adapter.one_put import version_of
from storagedriver.adapter.store import Body, EmptyBody, Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import code_of, status
from storagedriver.drivers.s3.uploads import explain
from storagedriver.errors import InvalidAnswerError

__all__ = ["get", "head", "put", "put_part", "stream", "written_over"]

_NOT_FOUND = 404
_UNSATISFIABLE = 416
_CONFLICTS = (409, 412)
_NOT_IMPLEMENTED = 501
#: The statuses that HEAD gives without a reason for what another request explains.
_UNEXPLAINED = (301, 400)


def head(bucket: Bucket, key: str) -> Entry | None:
    """The object, None if there is none or no such bucket: HEAD cannot tell the two apart."""
    try:
        return _head(bucket, key, {})
    except AnswerError as error:
        if status(error) == _NOT_FOUND:
            return None
        if status(error) in _UNEXPLAINED:
            bucket.requests.send("GET", "", {"list-type": 2, "prefix": bucket.full(key), "max-keys": 1})
        raise


def get(bucket: Bucket, key: str) -> bytes:
    """The whole content."""
    answer = bucket.requests.send("GET", bucket.full(key), large=True, interpret=_with_etag)
    return whole(answer, lambda: _head(bucket, key, _same(answer.headers.get("ETag", ""))).size)


def put(bucket: Bucket, key: str, content: memoryview, condition: Mapping[str, str] | None = None) -> None:
    """Write the content in one request, which S3 makes visible as a whole."""
    headers = {**bucket.writing, **(condition or {})}
    bucket.requests.send("PUT", bucket.full(key), headers=headers, body=content, interpret=_with_etag)


def written_over(bucket: Bucket, key: str, version: str, write: Callable[[Mapping[str, str]], None]) -> bool:
    """Write where nothing but one version of the object lies, ``""`` for nothing; False if something else does.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html

    Parameters
    ----------
    bucket, key, version : Bucket, str, str
        The object.
    write : callable
        Writes it, with the headers of the condition.
    """
    if not bucket.requests.keeps_conditions and not _is_still(bucket, key, version):
        return False
    condition = {"If-Match": version} if version else {"If-None-Match": "*"}
    try:
        write(condition if bucket.takes_conditions else {})
    except AnswerError as error:
        if status(error) == _NOT_IMPLEMENTED:
            # OpenStack's server takes one of the two only.
            bucket.takes_conditions = False
        elif status(error) not in _CONFLICTS and not (version and code_of(error) == "NoSuchKey"):
            raise
        elif not _is_still(bucket, key, version):
            return False
        # What lies there is as it was: SeaweedFS takes a directory of the same name for an object.
        write({})
    return True


def _is_still(bucket: Bucket, key: str, version: str) -> bool:
    return version_of(head(bucket, key)) == version


def put_part(bucket: Bucket, key: str, upload_id: str, number: int, data: memoryview) -> Part:
    """Send a part."""
    try:
        query = {"partNumber": number, "uploadId": upload_id}
        answer = bucket.requests.send("PUT", bucket.full(key), query, body=data, interpret=_with_etag)
    except Exception as error:
        explain(bucket, key, upload_id, error)
        raise
    return Part(number, len(data), answer.headers["ETag"])


def stream(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    same = _same(version)

    def send(headers: Mapping[str, str]) -> HTTPBody:
        return bucket.requests.open(bucket.full(key), {**same, **headers}, partial(_entry, key))

    try:
        return open_range(send, partial(_head, bucket, key, same), offset, length)
    except AnswerError as error:
        if code_of(error) != "InvalidRange" or status(error) == _UNSATISFIABLE:
            raise
        # Some servers answer 400 to what is past the end.
        return EmptyBody(_head(bucket, key, same))


def _head(bucket: Bucket, key: str, same: Mapping[str, str]) -> Entry:
    """The object, with its size."""
    full = bucket.full(key)
    entry = _entry(key, bucket.requests.send("HEAD", full, headers=same))
    return measured(
        entry,
        lambda: first_byte(lambda headers: bucket.requests.open(full, {**same, **headers}, partial(_entry, key))),
        lambda: _listed_size(bucket, full),
    )


def _with_etag(answer: Answer) -> Answer:
    """An answer by which something was written, or one that describes an object: it has an ETag."""
    if not answer.headers.get("ETag"):
        raise InvalidAnswerError(f"HTTP {answer.status} without an ETag is no answer of S3")
    return answer


def _same(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}


def _listed_size(bucket: Bucket, full: str) -> int | None:
    listed = bucket.requests.ask("ListBucketResult", "GET", "", {"list-type": 2, "prefix": full, "max-keys": 1})
    for item in listed.elements("Contents"):
        if listed.required(item, "Key") == full:
            return listed.number(item, "Size")
    return None


def _entry(key: str, answer: Answer) -> Entry:
    _with_etag(answer)
    time = http_time(answer.headers.get("Last-Modified"))
    return Entry(key, size_in(answer), time, version=answer.headers.get("ETag", ""))
