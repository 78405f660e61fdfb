"""One request and its answer on their way through the fault proxy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

from storagedriver.testsuites.faults.wire import CHUNKED, UNTIL_CLOSE, BrokenMessageError, Head, Wire, content_of

if TYPE_CHECKING:
    from storagedriver.testsuites.faults.proxy import FaultProxy, Request

_CONTINUE_SECONDS = 10.0
_CHUNKED = re.compile(rb"(?i)transfer-encoding: *chunked")


class Exchange:
    """The steps that the proxy's actions are made of.

    Attributes
    ----------
    closes : bool
        The client's connection ends with this exchange,
    reset : bool
        and so by a RST.
    """

    def __init__(self, proxy: FaultProxy, client: Wire, head: Head, request: Request) -> None:
        self.closes = head.closes
        self.reset = False
        self._proxy = proxy
        self._healed = proxy.healed
        self._client = client
        self._head = head
        self._request = request
        self._backend: Wire | None = None
        self._reply: Head | None = None
        self._finished = False
        self._damaged_at: int | None = None

    def send_request(self, limit: int | None = None) -> None:
        """Send the request on, of its body at most `limit` bytes."""
        self._backend = backend = self._proxy.connect()
        backend.send(self._head.raw)
        if self._head.expects_continue and backend.readable(self._client, _CONTINUE_SECONDS) and backend.readable():
            self._read_head()
        if self._reply is None:
            self._send_body(backend, limit)

    def change_request(self, change: Callable[[bytes], bytes]) -> None:
        """Have the server get what `change` makes of the request's head. To be called before `send_request`."""
        self._head = Head.parse(change(self._head.raw))

    def receive(self) -> None:
        """Await the head of the server's answer."""
        while self._reply is None:
            self._read_head()

    def send_reply(self, limit: int | None = None) -> None:
        """Send the answer on, of its body at most `limit` bytes."""
        reply = self._received()
        self._request.status = reply.status
        waiting = reply.raw
        for piece in self._reply_body(reply):
            self._client.send(waiting)
            waiting = piece if limit is None else piece[: limit - self._request.received]
            # Counted first: the client may look as soon as it has the bytes.
            self._request.received += len(waiting)
            if limit is not None and self._request.received >= limit:
                break
        self.finish()
        self._client.send(waiting)
        framing = reply.response_framing(self._request.method)
        self.closes = self.closes or reply.closes or framing == UNTIL_CLOSE

    def rewrite_reply(self, change: Callable[[bytes, bytes], bytes]) -> None:
        """Send in the place of the answer what `change` makes of its head and its body, and end the connection."""
        reply = self._received()
        body = b"".join(self._reply_body(reply))
        head = reply.raw
        if reply.response_framing(self._request.method) == CHUNKED:
            body = content_of(body)
            head = _CHUNKED.sub(b"Content-Length: %d" % len(body), head)
        self._request.status = reply.status
        self._request.received = len(body)
        changed = change(head, body)
        self.finish()
        self.closes = True
        self._client.send(changed)

    def drop_reply(self) -> None:
        """Read the answer to its end, and drop it."""
        for _ in self._reply_body(self._received()):
            pass

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer in the server's place."""
        if self._head.expects_continue:
            # The client has not sent its body, and need not.
            self.closes = True
        else:
            for piece in self._client.body(self._head.request_framing()):
                self._request.sent += len(piece)
        phrase = responses.get(status, "Unknown")
        lines = {"Content-Length": str(len(body)), **headers}
        if self.closes:
            lines["Connection"] = "close"
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._request.status = status
        visible = b"" if self._request.method == "HEAD" else body
        self._request.received = len(visible)
        self.finish()
        self._client.send(f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode("latin-1") + visible)

    def wait(self, seconds: float | None = None) -> None:
        """Do nothing for a time, or until the proxy is healed or closed."""
        self._healed.wait(seconds)

    def refuse(self) -> None:
        """Have the proxy take no further connections."""
        self._proxy.refuse()

    @property
    def request_length(self) -> int:
        """The length of the request's body in bytes; 0 where its head does not say it."""
        return max(0, self._head.request_framing())

    @property
    def reply_length(self) -> int:
        """The same of the answer's."""
        return max(0, self._received().response_framing(self._request.method))

    def abort(self, *, reset: bool = False) -> None:
        """End the client's connection after this."""
        self.closes = True
        self.reset = reset

    def finish(self) -> None:
        """It is in progress no more. To be said before the client has all of it, and may send the next request."""
        if not self._finished:
            self._finished = True
            self._proxy.finished()

    def end(self) -> None:
        """Give back the connection to the server."""
        self.finish()
        if self._backend is not None:
            self._proxy.release(self._backend, reset=True)
            self._backend = None

    def damage_request(self) -> None:
        """Have the middle byte of the request's body arrive otherwise. It is to be said before the request is sent."""
        self._damaged_at = self.request_length // 2

    def _send_body(self, backend: Wire, limit: int | None) -> None:
        for arrived in self._client.body(self._head.request_framing()):
            piece = self._damaged(arrived)
            part = piece if limit is None else piece[: limit - self._request.sent]
            self._request.sent += len(part)
            try:
                if backend.readable():
                    self._read_head()
                if self._reply is not None:
                    # The server has made up its mind before it saw all of the body.
                    self.closes = True
                    return
                backend.send(part)
            except ConnectionError:
                self.closes = True
                return
            if limit is not None and self._request.sent >= limit:
                return

    def _damaged(self, piece: bytes) -> bytes:
        at = -1 if self._damaged_at is None else self._damaged_at - self._request.sent
        return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :] if 0 <= at < len(piece) else piece

    def _read_head(self) -> None:
        """Read a head of the server's: an interim one goes straight to the client."""
        if self._backend is None:
            raise AssertionError("the request was not sent")
        head = self._backend.head()
        if head is None:
            raise BrokenMessageError("the server closed the connection without an answer")
        if head.status < HTTPStatus.OK:
            self._client.send(head.raw)
        else:
            if self._head.expects_continue and self._request.sent == 0 and self._head.request_framing() != 0:
                self.closes = True
            self._reply = head

    def _received(self) -> Head:
        if self._reply is None:
            raise AssertionError("there is no answer yet")
        return self._reply

    def _reply_body(self, reply: Head) -> Iterator[bytes]:
        backend = self._backend
        if backend is None:
            raise AssertionError("the request was not sent")
        return backend.body(reply.response_framing(self._request.method))
