"""The names of blocks, and what a list of uncommitted blocks amounts to.

All that is known of an unfinished upload stands in the names of its blocks,
since uncommitted blocks cannot be read and nothing else may be seen. A name is
54 characters of ASCII, always: a blob's blocks must have names of one length
(https://learn.microsoft.com/rest/api/storageservices/put-block). It holds

* ``sd``, and ``r`` where the upload replaces what is committed, ``a`` where it
  is appended to it,
* when the upload was begun, in microseconds,
* the number of the session, the ordinal that it began at, and its nonce: what
  two sessions send is never taken for one, and what an earlier session sent
  behind a gap is void once a later one has begun before it,
* a hash of the ETag of what was committed when the upload was begun: an upload
  is over as soon as something else is committed,
* the block's ordinal; 0 is a marker of one byte that is never committed, so
  that an empty upload exists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from storagedriver.adapter.parts import growing
from storagedriver.drivers.azure.parameters import LARGEST_BLOCK

__all__ = ["ID_LENGTH", "MOST_BLOCKS", "Block", "BlockName", "Found", "base_of", "block_sizes", "newest"]

#: https://learn.microsoft.com/azure/storage/blobs/scalability-targets
MOST_BLOCKS = 50_000
#: The characters of a name in base64.
ID_LENGTH = 72

_NAME = re.compile(
    r"sd(?P<mode>[ra])(?P<start>[0-9a-f]{13})(?P<session>[0-9a-f]{4})(?P<first>[0-9]{5})"
    r"(?P<nonce>[0-9a-f]{8})(?P<base>[0-9a-f]{16})(?P<ordinal>[0-9]{5})",
    re.ASCII,
)


def block_sizes(chunk_size: int, largest: int = LARGEST_BLOCK) -> Callable[[int], int]:
    """The bytes of a block, by its place in the blob from 1 on: 50,000 that begin at 8 MiB reach 18 TiB."""
    return growing(chunk_size, largest, after=10_000, every=5_000)


@dataclass(frozen=True)
class Block:
    """A block as the store lists it.

    Attributes
    ----------
    id : str
        Its name in base64, as the store has it.
    size : int
        Bytes.
    """

    id: str
    size: int


@dataclass(frozen=True)
class BlockName:
    """The name of a block that this driver wrote; the module says what is in it."""

    appends: bool
    start: int
    session: int
    first: int
    nonce: str
    base: str
    ordinal: int

    @classmethod
    def begin(cls, version: str, *, appends: bool = False, after: Iterable[Block] = ()) -> BlockName:
        """The marker of a new upload.

        Parameters
        ----------
        version : str
            The ETag of what is committed, ``""`` where nothing is.
        appends : bool
            Whether the upload is appended to that.
        after : iterable of Block
            What is uncommitted: the new upload is later than all of it, even
            where a faster clock has written it.
        """
        others = [name.start for name in (BlockName.parse(block.id) for block in after) if name is not None]
        start = max([time.time_ns() // 1000, *(other + 1 for other in others)])
        return cls(appends, start, 0, 1, secrets.token_hex(4), base_of(version), 0)

    @classmethod
    def parse(cls, block_id: str) -> BlockName | None:
        """The name in a block's id; None if another program made it."""
        try:
            text = base64.b64decode(block_id, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return None
        match = _NAME.fullmatch(text)
        if match is None:
            return None
        return cls(
            match["mode"] == "a",
            int(match["start"], 16),
            int(match["session"], 16),
            int(match["first"]),
            match["nonce"],
            match["base"],
            int(match["ordinal"]),
        )

    @property
    def id(self) -> str:
        """What the store is given."""
        text = (
            f"sd{'a' if self.appends else 'r'}{self.start:013x}{self.session:04x}{self.first:05d}"
            f"{self.nonce}{self.base}{self.ordinal:05d}"
        )
        return base64.b64encode(text.encode()).decode()

    @property
    def upload_id(self) -> str:
        """What all blocks of one upload have in common."""
        return f"{self.start:013x}{'a' if self.appends else 'r'}{self.base}"

    @property
    def started(self) -> datetime:
        """When the upload was begun."""
        return datetime.fromtimestamp(self.start / 1_000_000, timezone.utc)

    def at(self, ordinal: int) -> BlockName:
        """The name of another block of this session."""
        return replace(self, ordinal=ordinal)

    def resumed(self, first: int) -> BlockName:
        """The name of the next session, which begins at this ordinal."""
        return replace(self, session=self.session + 1, first=first, nonce=secrets.token_hex(4), ordinal=0)


@dataclass(frozen=True)
class Found:
    """An unfinished upload.

    Attributes
    ----------
    name : BlockName
        A name of its last session.
    run : tuple of Block
        Its blocks from 1 on without a gap.
    """

    name: BlockName
    run: tuple[Block, ...]

    @property
    def size(self) -> int:
        """The bytes of its blocks."""
        return sum(block.size for block in self.run)


def base_of(version: str) -> str:
    """The part of a name that stands for an ETag."""
    return hashlib.sha256(version.strip('"').encode()).hexdigest()[:16]


def newest(uncommitted: Iterable[Block], version: str) -> Found | None:
    """The upload that was begun last, of those that were begun over the content of this ETag.

    One of which there is neither the marker nor the first block never held
    anything: what was to be its beginning did not arrive.
    """
    base = base_of(version)
    uploads: dict[tuple[int, bool], list[tuple[BlockName, Block]]] = {}
    for block in uncommitted:
        name = BlockName.parse(block.id)
        if name is not None and name.base == base:
            uploads.setdefault((name.start, name.appends), []).append((name, block))
    for _, blocks in sorted(uploads.items(), reverse=True):
        run = _run(blocks)
        if run or any(name.ordinal == 0 for name, _ in blocks):
            last = max((name for name, _ in blocks), key=lambda name: (name.session, name.nonce))
            return Found(last, run)
    return None


def _run(blocks: list[tuple[BlockName, Block]]) -> tuple[Block, ...]:
    """The blocks from 1 on, session after session; of two sessions of one number, one counts."""
    sessions: dict[int, dict[str, list[tuple[BlockName, Block]]]] = {}
    for name, block in blocks:
        sessions.setdefault(name.session, {}).setdefault(name.nonce, []).append((name, block))
    live: dict[int, Block] = {}
    for _, rivals in sorted(sessions.items()):
        own = rivals[max(rivals)]
        first = own[0][0].first
        live = {ordinal: block for ordinal, block in live.items() if ordinal < first}
        live.update((name.ordinal, block) for name, block in own if name.ordinal >= first)
    run: list[Block] = []
    while len(run) + 1 in live:
        run.append(live[len(run) + 1])
    return tuple(run)
