"""Multipart uploads, as S3 and the stores that follow it keep them.

An unfinished upload of a key is a multipart upload; what it holds are its
parts from 1 on without a gap. Its rules are those of S3
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html): a part but
the last has at least 5 MiB, and parts cannot be removed or read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.parts import PartEngine, growing
from storagedriver.adapter.store import Entry, Upload
from storagedriver.driver import UploadInfo
from storagedriver.errors import ConflictError, PathNotFoundError

__all__ = ["LARGEST_PART", "SMALLEST_PART", "MultipartClient", "MultipartUploads", "OpenUpload", "Part", "copy_parts"]

SMALLEST_PART = 5 << 20
LARGEST_PART = 5 << 30
#: A copy never takes more parts than this, so that there are some left to go on with.
_MOST_COPIED_PARTS = 4000


@dataclass(frozen=True)
class Part:
    """A part that the store has.

    Attributes
    ----------
    number : int
        From 1 on.
    size : int
        Bytes.
    etag : str
        As the store gave it, quotes included.
    mod_time : datetime or None
        When it was written; None for one that was just sent.
    """

    number: int
    size: int
    etag: str
    mod_time: datetime | None = None


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that the store lists as open."""

    key: str
    id: str
    initiated: datetime


class MultipartClient(Protocol):
    """The requests that multipart uploads are made of. Keys are those of the `Store`."""

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part, over one of the same number."""

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of `size` bytes of the object `source` from the byte `first` on, if it is still that version."""

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts, every page of them, as the store lists them."""

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], /) -> None:
        """Publish. An upload that is gone is the store's own error, `is_no_such_upload` tells it."""

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give the upload up; one that is gone is no error."""

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix` (a plain prefix: ``a`` finds ``ab``), every page."""

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the exception says that the upload does not exist (any more)."""

    def head(self, key: str, /) -> Entry | None:
        """As `Store.head`; `Entry.version` is the ETag, quotes included."""

    def get(self, key: str, /) -> bytes:
        """As `Store.get`."""

    def delete(self, keys: Sequence[str], /) -> None:
        """As `Store.delete`."""


class MultipartUploads:
    """The uploads of a `Store` that keeps them as multipart uploads.

    Parameters
    ----------
    client : MultipartClient
        The requests.
    limit : Limit
        How many of them run at a time.
    chunk_size : int
        The bytes of a part; they grow late, to reach 5 TiB in 10,000 parts.
    concurrency : int
        How many parts of one upload are sent at a time.
    copy_chunk_size, copy_concurrency : int
        The same for the parts that are copied.
    """

    def __init__(
        self,
        client: MultipartClient,
        limit: Limit,
        *,
        chunk_size: int,
        concurrency: int,
        copy_chunk_size: int,
        copy_concurrency: int,
    ) -> None:
        self.client = client
        self.limit = limit
        self.chunk_size = chunk_size
        self.concurrency = concurrency
        self.copy_chunk_size = copy_chunk_size
        self.copy_concurrency = copy_concurrency

    def begin(self, key: str) -> Upload:
        """As `Store.begin`."""
        for upload in self._open(key):
            self.client.abort_multipart(key, upload.id)
        return MultipartUpload(self, key, self.client.create_multipart(key))

    def resume(self, key: str) -> Upload:
        """As `Store.resume`.

        An upload without a part was never closed, so it never held anything;
        one that is older than the committed content was overtaken by it.
        """
        committed = self.client.head(key)
        uploads = [self._load(upload) for upload in self._open(key)]
        live = [upload for upload in uploads if upload.parts and not upload.overtaken_by(committed)]
        if not live and committed is None:
            live = uploads
        newest = max(live, key=lambda upload: upload.changed, default=None)
        for upload in uploads:
            if upload is not newest:
                self.client.abort_multipart(key, upload.id)
        if newest is not None:
            return self._reopen(key, newest)
        if committed is None:
            raise PathNotFoundError
        return MultipartUpload(self, key, None, content=committed)

    def uploads(self, key: str) -> Iterator[UploadInfo]:
        """As `Store.uploads`."""
        for upload in self.client.list_multiparts(key):
            if key in ("", upload.key) or upload.key.startswith(key + "/"):
                yield UploadInfo("/" + upload.key, upload.id, upload.initiated)

    def abort(self, upload: UploadInfo) -> None:
        """As `Store.abort`."""
        self.client.abort_multipart(upload.path[1:], upload.id)

    def _open(self, key: str) -> list[OpenUpload]:
        return [upload for upload in self.client.list_multiparts(key) if upload.key == key]

    def _load(self, upload: OpenUpload) -> _Loaded:
        try:
            parts = self.client.list_parts(upload.key, upload.id)
        except Exception as error:
            if not self.client.is_no_such_upload(error):
                raise
            parts = ()
        return _Loaded(upload, parts)

    def _reopen(self, key: str, loaded: _Loaded) -> Upload:
        run = loaded.run()
        if sum(part.size for part in run) == 0:
            # Whatever is in it does not count, and a part that was sent before could be taken for a new one.
            self.client.abort_multipart(key, loaded.id)
            return MultipartUpload(self, key, self.client.create_multipart(key))
        return MultipartUpload(self, key, loaded.id, parts=run, closed_off=loaded.has_gap(run))


class _Loaded:
    """An open upload and its parts."""

    def __init__(self, upload: OpenUpload, parts: Iterable[Part]) -> None:
        self.id = upload.id
        # A part that was sent twice may be listed twice; the later one is what counts.
        self.parts = {part.number: part for part in sorted(parts, key=lambda part: part.mod_time or upload.initiated)}
        self.changed = max(
            (part.mod_time or upload.initiated for part in self.parts.values()), default=upload.initiated
        )

    def overtaken_by(self, committed: Entry | None) -> bool:
        """Whether the content was committed in a later second than the last part."""
        return committed is not None and self.changed.replace(microsecond=0) < committed.mod_time.replace(microsecond=0)

    def run(self) -> list[Part]:
        """The parts from 1 on without a gap."""
        run: list[Part] = []
        while len(run) + 1 in self.parts:
            run.append(self.parts[len(run) + 1])
        return run

    def has_gap(self, run: Sequence[Part]) -> bool:
        """Whether there are parts behind a gap: a later session would take them for its own."""
        return len(self.parts) > len(run)


class MultipartUpload(Upload):
    """One multipart upload.

    Parameters
    ----------
    uploads : MultipartUploads
        The store's uploads.
    key : str
        The object.
    upload_id : str or None
        The multipart upload; None where it begins with the first byte.
    parts : sequence of Part
        What earlier sessions have sent.
    content : Entry, optional
        The committed object that the upload goes on from, instead of parts.
    closed_off : bool
        Nothing can be appended to the parts as they are.
    """

    def __init__(
        self,
        uploads: MultipartUploads,
        key: str,
        upload_id: str | None,
        *,
        parts: Sequence[Part] = (),
        content: Entry | None = None,
        closed_off: bool = False,
    ) -> None:
        self._uploads = uploads
        self._client = uploads.client
        self._key = key
        self._id = upload_id
        self._parts = list(parts)
        self._content = content
        self._closed_off = closed_off or (bool(parts) and parts[-1].size < SMALLEST_PART)
        self._size = content.size if content else sum(part.size for part in parts)
        self._engine: PartEngine[Part] | None = None
        self._published = False

    @property
    def size(self) -> int:
        """The durable parts, those on their way and what is buffered."""
        return self._size

    def write(self, data: memoryview, /) -> None:
        """Append."""
        if not data:
            return
        if self._engine is None:
            self._engine = self._prepare()
        self._engine.write(data)
        self._size += len(data)

    def suspend(self) -> None:
        """Send what is buffered as a part, however short."""
        parts = self._flush()
        if self._id is not None and not parts:
            # An upload without a part could not be told from one that was never closed.
            self._send(1, memoryview(b""))

    def commit(self) -> None:
        """Complete the upload; one without a part gets an empty one, as the registry does it."""
        if self._id is None:
            return
        parts = self._flush() or [self._send(1, memoryview(b""))]
        self._complete(parts)

    def cancel(self) -> None:
        """Abort the upload; what it published to be able to go on goes along."""
        if self._engine is not None:
            self._engine.drain()
        with self._uploads.limit.slot():
            if self._id is not None:
                self._client.abort_multipart(self._key, self._id)
            if self._published:
                self._client.delete([self._key])

    def abandon(self) -> None:
        """Stop sending."""
        if self._engine is not None:
            self._engine.abandon()

    def _prepare(self) -> PartEngine[Part]:
        """Make sure that parts can follow, and give the engine that sends them."""
        content = self._content
        if self._closed_off:
            content = self._publish()
        head = b""
        if content is not None:
            with self._uploads.limit.slot():
                self._id = self._client.create_multipart(self._key)
                if content.size >= SMALLEST_PART:
                    self._parts = copy_parts(
                        self._client,
                        content,
                        self._key,
                        self._id,
                        chunk_size=self._uploads.copy_chunk_size,
                        concurrency=self._uploads.copy_concurrency,
                    )
                else:
                    head = self._client.get(self._key)
        engine = PartEngine(
            self._send,
            first=len(self._parts) + 1,
            part_size=growing(self._uploads.chunk_size, LARGEST_PART),
            concurrency=self._uploads.concurrency,
        )
        engine.write(memoryview(head))
        return engine

    def _publish(self) -> Entry:
        """Complete what there is, so that it can be copied: parts themselves cannot."""
        self._complete(self._parts)
        self._published = True
        self._parts = []
        self._id = None
        with self._uploads.limit.slot():
            entry = self._client.head(self._key)
        if entry is None or entry.size != self._size:
            raise ConflictError("another writer has replaced the content that the upload goes on from")
        return entry

    def _flush(self) -> list[Part]:
        return self._parts + (self._engine.flush() if self._engine else [])

    def _send(self, number: int, data: memoryview) -> Part:
        assert self._id is not None
        with self._uploads.limit.slot():
            return self._client.put_part(self._key, self._id, number, data)

    def _complete(self, parts: Sequence[Part]) -> None:
        assert self._id is not None
        with self._uploads.limit.slot():
            try:
                self._client.complete_multipart(self._key, self._id, parts)
            except Exception as error:
                if not self._client.is_no_such_upload(error):
                    raise
                # The answer to an earlier attempt may have been lost.
                entry = self._client.head(self._key)
                if entry is None or entry.version.strip('"') != _composite_etag(parts):
                    raise ConflictError("the upload was completed or aborted by another writer") from error


def copy_parts(
    client: MultipartClient, source: Entry, key: str, upload_id: str, *, chunk_size: int, concurrency: int
) -> list[Part]:
    """Copy an object into an upload, in parts of about one size, several at a time.

    Parameters
    ----------
    client : MultipartClient
        The requests.
    source : Entry
        The object, of at least 5 MiB if parts are to follow; it must stay the
        version that the entry names.
    key, upload_id : str
        The upload.
    chunk_size : int
        The bytes of a part at least.
    concurrency : int
        How many parts are copied at a time.

    Returns
    -------
    list of Part
        From 1 on.
    """
    count = max(1, min(source.size // chunk_size, _MOST_COPIED_PARTS))
    bounds = [source.size * number // count for number in range(count + 1)]

    def copy(number: int) -> Part:
        first, end = bounds[number - 1], bounds[number]
        return client.copy_part(key, upload_id, number, source, first, end - first)

    numbers = range(1, count + 1)
    if count == 1:
        return [copy(1)]
    with ThreadPoolExecutor(min(count, concurrency), thread_name_prefix="storagedriver-copy") as pool:
        try:
            return list(pool.map(copy, numbers))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _composite_etag(parts: Sequence[Part]) -> str:
    """The ETag of a completed upload: the MD5 of its parts' MD5s, and their number."""
    try:
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    except ValueError:
        return ""
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
