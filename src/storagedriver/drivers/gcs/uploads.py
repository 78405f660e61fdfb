"""Uploads: one resumable session, and the state object that is kept while no writer is open."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.adapter.parts import PartEngine, PartUpload
from storagedriver.adapter.store import Upload
from storagedriver.driver import UploadInfo
from storagedriver.drivers.gcs import checksum, objects, state
from storagedriver.drivers.gcs.bucket import NOTHING, Bucket, Item
from storagedriver.drivers.gcs.deleting import delete_generation
from storagedriver.drivers.gcs.errors import FinishedEarlyError, SessionExpiredError
from storagedriver.drivers.gcs.listing import items
from storagedriver.drivers.gcs.parameters import QUANTUM
from storagedriver.drivers.gcs.rereading import pieces, session_of
from storagedriver.drivers.gcs.resuming import take_over
from storagedriver.drivers.gcs.session import Published, Session
from storagedriver.drivers.gcs.state import State
from storagedriver.errors import ConflictError, IntegrityError, PathNotFoundError

__all__ = ["SessionUpload", "Uploads"]

_MIXED = "another writer has sent bytes to the session of the upload, and what was published has been removed"
#: How often a resume looks what is at the key, where its session was published or ended meanwhile.
_LOOKS = 2


class Uploads:
    """The uploads of a store.

    Parameters
    ----------
    bucket : Bucket
        Where they are published.
    limit : Limit
        How many requests run at a time.
    chunk_size : int
        The bytes of a chunk, a multiple of 256 KiB.
    """

    def __init__(self, bucket: Bucket, limit: Limit, chunk_size: int) -> None:
        self.bucket = bucket
        self.limit = limit
        self.chunk_size = chunk_size

    def begin(self, key: str) -> Upload:
        """As `Store.begin`. What is committed at the key stays until there is a state to be kept, or a commit."""
        item = objects.head(self.bucket, key, required=True)
        if item is not None and item.is_state:
            state.remove(self.bucket, item)
            item = None
        return SessionUpload(self, key, NOTHING if item is None else item.generation)

    def resume(self, key: str) -> Upload:
        """As `Store.resume`. The session is asked how far it has come, and the state is kept anew."""
        writer = uuid.uuid4().hex
        looks = 0
        while True:
            looks += 1
            item = objects.head(self.bucket, key)
            if item is None:
                self.bucket.require()
                raise PathNotFoundError
            if not item.is_state:
                return SessionUpload(self, key, item.generation, content=item)
            try:
                kept, session, item = take_over(self.bucket, item, writer, self.chunk_size)
            except (SessionExpiredError, FinishedEarlyError):
                now = objects.head(self.bucket, key)
                if looks == _LOOKS or (now is not None and now.generation == item.generation):
                    raise
                continue
            return SessionUpload(self, key, item.generation, kept=kept, session=session)

    def upload_size(self, key: str) -> int | None:
        """As `Store.upload_size`: what was kept at the last close. To ask the session could disturb its writer."""
        item = objects.head(self.bucket, key)
        if item is None:
            self.bucket.require()
            return None
        return state.size_of(item) if item.is_state else item.size

    def uploads(self, key: str) -> Iterator[UploadInfo]:
        """As `Store.uploads`. An upload was begun, as far as is known, when its state was last kept."""
        own = objects.head(self.bucket, key) if key else None
        if own is not None and own.is_state:
            yield _info(own)
        for page, _ in items(self.bucket, f"{key}/" if key else ""):
            yield from (_info(item) for item in page if item.is_state)

    def abort(self, upload: UploadInfo) -> None:
        """As `Store.abort`. One that has gone on in the meantime stays."""
        item = objects.head(self.bucket, upload.path[1:])
        if item is not None and item.is_state and item.generation == upload.id:
            state.remove(self.bucket, item)


def _info(item: Item) -> UploadInfo:
    return UploadInfo("/" + item.key, item.generation, item.updated, state.size_of(item))


@dataclass(frozen=True)
class _Attempt:
    """What a commit tried to publish. Its checksum is not always known."""

    size: int
    crc: int | None

    def has_become(self, item: Item) -> bool:
        """Whether an object can be that."""
        crc = checksum.parsed(item.crc32c)
        return not item.is_state and item.size == self.size and (self.crc is None or crc in (None, self.crc))


class SessionUpload(PartUpload[None]):
    """One upload.

    Full chunks are sent from a thread while the next one is filled; what is
    left waits for `suspend` or `commit`. Without a full chunk there is no
    session: the content is written in one request. Everything is sent by its
    position, so it does not matter where a failed call left the session.

    Parameters
    ----------
    uploads : Uploads
        The store's uploads.
    key : str
        The object.
    generation : str
        What is at the key; as soon as it is something else another writer has won.
    kept : State, optional
        The state of earlier sittings, as it was taken over.
    session : Session, optional
        The session of that state.
    content : Item, optional
        The committed object that the upload goes on from, instead of a state.
    """

    def __init__(
        self,
        uploads: Uploads,
        key: str,
        generation: str,
        *,
        kept: State | None = None,
        session: Session | None = None,
        content: Item | None = None,
    ) -> None:
        self._bucket = uploads.bucket
        self._limit = uploads.limit
        self._chunk_size = uploads.chunk_size
        self._key = key
        self._generation = generation
        self._session = session
        self._content = content
        #: The bytes that come before the first chunk of this sitting, and those that were kept after them.
        self._base = kept.offset if kept is not None else 0
        self._tail = kept.tail if kept is not None else b""
        self._writer = kept.writer if kept is not None else uuid.uuid4().hex
        #: Whether a state of this writer can lie at the key.
        self._has_state = kept is not None
        #: Whether the key has to be looked at before bytes go to a session that another writer may have as well.
        self._is_shared = session is not None
        self._durable = kept.size if kept is not None else content.size if content is not None else None
        #: What a commit tried to publish, and whether it may have done it.
        self._attempt: _Attempt | None = None
        self._in_doubt = False
        super().__init__(self._durable or 0)

    @property
    def durable(self) -> int | None:
        """What was last kept at the key; None where this upload has kept nothing yet."""
        return self._durable

    def write(self, data: memoryview, /) -> None:
        """Append; the first bytes after committed content bring that content along."""
        if data and self._in_doubt:
            own = self._look()
            if own is not None:
                self._go_on_over(own)
            self._in_doubt = False
        super().write(data)

    def suspend(self) -> None:
        """Send whole units of 256 KiB, and keep the state with what is left."""
        if self._engine is None and self._content is not None:
            return
        if self._is_published() or (self._has_state and self._durable == self.size):
            self._stop()
            return
        try:
            start, rest = self._settled()
            whole = len(rest) - len(rest) % QUANTUM
            if whole:
                self._append(start, rest[:whole])
        except ConflictError:
            raise
        except Exception:
            self._keep_what_was_sent()
            raise
        if not self._is_published():
            offset = self._session.offset if self._session is not None else 0
            self._keep(offset, rest[offset - start :])
        self._stop()

    def commit(self) -> None:
        """Publish: in one request where there is no session, else by its last chunk."""
        if self._engine is None and self._content is not None:
            return
        if not (self._in_doubt and self._is_published()):
            start, rest = self._settled()
            # Where nothing of the upload is there yet, the condition of the one request decides.
            is_unknown = self._session is None and not self._has_state and not self._in_doubt
            if is_unknown or not self._is_published():
                self._publish(start, rest)
        self._stop()

    def cancel(self) -> None:
        """End the session, then remove the state of this upload."""
        self._stop()
        with self._limit.slot():
            if self._session is not None:
                self._session.delete()
            item = objects.head(self._bucket, self._key) if self._has_state else None
            if item is not None and state.is_of(item, self._writer):
                delete_generation(self._bucket, self._key, item.generation)

    def _prepare(self) -> PartEngine[None]:
        if self._content is not None and self._session is not None:
            # Of an attempt that an interrupt ended: it has a part of the content.
            self._give_up_session()
        engine: PartEngine[None] = PartEngine(
            self._send, first=1, base=self._base, part_size=lambda _: self._chunk_size, concurrency=1
        )
        try:
            if self._content is None:
                engine.write(memoryview(self._tail))
            else:
                for piece in pieces(self._bucket, self._content, self._limit.slot):
                    engine.write(memoryview(piece))
        except BaseException:
            engine.drain()
            if self._content is not None:
                # As if nothing had been written: what is committed is still there.
                self._give_up_session()
            raise
        return engine

    def _give_up_session(self) -> None:
        session, self._session = self._session, None
        with contextlib.suppress(Exception), self._limit.slot():
            if session is not None:
                session.delete()

    def _settled(self) -> tuple[int, memoryview]:
        """Wait until all full chunks have arrived; what is left, and how many bytes come before it."""
        if self._engine is None:
            return self._base, memoryview(self._tail)
        self._engine.settle()
        tail = self._engine.tail
        return self._engine.size - len(tail), tail

    def _send(self, number: int, data: memoryview) -> None:
        self._append(self._base + (number - 1) * self._chunk_size, data)

    def _append(self, start: int, data: memoryview) -> None:
        """Have the session have some bytes; a new one is begun if there is none."""
        if self._is_shared:
            self._look()
            self._is_shared = False
        with self._limit.slot():
            if self._session is None:
                self._session = Session.start(self._bucket, self._key)
            self._session.append(start, data)

    def _publish(self, start: int, rest: memoryview) -> None:
        session = self._session
        sent, crc = (0, 0) if session is None else (session.offset, session.crc)
        crc = None if crc is None else checksum.extended(crc, rest[sent - start :])
        self._attempt, self._in_doubt = _Attempt(self.size, crc), True
        try:
            with self._limit.slot():
                if session is None:
                    self._insert(rest)
                    return
                published = session.finish(start, rest)
        except (SessionExpiredError, FinishedEarlyError):
            # An earlier attempt may have published, whose answer was lost.
            if not self._is_published():
                raise
            return
        self._check_published(published, crc)

    def _insert(self, content: memoryview) -> None:
        """Write the object by one request. What an emulator has received damaged is removed again."""
        try:
            objects.insert(self._bucket, self._key, content, generation=self._generation)
        except IntegrityError:
            if objects.head(self._bucket, self._key) is None:
                self._generation = NOTHING
            raise

    def _check_published(self, published: Published, crc: int | None) -> None:
        """Raise where the bytes are not those that were written, because another writer used the same session."""
        if crc is None or published.crc in (None, crc):
            return
        with self._limit.slot():
            delete_generation(self._bucket, self._key, published.generation)
        raise ConflictError(_MIXED)

    def _is_published(self) -> bool:
        """Whether a commit that raised has published all there is. Raises where another writer has won."""
        own = self._look()
        if own is None or own.size == self.size:
            return own is not None
        self._go_on_over(own)
        return False

    def _look(self) -> Item | None:
        """Raise unless the key is as this upload has found or left it; what a commit has published that raised.

        A session accepts no precondition: keeping the state changes the
        generation, so the check is made before the last chunk.
        """
        with self._limit.slot():
            item = objects.head(self._bucket, self._key)
        if (NOTHING if item is None else item.generation) == self._generation:
            return None
        if item is not None and state.is_of(item, self._writer):
            # Its answer was lost.
            self._generation, self._durable = item.generation, state.size_of(item)
            return None
        if item is not None and self._attempt is not None and self._attempt.has_become(item):
            return item
        self._durable = None
        raise ConflictError(OVERTAKEN)

    def _go_on_over(self, item: Item) -> None:
        """Go on with a new session after a commit that raised has published, and more is to come."""
        sent = self._base if self._engine is None else self._engine.acknowledged
        session = None
        if sent:
            session = session_of(self._bucket, item, sent, self._chunk_size, self._limit.slot)
        self._session, self._generation, self._durable = session, item.generation, item.size
        self._attempt, self._is_shared = None, False

    def _keep(self, offset: int, tail: memoryview) -> None:
        """Keep the state: what the session has, and what comes after it."""
        session = self._session
        kept = State(
            uri=session.uri if session is not None else "",
            offset=offset,
            tail=bytes(tail),
            crc=session.crc if session is not None else None,
            writer=self._writer,
        )
        self._has_state = True
        with self._limit.slot():
            self._generation = kept.write(self._bucket, self._key, self._generation).generation
        self._durable = kept.size

    def _keep_what_was_sent(self) -> None:
        """Keep what the session has, if that is more than was kept before."""
        session = self._session
        if session is None or session.offset <= (self._durable or 0):
            return
        with contextlib.suppress(Exception):
            if self._look() is None:
                self._keep(session.offset, memoryview(b""))
