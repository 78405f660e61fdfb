"""Bytes that lie at a key already, and are brought into a session.

The bytes of a session cannot be read, and it cannot begin with an object: they
go through the client.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from storagedriver.drivers.gcs import objects
from storagedriver.drivers.gcs.bucket import Bucket, Item
from storagedriver.drivers.gcs.errors import classify
from storagedriver.drivers.gcs.session import Session
from storagedriver.errors import UnavailableError

__all__ = ["Slot", "pieces", "session_of"]

#: What is held while a request runs.
Slot = Callable[[], AbstractContextManager[object]]

_PIECE = 1 << 20
#: How often the content is asked for again when its connection breaks.
_ATTEMPTS = 3


def pieces(bucket: Bucket, item: Item, slot: Slot, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The content of an object, of this very generation, from one byte to another."""
    position, failures = start, 0
    end = item.size if end is None else end
    body = None
    try:
        while position < end:
            try:
                with slot():
                    if body is None:
                        body = objects.stream(bucket, item.key, position, end - position, item.generation)
                    piece = body.read(_PIECE)
                if not piece:
                    raise UnavailableError("the content ended before its size was reached")
            except Exception as error:
                failures += 1
                if failures == _ATTEMPTS or not issubclass(classify(error).kind, UnavailableError):
                    raise
                if body is not None:
                    body.close()
                    body = None
                continue
            position, failures = position + len(piece), 0
            yield piece
    finally:
        if body is not None:
            body.close()


def session_of(bucket: Bucket, item: Item, end: int, chunk_size: int, slot: Slot) -> Session:
    """A new session that has the first `end` bytes of an object, a multiple of 256 KiB."""
    with slot():
        session = Session.start(bucket, item.key)
    try:
        chunk = bytearray()
        for piece in pieces(bucket, item, slot, 0, end):
            chunk += piece
            start = session.offset
            if len(chunk) >= chunk_size or start + len(chunk) == end:
                # What the session keeps has to be whole units.
                size = len(chunk) if start + len(chunk) == end else len(chunk) - len(chunk) % chunk_size
                with slot():
                    session.append(start, memoryview(bytes(chunk[:size])))
                del chunk[:size]
    except BaseException:
        with contextlib.suppress(Exception):
            session.delete()
        raise
    return session
