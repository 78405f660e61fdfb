"""The uploads of a store that keeps them as multipart uploads.

An unfinished upload of a key is a multipart upload, and what it holds are its
parts from 1 on without a gap. Parts cannot be read or removed, and a part
under 5 MiB cannot be followed by another: so an upload whose last part is
short is completed before it grows, and copied into a new one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from storagedriver.adapter.fanout import both
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.multipart import (
    LARGEST_PART,
    MOST_PARTS,
    SMALLEST_PART,
    MultipartClient,
    OpenUpload,
    Part,
    complete,
    copy_parts,
)
from storagedriver.adapter.one_put import OnePut, version_of
from storagedriver.adapter.parts import PartEngine, PartUpload, growing
from storagedriver.adapter.store import Entry, Upload, pieces_of
from storagedriver.driver import UploadInfo
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError

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
    chunk_parameter : str
        What the driver calls `chunk_size`, for errors.
    equal_parts : bool
        Whether the store wants all parts but the last of one length. They
        never grow then.
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
        chunk_parameter: str,
        equal_parts: bool = False,
    ) -> None:
        self.client = client
        self.chunk_parameter = chunk_parameter
        self.limit = limit
        self.chunk_size = chunk_size
        self._growing = growing(chunk_size, LARGEST_PART)
        self.concurrency = concurrency
        self.copy_chunk_size = copy_chunk_size
        self.copy_concurrency = copy_concurrency
        self.equal_parts = equal_parts

    def part_size(self, number: int) -> int:
        """The bytes of a part, by its number from 1 on."""
        return self.chunk_size if self.equal_parts else self._growing(number)

    def begin(self, key: str) -> Upload:
        """As `Store.begin`. Older uploads are aborted; a new one is begun when there is a part to be sent."""
        # Where both fail, the list says more: a HEAD cannot tell that the bucket is missing.
        committed, older = both(lambda: self.client.head(key), lambda: self.open_uploads(key))
        for upload in older:
            self.client.abort_multipart(key, upload.id)
        return MultipartUpload(self, key, None, one_put=OnePut(self.client, self.limit, key, version_of(committed)))

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
        uploads = [self._load(upload) for upload in self.open_uploads(key)]
        live = [upload for upload in uploads if upload.run and not upload.overtaken_by(committed)]
        if not live and committed is None:
            live = uploads
        return committed, uploads, max(live, key=lambda upload: upload.changed, default=None)

    def open_uploads(self, key: str) -> list[OpenUpload]:
        """The uploads of exactly this key."""
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
            return self._emptied(key, loaded)
        closed_off = loaded.closed_off or (self.equal_parts and not loaded.has_parts_of(self.chunk_size))
        return MultipartUpload(self, key, loaded.id, parts=loaded.run, closed_off=closed_off)

    def _emptied(self, key: str, loaded: _Loaded) -> Upload:
        """Go on with an upload of size 0.

        It stays the same one where it has no other part than an empty first
        one. A part behind a gap could later be taken for a new one.
        """
        if loaded.run and not loaded.has_gap:
            return MultipartUpload(self, key, loaded.id, marker=loaded.run[0])
        upload_id = self.client.create_multipart(key)
        marker = self.client.put_part(key, upload_id, 1, memoryview(b""))
        self.client.abort_multipart(key, loaded.id)
        return MultipartUpload(self, key, upload_id, marker=marker)


class _Loaded:
    """An open upload and its parts."""

    def __init__(self, upload: OpenUpload, parts: Iterable[Part]) -> None:
        def changed(part: Part) -> datetime:
            return part.mod_time or upload.initiated

        # A part that was sent twice may be listed twice. The later one counts, and within a second the longer one.
        known = {part.number: part for part in sorted(parts, key=lambda part: (changed(part), part.size))}
        self.id = upload.id
        self.changed = max(map(changed, known.values()), default=upload.initiated)
        self.run: list[Part] = []
        while len(self.run) + 1 in known:
            self.run.append(known[len(self.run) + 1])
        self.size = sum(part.size for part in self.run)
        # Parts behind a gap would be taken for its own by a session after the next one.
        self.has_gap = len(known) > len(self.run)
        self.closed_off = self.has_gap or (bool(self.run) and self.run[-1].size < SMALLEST_PART)

    def has_parts_of(self, size: int) -> bool:
        """Whether all parts have this size, so that others of it can follow."""
        return all(part.size == size for part in self.run)

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
        The multipart upload; None where it begins with the first part that is
        sent. Until then the content is published by one request.
    parts : sequence of Part
        What earlier sessions have sent.
    content : Entry, optional
        The committed object that the upload goes on from, instead of parts.
    one_put : OnePut, optional
        What publishes an upload that was not begun yet. It knows the version
        that is at the key: another one at the end is a conflict.
    closed_off : bool
        Nothing can be appended to the parts as they are.
    marker : Part, optional
        The empty first part of an upload of size 0, which makes it durable.
        The first part that is written takes its place.
    """

    def __init__(
        self,
        uploads: MultipartUploads,
        key: str,
        upload_id: str | None,
        *,
        parts: Sequence[Part] = (),
        content: Entry | None = None,
        one_put: OnePut | None = None,
        closed_off: bool = False,
        marker: Part | None = None,
    ) -> None:
        self._uploads = uploads
        self._client = uploads.client
        self._key = key
        self._id = upload_id
        self._parts = list(parts)
        self._content = content
        self._closed_off = closed_off
        self._marker = marker
        self._beginning = threading.Lock()
        super().__init__(content.size if content else sum(part.size for part in parts))
        self._one_put = one_put
        #: The parts that are published to be able to go on, whether that is known to be done, and their version then.
        self._publishing: Sequence[Part] = ()
        self._is_published = False
        self._published_version = ""
        #: Uploads that were begun and are not used; the one whose id was lost with its answer is "".
        self._strays: list[str] = []

    def suspend(self) -> None:
        """Send what is buffered as a part, however short."""
        if self._is_untouched():
            self._give_up_copy()
            return
        if self._has_published():
            return
        self._all_parts()
        self._remove_strays()

    def commit(self) -> None:
        """Complete the upload; where nothing of it was sent, write the object by one request."""
        if self._is_untouched():
            self._give_up_copy()
            return
        if not self._put_at_once():
            self._complete_over(self._all_parts())
        self._remove_strays()

    def _complete_over(self, parts: Sequence[Part]) -> None:
        """Complete the upload over what lay at the key before it."""
        try:
            self._complete(parts, self._one_put.version if self._one_put else None)
        except ConflictError:
            # The parts cost money, and there is no other attempt after a conflict.
            with contextlib.suppress(Exception):
                self._client.abort_multipart(self._key, self._upload_id())
            raise

    @property
    def _is_begun(self) -> bool:
        return self._id is not None

    def _is_untouched(self) -> bool:
        """Whether the committed content, which the upload goes on from, is still all there is."""
        return self._content is not None and self._engine is None

    def _give_up_copy(self) -> None:
        """Abort what a write has begun that did not come to an end."""
        if self._id is not None:
            with self._uploads.limit.slot():
                self._client.abort_multipart(self._key, self._id)
        self._id, self._parts = None, []

    def cancel(self) -> None:
        """Abort the upload; what it published to be able to go on goes along."""
        self._stop()
        with self._uploads.limit.slot():
            if self._id is not None:
                self._client.abort_multipart(self._key, self._id)
            if self._publishing and self._holds_published():
                self._client.delete([self._key])
        self._remove_strays(quietly=False)

    def _holds_published(self) -> bool:
        """Whether the object is still what this upload published to go on. A commit or another writer replaces it."""
        if not self._published_version:
            return self._client.consists_of(self._key, self._publishing)
        entry = self._client.head(self._key)
        return entry is not None and entry.version == self._published_version

    def _prepare(self) -> PartEngine[Part]:
        """Make sure that parts can follow, and give the engine that sends them."""
        if self._closed_off:
            self._publish()
        # The content counts until there is an engine that has all of it.
        head = self._adopt(self._content) if self._content else b""
        engine = PartEngine(
            self._send,
            first=len(self._parts) + 1,
            base=sum(part.size for part in self._parts),
            part_size=self._uploads.part_size,
            concurrency=self._uploads.concurrency,
            tail_grows=True,
        )
        engine.write(memoryview(head))
        return engine

    def _publish(self) -> None:
        """Complete what there is, so that it can be copied: parts themselves cannot."""
        if not self._is_published:
            # Noted before: the answer can be lost.
            self._publishing = self._parts
            self._complete(self._parts)
            self._is_published = True
        with self._uploads.limit.slot():
            content = self._client.head(self._key)
        if content is None or content.size != self.size:
            raise ConflictError("another writer has replaced the content that the upload goes on from")
        self._published_version = content.version
        self._content = content
        self._id = None
        self._parts = []
        self._closed_off = False

    def _adopt(self, content: Entry) -> bytes:
        """Go on from the committed content; return the end of it that is too short for a part."""
        self._give_up_copy()
        copied = self._copied_size(content.size)
        with self._uploads.limit.slot():
            head = self._read(content, copied)
            if copied:
                self._copy_into_another(content, copied)
        self._one_put = OnePut(self._client, self._uploads.limit, self._key, content.version)
        return head

    def _copy_into_another(self, content: Entry, size: int) -> None:
        """Begin an upload with the first bytes of the committed content."""
        upload_id = self._begin_another()
        try:
            parts = self._copy(content, size, upload_id)
        except BaseException:
            # Its parts cost money. It holds nothing until its first part, which is made last.
            with contextlib.suppress(Exception):
                self._client.abort_multipart(self._key, upload_id)
                self._strays.remove(upload_id)
            raise
        self._parts, self._id = parts, upload_id
        self._strays.remove(upload_id)

    def _begin_another(self) -> str:
        """Begin an upload. Until it is used it is a stray one, and so is one whose answer was lost."""
        self._strays.append("")
        upload_id = self._client.create_multipart(self._key)
        self._strays[-1] = upload_id
        return upload_id

    def _upload_id(self) -> str:
        """The upload, which is begun if there is none. Parts ask for it from several threads."""
        with self._beginning:
            if self._id is None:
                upload_id = self._begin_another()
                self._id = upload_id
                self._strays.remove(upload_id)
            return self._id

    def _copied_size(self, size: int) -> int:
        """How much of the content is copied as parts; the rest is read, and sent again with what follows."""
        if size < SMALLEST_PART:
            return 0
        return size - size % self._uploads.chunk_size if self._uploads.equal_parts else size

    def _copy(self, content: Entry, size: int, upload_id: str) -> list[Part]:
        chunk = self._uploads.chunk_size if self._uploads.equal_parts else self._uploads.copy_chunk_size
        return copy_parts(
            self._client,
            content,
            self._key,
            upload_id,
            size=size,
            chunk_size=chunk,
            concurrency=self._uploads.copy_concurrency,
            equal=self._uploads.equal_parts,
        )

    def _read(self, content: Entry, start: int) -> bytes:
        """The content from a byte on, of the version that the entry names."""
        if start == content.size:
            return b""
        with contextlib.closing(self._client.stream(self._key, start, None, content.version)) as body:
            return b"".join(pieces_of(body, content.size - start))

    def _all_parts(self) -> list[Part]:
        """Send what is buffered, and give all parts. An upload of nothing has an empty one, as the registry's."""
        parts = self._parts + self._flush()
        if parts:
            return parts
        if self._marker is None:
            self._marker = self._send(1, memoryview(b""))
        return [self._marker]

    def _send(self, number: int, data: memoryview) -> Part:
        if number > MOST_PARTS:
            larger = f"set a larger {self._uploads.chunk_parameter}, and begin again"
            detail = f"the object would have more than {MOST_PARTS} parts; {larger}"
            raise StorageDriverError(detail)
        try:
            with self._uploads.limit.slot():
                return self._client.put_part(self._key, self._upload_id(), number, data)
        except Exception as error:
            if self._client.is_no_such_upload(error):
                detail = "the upload is gone: a commit that raised has published it, or another writer has ended it"
                raise ConflictError(detail) from error
            raise

    def _complete(self, parts: Sequence[Part], over: str | None = None) -> None:
        assert self._id is not None
        with self._uploads.limit.slot():
            complete(self._client, self._key, self._id, parts, over)

    def _remove_strays(self, *, quietly: bool = True) -> None:
        """Abort the uploads that were begun and are not used."""
        try:
            if "" in self._strays:
                # Its id was in the answer. Of all that are open it is one without a part.
                others = [upload.id for upload in self._uploads.open_uploads(self._key) if upload.id != self._id]
                self._strays += [other for other in others if not self._client.list_parts(self._key, other)]
                self._strays = [stray for stray in self._strays if stray]
            while self._strays:
                self._client.abort_multipart(self._key, self._strays[-1])
                self._strays.pop()
        except Exception:
            # What stays can be purged. The upload itself has ended as it was to.
            if not quietly:
                raise
