"""Answers that must not be believed, and those that must be in spite of their looks."""

from __future__ import annotations

import re

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidAnswerError
from storagedriver.testsuites.faults.actions import ForgetQuery, OtherBody, Rewrite
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

Proxied = tuple[FsspecDriver, FaultProxy]

CONTENT = pattern(100_000, 1)


@pytest.fixture
def filled(answered: Proxied) -> Proxied:
    driver, _ = answered
    driver.put_content("/dir/file", CONTENT)
    return answered


def test_a_size_that_no_answer_says_is_that_of_the_listing_or_an_error(filled: Proxied) -> None:
    driver, proxy = filled

    def bare(head: bytes, _: bytes) -> bytes:
        return re.sub(rb"(?i)content-(length|range): [^\r]*\r\n", b"", head)

    for method in ("HEAD", "GET"):
        proxy.add(Rewrite(bare), method=method, path="/dir/file", times=None)
    assert driver.stat("/dir/file").size == len(CONTENT)
    empty = OtherBody(lambda body: re.sub(rb"(?s)<Contents>.*</Contents>", b"", body))
    proxy.add(empty, method="GET", query="prefix", times=None)
    with pytest.raises(InvalidAnswerError, match="how large"):
        driver.stat("/dir/file")


def test_another_range_than_the_one_that_was_asked_for_is_an_error(filled: Proxied) -> None:
    driver, proxy = filled
    proxy.add(Rewrite(lambda head, body: re.sub(rb"bytes [0-9]+-", b"bytes 0-", head) + body), method="GET", times=None)
    with pytest.raises(InvalidAnswerError, match="another range"):
        driver.reader("/dir/file", 10)


def fill(driver: StorageDriver) -> list[str]:
    paths = [f"/dir/{name}" for name in ("a", "b/1", "b/2", "c", "d/1", "e")]
    for path in paths:
        driver.put_content(path, b"x")
    return paths


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storagedriver.drivers.s3.listing._MOST", 2)


@pytest.mark.usefixtures("small_pages")
def test_a_listing_that_is_cut_goes_on_without_a_token(answered: Proxied) -> None:
    driver, proxy = answered
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
def test_a_listing_that_does_not_go_on_is_an_error(answered: Proxied) -> None:
    driver, proxy = answered
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


@pytest.mark.usefixtures("small_pages")
def test_a_server_of_the_first_version_is_understood(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    """It does not know `list-type`, so it answers as it always did: moto without that parameter."""
    proxy = fault_proxy(moto_s3.endpoint)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint, payloadsigning="never")
    paths = fill(driver)
    proxy.add(ForgetQuery(("list-type", "start-after", "continuation-token")), method="GET", times=None)
    assert [info.path for info in driver.files("/dir")] == paths
    assert driver.list("/dir") == ["/dir/a", "/dir/b", "/dir/c", "/dir/d", "/dir/e"]
    seen: list[str] = []
    driver.walk("/dir", lambda info: seen.append(info.path), "/dir/b/1")
    assert seen == ["/dir/b/2", "/dir/c", "/dir/d", "/dir/d/1", "/dir/e"]
    driver.delete("/dir")
    assert driver.list("/") == []
