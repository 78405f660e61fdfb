"""Going on with an upload that another writer has left: how far it really came.

A writer that was killed may have sent bytes after it last kept its state. So
the session is asked, and what it has counts.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.drivers.gcs import checksum, objects
from storagedriver.drivers.gcs.bucket import Bucket, Item
from storagedriver.drivers.gcs.errors import SessionExpiredError
from storagedriver.drivers.gcs.parameters import QUANTUM
from storagedriver.drivers.gcs.rereading import pieces, session_of
from storagedriver.drivers.gcs.session import Session
from storagedriver.drivers.gcs.state import State
from storagedriver.errors import ConflictError

__all__ = ["take_over"]


def take_over(bucket: Bucket, item: Item, writer: str, chunk_size: int) -> tuple[State, Session | None, Item]:
    """Keep the state anew under the name of another writer, so that the one before finds that it has lost.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    item : Item
        The state as it was found.
    writer : str
        The name of the writer that goes on.
    chunk_size : int
        The bytes of a chunk, where bytes have to be sent again.

    Returns
    -------
    tuple
        The state, with what the session really has, the session, and the
        object that now keeps the state.

    Raises
    ------
    SessionExpiredError
        If the session is gone, or has lost bytes.
    FinishedEarlyError
        If the session was published.
    ConflictError
        If another writer does the same.
    """
    found = State.read(bucket, item)
    session: Session | None = None
    if found.uri:
        found, session, item = _reconciled(bucket, item, found, chunk_size)
    kept = replace(found, writer=writer)
    return kept, session, kept.write(bucket, item.key, item.generation)


def _reconciled(bucket: Bucket, item: Item, state: State, chunk_size: int) -> tuple[State, Session, Item]:
    reach = Session(bucket, state.uri).reach()
    if reach.size is None:
        taken = _taken(state, reach.crc)
        if taken is None:
            return _reread(bucket, item, state, chunk_size)
    else:
        taken = reach.size - state.offset
        if taken < 0:
            raise SessionExpiredError(
                f"the upload is damaged: its session has {reach.size} bytes, and had {state.offset};"
                " it has to be started over"
            )
    crc = None
    if taken <= len(state.tail) and state.crc is not None:
        crc = checksum.extended(state.crc, memoryview(state.tail)[:taken])
    offset = state.offset + taken
    session = Session(bucket, state.uri, offset, crc)
    return State(state.uri, offset, state.tail[taken:], crc), session, item


def _taken(state: State, crc: int | None) -> int | None:
    """How much of the tail a session has, by the checksum of what it has; None if that cannot be known."""
    if state.crc is None:
        return None
    for taken in range(0, len(state.tail) + 1, QUANTUM):
        if checksum.extended(state.crc, memoryview(state.tail)[:taken]) == crc:
            return taken
    return None


def _reread(bucket: Bucket, item: Item, state: State, chunk_size: int) -> tuple[State, Session, Item]:
    """Go on with a new session, where an emulator does not say how much the old one has: it has to publish it.

    If that breaks off, what is published stays, and is gone on from.
    """
    published = Session(bucket, state.uri).publish()
    content = objects.head(bucket, item.key)
    if content is None or content.is_state or content.size != published.size or content.size < state.offset:
        raise ConflictError(OVERTAKEN)
    end = content.size - content.size % QUANTUM
    session = session_of(bucket, content, end, chunk_size, contextlib.nullcontext)
    tail = b"".join(pieces(bucket, content, contextlib.nullcontext, end)) + state.tail[content.size - state.offset :]
    return State(session.uri, end, tail, session.crc), session, content
