"""The requests about the blocks of a blob.

Names of blocks stay the base64 that they are on the wire: the SDK decodes
them, and cannot give back those of other programs that are no UTF-8.

Source: https://learn.microsoft.com/rest/api/storageservices/put-block-list and its neighbours.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.drivers.azure import blobs
from storagedriver.drivers.azure.blobs import CLEARING_TYPE, CONTENT_TYPE, Blob
from storagedriver.drivers.azure.blocks import Block
from storagedriver.drivers.azure.client import Client
from storagedriver.drivers.azure.copying import copy_onto_itself
from storagedriver.drivers.azure.errors import NO_BLOB, code_of, is_conflict
from storagedriver.errors import ConflictError

__all__ = ["BlockList", "clear", "commit", "put_block", "read"]

#: Marks the empty blob that is there for a moment.
_CLEARING = "x-ms-meta-storagedriver_clearing"
_KEPT = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control")


@dataclass(frozen=True)
class BlockList:
    """The blocks of a blob.

    Attributes
    ----------
    committed : list of Block
        Those that are its content; none if it was written as a whole.
    uncommitted : list of Block
        Those that wait.
    """

    committed: list[Block]
    uncommitted: list[Block]


def read(client: Client, key: str) -> BlockList:
    """The blocks; of a blob that is not there, none. An append blob raises."""
    try:
        listed = client.ask("BlockList", "GET", key, {"comp": "blocklist", "blocklisttype": "all"})
    except AnswerError as error:
        if code_of(error) != NO_BLOB:
            raise
        return BlockList([], [])

    def blocks(name: str) -> list[Block]:
        return [
            Block(listed.required(element, "Name"), listed.number(element, "Size"))
            for element in listed.elements(f"{name}/Block")
        ]

    return BlockList(blocks("CommittedBlocks"), blocks("UncommittedBlocks"))


def put_block(client: Client, key: str, block_id: str, data: memoryview) -> None:
    """Send a block, over one of the same name."""
    client.send_content(key, {"comp": "block", "blockid": block_id}, {}, data)


def commit(client: Client, key: str, head: Sequence[str], blocks: Sequence[str], version: str) -> None:
    """Make the blob of blocks. All others that wait are gone then.

    Parameters
    ----------
    client : Client
        The connection.
    key : str
        The blob.
    head : sequence of str
        Blocks of the committed content, which stay.
    blocks : sequence of str
        Uncommitted blocks.
    version : str
        The ETag that the committed content must have; ``""``: there must be none.

    Raises
    ------
    ConflictError
        If blocks are missing or the content is another one: another writer was there.
    """
    try:
        _put_list(client, key, head, blocks, version, {"x-ms-blob-content-type": CONTENT_TYPE})
    except AnswerError as error:
        if not is_conflict(error):
            raise
        # The answer to an earlier attempt may have been lost. The names are unique; an empty content is itself.
        blob = blobs.head(client, key)
        if blob is None or blob.is_append or (not head and not blocks and blob.entry.size):
            raise ConflictError("the upload was ended by another writer") from error
        if [block.id for block in read(client, key).committed] != [*head, *blocks]:
            raise ConflictError("another writer has committed or put content") from error


def clear(client: Client, key: str) -> None:
    """Drop all uncommitted blocks; what is committed stays, under another ETag.

    The store has no request for it. Where nothing is committed, an empty blob
    of a type of its own is, and then deleted; else the same list is committed again, or, where
    there is none, the blob is copied onto itself.
    """
    blob = blobs.head(client, key)
    if blob is None:
        _clear_nothing(client, key)
    elif blob.is_clearing:
        # A clearing that was killed, or failed, before its end.
        _delete_version(client, key, blob.entry.version)
    elif not blob.is_append:
        _clear_content(client, key, blob)


def _clear_nothing(client: Client, key: str) -> None:
    ours = secrets.token_hex(8)
    try:
        _put_list(client, key, (), (), "", {"x-ms-blob-content-type": CLEARING_TYPE, _CLEARING: ours})
    except AnswerError as error:
        # Another writer has committed in between, and that drops the others as
        # well; or it was this, and its answer was lost.
        if not is_conflict(error):
            raise
    blob = blobs.head(client, key)
    if blob is not None and blob.headers.get(_CLEARING) == ours:
        _delete_version(client, key, blob.entry.version)


def _delete_version(client: Client, key: str, version: str) -> None:
    """Delete a blob, unless another writer has replaced it."""
    try:
        blobs.delete_one(client, key, version)
    except AnswerError as error:
        if not is_conflict(error):
            raise


def _clear_content(client: Client, key: str, blob: Blob) -> None:
    committed = read(client, key).committed
    try:
        if sum(block.size for block in committed) == blob.entry.size:
            headers = {f"x-ms-blob-{name.lower()}": blob.headers[name] for name in _KEPT if blob.headers.get(name)}
            headers.update((name, value) for name, value in blob.headers.items() if name.startswith("x-ms-meta-"))
            _put_list(client, key, [block.id for block in committed], (), blob.entry.version, headers)
        else:
            copy_onto_itself(client, key, blob.entry.version)
    except Exception as error:
        if not is_conflict(error):
            raise


def _put_list(
    client: Client, key: str, head: Sequence[str], blocks: Sequence[str], version: str, headers: dict[str, str]
) -> None:
    items = [f"<Committed>{block_id}</Committed>" for block_id in head]
    items += [f"<Uncommitted>{block_id}</Uncommitted>" for block_id in blocks]
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{"".join(items)}</BlockList>'
    headers = {**headers, **blobs.condition_on(version)}
    client.send("PUT", key, {"comp": "blocklist"}, headers, body=body.encode())
