"""An upload that is uncommitted blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.parts import PartEngine, PartUpload
from storagedriver.adapter.store import Body, Entry
from storagedriver.drivers.azure import blobs, block_lists
from storagedriver.drivers.azure.blocks import MOST_BLOCKS, Block, BlockName
from storagedriver.drivers.azure.client import Client
from storagedriver.errors import StorageDriverError, UnavailableError

__all__ = ["BlockUpload", "Ways"]


@dataclass(frozen=True)
class Ways:
    """What all uploads of a store have in common.

    Attributes
    ----------
    client : Client
        The connection.
    limit : Limit
        How many requests run at a time.
    concurrency : int
        How many blocks are sent at a time.
    part_size : callable
        The bytes of a block, by its place in the blob from 1 on.
    end : callable
        Drops the upload of a key and an id.
    """

    client: Client
    limit: Limit
    concurrency: int
    part_size: Callable[[int], int]
    end: Callable[[str, str], None]


class BlockUpload(PartUpload[str]):
    """One upload.

    Parameters
    ----------
    ways : Ways
        How to send and to end it.
    key : str
        The blob.
    name : BlockName, optional
        The name of this session; without one the upload begins with the first byte.
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
        ways: Ways,
        key: str,
        *,
        name: BlockName | None = None,
        version: str,
        head: Sequence[Block] = (),
        run: Sequence[Block] = (),
        content: Entry | None = None,
    ) -> None:
        self._ways = ways
        self._client = ways.client
        self._key = key
        self._name = name
        self._version = version
        self._content = content
        self._head = [block.id for block in head]
        self._run = [block.id for block in run]
        # Of the committed content, what the blocks of this session come after.
        self._base = sum(block.size for block in (*head, *run))
        super().__init__(content.size if content else self._base)

    def suspend(self) -> None:
        """Send what is buffered, however short it is."""
        self._flush()

    def commit(self) -> None:
        """Make the blob of the blocks."""
        if self._name is None:
            return
        blocks = self._run + self._flush()
        with self._ways.limit.slot():
            block_lists.commit(self._client, self._key, self._head, blocks, self._version)

    def cancel(self) -> None:
        """Drop the blocks."""
        self._stop()
        if self._name is not None:
            with self._ways.limit.slot():
                self._ways.end(self._key, self._name.upload_id)

    def _prepare(self) -> PartEngine[str]:
        if self._content is not None:
            with self._ways.limit.slot():
                self._adopt(self._content)
        assert self._name is not None
        return self._make_engine(self._name, len(self._run) + 1, self._base)

    def _make_engine(self, name: BlockName, first: int, base: int) -> PartEngine[str]:
        before = len(self._head)

        def send(number: int, data: memoryview) -> str:
            if before + number > MOST_BLOCKS:
                detail = f"the blob would have more than {MOST_BLOCKS} blocks; set a larger chunksize, and begin again"
                raise StorageDriverError(detail)
            return self._send(name.at(number), data)

        return PartEngine(
            send,
            first=first,
            base=base,
            part_size=lambda number: self._ways.part_size(before + number),
            concurrency=self._ways.concurrency,
        )

    def _send(self, name: BlockName, data: memoryview) -> str:
        with self._ways.limit.slot():
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
            first = self._read(body, min(content.size, self._ways.part_size(1)))
            engine = self._make_engine(name, 2, len(first))
            left = content.size - len(first)
            try:
                while left:
                    piece = self._read(body, min(left, self._ways.part_size(1)))
                    engine.write(memoryview(piece))
                    left -= len(piece)
                others = engine.flush()
            except BaseException:
                engine.drain()
                raise
        return [self._send(name.at(1), memoryview(first)), *others]

    @staticmethod
    def _read(body: Body, size: int) -> bytes:
        pieces: list[bytes] = []
        while size:
            piece = body.read(size)
            if not piece:
                raise UnavailableError("the content that the upload goes on from ended before its size was reached")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
