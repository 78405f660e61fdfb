"""An upload that is uncommitted blocks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.one_put import OnePut, OnePutClient
from storagedriver.adapter.parts import PartEngine, PartUpload
from storagedriver.adapter.store import Entry, pieces_of
from storagedriver.drivers.azure import blobs, block_lists
from storagedriver.drivers.azure.blocks import MOST_BLOCKS, Block, BlockName
from storagedriver.drivers.azure.client import Client
from storagedriver.errors import StorageDriverError

__all__ = ["BlockUpload", "UploadContext"]

_MARKER = memoryview(b"0")


@dataclass(frozen=True)
class UploadContext:
    """What all uploads of a store have in common.

    Attributes
    ----------
    client : Client
        The connection.
    objects : OnePutClient
        What publishes a content by one request.
    limit : Limit
        How many requests run at a time.
    concurrency : int
        How many blocks are sent at a time.
    part_size : callable
        The bytes of a block, by its place in the blob from 1 on.
    prepare : callable
        Makes a key ready for the blocks of a new upload over a version; gives
        their name and the version that is there then.
    end : callable
        Drops the upload of a key and an id.
    end_older : callable
        Drops the upload of a key that was there at a time.
    """

    client: Client
    objects: OnePutClient
    limit: Limit
    concurrency: int
    part_size: Callable[[int], int]
    prepare: Callable[[str, str], tuple[BlockName, str]]
    end: Callable[[str, str], None]
    end_older: Callable[[str, datetime], None]


class BlockUpload(PartUpload[str]):
    """One upload.

    Parameters
    ----------
    context : UploadContext
        How to send and to end it.
    key : str
        The blob.
    name : BlockName, optional
        The name of this session; without one the upload begins with the first
        block, or with the first byte where it goes on from a content.
    version : str
        The ETag of the committed content, ``""`` where there is none.
    head : sequence of Block
        Blocks of the committed content that the upload goes on from.
    run : sequence of Block
        What earlier sessions have sent.
    content : Entry, optional
        The committed content that the upload goes on from, instead of a name.
    """

    def __init__(
        self,
        context: UploadContext,
        key: str,
        *,
        name: BlockName | None = None,
        version: str,
        head: Sequence[Block] = (),
        run: Sequence[Block] = (),
        content: Entry | None = None,
    ) -> None:
        self._context = context
        self._client = context.client
        self._key = key
        self._name = name
        self._version = version
        self._content = content
        self._head = [block.id for block in head]
        self._run = [block.id for block in run]
        # The bytes of the committed content. The blocks of this session come after them.
        self._base = sum(block.size for block in (*head, *run))
        super().__init__(content.size if content else self._base)
        self._beginning = threading.Lock()
        self._made = datetime.now(timezone.utc)
        #: Whether an upload of nothing needs a marker, to be one.
        self._is_new = name is None and content is None
        if self._is_new:
            self._one_put = OnePut(context.objects, context.limit, key, version)

    def suspend(self) -> None:
        """Send what is buffered, however short it is; of an upload of nothing, its marker."""
        if self._has_published() or self._flush() or not self._is_new:
            return
        with self._context.limit.slot():
            block_lists.put_block(self._client, self._key, self._block_name().id, _MARKER)

    def commit(self) -> None:
        """Make the blob of the blocks; where none was sent, write it by one request."""
        if self._content is not None or self._put_at_once():
            return
        blocks = self._run + self._flush()
        with self._context.limit.slot():
            block_lists.commit(self._client, self._key, self._head, blocks, self._version)

    def cancel(self) -> None:
        """Drop the blocks; without any, those of the older uploads in whose place this one was made."""
        self._stop()
        if self._content is not None:
            return
        with self._context.limit.slot():
            if self._name is not None:
                self._context.end(self._key, self._name.upload_id)
            else:
                self._context.end_older(self._key, self._made)

    @property
    def _is_begun(self) -> bool:
        return self._name is not None

    def _block_name(self) -> BlockName:
        """The name of this session, made with the first block of a new upload. Blocks are sent from several threads."""
        with self._beginning:
            if self._name is None:
                version = self._one_put.version if self._one_put else self._version
                name, self._version = self._context.prepare(self._key, version)
                self._name = name
            return self._name

    def _prepare(self) -> PartEngine[str]:
        if self._content is not None:
            with self._context.limit.slot():
                self._adopt(self._content)
        return self._make_engine(self._block_name, len(self._run) + 1, self._base)

    def _make_engine(self, name: Callable[[], BlockName], first: int, base: int) -> PartEngine[str]:
        before = len(self._head)

        def send(number: int, data: memoryview) -> str:
            if before + number > MOST_BLOCKS:
                detail = f"the blob would have more than {MOST_BLOCKS} blocks; set a larger chunksize, and begin again"
                raise StorageDriverError(detail)
            with self._context.limit.slot():
                return self._send(name().at(number), data)

        return PartEngine(
            send,
            first=first,
            base=base,
            part_size=lambda number: self._context.part_size(before + number),
            concurrency=self._context.concurrency,
        )

    def _send(self, name: BlockName, data: memoryview) -> str:
        block_lists.put_block(self._client, self._key, name.id, data)
        return name.id

    def _adopt(self, content: Entry) -> None:
        """Begin an upload that goes on from the committed content: from its blocks if they are ours."""
        blocks = block_lists.read(self._client, self._key)
        whole = sum(block.size for block in blocks.committed) == content.size
        if whole and all(BlockName.parse(block.id) for block in blocks.committed):
            self._head = [block.id for block in blocks.committed]
            self._name = BlockName.begin(self._version, appends=True, after=blocks.uncommitted)
        else:
            name = BlockName.begin(self._version, after=blocks.uncommitted)
            self._run = self._send_again(name, content)
            self._name = name
        self._base = content.size
        self._content = None

    def _send_again(self, name: BlockName, content: Entry) -> list[str]:
        """Send the committed content as blocks of this upload.

        The first is sent last: until all are there, the upload holds nothing.
        """
        with contextlib.closing(blobs.stream(self._client, self._key, 0, None, content.version)) as body:
            first = b"".join(pieces_of(body, min(content.size, self._context.part_size(1))))
            engine = self._make_engine(lambda: name, 2, len(first))
            try:
                for piece in pieces_of(body, content.size - len(first), self._context.part_size(1)):
                    engine.write(memoryview(piece))
                others = engine.flush()
            except BaseException:
                engine.drain()
                raise
        return [self._send(name.at(1), memoryview(first)), *others]
