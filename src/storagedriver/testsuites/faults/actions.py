"""What can happen to a request that passes the fault proxy."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from storagedriver.testsuites.faults.exchange import Exchange

__all__ = [
    "Action",
    "Answer",
    "CutHead",
    "CutReply",
    "CutRequest",
    "DamageReply",
    "DamageRequest",
    "Delay",
    "ForgetQuery",
    "Gather",
    "HalfReply",
    "HalfRequest",
    "Hang",
    "Interrupt",
    "LoseAndHang",
    "LoseReply",
    "OtherBody",
    "Pass",
    "Refuse",
    "Rewrite",
    "WithoutLength",
]

#: The headers that say where a message ends.
_FRAMING = re.compile(rb"(?i)(content-length|transfer-encoding|connection):")


class Action(ABC):
    """What happens to a request."""

    @abstractmethod
    def perform(self, exchange: Exchange) -> None:
        """Answer the client, or do not."""


@dataclass(frozen=True)
class Pass(Action):
    """The server answers, as without a rule. Before other rules it is their exception."""

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.send_reply()


@dataclass(frozen=True)
class Answer(Action):
    """The proxy answers itself. The request does not reach the server."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def perform(self, exchange: Exchange) -> None:
        exchange.answer(self.status, self.body, self.headers)


@dataclass(frozen=True)
class CutRequest(Action):
    """The connection ends, both ways, after so many bytes of the request's body.

    With 0 nothing of the request reaches the server.
    """

    after: int = 0
    reset: bool = False

    def perform(self, exchange: Exchange) -> None:
        if self.after:
            exchange.send_request(limit=self.after)
        exchange.abort(reset=self.reset)


@dataclass(frozen=True)
class LoseReply(Action):
    """The server does what it is asked, and its whole answer is lost with the connection."""

    reset: bool = False

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.drop_reply()
        exchange.abort(reset=self.reset)


@dataclass(frozen=True)
class CutReply(Action):
    """The connection ends after the answer's head and so many bytes of its body."""

    after: int = 0
    reset: bool = False

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.send_reply(limit=self.after)
        exchange.abort(reset=self.reset)


@dataclass(frozen=True)
class Rewrite(Action):
    """The server does what it is asked, and the answer comes otherwise; the connection ends behind it.

    Attributes
    ----------
    change : callable
        Makes of the head and the body of the answer, both in bytes, what the
        client gets.
    """

    change: Callable[[bytes, bytes], bytes]

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.rewrite_reply(self.change)


@dataclass(frozen=True)
class ForgetQuery(Action):
    """The server gets the request without these names of its query, as if it did not know them.

    Where it checks a signature, the request is refused.
    """

    names: tuple[str, ...]

    def perform(self, exchange: Exchange) -> None:
        names = "|".join(map(re.escape, self.names))
        exchange.change_request(lambda raw: re.sub(rb"(?<=[?&])(?:%b)=[^& ]*&?" % names.encode(), b"", raw))
        exchange.send_request()
        exchange.receive()
        exchange.send_reply()


class CutHead(Rewrite):
    """The connection ends within the head of the answer, after one half of it or so many bytes."""

    def __init__(self, after: int | None = None) -> None:
        super().__init__(lambda head, _: head[: len(head) // 2 if after is None else after])


class WithoutLength(Rewrite):
    """The answer does not say how long its content is.

    Parameters
    ----------
    chunked : bool
        Whether it comes in chunks; else it ends with the connection, as in HTTP/1.0.
    cut : int
        So many bytes of the content are missing.
    """

    def __init__(self, *, chunked: bool, cut: int = 0) -> None:
        def change(head: bytes, body: bytes) -> bytes:
            lines = [line for line in head.split(b"\r\n")[:-2] if not _FRAMING.match(line)]
            body = body[: len(body) - cut]
            if chunked:
                lines.append(b"Transfer-Encoding: chunked")
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body

        super().__init__(change)


class OtherBody(Rewrite):
    """The answer has another body: the right head is put before what `change` makes of it."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        def rewritten(head: bytes, body: bytes) -> bytes:
            body = change(body)
            lines = [line for line in head.split(b"\r\n")[:-2] if not _FRAMING.match(line)]
            return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]) + body

        super().__init__(rewritten)


class DamageReply(Rewrite):
    """One bit of the answer's content is changed on its way, in the middle of it."""

    def __init__(self) -> None:
        super().__init__(lambda head, body: head + _damaged(body))


@dataclass(frozen=True)
class DamageRequest(Action):
    """One bit of the request's content is changed on its way, in the middle of it."""

    def perform(self, exchange: Exchange) -> None:
        exchange.damage_request()
        Pass().perform(exchange)


def _damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else content


@dataclass(frozen=True)
class Hang(Action):
    """No answer, and the connection stays.

    Attributes
    ----------
    after : int or None
        None: the request does not even reach the server. Else the answer
        stops after so many bytes of its body.
    """

    after: int | None = None

    def perform(self, exchange: Exchange) -> None:
        if self.after is not None:
            exchange.send_request()
            exchange.receive()
            exchange.send_reply(limit=self.after)
        exchange.wait()
        exchange.abort()


@dataclass(frozen=True)
class HalfRequest(Action):
    """The connection ends, both ways, after one half of the request's body."""

    def perform(self, exchange: Exchange) -> None:
        CutRequest(exchange.request_length // 2).perform(exchange)


@dataclass(frozen=True)
class HalfReply(Action):
    """The connection ends after the answer's head and one half of its body."""

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        length = exchange.reply_length
        exchange.send_reply(limit=length // 2 if length else None)
        exchange.abort()


@dataclass(frozen=True)
class Refuse(Action):
    """The connection is reset without an effect, and all further ones are refused until the proxy is healed."""

    def perform(self, exchange: Exchange) -> None:
        exchange.refuse()
        exchange.abort(reset=True)


@dataclass(frozen=True)
class LoseAndHang(Action):
    """The server does what it is asked, the answer does not come, and the connection stays until `heal`."""

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.drop_reply()
        exchange.wait()
        exchange.abort(reset=True)


@dataclass(frozen=True)
class Interrupt(Action):
    """While the request is under way something is called, which interrupts the client; the answer never comes.

    Attributes
    ----------
    call : callable
        What interrupts the client.
    effect : bool
        The server has done by then what it is asked; else it is never asked.
    """

    call: Callable[[], object]
    effect: bool

    def perform(self, exchange: Exchange) -> None:
        if self.effect:
            exchange.send_request()
            exchange.receive()
            exchange.drop_reply()
        self.call()
        exchange.wait()
        exchange.abort(reset=True)


@dataclass(frozen=True)
class Delay(Action):
    """The answer comes late; the server has done its work by then."""

    seconds: float

    def perform(self, exchange: Exchange) -> None:
        exchange.send_request()
        exchange.receive()
        exchange.wait(self.seconds)
        exchange.send_reply()


@dataclass(frozen=True)
class Gather(Action):
    """Requests wait until so many of them are under way, and then the server answers.

    What is meant to run at the same time is then seen to, however fast the
    server is; what never does goes on after some seconds, one by one.
    """

    count: int
    seconds: float = 10.0
    _met: list[int] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def perform(self, exchange: Exchange) -> None:
        with self._changed:
            self._met.append(1)
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self._met) >= self.count, self.seconds)
        exchange.send_request()
        exchange.receive()
        exchange.send_reply()
