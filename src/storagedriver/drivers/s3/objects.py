"""The hot requests: a stream, a whole get and put, a part, a head."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from typing import Any

from storagedriver.adapter.multipart import Part
from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.drivers.s3.bucket import Bucket, in_utc
from storagedriver.drivers.s3.client import BODY_RATE, Client
from storagedriver.drivers.s3.errors import error_code, status
from storagedriver.drivers.s3.uploads import explain
from storagedriver.errors import StorageDriverError, UnavailableError

__all__ = ["ObjectBody", "get", "head", "head_entry", "put", "put_part", "stream"]

_OK = 200
_NOT_FOUND = 404
_UNSATISFIABLE = 416
#: The statuses that HEAD gives without a reason for what another request explains.
_UNEXPLAINED = (301, 400)

#: The most bytes of one step of a stream: with more a slow network looks dead.
_PIECE = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (?:\*|[0-9]+-[0-9]+)/([0-9]+)")


def head(bucket: Bucket, key: str) -> Entry | None:
    """The object, None if there is none or no such bucket: HEAD cannot tell the two apart."""
    return bucket.client.run(lambda: head_entry(bucket, key))


async def head_entry(bucket: Bucket, key: str) -> Entry | None:
    """As `head`, on the loop."""
    try:
        response = await bucket.call("head_object", key)
    except Exception as error:
        if status(error) == _NOT_FOUND:
            return None
        if status(error) in _UNEXPLAINED:
            await bucket.call("list_objects_v2", Prefix=bucket.full(key), MaxKeys=1)
        raise
    return _entry(key, response, response["ContentLength"])


def get(bucket: Bucket, key: str) -> bytes:
    """The whole content."""

    async def whole(end: float) -> bytes:
        response = await bucket.client.send("get_object", end, Bucket=bucket.name, Key=bucket.full(key))
        content = response["Body"]
        pieces: list[bytes] = []
        try:
            # Each piece has the time that a whole small object has, so that a large one may take longer.
            while piece := await bucket.client.within(_later(bucket.client.timeout), content.read(_PIECE)):
                pieces.append(piece)
        finally:
            content.close()
        return b"".join(pieces)

    return bucket.client.run(lambda: bucket.client.attempt(whole, "get_object"))


def put(bucket: Bucket, key: str, content: memoryview) -> None:
    """Write the content in one request, which S3 makes visible as a whole."""
    body, allowance = _sent(content)
    bucket.client.run(lambda: bucket.call("put_object", key, allowance=allowance, Body=body, **bucket.writing))


def put_part(bucket: Bucket, key: str, upload_id: str, number: int, data: memoryview) -> Part:
    """Send a part."""
    body, allowance = _sent(data)

    async def sent() -> Part:
        try:
            response = await bucket.call(
                "upload_part", key, allowance=allowance, UploadId=upload_id, PartNumber=number, Body=body
            )
        except Exception as error:
            await explain(bucket, key, upload_id, error)
            raise
        return Part(number, len(body), response["ETag"])

    return bucket.client.run(sent)


def stream(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> ObjectBody:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    return bucket.client.run(lambda: _open(bucket, key, offset, length, version))


async def _open(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> ObjectBody:
    same: dict[str, Any] = {"IfMatch": version} if version else {}
    params = dict(same)
    if offset or length is not None:
        # There is no empty range: of a stream without length a byte is asked for, and dropped.
        last = "" if length is None else offset + max(length, 1) - 1
        params["Range"] = f"bytes={offset}-{last}"
    try:
        response = await bucket.call("get_object", key, **params)
    except Exception as error:
        if status(error) != _UNSATISFIABLE and error_code(error) != "InvalidRange":
            raise
        response = await bucket.call("head_object", key, **same)
        return ObjectBody(bucket.client, None, _entry(key, response, response["ContentLength"]), 0)
    size = _whole_size(response)
    left = max(0, size - offset)
    left = left if length is None else min(left, length)
    content = response["Body"]
    if response["ResponseMetadata"]["HTTPStatusCode"] == _OK and offset and left:
        content.close()
        raise StorageDriverError("the store does not support ranges: it answered with the whole object")
    body = ObjectBody(bucket.client, content, _entry(key, response, size), left)
    if not left:
        body.close()
    return body


class ObjectBody:
    """The open content of an object: a `storagedriver.adapter.store.Body`.

    Parameters
    ----------
    client : Client
        Whose connection it is.
    content : object or None
        The SDK's asynchronous stream; None if there is nothing to read.
    entry : Entry
        The object.
    left : int
        How many bytes are to come.
    """

    def __init__(self, client: Client, content: Any, entry: Entry, left: int) -> None:
        self._client = client
        self._content = content
        self._entry = entry
        self._left = left
        self._failure: Exception | None = None
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()

    @property
    def entry(self) -> Entry:
        """The object that is read; its size is that of the whole object."""
        return self._entry

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, ``b""`` at the end of what was asked for."""
        if self._failure is not None:
            raise self._failure
        if not self._left or size <= 0:
            return b""
        if self._pid != os.getpid():
            # The connection and its loop stayed with the parent.
            raise UnavailableError("the stream was opened by another process")
        data = self._client.run(lambda: self._read(min(size, self._left, _PIECE)))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Give the connection back; one with content still to come is closed."""
        content, self._content = self._content, None
        if content is not None and self._pid == os.getpid():
            with contextlib.suppress(RuntimeError):  # the loop ended before us, with the interpreter
                self._loop.call_soon_threadsafe(content.close)

    async def _read(self, wanted: int) -> bytes:
        pieces: list[bytes] = []
        try:
            await self._client.within(_later(self._client.timeout), self._fill(pieces, wanted))
        except Exception as error:
            if not pieces:
                raise
            # What came before counts; the next call tells what happened then.
            self._failure = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _fill(self, pieces: list[bytes], wanted: int) -> None:
        while wanted:
            piece = await self._content.read(wanted)
            if not piece:
                raise UnavailableError("the connection ended before the content did")
            pieces.append(piece)
            wanted -= len(piece)


def _sent(data: memoryview) -> tuple[bytes, float]:
    """The bytes of a view, copied only if they must be, and the seconds they may take."""
    whole = data.obj
    if isinstance(whole, bytes) and len(whole) == data.nbytes:
        return whole, data.nbytes / BODY_RATE
    return data.tobytes(), data.nbytes / BODY_RATE


def _later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def _entry(key: str, response: dict[str, Any], size: int) -> Entry:
    return Entry(key, size, in_utc(response.get("LastModified", EPOCH)), version=response.get("ETag", ""))


def _whole_size(response: dict[str, Any]) -> int:
    match = _CONTENT_RANGE.fullmatch(response.get("ContentRange", ""))
    return int(match[1]) if match else int(response["ContentLength"])
