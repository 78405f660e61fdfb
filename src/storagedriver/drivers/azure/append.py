"""Append blobs: uploads that a registry makes, and can resume, and contents that it can replace.

What is sent to an upload can be seen at once. A content is staged beside its
key, and copied over it. Sources:
https://learn.microsoft.com/rest/api/storageservices/append-block and
https://learn.microsoft.com/rest/api/storageservices/copy-blob
"""

from __future__ import annotations

import contextlib
import secrets

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.reading import etag_of
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.parts import PartEngine, PartUpload
from storagedriver.adapter.store import pieces_of
from storagedriver.drivers.azure import blobs
from storagedriver.drivers.azure.blobs import CONTENT_TYPE, Blob
from storagedriver.drivers.azure.blocks import MOST_BLOCKS, block_sizes
from storagedriver.drivers.azure.client import Client
from storagedriver.drivers.azure.copying import copy
from storagedriver.drivers.azure.errors import INVALID_BLOB_TYPE, code_of, is_conflict
from storagedriver.errors import ConflictError, StorageDriverError

__all__ = ["AppendUpload", "put"]

_MIB = 1 << 20
#: https://learn.microsoft.com/azure/storage/blobs/scalability-targets
_LARGEST_APPEND = 100 * _MIB
_LOST = "another writer has replaced the blob or appended to it"


def put(client: Client, key: str, content: memoryview, chunk_size: int) -> None:
    """Write the content as an append blob, which replaces another one in one step.

    It is written beside the key, under a name that a listing passes over, and
    copied over the key. A block blob there is deleted first.

    Parameters
    ----------
    client : Client
        The connection.
    key : str
        The blob.
    content : memoryview
        All of it.
    chunk_size : int
        The bytes that are appended at a time; they grow late.
    """
    staged = blobs.staged_beside(key)
    part_size = block_sizes(chunk_size, _LARGEST_APPEND)
    try:
        version = _create(client, staged)
        number, end = 1, 0
        while end < len(content):
            piece = content[end : end + part_size(number)]
            version = _append(client, staged, piece, end, version)
            number, end = number + 1, end + len(piece)
        copy(client, staged, key)
    except BaseException:
        with contextlib.suppress(Exception):
            blobs.delete_one(client, staged)
        raise
    blobs.delete_one(client, staged)


class AppendUpload(PartUpload[None]):
    """An append blob and the end of it that was written last.

    Parameters
    ----------
    client : Client
        The connection.
    limit : Limit
        How many requests run at a time.
    blob : Blob
        The append blob as it is; or a block blob, which becomes one with the
        first byte.
    chunk_size : int
        The bytes that are appended at a time; they grow late.
    """

    def __init__(self, client: Client, limit: Limit, blob: Blob, chunk_size: int) -> None:
        self._client = client
        self._limit = limit
        self._key = blob.entry.key
        self._version = blob.entry.version
        super().__init__(blob.entry.size)
        self._end = blob.entry.size
        self._blocks = blob.blocks
        self._part_size = block_sizes(chunk_size, _LARGEST_APPEND)
        self._foreign = None if blob.is_append else blob
        #: The copy that a block blob was made, which is to take its place.
        self._spare = ""
        #: What was sent and is not known to have arrived.
        self._unsure = b""

    @classmethod
    def begin(cls, client: Client, limit: Limit, key: str, chunk_size: int) -> AppendUpload:
        """Begin one, over whatever is there."""
        _create(client, key)
        return cls.resume(client, limit, _there(client, key), chunk_size)

    @classmethod
    def resume(cls, client: Client, limit: Limit, blob: Blob, chunk_size: int) -> AppendUpload:
        """Go on at the end of an append blob."""
        return cls(client, limit, blob, chunk_size)

    @classmethod
    def adopt(cls, client: Client, limit: Limit, blob: Blob, chunk_size: int) -> AppendUpload:
        """Go on from a block blob, which is made an append blob when the first byte is written."""
        return cls(client, limit, blob, chunk_size)

    def suspend(self) -> None:
        """Send what is buffered."""
        self._flush()

    def commit(self) -> None:
        """Send what is buffered, and see that the blob is still this upload's."""
        self.suspend()
        with self._limit.slot():
            blob = blobs.head(self._client, self._key)
        if blob is None or blob.entry.version != self._version:
            raise ConflictError(_LOST)

    def cancel(self) -> None:
        """Delete the blob, unless another writer has written it since."""
        self._stop()
        with self._limit.slot():
            if self._spare:
                blobs.delete_one(self._client, self._spare)
            if self._unsure:
                with contextlib.suppress(ConflictError):
                    self._version = _arrived(self._client, self._key, self._unsure, self._end)
            try:
                blobs.delete_one(self._client, self._key, self._version)
            except AnswerError as error:
                if not is_conflict(error):
                    raise

    def _prepare(self) -> PartEngine[None]:
        if self._foreign is not None:
            with self._limit.slot():
                self._convert(self._foreign)
            self._foreign = None
        # One at a time: they are in the order of their arrival.
        return PartEngine(self._send, first=self._blocks + 1, base=self._end, part_size=self._part_size, concurrency=1)

    def _send(self, number: int, data: memoryview) -> None:
        if number > MOST_BLOCKS:
            detail = f"the blob would have more than {MOST_BLOCKS} blocks; set a larger chunksize, and begin again"
            raise StorageDriverError(detail)
        self._unsure = bytes(data)
        with self._limit.slot():
            version = _append(self._client, self._key, data, self._end, self._version)
        self._version, self._end, self._unsure = version, self._end + len(data), b""

    def _convert(self, blob: Blob) -> None:
        """Make an append blob of a block blob, over a copy whose name no path can have.

        Between the deletion and the copy there is nothing at the key. What is
        lost by a kill there is under the copy's name; after a failure there
        the next attempt goes on with it.
        """
        if not self._spare:
            self._spare = self._copied(blob)
        try:
            blobs.delete_one(self._client, self._key, self._version)
        except AnswerError as error:
            if is_conflict(error):
                raise ConflictError(_LOST) from error
            raise
        copy(self._client, self._spare, self._key)
        made = _there(self._client, self._key)
        self._version, self._blocks = made.entry.version, made.blocks
        blobs.delete_one(self._client, self._spare)
        self._spare = ""

    def _copied(self, blob: Blob) -> str:
        """Make an append blob with the content of a block blob, and give its key."""
        spare = f"{self._key}~{secrets.token_hex(8)}"
        version, end = _create(self._client, spare), 0
        try:
            with contextlib.closing(blobs.stream(self._client, self._key, 0, None, self._version)) as body:
                for piece in pieces_of(body, blob.entry.size, self._part_size(1)):
                    version = _append(self._client, spare, memoryview(piece), end, version)
                    end += len(piece)
        except BaseException:
            with contextlib.suppress(Exception):
                blobs.delete_one(self._client, spare)
            raise
        return spare


def _create(client: Client, key: str) -> str:
    """Make an empty append blob over whatever is there; its version."""
    headers = {"x-ms-blob-type": "AppendBlob", "x-ms-blob-content-type": CONTENT_TYPE}
    try:
        answer = client.send("PUT", key, headers=headers)
    except AnswerError as error:
        if code_of(error) != INVALID_BLOB_TYPE:
            raise
        blobs.delete_one(client, key)
        answer = client.send("PUT", key, headers=headers)
    version: str = answer.headers.get("ETag", "")
    return version


def _there(client: Client, key: str) -> Blob:
    blob = blobs.head(client, key)
    if blob is None:
        raise ConflictError(_LOST)
    return blob


def _append(client: Client, key: str, data: memoryview, offset: int, version: str) -> str:
    """Append at this offset of this version, once; the new version."""
    headers = {"x-ms-blob-condition-appendpos": str(offset), "If-Match": version}
    try:
        answer = client.send_content(key, {"comp": "appendblock"}, headers, data)
    except AnswerError as error:
        if not is_conflict(error):
            raise
        return _arrived(client, key, bytes(data), offset, error)
    return etag_of(answer)


def _arrived(client: Client, key: str, data: bytes, offset: int, reason: Exception | None = None) -> str:
    """The version of the blob, if it ends with this data at this offset: an append whose answer was lost.

    Raises
    ------
    ConflictError
        If it does not: another writer was there.
    """
    blob = blobs.head(client, key)
    if blob is None or not blob.is_append or blob.entry.size != offset + len(data):
        raise ConflictError(_LOST) from reason
    with contextlib.closing(blobs.stream(client, key, offset, len(data), blob.entry.version)) as body:
        if b"".join(iter(lambda: body.read(_MIB), b"")) != data:
            raise ConflictError(_LOST) from reason
    return blob.entry.version
