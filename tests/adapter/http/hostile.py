"""A server that answers each request with the bytes that a test gives it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence

from typing_extensions import Self

__all__ = ["Hostile", "Script"]

#: A number in an answer is a pause in seconds; None closes the connection.
Script = Sequence[bytes | float | None]


class Hostile:
    """The server. The last script of `scripts` is for all further requests.

    Attributes
    ----------
    requests : list of bytes
        What came, head and body, a request each.
    connections : int
        How many there were.
    """

    def __init__(self, *scripts: Script, family: int = socket.AF_INET, context: ssl.SSLContext | None = None) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.connections = 0
        self._context = context
        self._socket = socket.socket(family)
        self._socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self._socket.listen(64)
        self.port: int = self._socket.getsockname()[1]
        host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self.url = f"{'http' if context is None else 'https'}://{host}:{self.port}/key"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for each in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in _requests(connection):
                self.requests.append(request)
                for step in self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]:
                    if step is None:
                        connection.close()
                        return
                    if isinstance(step, bytes):
                        connection.sendall(step)
                    else:
                        time.sleep(step)


def _requests(connection: socket.socket) -> Iterator[bytes]:
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            data = connection.recv(65536)
            if not data:
                return
            buffer += data
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while lengths and len(buffer) < lengths[0]:
            buffer += connection.recv(65536)
        size = lengths[0] if lengths else 0
        yield head + b"\r\n\r\n" + buffer[:size]
        buffer = buffer[size:]
