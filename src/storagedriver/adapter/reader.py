"""A stream over an object: it survives a broken connection, and never mixes two versions."""

from __future__ import annotations

import contextlib
import random
import time
from datetime import datetime
from typing import TYPE_CHECKING

from storagedriver.adapter.checksums import Running
from storagedriver.adapter.failures import translated
from storagedriver.adapter.ranges import RANGE, RangesBody
from storagedriver.adapter.store import EPOCH, Body, Store
from storagedriver.adapter.traffic import count_retry
from storagedriver.driver import FileReader
from storagedriver.errors import ConflictError, IntegrityError, PathNotFoundError, UnavailableError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["StreamReader"]

_PIECE = 1 << 20
#: How often in a row a stream is opened again without a byte coming through.
_ATTEMPTS = 3


class StreamReader(FileReader):
    """The reader of `FsspecDriver`.

    Parameters
    ----------
    store : Store
        Where the object is.
    path, key : str
        Its path, for errors, and its key.
    offset : int
        Where the stream begins, in bytes.
    length : int, optional
        How many bytes it gives at most.

    Raises
    ------
    PathNotFoundError
        If there is no such object.
    """

    def __init__(self, store: Store, path: str, key: str, offset: int, length: int | None) -> None:
        super().__init__()
        self._store = store
        self._path = path
        self._key = key
        self._position = offset
        self._left = length
        self._body: Body | None = None
        self._damage: IntegrityError | None = None
        self._body = self._open("")
        entry = self._body.entry
        self._size = entry.size
        self._version = entry.version
        self._weak = entry.weak
        self._mod_time = entry.mod_time
        available = max(0, entry.size - offset)
        self._left = available if length is None else min(available, length)
        is_whole = entry.checksum is not None and self._left == entry.size
        self._checked = Running(entry.checksum) if is_whole and entry.checksum else None

    @property
    def size(self) -> int:
        """The size of the whole object in bytes, whatever the offset of the stream."""
        return self._size

    @property
    def mod_time(self) -> datetime:
        """When the object was last changed, aware and in UTC. It may have to be asked for."""
        if self._mod_time == EPOCH:
            with self._store.limit.slot(), translated(self._store, self._path):
                entry = self._store.head(self._key)
                if entry is None or entry.version != self._version:
                    raise ConflictError("it was replaced while it was read")
            self._mod_time = entry.mod_time
        return self._mod_time

    @property
    def version(self) -> str:
        """The version that is read; empty where the store has none."""
        return "" if self._weak else self._version

    def tell(self) -> int:
        """The position in the object, in bytes."""
        self._check_open()
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; everything that is left if it is negative or None."""
        if size is None or size < 0:
            return self.readall()
        self._check_open()
        assert self._left is not None
        wanted = min(size, self._left)
        if wanted == 0:
            self._check_content()
            return b""
        data = self._read(wanted)
        self._position += len(data)
        self._left -= len(data)
        if self._checked is not None:
            self._checked.update(data)
            self._check_content()
        return data

    def readinto(self, buffer: Buffer, /) -> int:
        """Read up to the length of `buffer` into it, and return how many bytes that was."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Everything that is left."""
        return b"".join(iter(lambda: self.read(_PIECE), b""))

    def close(self) -> None:
        """Give the connection back."""
        body, self._body = getattr(self, "_body", None), None
        if body is not None:
            body.close()
        super().close()

    def _check_content(self) -> None:
        """Compare the checksum at the end of a whole content, before its last bytes are given."""
        if self._checked is not None and not self._left:
            with translated(self._store, self._path):
                self._checked.finish()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a closed reader")

    def _open(self, version: str) -> Body:
        concurrency = self._store.read_concurrency
        whole = concurrency == 1 or (self._left is not None and self._left <= RANGE)
        body = self._stream(self._position, self._left if whole else RANGE, version)
        end = body.entry.size if self._left is None else min(body.entry.size, self._position + self._left)
        pinned = body.entry.version
        if whole or end - self._position <= RANGE:
            return body
        if not pinned:
            # Ranges of one stream must be of one version.
            body.close()
            return self._stream(self._position, self._left, version)

        def fetch(offset: int, length: int) -> bytes:
            with contextlib.closing(self._stream(offset, length, pinned)) as part:
                pieces = []
                while length:
                    pieces.append(self._take(part, length))
                    length -= len(pieces[-1])
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)

        return RangesBody(body, self._position + RANGE, end, fetch, concurrency)

    def _stream(self, offset: int, length: int | None, version: str) -> Body:
        with self._store.limit.slot(), translated(self._store, self._path):
            return self._store.stream(self._key, offset, length, version)

    def _take(self, body: Body, wanted: int) -> bytes:
        """Up to `wanted` bytes, of which there must be some."""
        try:
            # The threads of a body of ranges take slots of their own; waiting for them with one would be a deadlock.
            if isinstance(body, RangesBody):
                data = body.read(wanted)
            else:
                with self._store.limit.slot():
                    data = body.read(wanted)
            if not data:
                raise UnavailableError("the content ended before its size was reached")
        except Exception:
            # Here and not around it all: a stream is read in small pieces, and entering a context costs.
            with translated(self._store, self._path):
                raise
        return data

    def _read(self, wanted: int) -> bytes:
        if self._damage is not None:
            # What has been given is part of a content that was damaged.
            raise self._damage
        for attempt in range(_ATTEMPTS):
            try:
                if self._body is None:
                    self._body = self._reopen()
                return self._take(self._body, wanted)
            except UnavailableError:
                self._drop_body()
                if not self._version or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0.5, 1) * 0.1 * 2**attempt)  # noqa: S311 - jitter
            except BaseException as error:
                # It may have gone on by itself: another read begins anew, at the position.
                self._drop_body()
                if isinstance(error, IntegrityError):
                    self._damage = error
                raise
        raise AssertionError("unreachable")

    def _drop_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _reopen(self) -> Body:
        count_retry()
        try:
            return self._open(self._version)
        except PathNotFoundError as error:
            raise ConflictError(
                "it was deleted while it was read", driver_name=self._store.name, path=self._path
            ) from error
