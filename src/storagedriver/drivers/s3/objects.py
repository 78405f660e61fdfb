"""The hot requests: a stream, a whole get and put, a part, a head."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

from storagedriver.adapter.http.client import Answer, whole_size
from storagedriver.adapter.multipart import Part
from storagedriver.adapter.store import EPOCH, Body, EmptyBody, Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import error_code, status
from storagedriver.drivers.s3.uploads import explain
from storagedriver.errors import StorageDriverError

__all__ = ["get", "head", "put", "put_part", "stream"]

_OK = 200
_NOT_FOUND = 404
_UNSATISFIABLE = 416
#: The statuses that HEAD gives without a reason for what another request explains.
_UNEXPLAINED = (301, 400)


def head(bucket: Bucket, key: str, **params: Any) -> Entry | None:
    """The object, None if there is none or no such bucket: HEAD cannot tell the two apart."""
    try:
        answer = bucket.signed.send("head_object", bucket.full(key), **params)
    except Exception as error:
        if status(error) == _NOT_FOUND:
            return None
        if status(error) in _UNEXPLAINED:
            bucket.client.run(lambda: bucket.call("list_objects_v2", Prefix=bucket.full(key), MaxKeys=1))
        raise
    return _entry(key, answer)


def get(bucket: Bucket, key: str) -> bytes:
    """The whole content."""
    return bucket.signed.send("get_object", bucket.full(key)).content


def put(bucket: Bucket, key: str, content: memoryview) -> None:
    """Write the content in one request, which S3 makes visible as a whole."""
    bucket.signed.send("put_object", bucket.full(key), body=content, **bucket.writing)


def put_part(bucket: Bucket, key: str, upload_id: str, number: int, data: memoryview) -> Part:
    """Send a part."""
    try:
        answer = bucket.signed.send("upload_part", bucket.full(key), body=data, UploadId=upload_id, PartNumber=number)
    except Exception as error:
        explain(bucket, key, upload_id, error)
        raise
    return Part(number, len(data), answer.headers["ETag"])


def stream(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    same: dict[str, Any] = {"IfMatch": version} if version else {}
    params = dict(same)
    if offset or length is not None:
        # There is no empty range: of a stream without length a byte is asked for, and dropped.
        last = "" if length is None else offset + max(length, 1) - 1
        params["Range"] = f"bytes={offset}-{last}"
    statuses: list[int] = []

    def entry(answer: Answer) -> Entry:
        statuses.append(answer.status)
        return _entry(key, answer)

    try:
        body = bucket.signed.open(bucket.full(key), entry, **params)
    except Exception as error:
        if status(error) != _UNSATISFIABLE and error_code(error) != "InvalidRange":
            raise
        # Past the end; what the object is has to be asked for.
        return EmptyBody(_entry(key, bucket.signed.send("head_object", bucket.full(key), **same)))
    if offset < body.entry.size and length != 0 and not (offset and statuses == [_OK]):
        return body
    body.close()
    if offset < body.entry.size and length != 0:
        raise StorageDriverError("the store does not support ranges: it answered with the whole object")
    return EmptyBody(body.entry)


def _entry(key: str, answer: Answer) -> Entry:
    modified = answer.headers.get("Last-Modified")
    time = parsedate_to_datetime(modified) if modified else EPOCH
    return Entry(key, whole_size(answer), time, version=answer.headers.get("ETag", ""))
