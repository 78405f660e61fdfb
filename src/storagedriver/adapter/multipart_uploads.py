"""The uploads of a store that keeps them as multipart uploads.

An unfinished upload of a key is a multipart upload, and what it holds are its
parts from 1 on without a gap. Parts cannot be read or removed, and a part
under 5 MiB cannot be followed by another: so an upload whose last part is
short is completed before it grows, and copied into a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.multipart import (
    LARGEST_PART,
    SMALLEST_PART,
    MultipartClient,
    OpenUpload,
    Part,
    complete,
    copy_parts,
)
from storagedriver.adapter.parts import PartEngine, PartUpload, growing
from storagedriver.adapter.store import Entry, Upload
from storagedriver.driver import UploadInfo
from storagedriver.errors import ConflictError, PathNotFoundError

__all__ = ["MultipartUploads"]


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
        """As `Store.resume`."""
        committed, uploads, newest = self._find(key)
        for upload in uploads:
            if upload is not newest:
                self.client.abort_multipart(key, upload.id)
        if newest is not None:
            return self._reopen(key, newest)
        if committed is None:
            raise PathNotFoundError
        return MultipartUpload(self, key, None, content=committed)

    def upload_size(self, key: str) -> int | None:
        """As `Store.upload_size`."""
        committed, _, newest = self._find(key)
        if newest is not None:
            return newest.size
        return None if committed is None else committed.size

    def uploads(self, key: str) -> Iterator[UploadInfo]:
        """As `Store.uploads`."""
        for upload in self.client.list_multiparts(key):
            if key in ("", upload.key) or upload.key.startswith(key + "/"):
                yield UploadInfo("/" + upload.key, upload.id, upload.initiated)

    def abort(self, upload: UploadInfo) -> None:
        """As `Store.abort`."""
        self.client.abort_multipart(upload.path[1:], upload.id)

    def _find(self, key: str) -> tuple[Entry | None, list[_Loaded], _Loaded | None]:
        """The committed object, the open uploads, and which of these a resume goes on with.

        An upload without a first part was never closed, so it never held
        anything; one that is older than the committed content was overtaken.
        """
        committed = self.client.head(key)
        uploads = [self._load(upload) for upload in self._open(key)]
        live = [upload for upload in uploads if upload.run and not upload.overtaken_by(committed)]
        if not live and committed is None:
            live = uploads
        return committed, uploads, max(live, key=lambda upload: upload.changed, default=None)

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
        if loaded.size == 0:
            # A part that was sent before, behind a gap, could later be taken for a new one.
            self.client.abort_multipart(key, loaded.id)
            return MultipartUpload(self, key, self.client.create_multipart(key))
        return MultipartUpload(self, key, loaded.id, parts=loaded.run, closed_off=loaded.closed_off)


class _Loaded:
    """An open upload and its parts."""

    def __init__(self, upload: OpenUpload, parts: Iterable[Part]) -> None:
        def changed(part: Part) -> datetime:
            return part.mod_time or upload.initiated

        # A part that was sent twice may be listed twice; the later one is what counts.
        known = {part.number: part for part in sorted(parts, key=changed)}
        self.id = upload.id
        self.changed = max(map(changed, known.values()), default=upload.initiated)
        self.run: list[Part] = []
        while len(self.run) + 1 in known:
            self.run.append(known[len(self.run) + 1])
        self.size = sum(part.size for part in self.run)
        # Parts behind a gap would be taken for its own by a session after the next one.
        self.closed_off = len(known) > len(self.run) or (bool(self.run) and self.run[-1].size < SMALLEST_PART)

    def overtaken_by(self, committed: Entry | None) -> bool:
        """Whether the content was committed in a later second than the last part."""
        return committed is not None and self.changed.replace(microsecond=0) < committed.mod_time.replace(microsecond=0)


class MultipartUpload(PartUpload[Part]):
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
        self._closed_off = closed_off
        super().__init__(content.size if content else sum(part.size for part in parts))
        self._published = False

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
        self._stop()
        with self._uploads.limit.slot():
            if self._id is not None:
                self._client.abort_multipart(self._key, self._id)
            if self._published:
                self._client.delete([self._key])

    def _prepare(self) -> PartEngine[Part]:
        """Make sure that parts can follow, and give the engine that sends them."""
        if self._closed_off:
            self._publish()
        head = self._adopt(self._content) if self._content else b""
        engine = PartEngine(
            self._send,
            first=len(self._parts) + 1,
            part_size=growing(self._uploads.chunk_size, LARGEST_PART),
            concurrency=self._uploads.concurrency,
        )
        engine.write(memoryview(head))
        return engine

    def _publish(self) -> None:
        """Complete what there is, so that it can be copied: parts themselves cannot."""
        self._complete(self._parts)
        self._published = True
        self._closed_off = False
        self._parts = []
        self._id = None
        with self._uploads.limit.slot():
            self._content = self._client.head(self._key)
        if self._content is None or self._content.size != self._size:
            raise ConflictError("another writer has replaced the content that the upload goes on from")

    def _adopt(self, content: Entry) -> bytes:
        """Begin an upload with the committed content; return it where it is too short for a part."""
        with self._uploads.limit.slot():
            upload_id = self._client.create_multipart(self._key)
            try:
                if content.size < SMALLEST_PART:
                    head = self._client.get(self._key)
                else:
                    head = b""
                    self._parts = copy_parts(
                        self._client,
                        content,
                        self._key,
                        upload_id,
                        chunk_size=self._uploads.copy_chunk_size,
                        concurrency=self._uploads.copy_concurrency,
                    )
            except BaseException:
                self._client.abort_multipart(self._key, upload_id)
                raise
        self._id = upload_id
        self._content = None
        return head

    def _flush(self) -> list[Part]:
        return self._parts + (self._engine.flush() if self._engine else [])

    def _send(self, number: int, data: memoryview) -> Part:
        assert self._id is not None
        with self._uploads.limit.slot():
            return self._client.put_part(self._key, self._id, number, data)

    def _complete(self, parts: Sequence[Part]) -> None:
        assert self._id is not None
        with self._uploads.limit.slot():
            complete(self._client, self._key, self._id, parts)
