"""An HTTP proxy before a real server that lets the tests break what they choose.

It is no mock: the client, the sockets and the server behind are real, and
nothing of what passes is changed. Only what a rule matches goes wrong::

    with FaultProxy(server.endpoint) as proxy:
        proxy.add(Answer(503), method="PUT", query="partNumber=2", times=2)
        proxy.add(CutReply(after=1000), method="GET", path="/layer")
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from storagedriver.testsuites.faults.actions import Action, Pass
from storagedriver.testsuites.faults.exchange import Exchange
from storagedriver.testsuites.faults.wire import Wire

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FaultProxy", "Request", "Rule"]

HOST = "127.0.0.1"
_BACKLOG = 512
_IDLE_SECONDS = 120.0
_JOIN_SECONDS = 10.0


@dataclass
class Request:
    """A request that the proxy saw.

    Attributes
    ----------
    path, query : str
        As they were sent, percent signs included.
    headers : mapping
        By the lower-case name.
    status : int or None
        What the client was answered; None if it was not.
    sent, received : int
        The bytes of body that came from the client and went to it.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    status: int | None = None
    sent: int = 0
    received: int = 0

    def matches(self, method: str = "", path: str = "", query: str = "") -> bool:
        """Whether it has this method, and these as parts of path and query; empty: any."""
        return method in ("", self.method) and path in self.path and query in self.query


@dataclass
class Rule:
    """What shall happen to which requests; `hits` says how often it did."""

    action: Action
    matches: Callable[[Request], bool]
    skip: int
    times: int | None
    hits: int = 0

    def takes(self, request: Request) -> bool:
        if self.hits == self.times or not self.matches(request):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True


class FaultProxy:
    """A proxy before `backend`, an ``http://host:port``, from entering the block to leaving it.

    Attributes
    ----------
    endpoint : str
        What to give the client in place of the backend.
    healed : threading.Event
        Set by the next `heal`, and when the proxy ends.
    peak : int
        The most requests that were in progress at one time.
    """

    def __init__(self, backend: str) -> None:
        parts = urlsplit(backend)
        self.backend = (parts.hostname or HOST, parts.port or 80)
        self.closing = threading.Event()
        self.peak = 0
        self._open = 0
        self._rules: list[Rule] = []
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.healed = threading.Event()
        self._listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self._port = self._listener.getsockname()[1]
        self._refusing = False
        self.endpoint = f"http://{HOST}:{self._port}"

    def add(
        self,
        action: Action,
        *,
        method: str = "",
        path: str = "",
        query: str = "",
        when: Callable[[Request], bool] | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> Rule:
        """Add a rule. The first rule that takes a request decides.

        Parameters
        ----------
        method, path, query : str
            As `Request.matches` has them.
        when : callable, optional
            A further condition.
        skip : int
            How many matching requests to let go first.
        times : int or None
            How many requests to take; None: all.
        """

        def matches(request: Request) -> bool:
            return request.matches(method, path, query) and (when is None or when(request))

        rule = Rule(action, matches, skip, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def reset(self) -> None:
        """Forget all rules and all requests."""
        with self._lock:
            self._rules.clear()
            self._requests.clear()
            self.peak = self._open

    def heal(self) -> None:
        """Forget all rules, take connections again, and go on with what hangs."""
        with self._lock:
            self._rules.clear()
            self.healed.set()
            self.healed = threading.Event()
            if self._refusing:
                self._refusing = False
                self._listener.listen(_BACKLOG)
                self._start(self._accept, self._listener)

    def refuse(self) -> None:
        """Refuse new connections until `heal`. The port stays taken."""
        with self._lock:
            if self._refusing or self.closing.is_set():
                return
            self._refusing = True
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((HOST, self._port))

    @property
    def requests(self) -> list[Request]:
        """What was seen until now, in the order of arrival."""
        with self._lock:
            return list(self._requests)

    def matching(self, method: str = "", path: str = "", query: str = "") -> list[Request]:
        """Of `requests` those that `Request.matches`."""
        return [request for request in self.requests if request.matches(method, path, query)]

    def __enter__(self) -> Self:
        self._start(self._accept, self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.healed.set()
        with self._lock:
            open_sockets = [self._listener, *self._sockets]
        for connection in open_sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def connect(self) -> Wire:
        """A connection to the backend; its owner must `release` it."""
        connection = socket.create_connection(self.backend, timeout=_IDLE_SECONDS)
        return self._adopt(connection)

    def release(self, wire: Wire, *, reset: bool = False) -> None:
        with self._lock:
            self._sockets.discard(wire.socket)
        wire.close(reset=reset)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="fault proxy")
        self._threads = [known for known in self._threads if known.is_alive()]
        thread.start()
        self._threads.append(thread)

    def _adopt(self, connection: socket.socket) -> Wire:
        connection.settimeout(_IDLE_SECONDS)
        with self._lock:
            self._sockets.add(connection)
        if self.closing.is_set():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return Wire(connection)

    def _accept(self, listener: socket.socket) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._start(self._serve, self._adopt(connection))

    def _serve(self, client: Wire) -> None:
        reset = False
        try:
            while not self.closing.is_set():
                head = client.head()
                if head is None:
                    return
                method, target, _ = head.start
                path, _, query = target.partition("?")
                request = Request(method, path, query, head.headers)
                exchange = Exchange(self, client, head, request)
                try:
                    self._take(request).perform(exchange)
                finally:
                    reset = exchange.reset
                    exchange.end()
                if exchange.closes:
                    return
        except OSError:
            return
        finally:
            self.release(client, reset=reset)

    def finished(self) -> None:
        """A request is in progress no more."""
        with self._lock:
            self._open -= 1

    def _take(self, request: Request) -> Action:
        with self._lock:
            self._requests.append(request)
            self._open += 1
            self.peak = max(self.peak, self._open)
            return next((rule.action for rule in self._rules if rule.takes(request)), Pass())
