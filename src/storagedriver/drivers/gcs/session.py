"""A resumable session: bytes go to it one chunk after the other, and the last one publishes them.

Source: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import json
import random
import re
import time
from urllib.parse import urlsplit, urlunsplit

from storagedriver.adapter.lane import Answer, AnswerError, Repeat
from storagedriver.drivers.gcs.bucket import CONTENT_TYPE, Bucket
from storagedriver.drivers.gcs.errors import GONE, NOT_FOUND, SessionExpiredError, classify, has_status
from storagedriver.drivers.gcs.parameters import QUANTUM
from storagedriver.errors import BucketNotFoundError, StorageDriverError, UnavailableError

__all__ = ["FinishedEarlyError", "Session"]

_INCOMPLETE = 308
_DONE = frozenset({200, 201})
_ANSWERS = _DONE | {_INCOMPLETE}
_BAD_REQUEST = 400
#: A DELETE is answered 499 where it was done. An emulator knows no such request.
_DELETED = GONE | {200, 204, 501}
#: How often in a row a chunk is sent without a byte of it arriving.
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_RANGE = re.compile(r"bytes=0-([0-9]+)")


class FinishedEarlyError(StorageDriverError):
    """The server has published what the session had, though there was more to come.

    Attributes
    ----------
    size : int
        How much that was, in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the upload's session was finished at {size} bytes, by another writer or by the server")
        self.size = size


class Session:
    """One session.

    Parameters
    ----------
    bucket : Bucket
        Where it publishes.
    uri : str
        Its address, a secret.
    """

    def __init__(self, bucket: Bucket, uri: str) -> None:
        self.uri = uri
        self._bucket = bucket
        self._client = bucket.client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self._bucket.name}>"

    @classmethod
    def start(cls, bucket: Bucket, key: str) -> Session:
        """A new session. One that is never used vanishes after a week and costs nothing."""
        try:
            answer = bucket.client.call(
                "POST",
                bucket.upload_url(key, "resumable"),
                headers={"X-Upload-Content-Type": CONTENT_TYPE},
            )
        except AnswerError as error:
            if has_status(error, NOT_FOUND):
                raise BucketNotFoundError(f"the bucket {bucket.name!r} does not exist") from error
            raise
        return cls(bucket, answer.headers["Location"])

    def append(self, offset: int, data: memoryview) -> None:
        """Add data at its end, a multiple of 256 KiB.

        Parameters
        ----------
        offset : int
            The bytes that it has.
        data : memoryview
            What comes next.

        Raises
        ------
        SessionExpiredError
            If there is no such session any more.
        FinishedEarlyError
            If it has been published.
        """
        self._transfer(offset, data, None)

    def finish(self, offset: int, data: memoryview) -> None:
        """Add the last data, of any size, and publish."""
        self._transfer(offset, data, offset + len(data))

    def delete(self) -> None:
        """Give it up; one that is gone is no error."""
        self._client.request("DELETE", self._url(), headers={"Content-Length": "0"}, expected=_DELETED)

    def _transfer(self, start: int, data: memoryview, total: int | None) -> None:
        end = start + len(data)
        offset = start
        attempt = 0
        while True:
            try:
                answer = self._put(offset, data[offset - start :], total)
            except Exception as error:
                attempt += 1
                if attempt == _ATTEMPTS or not _may_go_on(error):
                    raise
                _pause(attempt)
                answer = self._status(total)
                if has_status(error, _BAD_REQUEST) and _persisted(answer, offset, end) == offset:
                    raise
            if answer.status in _DONE:
                size = _size(answer, total)
                if size == total:
                    return
                raise FinishedEarlyError(size)
            persisted = _persisted(answer, offset, end)
            if persisted > offset:
                attempt = 0
            offset = persisted
            if offset == end and total is None:
                return
            attempt += 1
            if attempt == _ATTEMPTS:
                raise UnavailableError(f"the store does not take the upload any further than {offset} bytes")

    def _put(self, offset: int, data: memoryview, total: int | None) -> Answer:
        size = "*" if total is None else str(total)
        span = f"{offset}-{offset + len(data) - 1}" if data else "*"
        return self._send(f"bytes {span}/{size}", data, repeat="never")

    def _status(self, total: int | None) -> Answer:
        """What the session has. Asked only where an answer was lost: an emulator publishes on it."""
        return self._send(f"bytes */{'*' if total is None else total}", memoryview(b""), repeat="idempotent")

    def _send(self, content_range: str, data: memoryview, *, repeat: Repeat) -> Answer:
        headers = {"Content-Range": content_range, "Content-Type": CONTENT_TYPE, "Content-Length": str(len(data))}
        try:
            return self._client.request(
                "PUT", self._url(), headers=headers, body=data, repeat=repeat, expected=_ANSWERS
            )
        except AnswerError as error:
            if has_status(error, *GONE):
                raise SessionExpiredError(
                    "the upload has expired: its session does not exist any more, after a week or because another"
                    " writer has ended it; it has to be started over"
                ) from error
            raise

    def _url(self) -> str:
        """The address to use: the one that is kept may name the server as another process sees it.

        The token goes along, so it must not go to whatever host an object in the bucket names.
        """
        parts = urlsplit(self.uri)
        own = urlsplit(self._client.endpoint)
        if self._client.is_custom:
            return urlunsplit((own.scheme, own.netloc, parts.path, parts.query, ""))
        host = parts.hostname or ""
        if parts.scheme != "https" or not (host == own.hostname or host.endswith(".googleapis.com")):
            raise StorageDriverError("the session of the upload is not at Google, and the endpoint is")
        return self.uri


def _may_go_on(error: Exception) -> bool:
    """Whether the session may still be good, and the chunk may have arrived, wholly or in part."""
    if isinstance(error, StorageDriverError):
        return isinstance(error, UnavailableError)
    return has_status(error, _BAD_REQUEST) or issubclass(classify(error).kind, UnavailableError)


def _persisted(answer: Answer, offset: int, end: int) -> int:
    """How much the session has, by a status of 308."""
    if answer.status != _INCOMPLETE:
        return end
    match = _RANGE.fullmatch(answer.headers.get("Range", ""))
    size = int(match[1]) + 1 if match else 0
    if size != end:
        # It keeps whole units; an emulator says one byte where it has none.
        size -= size % QUANTUM
    if not offset <= size <= end:
        raise StorageDriverError(f"the session of the upload has {size} bytes, and not {offset} to {end}")
    return size


def _size(answer: Answer, total: int | None) -> int:
    """The size of what was published."""
    try:
        return int(json.loads(answer.content)["size"])
    except (ValueError, TypeError, KeyError):
        return -1 if total is None else total


def _pause(attempt: int) -> None:
    time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311 - jitter
