"""A server that speaks the protocol of Alibaba Cloud's Object Storage Service, for tests.

``python -m tests.servers.oss.program PORT OWN_PORT OWN_BUCKET``. At PORT the
bucket is the first part of the path, or a label before a host name. OWN_PORT
belongs to one bucket, as a custom domain does. What it keeps goes with it.
It checks every signature.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.servers.oss.failures import OSSError
from tests.servers.oss.request import Request, locate
from tests.servers.oss.response import Response, of_error
from tests.servers.oss.service import Service

_HOST = "127.0.0.1"
_IDLE_SECONDS = 120
_ONE_PACKET = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 on one connection."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    server: Server

    def handle_one_request(self) -> None:
        """As usual, but for clients that go away: they are part of the tests."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _serve(self) -> None:
        request_id = uuid.uuid4().hex[:24].upper()
        body = self._body()
        bucket, key, query = locate(self.path, self.headers.get("Host", ""), self.server.own_bucket)
        headers = {name.lower(): value.strip() for name, value in self.headers.items()}
        request = Request(self.command, bucket, key, query, headers, body)
        code = ""
        try:
            response = self.server.service.answer(request)
        except OSSError as error:
            response = of_error(error, request, request_id)
            code = error.code
        # First, for those who read the log as soon as they have the answer.
        line = f"{time.strftime('%H:%M:%S')} {request.method} /{bucket}/{key} {sorted(query)} {response.status} {code}"
        sys.stderr.write(line.rstrip() + "\n")
        self._send(response, request_id)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self._exactly(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        return self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionResetError("the body ended too early")
        return data

    def _send(self, response: Response, request_id: str) -> None:
        length = len(response.body) if response.length is None else response.length
        fields = {
            "Server": "AliyunOSS",
            "Date": formatdate(usegmt=True),
            "x-oss-request-id": request_id,
            "x-oss-server-time": "1",
            "Content-Length": str(length),
            **response.headers,
        }
        if response.status in (204, 304):
            del fields["Content-Length"]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        phrase = self.responses[response.status][0] if response.status in self.responses else "Unknown"
        raw = f"HTTP/1.1 {response.status} {phrase}\r\n{head}\r\n".encode("latin-1")
        body: Iterable[bytes | memoryview] = [response.body] if isinstance(response.body, bytes) else response.body
        if self.command == "HEAD":
            body = []
        if len(response.body) < _ONE_PACKET:
            body = [b"".join((raw, *body))]
        else:
            self.connection.sendall(raw)
        for piece in body:
            self.connection.sendall(piece)


class Server(ThreadingHTTPServer):
    """One port of the service."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service, own_bucket: str = "") -> None:
        super().__init__((_HOST, port), Handler)
        self.service = service
        self.own_bucket = own_bucket

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke is no news."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def main() -> None:
    port, own_port, own_bucket = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    service = Service()
    own = Server(own_port, service, own_bucket)
    threading.Thread(target=own.serve_forever, daemon=True).start()
    Server(port, service).serve_forever()


if __name__ == "__main__":
    main()
