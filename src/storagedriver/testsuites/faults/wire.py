"""HTTP/1.1 messages on a socket: where a head ends, and where a body does. Nothing is rewritten."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

_PIECE = 1 << 16
_HEAD_LIMIT = 1 << 18
_LINGER_SECONDS = 1.0

#: How a body is framed: its length, or one of these.
CHUNKED = -1
UNTIL_CLOSE = -2


class BrokenMessageError(ConnectionError):
    """The peer went away in the middle of a message."""


@dataclass(frozen=True)
class Head:
    """The start line and the headers of a message, as bytes and as words.

    Attributes
    ----------
    headers : mapping
        By the lower-case name; of several headers of one name the last.
    """

    raw: bytes
    start: tuple[str, str, str]
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Head:
        start, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        first, second, third = (*start.split(" ", 2), "", "")[:3]
        pairs = (line.partition(":") for line in lines)
        return cls(raw, (first, second, third), {name.strip().lower(): value.strip() for name, _, value in pairs})

    def request_framing(self) -> int:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return CHUNKED
        return int(self.headers.get("content-length", 0))

    def response_framing(self, method: str) -> int:
        if method == "HEAD" or self.status < 200 or self.status in (204, 304):
            return 0
        if "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            return UNTIL_CLOSE
        return self.request_framing()

    @property
    def status(self) -> int:
        """Of a response's head."""
        return int(self.start[1])

    @property
    def expects_continue(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this message."""
        connection = self.headers.get("connection", "").lower()
        if "HTTP/1.0" in (self.start[0], self.start[2]):
            return connection != "keep-alive"
        return connection == "close"


class Wire:
    """A connection, and in `unread` what has come from it beyond what was asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.unread = bytearray()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def head(self) -> Head | None:
        """The next message's head; None if the peer has closed instead of sending one."""
        while (end := self.unread.find(b"\r\n\r\n")) < 0:
            if len(self.unread) > _HEAD_LIMIT:
                raise BrokenMessageError("the head of a message is too long")
            if not self._fill():
                if self.unread:
                    raise BrokenMessageError("the connection ended inside a head")
                return None
        return Head.parse(self._take(end + 4))

    def body(self, framing: int) -> Iterator[bytes]:
        """The pieces of a body as they come, chunk headers included."""
        if framing == CHUNKED:
            yield from self._chunks()
        elif framing == UNTIL_CLOSE:
            while self.unread or self._fill():
                yield self._take(len(self.unread))
        else:
            yield from self._exactly(framing)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def readable(self, other: Wire | None = None, timeout: float = 0) -> bool:
        """Whether there is something to read, here or at `other`, within the time."""
        wires = [self] if other is None else [self, other]
        if any(wire.unread for wire in wires):
            return True
        return bool(select.select([wire.socket for wire in wires], [], [], timeout)[0])

    def close(self, *, reset: bool = False) -> None:
        """End the connection, with a FIN or at once with a RST."""
        with suppress(OSError):
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                # Closed with bytes unread, TCP would reset and could take from the peer what it was sent.
                self.socket.shutdown(socket.SHUT_WR)
                self.socket.settimeout(_LINGER_SECONDS)
                while self.socket.recv(_PIECE):
                    pass
        self.socket.close()

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._line()
            yield line
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            yield from self._exactly(size + 2)
        while True:
            line = self._line()
            yield line
            if line == b"\r\n":
                return

    def _line(self) -> bytes:
        while (end := self.unread.find(b"\r\n")) < 0:
            if not self._fill():
                raise BrokenMessageError("the connection ended inside a chunked body")
        return self._take(end + 2)

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count:
            if not self.unread and not self._fill():
                raise BrokenMessageError(f"the connection ended {count} bytes too early")
            piece = self._take(min(count, len(self.unread)))
            count -= len(piece)
            yield piece

    def _fill(self) -> bool:
        data = self.socket.recv(_PIECE)
        self.unread += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self.unread[:count])
        del self.unread[:count]
        return taken


def content_of(chunks: bytes) -> bytes:
    """The content of a body in chunks: RFC 9112, 7.1."""
    content = b""
    while True:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            return content
        content += rest[:length]
        chunks = rest[length + 2 :]
