"""The hot requests: a stream, a whole get and put, a head."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storagedriver.adapter.checksums import Checksum, read_twice
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.document import json_in
from storagedriver.adapter.http.reading import http_time, open_range, size_in, whole
from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.adapter.store import Body, EmptyBody, Entry
from storagedriver.drivers.gcs import checksum
from storagedriver.drivers.gcs.bucket import CONTENT_TYPE, STATE_TYPE, Bucket, Item
from storagedriver.drivers.gcs.deleting import delete_generation
from storagedriver.drivers.gcs.errors import NOT_FOUND, PRECONDITION_FAILED, has_status, is_own
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    PathNotFoundError,
    StorageDriverError,
)

__all__ = ["get", "get_generation", "head", "insert", "stream"]

#: The content as it is stored, also where it was stored in gzip:
#: https://cloud.google.com/storage/docs/transcoding
_AS_STORED = {"Accept-Encoding": "gzip"}
#: Headers that the answer to a content has on Google's servers, and some of them on each emulator.
_SIGNS = ("Content-Range", "X-Goog-Generation", "X-Goog-Hash", "X-Goog-Stored-Content-Length")
#: The most bytes of one request to a server that does not say what it sends.
_PIECE = 1 << 20
_CRC = re.compile(r"\bcrc32c=([A-Za-z0-9+/]+=*)")
_FIELDS = "kind,name,size,generation,updated,contentType,md5Hash,crc32c,metadata"


def head(bucket: Bucket, key: str, *, required: bool = False) -> Item | None:
    """Whatever is at the key, the state of an upload too; None if nothing does.

    Without a bucket it is None as well, unless that is `required`.
    """
    try:
        name = bucket.full(key)
        return bucket.item(
            bucket.client.ask("GET", "b/{}/o/{}", bucket.name, name, params={"fields": _FIELDS}, kind="storage#object")
        )
    except AnswerError as error:
        if not has_status(error, NOT_FOUND) or not is_own(error.answer):
            raise
        missing = bucket.not_found(error.answer) if required else None
        if isinstance(missing, BucketNotFoundError):
            raise missing from error
        return None


def get(bucket: Bucket, key: str) -> bytes:
    """The whole content."""

    def read() -> tuple[bytes, Checksum | None]:
        answer = _media(bucket, key, "")
        if _is_state(answer):
            raise PathNotFoundError
        content = whole(answer, lambda: _existing(bucket, key, answer.headers.get("X-Goog-Generation", "")).size)
        return content, _checksum_in(bucket, answer)

    return read_twice(read)


def get_generation(bucket: Bucket, item: Item) -> bytes:
    """The whole content of a small object, or of an upload's state, as it was found."""
    content = _media(bucket, item.key, item.generation).content
    if len(content) != item.size:
        raise ConflictError("it was replaced while it was read")
    return content


def stream(bucket: Bucket, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of generation `version` only if that is not empty."""
    if length == 0:
        return _empty(bucket, key, version)
    if not bucket.client.says_generation:
        return _Pieces(bucket, _existing(bucket, key, version), offset, length)
    body = open_range(
        lambda headers: _open(bucket, key, headers, version),
        lambda: _existing(bucket, key, version).entry,
        offset,
        length,
    )
    if body.entry.version:
        return body
    body.close()
    bucket.client.says_generation = False
    return _Pieces(bucket, _existing(bucket, key, version), offset, length)


def insert(
    bucket: Bucket,
    key: str,
    content: memoryview,
    *,
    content_type: str = CONTENT_TYPE,
    metadata: Mapping[str, str] | None = None,
    generation: str = "",
) -> Item:
    """Write a whole object in one request, which is atomic. The store compares its checksum before it takes it.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    key : str
        The key.
    content : memoryview
        The bytes.
    content_type : str
        Its type.
    metadata : mapping, optional
        The user's own.
    generation : str
        If not empty, what must lie at the key, else `ConflictError`.
    """
    crc = checksum.extended(0, content) if bucket.checks else None
    item = _insert(bucket, key, content, content_type, metadata, generation, crc)
    if crc is None or checksum.parsed(item.crc32c) in (None, crc):
        return item
    # An emulator compares nothing, and has what was damaged on its way.
    item = _insert(bucket, key, content, content_type, metadata, item.generation, crc)
    if checksum.parsed(item.crc32c) != crc:
        delete_generation(bucket, key, item.generation)
        raise IntegrityError(f"the store has received bytes of the crc32c {item.crc32c}")
    return item


def _insert(
    bucket: Bucket,
    key: str,
    content: memoryview,
    content_type: str,
    metadata: Mapping[str, str] | None,
    generation: str,
    crc: int | None,
) -> Item:
    condition = {"ifGenerationMatch": generation} if generation else {}
    if content and metadata is None and crc is None:
        url = bucket.upload_url(key, "media", **condition)
        headers = {"Content-Type": content_type}
        body: bytes | memoryview = content
    else:
        # A media upload of nothing breaks the connection of an emulator.
        url = bucket.upload_url(key, "multipart", **condition)
        headers, body = _multipart(content, content_type, metadata or {}, crc)
    try:
        answer = bucket.client.request("POST", url, headers=headers, body=body, interpret=_described)
    except AnswerError as error:
        if has_status(error, PRECONDITION_FAILED):
            return _own(bucket, key, content, content_type, metadata or {}, generation)
        if has_status(error, NOT_FOUND):
            raise BucketNotFoundError(f"the bucket {bucket.name!r} does not exist") from error
        raise
    return bucket.item(answer.document)


def _media(bucket: Bucket, key: str, generation: str) -> Answer:
    try:
        return bucket.client.request(
            "GET", bucket.media_url(key, generation), headers=_AS_STORED, large=True, interpret=_of_the_store
        )
    except AnswerError as error:
        if not has_status(error, NOT_FOUND):
            raise
        raise _missing(bucket, error.answer, generation) from error


def _missing(bucket: Bucket, answer: Answer, generation: str) -> StorageDriverError:
    """The error for a 404: if one generation was asked for, it was replaced or deleted."""
    error = bucket.not_found(answer)
    if generation and isinstance(error, PathNotFoundError):
        return ConflictError("it was replaced or deleted while it was read")
    return error


def _open(bucket: Bucket, key: str, headers: Mapping[str, str], version: str) -> HTTPBody:
    def entry(answer: Answer) -> Entry:
        _of_the_store(answer)
        time = http_time(answer.headers.get("Last-Modified"))
        version_read = answer.headers.get("X-Goog-Generation", "")
        found = Entry(key, size_in(answer), time, version=version_read, checksum=_checksum_in(bucket, answer))
        if _is_state(answer):
            raise PathNotFoundError
        if version and found.version not in ("", version):
            raise ConflictError("it was replaced while it was read")
        return found

    try:
        return bucket.client.stream(bucket.media_url(key, version), {**_AS_STORED, **headers}, entry)
    except AnswerError as error:
        if not has_status(error, NOT_FOUND):
            raise
        raise _missing(bucket, error.answer, version) from error


def _of_the_store(answer: Answer) -> Answer:
    """An answer with a content, as it is. Google's says its generation or its hash, an emulator's at least its type."""
    if not any(name in answer.headers for name in _SIGNS):
        raise InvalidAnswerError(f"HTTP {answer.status} without a word of an object is no answer of the store")
    return answer


def _described(answer: Answer) -> Answer:
    """The answer to what was written, as it is: a description of it."""
    resource = json_in(answer, dict, "an upload")
    if not resource.get("name"):
        raise InvalidAnswerError(f"HTTP {answer.status} for an upload does not describe what was written")
    return replace(answer, document=resource)


def _empty(bucket: Bucket, key: str, version: str) -> Body:
    return EmptyBody(_existing(bucket, key, version).entry)


def _existing(bucket: Bucket, key: str, version: str) -> Item:
    item = head(bucket, key)
    if item is None or item.is_state:
        if version:
            raise ConflictError("it was deleted while it was read")
        bucket.require()
        raise PathNotFoundError
    if version and item.generation != version:
        raise ConflictError("it was replaced while it was read")
    return item


class _Pieces:
    """A stream from an emulator that sends any generation and does not say which, a piece at a time.

    The generation is looked up after each piece. A stream that is left open
    would keep that emulator from answering anybody else, too.
    """

    def __init__(self, bucket: Bucket, item: Item, offset: int, length: int | None) -> None:
        self.entry = replace(item.entry, checksum=item.checksum if bucket.checks else None)
        self._bucket = bucket
        self._position = offset
        self._end = item.size if length is None else min(item.size, offset + length)

    def read(self, size: int, /) -> bytes:
        last = min(self._position + min(size, _PIECE), self._end) - 1
        if last < self._position:
            return b""
        key = self.entry.key
        answer = self._bucket.client.request(
            "GET",
            self._bucket.media_url(key),
            headers={**_AS_STORED, "Range": f"bytes={self._position}-{last}"},
            interpret=_of_the_store,
        )
        _existing(self._bucket, key, self.entry.version)
        self._position += len(answer.content)
        return answer.content

    def close(self) -> None:
        """Nothing is held."""


def _is_state(answer: Answer) -> bool:
    return answer.headers.get("Content-Type", "") == STATE_TYPE


def _checksum_in(bucket: Bucket, answer: Answer) -> Checksum | None:
    """What an answer with a content says of the whole of it."""
    found = _CRC.search(answer.headers.get("X-Goog-Hash", "")) if bucket.checks else None
    return Checksum.of_text("crc32c", found[1]) if found else None


def _multipart(
    content: memoryview, content_type: str, metadata: Mapping[str, str], crc: int | None
) -> tuple[dict[str, str], bytes]:
    """A body of two parts: https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects."""
    boundary = uuid.uuid4().hex
    resource: dict[str, Any] = {"contentType": content_type}
    if metadata:
        resource["metadata"] = dict(metadata)
    if crc is not None:
        resource["crc32c"] = checksum.written(crc)
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
        f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return {"Content-Type": f"multipart/related; boundary={boundary}"}, body


def _own(
    bucket: Bucket,
    key: str,
    content: memoryview,
    content_type: str,
    metadata: Mapping[str, str],
    generation: str,
) -> Item:
    """What is at the key if it is what we wrote, by an attempt whose answer was lost."""
    item = head(bucket, key)
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    if (
        item is None
        or item.generation == generation
        or (item.size, item.md5, item.content_type) != (len(content), digest, content_type)
        or item.metadata != dict(metadata)
    ):
        raise ConflictError(OVERTAKEN)
    return item
