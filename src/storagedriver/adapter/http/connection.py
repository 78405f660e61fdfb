"""One connection: it sends requests, and reads an answer only if it is whole.

urllib3 opens what is more than a socket (TLS, proxies, certificates), and
llhttp, by httptools, reads heads and chunks. http.client is not used for that:
it takes a head that breaks off for a complete one.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from storagedriver.errors import importing_extra

with importing_extra("http"):
    import httptools

__all__ = [
    "BrokenAnswerError",
    "Connection",
    "Content",
    "HTTPError",
    "Headers",
    "NotSentError",
    "Opened",
    "TLSError",
    "WantsTLSError",
]

#: The most bytes of a head. Servers send less than 8 KiB.
_LONGEST_HEAD = 256 << 10
_RECEIVED = 64 << 10
#: Up to so many bytes a body goes out with the head, in one system call and one packet.
_SMALL = 32 << 10
#: A larger body is sent in pieces, because a socket's timeout is that of one sending.
_PIECE = 1 << 20

#: How long the answer to a request that broke off is waited for, in milliseconds.
_LAST_WORDS = 100
_NO_CONTENT = (204, 304)
_SWITCHING = 101
#: How an alert of TLS begins: RFC 8446, 5.1.
_ALERT = b"\x15\x03"
_INFORMATIONAL = range(100, 200)


class HTTPError(Exception):
    """There was no answer, or not all of it."""


class NotSentError(HTTPError):
    """There was no connection: the server has seen nothing of the request."""


class TLSError(HTTPError):
    """The server's certificate is not trusted, or TLS failed.

    Attributes
    ----------
    text : str
        What went wrong.
    hint : str
        What a user can do about it.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(f"{text}; {hint}" if hint else text)
        self.text = text
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text, self.hint)


class WantsTLSError(HTTPError):
    """The server has answered a request without TLS with an alert of TLS."""


class BrokenAnswerError(HTTPError):
    """The connection broke, fell silent, or brought what is no answer of HTTP."""


class Headers(Mapping[str, str]):
    """The headers of an answer. Names are found in any case.

    They are decoded when the first is asked for: of most answers two or three are.

    Parameters
    ----------
    received : sequence of (bytes, bytes)
        Names and values, as they came. Those of one name are joined by a comma (RFC 9110, 5.3).
    """

    __slots__ = ("_fields", "_received")

    def __init__(self, received: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._received = received
        self._fields: dict[str, str] | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Headers:
        """The same headers, of which names are found in any case."""
        return cls([(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()])

    def __getitem__(self, name: str) -> str:
        return self._decoded()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header."""
        fields = self._fields
        return (self._decoded() if fields is None else fields).get(name.lower(), default)

    def _decoded(self) -> dict[str, str]:
        fields = self._fields
        if fields is None:
            fields = {}
            # Each answer comes through here.
            for raw, content in self._received:
                name, value = raw.decode("latin-1").lower(), content.decode("latin-1").rstrip(" \t")
                fields[name] = f"{fields[name]}, {value}" if name in fields else value
            self._fields = fields
        return fields


class _Parsed:
    """What the parser has found so far: llhttp's callbacks."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.fields: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.pieces: list[bytes] = []
        self.has_head = False
        self.is_complete = False
        #: Whether the server keeps the connection after this answer.
        self.is_kept = False
        #: Whether something came after the end of the answer.
        self.has_more = False

    def feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_complete:
                if not self.has_head and data.startswith(_ALERT):
                    raise WantsTLSError("the server has answered in TLS") from error
                raise BrokenAnswerError(f"the answer is not HTTP: {error}") from error
            self.has_more = True

    def on_message_begin(self) -> None:
        self.has_more = self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.has_head:
            return
        self.status = self.parser.get_status_code()
        if self.status in _INFORMATIONAL and self.status != _SWITCHING:
            # An interim answer; the one that counts follows (RFC 9110, 15.2).
            self.fields = []
            return
        self.has_head = True
        self.is_kept = self.parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        if not self.has_more:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = self.has_head


class Opened(Protocol):
    """A socket that is connected, and what belongs to it."""

    sock: Any

    def close(self) -> None:
        """Close it."""


class Connection:
    """A connection to a server, or to the proxy before it.

    Parameters
    ----------
    made : Opened
        What was opened.
    """

    def __init__(self, made: Opened) -> None:
        self._made = made
        self._socket: socket.socket = made.sock
        #: Whether another request may be sent after the last one.
        self.is_reusable = False

    @property
    def is_alive(self) -> bool:
        """Whether nothing has come that was not asked for, the end of the connection for one."""
        return self._has_received(0) is False

    def send(self, head: bytes, body: Any, timeout: float) -> None:
        """Send a request.

        Parameters
        ----------
        head : bytes
            The request line and the headers, with the empty line behind them.
        body : bytes-like or None
            What follows; it is not copied if it is large.
        timeout : float
            The longest silence of the server in seconds.

        Raises
        ------
        BrokenAnswerError
            If the connection broke, or the server did not take the bytes.
        """
        self.is_reusable = False
        self._socket.settimeout(timeout)
        size = 0 if body is None else len(body)
        try:
            if size <= _SMALL:
                self._socket.sendall(head + bytes(body or b""))
                return
            self._socket.sendall(head)
            view = memoryview(body).cast("B")
            for start in range(0, size, _PIECE):
                self._socket.sendall(view[start : start + _PIECE])
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that refuses a request early may have said why before it closed, and that may be on its way.
            if not self._has_received(_LAST_WORDS):
                raise BrokenAnswerError(f"the connection broke while the request was sent: {error}") from error
        except (OSError, ssl.SSLError) as error:
            raise _broken(error, "the request was sent") from error

    def receive(self, method: str, deadline: float) -> tuple[int, Headers, Content]:
        """Read the head of the answer.

        Parameters
        ----------
        method : str
            The request's.
        deadline : float
            When the head has to be complete, in the time of `time.monotonic`.

        Returns
        -------
        status : int
            The status.
        headers : Headers
            The headers.
        content : Content
            The content, which is not read yet.

        Raises
        ------
        BrokenAnswerError
            If the head is not complete in time, or at all, or is not HTTP.
        """
        parsed = _Parsed()
        received = 0
        while not parsed.has_head:
            data = self._receive(_RECEIVED, deadline, "the head of the answer was awaited")
            if not data:
                where = "within the head of the answer" if received else "before there was an answer"
                raise BrokenAnswerError(f"the connection ended {where}")
            received += len(data)
            parsed.feed(data)
            if received > _LONGEST_HEAD and not parsed.has_head:
                raise BrokenAnswerError(f"the head of the answer has more than {_LONGEST_HEAD} bytes")
        if parsed.status == _SWITCHING:
            raise BrokenAnswerError("the server changed the protocol without being asked to")
        headers = Headers(parsed.fields)
        return parsed.status, headers, Content(self, parsed, headers, method)

    def close(self) -> None:
        """Close it."""
        self.is_reusable = False
        self._made.close()

    def _receive(self, size: int, deadline: float, doing: str) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise BrokenAnswerError(f"the time was over while {doing}")
        try:
            self._socket.settimeout(left)
            return self._socket.recv(size)
        except (OSError, ssl.SSLError) as error:
            raise _broken(error, doing) from error

    def _has_received(self, milliseconds: int) -> bool | None:
        """Whether there is something to read, or the end of the connection; None if the socket is closed."""
        try:
            waiting = select.poll()
            waiting.register(self._socket, select.POLLIN)
            return bool(waiting.poll(milliseconds))
        except (OSError, ValueError):
            return None


class Content:
    """The content of an answer, read as it comes.

    Attributes
    ----------
    is_framed : bool
        Whether the answer says where its content ends, by a length or in
        chunks. If not, it ends where the connection does, and a connection
        that broke looks the same.
    has_length : bool
        Whether the head of the answer says how long the content is.
    """

    def __init__(self, connection: Connection, parsed: _Parsed, headers: Headers, method: str) -> None:
        self._connection = connection
        self._parsed = parsed
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length")
        self.is_framed = True
        self.has_length = not chunked and length is not None
        #: The bytes that are still to come from the socket; None where chunks or the end of the connection say it.
        self._left: int | None = None
        if method == "HEAD" or parsed.status in _NO_CONTENT:
            parsed.has_more |= bool(parsed.pieces)
            parsed.pieces.clear()
            parsed.is_complete = True
        elif not chunked and length is not None:
            self._left = int(length) - sum(map(len, parsed.pieces))
        else:
            self.is_framed = chunked
        self._settle()

    @property
    def is_complete(self) -> bool:
        """Whether everything was received, though perhaps not given yet."""
        return self._parsed.is_complete

    def read(self, size: int, deadline: float) -> bytes:
        """Up to `size` bytes, ``b""`` at the end.

        Parameters
        ----------
        size : int
            How many bytes at most.
        deadline : float
            Until when some have to come, in the time of `time.monotonic`.

        Raises
        ------
        BrokenAnswerError
            If the connection ends before the content does, or falls silent.
        """
        parsed = self._parsed
        while not parsed.pieces and not parsed.is_complete:
            wanted = size if self._left is None else min(size, self._left)
            data = self._connection._receive(wanted, deadline, "the content was read")  # noqa: SLF001 - its other half
            if self._left is not None:
                self._count(data)
                return data
            self._parse(data)
        if not parsed.pieces:
            return b""
        piece = parsed.pieces[0]
        if len(piece) <= size:
            return parsed.pieces.pop(0)
        parsed.pieces[0] = piece[size:]
        return piece[:size]

    def close(self) -> None:
        """Give up what was not received: the connection cannot be used again."""
        if not self._parsed.is_complete:
            self._connection.close()

    def _count(self, data: bytes) -> None:
        assert self._left is not None
        if not data:
            raise BrokenAnswerError(f"the connection ended {self._left} bytes before the content did")
        self._left -= len(data)
        self._settle()

    def _parse(self, data: bytes) -> None:
        if data:
            self._parsed.feed(data)
        elif self.is_framed:
            raise BrokenAnswerError("the connection ended before the content did")
        else:
            self._parsed.is_complete = True
        self._settle()

    def _settle(self) -> None:
        """Say that the connection is free once everything was received."""
        parsed = self._parsed
        parsed.is_complete |= self._left == 0
        if parsed.is_complete:
            self._connection.is_reusable = parsed.is_kept and self.is_framed and not parsed.has_more


def _broken(error: OSError, doing: str) -> HTTPError:
    if isinstance(error, TimeoutError):
        return BrokenAnswerError(f"the server was silent while {doing}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSError(str(error))
    return BrokenAnswerError(f"the connection broke while {doing}: {error}")
