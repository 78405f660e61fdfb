"""Uploads: one resumable session, and between two sittings of a writer the state object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.parts import PartEngine
from storagedriver.adapter.store import Upload
from storagedriver.driver import UploadInfo
from storagedriver.drivers.gcs import objects, state
from storagedriver.drivers.gcs.bucket import NOTHING, Bucket, Item
from storagedriver.drivers.gcs.deleting import delete_generation
from storagedriver.drivers.gcs.errors import SessionExpiredError, classify
from storagedriver.drivers.gcs.listing import items
from storagedriver.drivers.gcs.parameters import QUANTUM
from storagedriver.drivers.gcs.session import FinishedEarlyError, Session
from storagedriver.drivers.gcs.state import State
from storagedriver.errors import ConflictError, PathNotFoundError, UnavailableError

__all__ = ["SessionUpload", "Uploads"]

_PIECE = 1 << 20
_LOST = "another writer has written the path in the meantime"
#: How often the old content is asked for again when its connection breaks.
_ATTEMPTS = 3


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
        item = objects.find(self.bucket, key)
        if item is not None and item.is_state:
            state.remove(self.bucket, item)
            item = None
        if item is None:
            return SessionUpload(self, key, NOTHING)
        return SessionUpload(self, key, item.generation)

    def resume(self, key: str) -> Upload:
        """As `Store.resume`. Whether the session still exists shows when it is written to."""
        item = objects.find(self.bucket, key)
        if item is None:
            self.bucket.require()
            raise PathNotFoundError
        if item.is_state:
            return SessionUpload(self, key, item.generation, state=State.read(self.bucket, item))
        return SessionUpload(self, key, item.generation, content=item)

    def upload_size(self, key: str) -> int | None:
        """As `Store.upload_size`: what was kept at the last close."""
        item = objects.find(self.bucket, key)
        if item is None:
            self.bucket.require()
            return None
        return state.size_of(item) if item.is_state else item.size

    def uploads(self, key: str) -> Iterator[UploadInfo]:
        """As `Store.uploads`. An upload was begun, as far as is known, when its state was last kept."""
        own = objects.find(self.bucket, key) if key else None
        if own is not None and own.is_state:
            yield _info(own)
        for page, _ in items(self.bucket, f"{key}/" if key else ""):
            yield from (_info(item) for item in page if item.is_state)

    def abort(self, upload: UploadInfo) -> None:
        """As `Store.abort`. One that has gone on in the meantime stays."""
        item = objects.find(self.bucket, upload.path[1:])
        if item is not None and item.is_state and item.generation == upload.id:
            state.remove(self.bucket, item)


def _info(item: Item) -> UploadInfo:
    return UploadInfo("/" + item.key, item.generation, item.updated, state.size_of(item))


class SessionUpload(Upload):
    """One upload.

    Full chunks are sent from a thread while the next one is filled; what is
    left waits for `suspend` or `commit`. Without a full chunk there is no
    session: the content is written in one request.

    Parameters
    ----------
    uploads : Uploads
        The store's uploads.
    key : str
        The object.
    generation : str
        What lies at the key; as soon as it is something else another writer has won.
    state : State, optional
        What earlier sittings have kept at the key.
    content : Item, optional
        The committed object that the upload goes on from, instead of a state.
    """

    def __init__(
        self,
        uploads: Uploads,
        key: str,
        generation: str,
        *,
        state: State | None = None,
        content: Item | None = None,
    ) -> None:
        self._bucket = uploads.bucket
        self._limit = uploads.limit
        self._chunk_size = uploads.chunk_size
        self._key = key
        self._generation = generation
        self._content = content
        self._kept = state is not None
        self._session = Session(self._bucket, state.uri) if state is not None and state.uri else None
        self._offset = state.offset if state is not None else 0
        self._rest = memoryview(state.tail if state is not None else b"")
        self._size = content.size if content is not None else self._offset + len(self._rest)
        self._engine: PartEngine[None] | None = None

    @property
    def size(self) -> int:
        """What the session has, what is on its way and what is buffered."""
        return self._size

    def write(self, data: memoryview, /) -> None:
        """Append; the first bytes after committed content bring that content along."""
        if not data:
            return
        engine = self._opened()
        if self._content is not None:
            self._adopt(self._content, engine)
        engine.write(data)
        self._size += len(data)

    def suspend(self) -> None:
        """Send whole units of 256 KiB, and keep the state with what is left."""
        if self._content is not None or (self._kept and self._engine is None):
            return
        try:
            self._flush()
            whole = len(self._rest) - len(self._rest) % QUANTUM
            if whole:
                self._append(self._rest[:whole])
                self._rest = self._rest[whole:]
        except ConflictError:
            raise
        except Exception:
            # What the session has can be gone on from.
            self._rest = memoryview(b"")
            with contextlib.suppress(Exception):
                self._keep()
            raise
        self._keep()

    def commit(self) -> None:
        """Publish: in one request where there is no session, else by its last chunk."""
        if self._content is not None:
            return
        self._flush()
        self._check()
        if self._session is None:
            with self._limit.slot():
                objects.insert(self._bucket, self._key, self._rest, generation=self._generation)
            return
        while not self._finish(self._session):
            continue

    def cancel(self) -> None:
        """End the session, then remove what of this upload lies at the key."""
        if self._engine is not None:
            self._engine.drain()
        with self._limit.slot():
            if self._session is not None:
                self._session.delete()
            if self._kept:
                item = objects.find(self._bucket, self._key)
                if item is not None and item.generation == self._generation:
                    delete_generation(self._bucket, self._key, self._generation)

    def abandon(self) -> None:
        """Stop sending."""
        if self._engine is not None:
            self._engine.abandon()

    def _opened(self) -> PartEngine[None]:
        if self._engine is None:
            self._engine = PartEngine(self._send, first=1, part_size=lambda _: self._chunk_size, concurrency=1)
            rest, self._rest = self._rest, memoryview(b"")
            self._engine.write(rest)
        return self._engine

    def _send(self, _: int, data: memoryview) -> None:
        """Take a part from the engine: a full one goes to the session, the last one is left for what ends it."""
        if len(data) < self._chunk_size:
            self._rest = data
        else:
            self._append(data)

    def _flush(self) -> None:
        if self._engine is not None:
            self._engine.flush()

    def _append(self, data: memoryview) -> None:
        end = self._offset + len(data)
        while self._offset < end:
            with self._limit.slot():
                if self._session is None:
                    self._session = Session.start(self._bucket, self._key)
                try:
                    self._session.append(self._offset, data[len(data) - (end - self._offset) :])
                    self._offset = end
                    continue
                except FinishedEarlyError as error:
                    early = error
            self._go_on_after(early, end)

    def _finish(self, session: Session) -> bool:
        """Send the last chunk; False where it has to be sent to another session."""
        try:
            with self._limit.slot():
                session.finish(self._offset, self._rest)
        except FinishedEarlyError as early:
            before = self._offset
            self._go_on_after(early, before + len(self._rest))
            self._rest = self._rest[self._offset - before :]
            return False
        except SessionExpiredError:
            # The answer to an earlier attempt may have been lost.
            with self._limit.slot():
                item = objects.find(self._bucket, self._key)
            size = self._offset + len(self._rest)
            if item is None or item.is_state or item.generation == self._generation or item.size != size:
                raise
        return True

    def _check(self) -> None:
        """Raise unless the key is as this upload has found or left it.

        A session cannot be told what must lie at the key when it publishes:
        keeping the state changes just that.
        """
        with self._limit.slot():
            item = objects.find(self._bucket, self._key)
        if (NOTHING if item is None else item.generation) != self._generation:
            raise ConflictError(_LOST)

    def _keep(self) -> None:
        self._check()
        kept = State(self._session.uri if self._session else "", self._offset, bytes(self._rest))
        with self._limit.slot():
            self._generation = kept.write(self._bucket, self._key, self._generation).generation
        self._kept = True

    def _adopt(self, content: Item, engine: PartEngine[None]) -> None:
        """Bring committed content, of this very generation, into the upload."""
        try:
            for piece in self._pieces(content):
                engine.write(memoryview(piece))
        except BaseException:
            # As if nothing had been written: what is committed is still there.
            engine.drain()
            session, self._session = self._session, None
            self._engine, self._offset, self._rest = None, 0, memoryview(b"")
            with contextlib.suppress(Exception), self._limit.slot():
                if session is not None:
                    session.delete()
            raise
        self._content = None

    def _pieces(self, item: Item) -> Iterator[bytes]:
        """The content of an object, of this very generation."""
        position, failures = 0, 0
        body = None
        try:
            while position < item.size:
                try:
                    with self._limit.slot():
                        if body is None:
                            body = objects.stream(self._bucket, self._key, position, None, item.generation)
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

    def _go_on_after(self, early: FinishedEarlyError, end: int) -> None:
        """Go on with a new session, from what an emulator published when it was asked for the status.

        Google does not do that: there it was another writer.
        """
        if self._bucket.client.is_google or not self._offset <= early.size <= end or early.size % QUANTUM:
            raise ConflictError(early.detail) from early
        with self._limit.slot():
            item = objects.find(self._bucket, self._key)
        if item is None or item.is_state or item.size != early.size:
            raise ConflictError(_LOST) from early
        with self._limit.slot():
            session = Session.start(self._bucket, self._key)
        offset, chunk = 0, bytearray()
        for piece in self._pieces(item):
            chunk += piece
            if len(chunk) >= self._chunk_size or offset + len(chunk) == item.size:
                with self._limit.slot():
                    session.append(offset, memoryview(chunk))
                offset, chunk = offset + len(chunk), bytearray()
        self._session, self._offset = session, early.size
        # What lies at the key is now of this upload, and goes with it.
        self._generation, self._kept = item.generation, True
