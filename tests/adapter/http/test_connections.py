"""Connections: which are used again, and how they are made."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from typing_extensions import Self

from storagedriver.adapter.http.answer import AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.connection import BrokenAnswerError, NotSentError, TLSError
from storagedriver.adapter.store import Entry
from storagedriver.errors import UnavailableError
from tests.adapter.http.hostile import Hostile
from tests.servers.azurite import make_certificate

FIVE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"


def client(**options: object) -> HTTPClient:
    return HTTPClient(**{"timeout": 5.0, "attempts": 3, "pause": 0.001, **options})  # type: ignore[arg-type]


def signed(url: str, method: str = "GET") -> Signed:
    return Signed(method, url)


def stream(used: HTTPClient, url: str) -> HTTPBody:
    return used.stream(lambda: signed(url), lambda _: Entry("key"))


@pytest.mark.parametrize(
    "answer",
    [
        FIVE,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ],
)
def test_a_connection_is_used_again_after_a_whole_answer(answer: bytes) -> None:
    used = client()
    with Hostile([answer]) as server:
        for _ in range(3):
            used.request(lambda: signed(server.url), expected=(200, 204, 404))
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        FIVE + b"more",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
    ],
)
def test_a_connection_is_not_used_again_where_that_is_not_safe(answer: bytes) -> None:
    used = client()
    with Hostile([answer]) as server:
        for _ in range(3):
            assert used.request(lambda: signed(server.url)).content == b"abcde"
        assert server.connections == 3


def test_a_connection_that_the_server_closed_is_found_out_before_it_is_used() -> None:
    used = client(attempts=1)
    with Hostile([FIVE, None]) as server:
        for _ in range(3):
            body = stream(used, server.url)
            assert body.read(5) == b"abcde"
            # The end of the connection is on its way.
            threading.Event().wait(0.1)
        assert server.connections == 3


def test_a_stream_that_is_closed_early_closes_its_connection_and_one_that_is_read_gives_it_back() -> None:
    used = client()
    with Hostile([FIVE]) as server:
        early = stream(used, server.url)
        assert early.read(2) == b"ab"
        early.close()
        late = stream(used, server.url)
        assert b"".join(iter(lambda: late.read(3), b"")) == b"abcde"
        late.close()
        assert stream(used, server.url).read(9) == b"abcde"
    assert server.connections in (1, 2)


def test_a_body_of_any_size_arrives() -> None:
    used = client(timeout=20)
    with Hostile([FIVE]) as server:
        for size in (0, 1, 32 << 10, (32 << 10) + 1, 5 << 20):
            body = os.urandom(size)
            used.request(lambda: signed(server.url, "PUT"), body=memoryview(body))
            head, _, sent = server.requests[-1].partition(b"\r\n\r\n")
            assert sent == body
            assert b"Content-Length: %d" % size in head
        assert server.connections == 1


def test_a_request_has_one_of_each_header_and_no_line_break() -> None:
    used = client()
    with Hostile([FIVE]) as server:
        request = Signed("PUT", server.url, {"host": "other", "content-length": "0", "User-agent": "mine"})
        used.request(lambda: request)
        lines = server.requests[0].lower().split(b"\r\n")
        assert b"host: other" in lines
        assert b"user-agent: mine" in lines
        for name in (b"host", b"content-length", b"user-agent"):
            assert sum(line.startswith(name + b":") for line in lines) == 1
        with pytest.raises(ValueError, match="line break"):
            used.request(lambda: Signed("GET", server.url, {"a": "b\r\nc: d"}))


def test_a_refusal_while_a_large_body_is_sent_is_the_answer() -> None:
    answer = b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        with listener.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    with pytest.raises(AnswerError) as caught:
        client().request(lambda: signed(f"http://127.0.0.1:{listener.getsockname()[1]}/a", "PUT"), body=bytes(20 << 20))
    assert caught.value.answer.content == b"no"
    thread.join()
    listener.close()


def test_what_was_not_sent_is_sent_again_and_what_may_have_been_is_not() -> None:
    used = client()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSentError, match="refused"):
        used.request(lambda: signed(f"http://127.0.0.1:{port}/"), repeat="unsent")
    with Hostile([None]) as server:
        with pytest.raises(BrokenAnswerError):
            used.request(lambda: signed(server.url, "POST"), repeat="unsent")
        assert len(server.requests) == 1
        with pytest.raises(BrokenAnswerError):
            used.request(lambda: signed(server.url, "POST"))
        assert len(server.requests) == 4


def test_ipv6() -> None:
    with Hostile([FIVE], family=socket.AF_INET6) as server:
        assert client().request(lambda: signed(server.url)).content == b"abcde"
        assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


def test_a_forked_process_makes_connections_of_its_own() -> None:
    used = client()
    with Hostile([FIVE]) as server:
        used.request(lambda: signed(server.url))
        opened = stream(used, server.url)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(UnavailableError, match="another process"):
                    opened.read(1)
                code = 0 if used.request(lambda: signed(server.url)).content == b"abcde" else 1
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert opened.read(9) == b"abcde"
        used.request(lambda: signed(server.url))
        assert server.connections == 2


def test_threads_share_a_client() -> None:
    used = client()
    with Hostile([FIVE]) as server:
        failed: list[Exception] = []

        def work() -> None:
            try:
                for _ in range(50):
                    assert used.request(lambda: signed(server.url)).content == b"abcde"
            except Exception as error:  # noqa: BLE001 - reported below
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert server.connections <= 8


def test_tls_is_checked_by_the_bundle_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Hostile([FIVE], context=context) as server:
        with pytest.raises(TLSError, match="certificate verify failed.*set it off"):
            client(tls_advice="set it off").request(lambda: signed(server.url))
        assert server.requests == []
        for trusting in (client(verify=False), client(ca_bundle=str(certificate))):
            for _ in range(2):
                assert trusting.request(lambda: signed(server.url)).content == b"abcde"
            body = stream(trusting, server.url)
            assert body.read(100) == b"abcde"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert client().request(lambda: signed(server.url)).content == b"abcde"
        assert server.connections == 4


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_of_the_environment_is_given_the_whole_url(no_proxies: pytest.MonkeyPatch) -> None:
    with Hostile([FIVE]) as proxy:
        no_proxies.setenv("http_proxy", f"http://me:my%20word@127.0.0.1:{proxy.port}")
        assert client().request(lambda: signed("http://nowhere.invalid:81/a?b")).content == b"abcde"
        head = proxy.requests[0].split(b"\r\n")
        assert head[0] == b"GET http://nowhere.invalid:81/a?b HTTP/1.1"
        assert b"Host: nowhere.invalid:81" in head
        assert b"proxy-authorization: Basic bWU6bXkgd29yZA==" in [line.replace(b"Proxy-A", b"proxy-a") for line in head]
        with Hostile([FIVE]) as server:
            no_proxies.setenv("no_proxy", "127.0.0.1")
            client().request(lambda: signed(server.url))
            assert len(server.requests) == 1
        assert len(proxy.requests) == 1


def test_a_proxy_is_asked_for_a_tunnel_to_a_server_that_speaks_tls(
    tmp_path: Path, no_proxies: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Hostile([FIVE], context=context) as server, _Tunnel(server.port) as tunnel:
        no_proxies.setenv("https_proxy", f"http://me:word@127.0.0.1:{tunnel.port}")
        used = client(ca_bundle=str(certificate))
        assert used.request(lambda: signed(server.url)).content == b"abcde"
        assert tunnel.asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} ")
        assert len(tunnel.asked) == 1
        assert server.requests[0].startswith(b"GET /key HTTP/1.1")
        # The password is for the proxy alone.
        assert b"authorization: basic" in tunnel.head.lower()
        assert b"authorization" not in server.requests[0].lower()


class _Tunnel:
    """A proxy for one connection."""

    def __init__(self, target: int) -> None:
        self.asked: list[str] = []
        self.head = b""
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with self._socket.accept()[0] as one, socket.create_connection(("127.0.0.1", self._target)) as other:
            head = one.recv(65536)
            self.head = head
            self.asked.append(head.split(b"\r\n")[0].decode())
            one.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(other, one), daemon=True)
            back.start()
            _pump(one, other)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
