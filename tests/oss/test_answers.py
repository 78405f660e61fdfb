"""Answers that must not be believed, and those that must be in spite of their looks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidAnswerError, PathNotFoundError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, CutHead, OtherBody, Rewrite, WithoutLength
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, pattern, upload

Proxied = tuple[FsspecDriver, FaultProxy]

CONTENT = pattern(100_000, 1)
PAGE = b"<html><body>please log in</body></html>"
ERROR = b"<Error><Code>InternalError</Code><Message>try again</Message></Error>"

CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "get": lambda driver: driver.get_content("/dir/file"),
    "put": lambda driver: driver.put_content("/dir/other", b"x"),
    "reader": lambda driver: drain(driver.reader("/dir/file")),
    "stat": lambda driver: driver.stat("/dir/file"),
    "list": lambda driver: driver.list("/dir"),
    "walk": lambda driver: list(driver.files("/dir")),
    "move": lambda driver: driver.move("/dir/file", "/dir/moved"),
    "delete": lambda driver: driver.delete("/dir"),
    "append": lambda driver: upload(driver, "/dir/file", b"x", append=True),
    "write": lambda driver: upload(driver, "/dir/other", b"x"),
    "uploads": lambda driver: list(driver.uploads("/")),
}


@pytest.fixture
def filled(proxied: Proxied) -> Proxied:
    driver, _ = proxied
    driver.put_content("/dir/file", CONTENT)
    return proxied


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [b"", PAGE, ERROR, b"<ListBucketResult>"], ids=["empty", "page", "error", "half"])
def test_what_is_no_answer_of_the_store_is_an_error(filled: Proxied, call: str, answer: bytes) -> None:
    driver, proxy = filled
    proxy.add(Answer(200, answer), times=None)
    with pytest.raises((InvalidAnswerError, UnavailableError)):
        CALLS[call](driver)


@pytest.mark.parametrize("call", CALLS)
def test_a_head_that_breaks_off_is_no_success(filled: Proxied, call: str) -> None:
    driver, proxy = filled
    proxy.add(CutHead(), times=None)
    with pytest.raises(UnavailableError):
        CALLS[call](driver)


@pytest.mark.parametrize("chunked", [True, False])
def test_an_answer_without_a_length_says_as_much(filled: Proxied, chunked: bool) -> None:
    driver, proxy = filled
    proxy.add(WithoutLength(chunked=chunked), times=None)
    assert driver.get_content("/dir/file") == CONTENT
    assert driver.stat("/dir/file").size == len(CONTENT)
    with driver.reader("/dir/file") as reader:
        assert reader.size == len(CONTENT)
        assert drain(reader) == CONTENT
    with driver.reader("/dir/file", 99_000) as reader:
        assert drain(reader) == CONTENT[99_000:]
    upload(driver, "/dir/file", b"tail", append=True)
    assert driver.get_content("/dir/file") == CONTENT + b"tail"
    assert driver.list("/dir") == ["/dir/file"]
    driver.delete("/dir")
    with pytest.raises(PathNotFoundError):
        driver.stat("/dir/file")


@pytest.mark.parametrize("call", ["get", "reader"])
def test_a_content_that_ends_with_the_connection_counts_only_if_it_is_whole(filled: Proxied, call: str) -> None:
    driver, proxy = filled
    proxy.add(WithoutLength(chunked=False, cut=1), method="GET", path="/dir/file", times=None)
    with pytest.raises((InvalidAnswerError, UnavailableError)):
        CALLS[call](driver)


def test_a_size_that_no_answer_says_is_that_of_the_listing_or_an_error(filled: Proxied) -> None:
    driver, proxy = filled

    def bare(head: bytes, _: bytes) -> bytes:
        return re.sub(rb"(?i)content-(length|range): [^\r]*\r\n", b"", head)

    for method in ("HEAD", "GET"):
        proxy.add(Rewrite(bare), method=method, path="/dir/file", times=None)
    assert driver.stat("/dir/file").size == len(CONTENT)
    empty = OtherBody(lambda body: re.sub(rb"(?s)<Contents>.*</Contents>", b"", body))
    proxy.add(empty, method="GET", query="list-type", times=None)
    with pytest.raises(InvalidAnswerError, match="how large"):
        driver.stat("/dir/file")


def fill(driver: StorageDriver) -> list[str]:
    paths = [f"/dir/{name}" for name in ("a", "b/1", "b/2", "c", "d/1", "e")]
    for path in paths:
        driver.put_content(path, b"x")
    return paths


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storagedriver.drivers.oss.listing._MOST", 2)


@pytest.mark.usefixtures("small_pages")
def test_a_listing_that_is_cut_goes_on_without_a_token(proxied: Proxied) -> None:
    driver, proxy = proxied
    paths = fill(driver)
    token = re.compile(
        rb"<NextContinuationToken>.*?</NextContinuationToken>|<ContinuationToken>.*?</ContinuationToken>"
    )
    proxy.add(OtherBody(lambda body: token.sub(b"", body)), method="GET", query="list-type", times=None)
    assert [info.path for info in driver.files("/dir")] == paths
    assert driver.list("/dir") == ["/dir/a", "/dir/b", "/dir/c", "/dir/d", "/dir/e"]
    driver.delete("/dir")
    proxy.reset()
    assert driver.list("/") == []


@pytest.mark.usefixtures("small_pages")
def test_a_listing_that_does_not_go_on_is_an_error(proxied: Proxied) -> None:
    driver, proxy = proxied
    fill(driver)
    first: list[bytes] = []

    def stuck(body: bytes) -> bytes:
        first.append(re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", body))
        return first[0]

    proxy.add(OtherBody(stuck), method="GET", query="list-type", times=None)
    for call in (lambda: driver.list("/dir"), lambda: list(driver.files("/dir")), lambda: driver.delete("/dir")):
        with pytest.raises(InvalidAnswerError, match="how it goes on"):
            call()
        first.clear()
