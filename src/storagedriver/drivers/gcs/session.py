"""A resumable session: bytes go to it one chunk after the other, and the last one publishes them.

Source: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.client import Repeat
from storagedriver.adapter.http.reading import without_content
from storagedriver.drivers.gcs import checksum
from storagedriver.drivers.gcs.bucket import CONTENT_TYPE, Bucket
from storagedriver.drivers.gcs.errors import (
    GONE,
    NOT_FOUND,
    FinishedEarlyError,
    SessionExpiredError,
    classify,
    has_status,
    is_own,
)
from storagedriver.drivers.gcs.parameters import QUANTUM
from storagedriver.drivers.gcs.tries import Tries
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    InvalidAnswerError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["Published", "Reach", "Session"]

_INCOMPLETE = 308
_DONE = frozenset({200, 201})
_ANSWERS = _DONE | {_INCOMPLETE}
_BAD_REQUEST = 400
#: A DELETE is answered 499 where it was done. An emulator knows no such request.
_DELETED = GONE | {200, 204, 501}
#: What a description of an object has; emulators leave out some of it.
_DESCRIPTION = frozenset({"crc32c", "generation", "md5Hash", "name", "size"})
_RANGE = re.compile(r"bytes=0-([0-9]+)")
_MIXED = "another writer has sent bytes to the session of the upload; it has to be started over"


@dataclass(frozen=True)
class Reach:
    """How far a session has come.

    Attributes
    ----------
    size : int or None
        The bytes that it has; None where the server does not say.
    crc : int or None
        Their CRC32C; None if it is not known.
    """

    size: int | None
    crc: int | None


@dataclass(frozen=True)
class Published:
    """What a session was published as.

    Attributes
    ----------
    size : int
        Bytes; -1 if the server did not say.
    crc : int or None
        Their CRC32C, if the server said it.
    generation : str
        The generation of the object.
    """

    size: int
    crc: int | None
    generation: str


class Session:
    """One session.

    What became of a chunk whose answer was lost is not known. So the session
    is asked before anything else is sent to it, in a later call too.

    Parameters
    ----------
    bucket : Bucket
        Where it publishes.
    uri : str
        Its address, a secret.
    offset : int
        The bytes that it has.
    crc : int, optional
        Their CRC32C, if it is known.
    """

    def __init__(self, bucket: Bucket, uri: str, offset: int = 0, crc: int | None = None) -> None:
        self.uri = uri
        self._bucket = bucket
        self._client = bucket.client
        #: Offset and checksum, which change together.
        self._at = (offset, crc)
        #: Up to where bytes were sent without an answer; None if there was one to everything.
        self._tried: int | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self._bucket.name}>"

    @property
    def offset(self) -> int:
        """The bytes that it is known to have."""
        return self._at[0]

    @property
    def crc(self) -> int | None:
        """The CRC32C of these bytes, if it is known."""
        return self._at[1]

    @classmethod
    def start(cls, bucket: Bucket, key: str) -> Session:
        """A new session. One that is never used vanishes after a week and costs nothing."""
        try:
            answer = bucket.client.request(
                "POST",
                bucket.upload_url(key, "resumable"),
                headers={"X-Upload-Content-Type": CONTENT_TYPE},
                interpret=_with_location,
            )
        except AnswerError as error:
            if has_status(error, NOT_FOUND):
                raise BucketNotFoundError(f"the bucket {bucket.name!r} does not exist") from error
            raise
        return cls(bucket, answer.headers["Location"], crc=0)

    def append(self, start: int, data: memoryview) -> None:
        """Make sure that it has some bytes. What it has of them already is not sent.

        Parameters
        ----------
        start : int
            How many bytes of the upload come before `data`. The session has these.
        data : memoryview
            The bytes. They end at a multiple of 256 KiB of the upload.

        Raises
        ------
        SessionExpiredError
            If there is no such session any more.
        FinishedEarlyError
            If it has been published.
        ConflictError
            If another writer has sent bytes to it.
        """
        self._transfer(start, data, None)

    def finish(self, start: int, data: memoryview) -> Published:
        """Make sure that it has the last bytes, of any number, and publish all."""
        published = self._transfer(start, data, start + len(data))
        assert published is not None
        return published

    def reach(self) -> Reach:
        """Ask how far it has come.

        Raises
        ------
        SessionExpiredError
            If there is no such session any more.
        FinishedEarlyError
            If it has been published.
        """
        answer = self._ask(time.monotonic() + self._client.timeout)
        if answer.status in _DONE:
            raise _finished_early(_published(answer).size)
        crc = _crc(answer)
        return Reach(_persisted(answer), None) if crc is None else Reach(None, crc)

    def publish(self) -> Published:
        """Have an emulator publish what it has, by asking it for the status."""
        answer = self._send("bytes */*", memoryview(b""), time.monotonic() + self._client.timeout, repeat="never")
        if answer.status not in _DONE:
            raise StorageDriverError("the server did not publish the session of the upload")
        return _published(answer)

    def delete(self) -> None:
        """Give it up; one that is gone is no error."""
        headers = {"Content-Length": "0"}
        self._client.request("DELETE", self._url(), headers=headers, expected=_DELETED, interpret=without_content)

    def _transfer(self, start: int, data: memoryview, total: int | None) -> Published | None:
        """Send what it does not have of `data`, and publish if `total` is given."""
        end = start + len(data)
        with self._lock:
            tries = Tries(self._client.timeout)
            while total is not None or self._tried is not None or self.offset < end:
                before = self.offset
                published = self._go_on(start, data, total, tries)
                if published is not None:
                    return published
                if self.offset > before:
                    tries.renew()
        return None

    def _go_on(self, start: int, data: memoryview, total: int | None, tries: Tries) -> Published | None:
        """Ask what became of the last request, if that is not known, else send what is missing."""
        if self._tried is not None:
            before = self.offset
            try:
                answer = self._ask(tries.deadline)
            except SessionExpiredError as error:
                # An emulator knows no session while it still reads a request that has broken off.
                tries.failure = error
                tries.begin(before)
                return None
            published = self._take(answer, start, data, total)
            if published is None and self.offset == before:
                # Another attempt would end the same way.
                tries.raise_failure(_BAD_REQUEST)
            return published
        tries.begin(self.offset)
        try:
            answer = self._put(start, data, total, tries.deadline)
        except Exception as error:
            if not _may_go_on(error):
                raise
            tries.failure = error
            return None
        return self._take(answer, start, data, total)

    def _take(self, answer: Answer, start: int, data: memoryview, total: int | None) -> Published | None:
        """Note how far an answer says that it has come; what was published, if it was."""
        if answer.status in _DONE:
            published = _published(answer)
            if total is None or published.size not in (total, -1):
                raise _finished_early(published.size)
            return published
        offset, crc = self._at
        tried = offset if self._tried is None else self._tried
        said = _crc(answer)
        if said is None:
            size = _persisted(answer, tried)
            if size < offset:
                raise StorageDriverError(f"the session of the upload has {size} bytes, where it had {offset}")
            if size > tried:
                raise ConflictError(_MIXED)
            crc = None if crc is None else checksum.extended(crc, data[offset - start : size - start])
        else:
            # The emulator that gives no size gives the checksum of what it has.
            size = offset
            after = checksum.extended(crc or 0, data[offset - start : tried - start])
            if crc is not None and said == after:
                size = tried
            elif said != crc:
                raise ConflictError(_MIXED)
            crc = said
        self._at = (size, crc)
        self._tried = None
        return None

    def _put(self, start: int, data: memoryview, total: int | None, deadline: float) -> Answer:
        """Send what it does not have, once."""
        offset, crc = self._at
        piece = data[offset - start :]
        self._tried = offset + len(piece)
        size = "*" if total is None else str(total)
        span = f"{offset}-{self._tried - 1}" if piece else "*"
        expected = None if total is None or crc is None else checksum.extended(crc, piece)
        try:
            return self._send(f"bytes {span}/{size}", piece, deadline, repeat="never", crc=expected)
        except AnswerError as error:
            # Google compares the checksum before it publishes.
            if has_status(error, _BAD_REQUEST) and total is not None and b"crc32c" in error.answer.content.lower():
                raise ConflictError(_MIXED) from error
            raise

    def _ask(self, deadline: float) -> Answer:
        """Ask for the status: where an answer was lost, and before an upload is gone on with.

        fake-gcs-server publishes when it is asked as Google wants it. A chunk
        of no bytes does no harm there, and its answer has the checksum of what
        the session has. So that is sent first to a server that is not known.
        """
        client = self._client
        nothing = memoryview(b"")
        if client.status_publishes is not False:
            answer = self._send(
                "bytes 0-0/*", nothing, deadline, repeat="idempotent", answers=_ANSWERS | {_BAD_REQUEST}
            )
            if client.status_publishes or _crc(answer) is not None:
                client.status_publishes = True
                return answer
            client.status_publishes = False
        return self._send("bytes */*", nothing, deadline, repeat="idempotent")

    def _send(
        self,
        content_range: str,
        data: memoryview,
        deadline: float,
        *,
        repeat: Repeat,
        crc: int | None = None,
        answers: frozenset[int] = _ANSWERS,
    ) -> Answer:
        headers = {"Content-Range": content_range, "Content-Type": CONTENT_TYPE, "Content-Length": str(len(data))}
        if crc is not None:
            headers["X-Goog-Hash"] = f"crc32c={checksum.written(crc)}"
        try:
            return self._client.request(
                "PUT",
                self._url(),
                headers=headers,
                body=data,
                repeat=repeat,
                expected=answers,
                interpret=_described,
                extra_time=deadline - time.monotonic() - self._client.timeout,
            )
        except AnswerError as error:
            if has_status(error, *GONE) and is_own(error.answer):
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


def _finished_early(size: int) -> FinishedEarlyError:
    how_much = f" at {size} bytes" if size >= 0 else ""
    return FinishedEarlyError(f"the session of the upload was finished{how_much}, by another writer or by the server")


def _may_go_on(error: Exception) -> bool:
    """Whether the session may still be good, and the chunk may have arrived, wholly or in part."""
    if isinstance(error, StorageDriverError):
        return isinstance(error, (UnavailableError, InvalidAnswerError))
    return has_status(error, _BAD_REQUEST) or issubclass(classify(error).kind, UnavailableError)


def _with_location(answer: Answer) -> Answer:
    parts = urlsplit(answer.headers.get("Location", ""))
    if answer.status in _DONE and not (parts.netloc and "upload_id=" in parts.query):
        raise InvalidAnswerError("the store has begun a session of an upload and does not say where it is")
    return answer


def _described(answer: Answer) -> Answer:
    """The answer to a chunk, as it is. The last one is answered with a description of the object."""
    if answer.status in _DONE and not _resource(answer).keys() & _DESCRIPTION:
        raise InvalidAnswerError(f"HTTP {answer.status} for a chunk does not describe what was published")
    return answer


def _persisted(answer: Answer, tried: int = -1) -> int:
    """How much the session has, by a status of 308."""
    match = _RANGE.fullmatch(answer.headers.get("Range", ""))
    size = int(match[1]) + 1 if match else 0
    # It keeps whole units; an emulator says one byte where it has none.
    return size if size == tried else size - size % QUANTUM


def _published(answer: Answer) -> Published:
    resource = _resource(answer)
    size, generation = str(resource.get("size", "")), str(resource.get("generation", ""))
    return Published(int(size) if size.isdecimal() else -1, _crc(answer), generation)


def _crc(answer: Answer) -> int | None:
    """The checksum of a description of an object. Only one emulator gives one while there is more to come."""
    return checksum.parsed(str(_resource(answer).get("crc32c") or "-"))


def _resource(answer: Answer) -> dict[str, Any]:
    try:
        resource = json.loads(answer.content)
    except ValueError:
        return {}
    return resource if isinstance(resource, dict) else {}
