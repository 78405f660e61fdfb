"""What is sent and what comes back: requests that are signed, answers, and contents that are read as they come."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from storagedriver.adapter.http.connection import BrokenAnswerError, Connection, Content, Headers
from storagedriver.adapter.http.pools import Pool
from storagedriver.adapter.store import Entry
from storagedriver.errors import IntegrityError, UnavailableError

__all__ = ["PIECE", "Answer", "AnswerError", "HTTPBody", "Signed"]

#: How many bytes of a content are asked for at a time where all are read.
PIECE = 1 << 20


@dataclass(frozen=True)
class Signed:
    """A request that a store has signed.

    Attributes
    ----------
    method : str
        The HTTP method.
    url : str
        The whole URL, quoted.
    headers : mapping
        Its headers, those of the signature included.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes
    ----------
    status : int
        The HTTP status.
    headers : mapping
        The headers; names are found in any case.
    content : bytes
        The whole content; empty while it is a stream.
    is_framed : bool
        Whether the answer says where its content ends. If not, the content
        may be a part of what was sent.
    is_repeated : bool
        Whether the request was sent before, and may have been carried out then.
    document : object
        What the content says, once it was read: see `storagedriver.adapter.http.document`.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)
    is_framed: bool = True
    is_repeated: bool = False
    document: Any = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.status,
            Headers.of(self.headers),
            self.content,
            self.is_framed,
            self.is_repeated,
        )


class AnswerError(Exception):
    """The answer was not the one that was hoped for.

    Attributes
    ----------
    answer : Answer
        The answer; its content is the store's own description.
    request : Signed
        What was asked, without the query.
    """

    def __init__(self, answer: Answer, request: Signed) -> None:
        self.answer = answer
        # Without the query: that of a signed URL is a credential.
        super().__init__(f"HTTP {answer.status} for {request.method} {urlsplit(request.url).path}")
        self.request = Signed(request.method, urlsplit(request.url)._replace(query="").geturl())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.answer, self.request)


class HTTPBody:
    """The content of an answer, as a `Body`.

    Read to its end, it gives the connection back to the pool; closed before,
    the connection is closed too.

    Attributes
    ----------
    entry : Entry
        The object.
    answer : Answer
        Status and headers.
    is_framed : bool
        Whether the answer said where its content ends.
    has_length : bool
        Whether its head said how long it is.
    """

    def __init__(self, pool: Pool, connection: Connection, content: Content, silence: float) -> None:
        self.entry = Entry("")
        self.answer = Answer(0, {})
        self._expected: int | None = None
        self.is_framed = content.is_framed
        self.has_length = content.has_length
        self._pool = pool
        self._connection: Connection | None = connection
        self._content = content
        self._silence = silence
        self._pid = os.getpid()
        self._settle()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, ``b""`` at the end; any byte counts as progress."""
        if self._pid != os.getpid():
            # The connection stayed with the parent: what is read here would be missing there.
            raise UnavailableError("the stream was opened by another process")
        data = self._content.read(size, time.monotonic() + self._silence)
        if self._expected is not None:
            self._count(len(data), self._expected)
        self._settle()
        return data

    def expect(self, size: int) -> None:
        """Have `read` raise if the content is not of `size` bytes, where the answer does not say how long it is.

        It may have been cut, or decompressed on its way.
        """
        if not self.has_length:
            self._expected = size

    def _count(self, received: int, expected: int) -> None:
        self._expected = expected - received
        # The end of the connection has to follow the last byte.
        ended = self._content.is_complete or (
            self._expected == 0 and not self._content.read(1, time.monotonic() + self._silence)
        )
        if self._expected < 0 or ended != (self._expected == 0):
            self.close()
            if self.is_framed:
                # It came to its end, so what was given before is not of the object either.
                raise IntegrityError("the content has another length than the object: it was changed on its way")
            raise BrokenAnswerError("the content has another length than the object")

    def whole(self, most: int, deadline: float, *, cut: bool) -> bytes:
        """Everything.

        Parameters
        ----------
        most : int
            How many bytes are read at most.
        deadline : float
            When it has to be complete, in the time of `time.monotonic`.
        cut : bool
            Whether the first `most` bytes of a longer content will do.

        Raises
        ------
        BrokenAnswerError
            If it is longer, or not complete in time.
        """
        pieces = []
        while most > 0 and (piece := self._content.read(PIECE, deadline)):
            pieces.append(piece)
            most -= len(piece)
        if most <= 0 and not cut:
            raise BrokenAnswerError("the answer is longer than any that is expected")
        self._settle()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give up what is left."""
        if self._connection is not None and self._pid == os.getpid():
            self._content.close()
            self._release()

    def _settle(self) -> None:
        if self._connection is not None and self._content.is_complete:
            self._release()

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give(connection)
