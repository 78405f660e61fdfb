"""The paced proxy passes bytes unchanged, and no faster than it is told."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks import paced as module
from benchmarks.paced import Copied, Paced, Spliced
from storagedriver import factory
from tests.servers.base import HOST
from tests.servers.s3 import S3Server
from tests.servers.sockets import refused_port

MIB = 1 << 20
SECONDS = 30.0
#: What may pass before a rate holds.
BURST = 256 << 10

Handler = Callable[[socket.socket], None]


@contextmanager
def backend(handle: Handler) -> Iterator[str]:
    """A server that gives each connection to `handle`, in a thread of its own; its host and port."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(16))
        listener = stack.enter_context(socket.create_server((HOST, 0)))

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(SECONDS)
                handle(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    pool.submit(serve, listener.accept()[0])

        pool.submit(accept)
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        yield f"{HOST}:{listener.getsockname()[1]}"


@contextmanager
def paced(handle: Handler, **settings: Any) -> Iterator[Paced]:
    with backend(handle) as address, Paced(address, **settings) as proxy:
        yield proxy


def connect(proxy: Paced) -> socket.socket:
    return socket.create_connection((HOST, urlsplit(proxy.endpoint).port or 0), SECONDS)


def http(proxy: Paced) -> closing[HTTPConnection]:
    return closing(HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=SECONDS))


def echo(connection: socket.socket) -> None:
    while data := connection.recv(MIB):
        connection.sendall(data)


def receive(connection: socket.socket, count: int = -1) -> bytes:
    """So many bytes, or all to the end."""
    data = bytearray()
    while len(data) != count:
        piece = connection.recv(MIB if count < 0 else count - len(data))
        if not piece:
            break
        data += piece
    return bytes(data)


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """Send, and receive as much at the same time."""
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(receive, connection, len(data))
        connection.sendall(data)
        return received.result()


class Store(BaseHTTPRequestHandler):
    """Answers a GET of ``/n`` with n bytes, and a PUT with the digest of the body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.reply(bytes(int(self.path[1:])))

    def do_PUT(self) -> None:
        self.reply(hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest().encode())

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Client", str(self.client_address[1]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    with ThreadingHTTPServer((HOST, 0), Store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["spliced", "copied"])
def carrier(request: pytest.FixtureRequest) -> type[Spliced | Copied]:
    if request.param == "copied":
        return Copied
    if not hasattr(os, "splice"):
        pytest.skip("no os.splice")
    return Spliced


@contextmanager
def carried(carrier: type[Spliced | Copied], rate: float) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets, and what is sent to the first comes out of the second."""
    with ExitStack() as stack:
        ends = [stack.enter_context(end) for _ in range(2) for end in tcp_pair()]
        direction = stack.enter_context(closing(carrier(ends[1], ends[2], rate)))

        def carry() -> None:
            while count := direction.receive():
                direction.send(count)
            ends[2].shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=carry)
        thread.start()
        yield ends[0], ends[3]
        ends[0].shutdown(socket.SHUT_WR)
        thread.join()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server((HOST, 0)) as listener:
        module._tune(listener)
        client = socket.socket()
        module._tune(client)
        client.connect(listener.getsockname())
        return client, listener.accept()[0]


@pytest.mark.parametrize("rate", [float("inf"), 200e6])
def test_a_carrier_passes_all_bytes_in_order(carrier: type[Spliced | Copied], rate: float) -> None:
    data = os.urandom(9 * MIB + 1)
    with carried(carrier, rate) as (source, sink), ThreadPoolExecutor(1) as pool:
        received = pool.submit(receive, sink)
        source.sendall(data[:10])
        source.sendall(data[10:])
        source.shutdown(socket.SHUT_WR)
        assert received.result() == data


def test_a_carrier_keeps_its_rate(carrier: type[Spliced | Copied]) -> None:
    rate, size = 20e6, 4 * MIB
    with carried(carrier, rate) as (source, sink), ThreadPoolExecutor(1) as pool:
        begin = time.monotonic()
        received = pool.submit(receive, sink, size)
        source.sendall(bytes(size))
        assert len(received.result()) == size
        assert time.monotonic() - begin >= (size - BURST) / rate


@pytest.mark.parametrize("size", [1, 1000, MIB, 20 * MIB + 3])
def test_bytes_pass_unchanged_both_ways(size: int) -> None:
    data = os.urandom(size)
    with paced(echo) as proxy, connect(proxy) as connection:
        assert exchange(connection, data) == data


def test_each_of_many_connections_has_its_own_bytes() -> None:
    with paced(echo, rate=500e6, latency=0.001) as proxy, ThreadPoolExecutor(8) as pool:

        def one(_: int) -> bool:
            data = os.urandom(2 * MIB)
            with connect(proxy) as connection:
                return exchange(connection, data) == data

        assert all(pool.map(one, range(24)))


def test_many_requests_pass_on_one_connection(store: str) -> None:
    clients = set()
    with Paced(store, rate=500e6, latency=0.001) as proxy, http(proxy) as client:
        for size in [0, 1, 70_000, 3 * MIB] * 5:
            client.request("GET", f"/{size}")
            response = client.getresponse()
            assert response.read() == bytes(size)
            clients.add(response.headers["Client"])
            body = os.urandom(size)
            client.request("PUT", "/", body)
            response = client.getresponse()
            assert response.read().decode() == hashlib.sha256(body).hexdigest()
            clients.add(response.headers["Client"])
    assert len(clients) == 1


def test_the_server_learns_that_the_client_has_sent_all_and_still_answers() -> None:
    def handle(connection: socket.socket) -> None:
        connection.sendall(b"%d" % len(receive(connection)))

    with paced(handle) as proxy, connect(proxy) as connection:
        connection.sendall(bytes(3 * MIB))
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection) == b"%d" % (3 * MIB)


def test_the_client_learns_that_the_server_has_sent_all_and_still_sends() -> None:
    received: list[bytes] = []
    over = threading.Event()

    def handle(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        received.append(receive(connection))
        over.set()

    with paced(handle) as proxy:
        with connect(proxy) as connection:
            assert receive(connection) == b"hello"
            connection.sendall(b"goodbye")
        assert over.wait(SECONDS)
    assert received == [b"goodbye"]


def test_the_connection_to_the_server_ends_with_a_client_that_goes_in_the_midst() -> None:
    over = threading.Event()

    def handle(connection: socket.socket) -> None:
        try:
            while True:
                connection.sendall(bytes(MIB))
        except ConnectionError:
            over.set()

    with paced(handle) as proxy:
        with connect(proxy) as connection:
            assert receive(connection, MIB)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert over.wait(SECONDS)


def test_the_connection_to_the_client_ends_with_a_server_that_goes_in_the_midst() -> None:
    def handle(connection: socket.socket) -> None:
        connection.sendall(b"so far")
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with paced(handle) as proxy, connect(proxy) as connection:
        assert receive(connection, 6) == b"so far"
        connection.sendall(b"?")
        assert receive(connection) == b""


def test_the_connection_ends_where_the_server_refuses() -> None:
    with refused_port() as port, Paced(f"{HOST}:{port}") as proxy:
        for _ in range(2):
            with connect(proxy) as connection, suppress(ConnectionError):
                assert receive(connection) == b""


@pytest.mark.parametrize("direction", ["up", "down"])
def test_nothing_is_faster_than_the_rate(direction: str) -> None:
    rate, size = 20e6, 4 * MIB

    def handle(connection: socket.socket) -> None:
        receive(connection, size if direction == "up" else 1)
        connection.sendall(bytes(1 if direction == "up" else size))

    with paced(handle, rate=rate) as proxy, connect(proxy) as connection:
        begin = time.monotonic()
        connection.sendall(bytes(size if direction == "up" else 1))
        assert receive(connection, 1)
        receive(connection)
        assert time.monotonic() - begin >= (size - BURST) / rate


def test_each_request_waits(store: str) -> None:
    latency = 0.03
    with Paced(store, latency=latency) as proxy, http(proxy) as client:
        for method, body in [("GET", None), ("PUT", bytes(MIB)), ("GET", None)]:
            begin = time.monotonic()
            client.request(method, "/5", body)
            client.getresponse().read()
            assert time.monotonic() - begin >= latency


def test_it_stops_when_its_input_closes_and_leaves_open_connections() -> None:
    with backend(echo) as address, ExitStack() as stack:
        with Paced(address) as proxy:
            connection = stack.enter_context(connect(proxy))
            assert exchange(connection, b"here") == b"here"
        assert proxy._process.returncode == 0
        assert receive(connection) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)


def test_it_stops_at_sigterm() -> None:
    with Paced(f"{HOST}:1") as proxy:
        proxy._process.terminate()
        assert proxy._process.wait(SECONDS) != 0


def test_it_does_not_start_with_what_makes_no_sense() -> None:
    for options in [["x"], [f"{HOST}:1", "--rate=0"], [f"{HOST}:1", "--latency=-1"], [f"{HOST}:1", "--rate=nan"]]:
        command = [sys.executable, "-m", module.__name__, "--backend", *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "a backend has a host and a port" in done.stderr


def test_a_block_is_not_entered_without_a_proxy(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChildProcessError, match="the proxy ended with 2"), Paced("x"):
        pass
    assert "a backend has a host" in capfd.readouterr().err


def test_a_driver_works_through_it(seaweedfs: S3Server, rootdirectory: str) -> None:
    data = os.urandom(40 * MIB)
    with Paced(seaweedfs.endpoint, rate=200e6, latency=0.005) as proxy:
        parameters = seaweedfs.parameters(rootdirectory, regionendpoint=proxy.endpoint, readconcurrency=4)
        with factory.create("s3", parameters) as driver:
            driver.put_content("/small", b"content")
            assert driver.get_content("/small") == b"content"
            with driver.writer("/large") as writer:
                writer.write(data)
                writer.commit()
            with driver.reader("/large") as reader:
                assert reader.read() == data
            driver.delete("/large")
