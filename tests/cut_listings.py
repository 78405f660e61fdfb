"""Listings in the XML of S3 and of OSS that are cut, or do not say the size of an object."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidAnswerError
from storagedriver.testsuites.faults.actions import OtherBody, Rewrite
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern

__all__ = ["CONTENT", "CutListings", "Proxied", "fill"]

Proxied = tuple[FsspecDriver, FaultProxy]

CONTENT = pattern(100_000, 1)


def fill(driver: StorageDriver) -> list[str]:
    paths = [f"/dir/{name}" for name in ("a", "b/1", "b/2", "c", "d/1", "e")]
    for path in paths:
        driver.put_content(path, b"x")
    return paths


class CutListings:
    """The cases. A class of a driver brings the fixture `behind`, a driver behind a proxy, and the proxy."""

    #: The driver's module that lists.
    listing: ClassVar[str]

    @pytest.fixture
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(f"{self.listing}._MOST", 2)

    def test_a_size_that_no_answer_says_is_that_of_the_listing_or_an_error(self, behind: Proxied) -> None:
        driver, proxy = behind
        driver.put_content("/dir/file", CONTENT)

        def bare(head: bytes, _: bytes) -> bytes:
            return re.sub(rb"(?i)content-(length|range): [^\r]*\r\n", b"", head)

        for method in ("HEAD", "GET"):
            proxy.add(Rewrite(bare), method=method, path="/dir/file", times=None)
        assert driver.stat("/dir/file").size == len(CONTENT)
        empty = OtherBody(lambda body: re.sub(rb"(?s)<Contents>.*</Contents>", b"", body))
        proxy.add(empty, method="GET", query="list-type", times=None)
        with pytest.raises(InvalidAnswerError, match="how large"):
            driver.stat("/dir/file")

    @pytest.mark.usefixtures("small_pages")
    def test_a_listing_that_is_cut_goes_on_without_a_token(self, behind: Proxied) -> None:
        driver, proxy = behind
        paths = fill(driver)
        token = re.compile(rb"<((?:Next)?ContinuationToken)>.*?</\1>")
        proxy.add(OtherBody(lambda body: token.sub(b"", body)), method="GET", query="list-type", times=None)
        assert [info.path for info in driver.files("/dir")] == paths
        assert driver.list("/dir") == ["/dir/a", "/dir/b", "/dir/c", "/dir/d", "/dir/e"]
        driver.delete("/dir")
        proxy.reset()
        assert driver.list("/") == []

    @pytest.mark.usefixtures("small_pages")
    def test_a_listing_that_does_not_go_on_is_an_error(self, behind: Proxied) -> None:
        driver, proxy = behind
        fill(driver)
        first: list[bytes] = []

        def stuck(body: bytes) -> bytes:
            first.append(re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", body))
            return first[0]

        proxy.add(OtherBody(stuck), method="GET", query="list-type", times=None)
        for call in (lambda: driver.list("/dir"), lambda: list(driver.files("/dir")), lambda: driver.delete("/dir")):
            with pytest.raises(InvalidAnswerError, match="how it goes on|a listing of"):
                call()
            first.clear()
