"""Which answers are believed: each of them comes from a server that sends just these bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storagedriver.adapter.http.answer import Answer, AnswerError, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.connection import BrokenAnswerError, HTTPError
from storagedriver.adapter.store import Entry
from tests.adapter.http.hostile import Hostile, Script

HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nETag: "abc"\r\n\r\n'


def client(timeout: float = 5.0, attempts: int = 1) -> HTTPClient:
    return HTTPClient(timeout=timeout, attempts=attempts, pause=0.001)


def get(url: str, method: str = "GET", **options: float) -> Answer:
    return client(**options).request(lambda: Signed(method, url))  # type: ignore[arg-type]


def read(url: str, timeout: float = 5.0) -> bytes:
    body = client(timeout).stream(lambda: Signed("GET", url), lambda _: Entry("key"))
    try:
        return b"".join(iter(lambda: body.read(7), b""))
    finally:
        body.close()


@pytest.mark.parametrize("call", [get, read, lambda url: get(url, "HEAD"), lambda url: get(url, "PUT")])
def test_a_head_that_breaks_off_anywhere_is_an_error(call: Callable[[str], object]) -> None:
    with Hostile() as server:
        for length in range(len(HEAD)):
            server.scripts = [[HEAD[:length], None]]
            with pytest.raises(BrokenAnswerError, match="ended"):
                call(server.url)


def test_a_body_that_breaks_off_anywhere_is_an_error() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    for head, body in ((HEAD, b"abcde"), (chunked, chunks)):
        with Hostile([head + body]) as server:
            assert get(server.url).content == read(server.url) == b"abcde"
            for length in range(len(body)):
                server.scripts = [[head + body[:length], None]]
                with pytest.raises(BrokenAnswerError, match="ended"):
                    get(server.url)
                with pytest.raises(BrokenAnswerError, match="ended"):
                    read(server.url)


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nabcde\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000,
        b"",
    ],
)
def test_what_is_no_http_is_an_error(head: bytes) -> None:
    with Hostile([head, None]) as server:
        for call in (get, read):
            with pytest.raises(BrokenAnswerError):
                call(server.url)


def test_an_answer_without_a_length_says_so() -> None:
    with Hostile([b"HTTP/1.0 200 OK\r\n\r\nabc", 0.01, b"de", None]) as server:
        answer = get(server.url)
        assert (answer.content, answer.is_framed) == (b"abcde", False)
        assert get(server.url).is_framed is False
        server.scripts = [[HEAD + b"abcde"]]
        assert get(server.url).is_framed
        # An answer to HEAD has no content, and none to end.
        server.scripts = [[b"HTTP/1.1 200 OK\r\n\r\n"]]
        assert get(server.url, "HEAD").is_framed


def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\nX: interim\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with Hostile([interim + HEAD + b"abcde"], [interim, 0.01, HEAD, 0.01, b"abcde"]) as server:
        for _ in range(2):
            answer = get(server.url)
            assert answer.content == b"abcde"
            assert dict(answer.headers) == {"content-type": "text/plain", "content-length": "5", "etag": '"abc"'}
        assert answer.headers["ETAG"] == answer.headers.get("Etag") == '"abc"'


def test_headers_of_one_name_are_joined() -> None:
    with Hostile([b"HTTP/1.1 204 No\r\nVary: a\r\nvary: b \t\r\nEmpty:\r\n\r\n"]) as server:
        assert dict(get(server.url).headers) == {"vary": "a, b", "empty": ""}


@pytest.mark.parametrize(
    "script",
    [
        [b"HTTP/1.1 200 OK\r\n", *([b"A: b\r\n", 0.05] * 200)],
        [b"HTTP/1.1 100 Continue\r\n\r\n", 0.05] * 200,
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *([b"x", 0.05] * 200)],
        [b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n", *([b"x", 0.05] * 200)],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"1\r\n \r\n", 0.05] * 200)],
        [10.0],
    ],
    ids=["head", "interim", "content", "error", "white space", "silence"],
)
def test_an_answer_that_drips_ends_with_the_timeout(script: Script) -> None:
    with Hostile(script) as server, pytest.raises(HTTPError, match=r"timeout 1 s.*(over|silent)"):
        get(server.url, timeout=1.0)


def test_any_byte_of_a_stream_is_progress() -> None:
    drip: Script = [HEAD[: HEAD.index(b"5")] + b"10\r\n\r\n", *[b"x", 0.3] * 10]  # type: ignore[list-item]
    with Hostile(drip) as server:
        assert read(server.url, timeout=1.0) == b"x" * 10
        server.scripts = [[HEAD, b"a", 3.0]]
        with pytest.raises(BrokenAnswerError, match="silent"):
            read(server.url, timeout=1.0)


def test_an_endless_error_is_cut_and_an_endless_answer_refused() -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with Hostile([b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n", *[piece] * 5000]) as server:
        with pytest.raises(AnswerError) as caught:
            get(server.url)
        assert 1 << 20 <= len(caught.value.answer.content) < 2 << 20
        server.scripts = [[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[piece] * 5000]]
        with pytest.raises(BrokenAnswerError, match="longer"):
            get(server.url, timeout=30)


def test_an_error_whose_reason_breaks_off_is_no_answer() -> None:
    # With half of its reason a 404 might be that of the bucket.
    cut = [b"HTTP/1.1 404 No\r\nContent-Length: 50\r\n\r\n<Code>NoSuch", None]
    with Hostile(cut) as server, pytest.raises(BrokenAnswerError, match="ended"):
        get(server.url)
