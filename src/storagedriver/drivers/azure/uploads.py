"""Which upload a key gets, which ones there are, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.one_put import OVERTAKEN, OnePutClient, version_of
from storagedriver.adapter.store import Upload
from storagedriver.driver import UploadInfo
from storagedriver.drivers.azure import blobs, block_lists, listing
from storagedriver.drivers.azure.append import AppendUpload
from storagedriver.drivers.azure.blobs import STAGED, Blob
from storagedriver.drivers.azure.block_lists import BlockList
from storagedriver.drivers.azure.block_upload import BlockUpload, UploadContext
from storagedriver.drivers.azure.blocks import ID_LENGTH, BlockName, Found, block_sizes, newest
from storagedriver.drivers.azure.client import Client
from storagedriver.errors import ConflictError, PathNotFoundError

__all__ = ["Uploads"]

#: The id under which the rest of an unfinished clearing is listed.
_CLEARING_ID = "clearing"


@dataclass(frozen=True)
class Uploads:
    """The uploads of a store.

    Attributes
    ----------
    client : Client
        The connection.
    objects : OnePutClient
        What publishes a content by one request.
    limit : Limit
        How many requests run at a time.
    chunk_size : int
        The bytes of a block; they grow late, to reach 19 TiB in 50,000 blocks of 8 MiB.
    concurrency : int
        How many blocks of one upload are sent at a time.
    appends : bool
        Whether new uploads are append blobs.
    """

    client: Client
    objects: OnePutClient
    limit: Limit
    chunk_size: int
    concurrency: int
    appends: bool

    def begin(self, key: str) -> Upload:
        """As `Store.begin`."""
        if self.appends:
            return AppendUpload.begin(self.client, self.limit, key, self.chunk_size)
        blob = blobs.head(self.client, key)
        return BlockUpload(self._context, key, version=version_of(blob.entry if blob else None))

    def resume(self, key: str) -> Upload:
        """As `Store.resume`."""
        blob, blocks = self._found(key)
        if blob is not None and blob.is_append:
            return AppendUpload.resume(self.client, self.limit, blob, self.chunk_size)
        version = blob.entry.version if blob else ""
        found = newest(blocks.uncommitted, version)
        if found is not None:
            name = found.name.resumed(len(found.run) + 1)
            head = blocks.committed if name.appends else ()
            return BlockUpload(self._context, key, name=name, version=version, head=head, run=found.run)
        if blob is None or blob.is_clearing:
            raise PathNotFoundError
        if self.appends:
            return AppendUpload.adopt(self.client, self.limit, blob, self.chunk_size)
        return BlockUpload(self._context, key, version=version, content=blob.entry)

    def upload_size(self, key: str) -> int | None:
        """As `Store.upload_size`."""
        blob, blocks = self._found(key)
        found = newest(blocks.uncommitted, blob.entry.version if blob else "")
        if found is not None:
            return self._size(found, blocks)
        return None if blob is None or blob.is_clearing else blob.entry.size

    def uploads(self, key: str) -> Iterator[UploadInfo]:
        """As `Store.uploads`.

        A listing shows what has nothing but uncommitted blocks, as of size 0,
        and not what waits over a content: that is found at its own key only,
        since asking for the blocks of every blob would take a request each.
        """
        if key:
            yield from self._upload(key)
            if self.appends:
                yield from self._staged(f"{key}~")
        yield from self.below(key)

    def below(self, key: str) -> Iterator[UploadInfo]:
        """Of these, those below `key`."""
        yield from self._staged(f"{key}/" if key else "")

    def _staged(self, prefix: str) -> Iterator[UploadInfo]:
        """The uploads of the keys that begin with `prefix`, and what was staged to be copied over one."""
        aside = listing.Aside()
        for page in listing.pages(self.client, prefix, recursive=True, unfinished=True, aside=aside):
            for entry in page:
                if not entry.size:
                    yield from self._upload(entry.key)
        for entry in aside.staged:
            if named := STAGED.fullmatch(entry.key):
                yield UploadInfo("/" + named[1], named[2], entry.mod_time, entry.size)

    def abort(self, upload: UploadInfo) -> None:
        """As `Store.abort`."""
        self.end(upload.path[1:], upload.id)

    def end(self, key: str, upload_id: str) -> None:
        """Drop the upload of this id, or what an attempt to do so has left, unless another one has taken its place."""
        if STAGED.fullmatch(staged := f"{key}~{upload_id}"):
            blobs.delete_one(self.client, staged)
            return
        if any(upload.id in (upload_id, _CLEARING_ID) for upload in self._upload(key)):
            block_lists.clear(self.client, key)

    @property
    def _context(self) -> UploadContext:
        return UploadContext(
            self.client,
            self.objects,
            self.limit,
            self.concurrency,
            block_sizes(self.chunk_size),
            self._prepare,
            self.end,
            self._end_older,
        )

    def _prepare(self, key: str, version: str) -> tuple[BlockName, str]:
        """Make a key ready for the blocks of a new upload.

        Parameters
        ----------
        key : str
            The blob.
        version : str
            The ETag of the blob as the writer found it, ``""`` if there was none.

        Returns
        -------
        name : BlockName
            That of the upload's marker.
        version : str
            What is there now.

        Raises
        ------
        ConflictError
            If another writer has written the blob since.
        """
        blob, blocks = self._found(key)
        if blob is not None and blob.entry.version != version:
            raise ConflictError(OVERTAKEN)
        if any(len(block.id) != ID_LENGTH for block in blocks.uncommitted):
            # The blocks of another program: a blob's blocks must have names of one length.
            block_lists.clear(self.client, key)
            blob, blocks = self._found(key)
        if blob is not None and blob.is_append:
            # No block can wait beside an append blob.
            blobs.delete_one(self.client, key, blob.entry.version)
            blob = None
        version = version_of(blob.entry if blob else None)
        return BlockName.begin(version, after=blocks.uncommitted), version

    def _end_older(self, key: str, begun: datetime) -> None:
        """Drop the upload that was there before."""
        if any(upload.started <= begun for upload in self._upload(key)):
            block_lists.clear(self.client, key)

    def _found(self, key: str) -> tuple[Blob | None, BlockList]:
        blob = blobs.head(self.client, key)
        if blob is not None and blob.is_append:
            return blob, BlockList([], [])
        return blob, block_lists.read(self.client, key)

    def _upload(self, key: str) -> Iterator[UploadInfo]:
        blob, blocks = self._found(key)
        if blob is not None and blob.is_clearing:
            yield UploadInfo("/" + key, _CLEARING_ID, blob.entry.mod_time, 0)
        found = newest(blocks.uncommitted, blob.entry.version if blob else "")
        if found is None:
            return
        yield UploadInfo("/" + key, found.name.upload_id, found.name.started, self._size(found, blocks))

    @staticmethod
    def _size(found: Found, blocks: BlockList) -> int:
        """The bytes of an upload, those of the content that it is appended to included."""
        return found.size + (sum(block.size for block in blocks.committed) if found.name.appends else 0)
