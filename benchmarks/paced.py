"""A TCP proxy that makes a server on loopback look like one in a cloud.

Each connection gets so many bytes a second each way, and each request waits so
long before it reaches the server::

    with Paced("127.0.0.1:8333", rate=100e6, latency=0.02) as paced:
        driver = create("s3", {..., "regionendpoint": paced.endpoint})

or, until its standard input closes::

    python -m benchmarks.paced --backend 127.0.0.1:8333 --rate 100 --latency 20

Nothing of what passes is changed; the ``Host`` that a client signs is the
proxy's. A request begins with the first bytes that the client sends on a new
connection, or after the server has last sent. So a body is not delayed once
more, unless the server answers in between: with ``Expect: 100-continue`` head
and body both wait, as they do on a real way. Connecting does not wait.

It shares the machine's cores with what it measures, so on Linux the kernel does
the work: bytes move from socket to socket by `os.splice`, and TCP itself paces
them. That holds the rate while all cores are busy, where a schedule kept by
`time.sleep` loses up to a third of it; both take some 1 s of CPU a GiB, of
which the proxy's process has 0.2 s, the two ends have most, and the rest is the
kernel's. Elsewhere bytes are copied, by such a schedule. Each direction has a
thread; one epoll loop for all was no cheaper, and less exact.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

HOST = "127.0.0.1"
_PIPE_BYTES = 1 << 20
#: What a copy moves at a time, and how far it may be ahead of its schedule, so that it makes up for oversleeping.
_COPY_BYTES = 128 << 10
#: From <asm-generic/socket.h>; Python has no name for it.
_SO_MAX_PACING_RATE = 47
#: That of Ethernet. The kernel does not pace a connection's first ten segments, and those of loopback have 64 KiB.
_SEGMENT_BYTES = 1460


class Spliced:
    """One direction of a connection, moved and paced by the kernel (Linux 4.13).

    Parameters
    ----------
    source, sink : socket
        Where bytes come from and go to.
    rate : float
        In bytes per second.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, rate: float) -> None:
        self._source, self._sink = source, sink
        if rate < math.inf:
            sink.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, math.ceil(rate).to_bytes(8, sys.byteorder))
        self._output, self._input = os.pipe()
        with suppress(PermissionError):  # an ordinary user's pipes together have a limit, and smaller ones do
            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def receive(self) -> int:
        """Wait for bytes, and take them; how many, and 0 at the end."""
        return os.splice(self._source.fileno(), self._input, _PIPE_BYTES)

    def send(self, count: int) -> None:
        """Send the `count` bytes that were received."""
        while count:
            count -= os.splice(self._output, self._sink.fileno(), count)

    def close(self) -> None:
        """Give back what it holds of the system; the sockets stay."""
        os.close(self._input)
        os.close(self._output)


class Copied:
    """As `Spliced`, by means that all systems have; in a time t at most ``rate * t`` and 256 KiB pass."""

    def __init__(self, source: socket.socket, sink: socket.socket, rate: float) -> None:
        self._source, self._sink, self._rate = source, sink, rate
        self._buffer = memoryview(bytearray(_COPY_BYTES))
        self._due = 0.0

    def receive(self) -> int:
        """Wait for bytes, and take them; how many, and 0 at the end."""
        return self._source.recv_into(self._buffer)

    def send(self, count: int) -> None:
        """Send the `count` bytes that were received, and wait until more may go."""
        self._sink.sendall(self._buffer[:count])
        now = time.monotonic()
        self._due = max(self._due, now) + count / self._rate
        time.sleep(max(0.0, self._due - _COPY_BYTES / self._rate - now))

    def close(self) -> None:
        """Give back the buffer; the sockets stay."""
        self._buffer.release()


CARRIER: type[Spliced | Copied] = Spliced if hasattr(os, "splice") else Copied


class Connection:
    """A client's connection, and the one to the server that it is given.

    Parameters
    ----------
    client : socket
        The client's; it is closed in the end.
    backend : tuple of str and int
        Host and port of the server.
    rate, latency : float
        In bytes per second, each way; the seconds that a request waits.
    """

    def __init__(self, client: socket.socket, backend: tuple[str, int], rate: float, latency: float) -> None:
        self._client, self._backend = client, backend
        self._rate, self._latency = rate, latency
        self._asked = threading.Event()

    def serve(self) -> None:
        """Let bytes pass until both ends have sent all. Without a server the client's connection just ends."""
        with self._client as client, socket.socket() as server:
            _tune(server)
            try:
                server.connect(self._backend)
            except OSError:
                return
            # Cleared before an answer is sent: once the client has it, its next request may be here.
            to_client = (server, client, self._asked.clear)
            answers = threading.Thread(target=self._carry, args=to_client, daemon=True)
            answers.start()
            self._carry(client, server, self._ask)
            answers.join()

    def _ask(self) -> None:
        if not self._asked.is_set():
            self._asked.set()
            time.sleep(self._latency)

    def _carry(self, source: socket.socket, sink: socket.socket, before_sending: Callable[[], None]) -> None:
        try:
            with closing(CARRIER(source, sink, self._rate)) as carrier:
                while count := carrier.receive():
                    before_sending()
                    carrier.send(count)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # An end is gone. The other end learns it, and so does the other direction.
            for connection in (source, sink):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _tune(unconnected: socket.socket) -> None:
    unconnected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        unconnected.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)


def _accept(listener: socket.socket, backend: tuple[str, int], rate: float, latency: float) -> None:
    with listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=Connection(client, backend, rate, latency).serve, daemon=True).start()


class Paced:
    """The proxy, in a process of its own, from entering the block to leaving it.

    Parameters
    ----------
    backend : str
        The server: ``host:port``, or a URL of it, of which the rest does not count.
    rate : float
        In bytes per second, each way of each connection.
    latency : float
        The seconds that a request waits.

    Attributes
    ----------
    endpoint : str
        What to give the client in place of the server: ``http://host:port``.
    """

    endpoint: str

    def __init__(self, backend: str, rate: float = math.inf, latency: float = 0.0) -> None:
        options = {"backend": backend, "rate": rate / 1e6, "latency": latency * 1e3}
        self._command = [sys.executable, "-m", "benchmarks.paced", *(f"--{name}={options[name]}" for name in options)]

    def __enter__(self) -> Self:
        self._process = Popen(self._command, cwd=Path(__file__).parents[1], stdin=PIPE, stdout=PIPE)
        ready = self._process.stdout.readline() if self._process.stdout else b""
        if not ready:
            self.__exit__()
            raise ChildProcessError(f"the proxy ended with {self._process.returncode}")
        self.endpoint = json.loads(ready)["endpoint"]
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            try:
                process.communicate(timeout=10)  # closes its input
            except TimeoutExpired:  # a fork of this process holds the input open
                process.kill()


def main() -> None:
    """Run the proxy until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paced", description="A proxy that looks like a cloud.")
    parser.add_argument("--backend", required=True, help="the server: host:port, or a URL of it")
    parser.add_argument("--rate", type=float, default=math.inf, help="MB/s, each way of each connection (no limit)")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds that a request waits (0)")
    parser.add_argument("--port", type=int, default=0, help="where to listen (any free port)")
    options = parser.parse_args()
    backend = urlsplit("//" + options.backend.rpartition("//")[2])
    if not (backend.hostname and backend.port and options.rate > 0 and 0 <= options.latency < math.inf):
        parser.error("a backend has a host and a port, a rate is above 0, and a latency is not below")
    listener = socket.create_server((HOST, options.port), backlog=512)
    _tune(listener)  # what it accepts inherits that
    settings = (backend.hostname, backend.port), options.rate * 1e6, options.latency / 1e3
    threading.Thread(target=_accept, args=(listener, *settings), daemon=True).start()
    print(json.dumps({"endpoint": f"http://{HOST}:{listener.getsockname()[1]}"}), flush=True)
    with suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    main()
