"""What a driver has to do about a bit that was changed on its way, for any store behind a proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import IntegrityError, PathNotFoundError
from storagedriver.testsuites.faults.actions import DamageReply, DamageRequest
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import drain, pattern, same_bytes, upload

__all__ = ["DamagedReads", "DamagedWrites", "MakeChecked"]

#: Makes a driver behind a proxy, with parameters.
MakeChecked = Callable[..., tuple[FsspecDriver, FaultProxy]]
CONTENT = pattern(300_000)


def reads(request: Request) -> bool:
    """Whether it is a request for a content."""
    about_it = request.path.endswith("file") and not request.path.startswith("/storage/")
    return request.method == "GET" and about_it and "comp=" not in request.query


def writes(request: Request) -> bool:
    """Whether it is a request with a content of these tests, which is larger than any document."""
    return request.method in ("PUT", "POST") and int(request.headers.get("content-length", "0")) >= 100_000


class DamagedReads:
    """Cases of contents that are read as a whole. A subclass has the fixture ``make_checked``."""

    #: Parameters with which contents are compared.
    checking: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def stored(self, make_checked: MakeChecked) -> tuple[FsspecDriver, FaultProxy]:
        """A driver, and a file on its store."""
        driver, proxy = make_checked(**self.checking)
        driver.put_content("/file", CONTENT)
        return driver, proxy

    def test_damaged_content_is_read_once_more(self, stored: tuple[FsspecDriver, FaultProxy]) -> None:
        driver, proxy = stored
        rule = proxy.add(DamageReply(), when=reads)
        same_bytes(driver.get_content("/file"), CONTENT)
        assert rule.hits == 1

    def test_content_that_is_damaged_twice_is_an_error(self, stored: tuple[FsspecDriver, FaultProxy]) -> None:
        driver, proxy = stored
        rule = proxy.add(DamageReply(), when=reads, times=None)
        with pytest.raises(IntegrityError, match="/file: the content has the "):
            driver.get_content("/file")
        assert rule.hits == 2

    def test_stream_of_a_damaged_content_does_not_end_well(self, stored: tuple[FsspecDriver, FaultProxy]) -> None:
        driver, proxy = stored
        proxy.add(DamageReply(), when=reads, times=None)
        with driver.reader("/file") as reader:
            for _ in range(2):
                with pytest.raises(IntegrityError):
                    drain(reader, 50_000)

    def test_part_of_a_content_is_not_compared(self, stored: tuple[FsspecDriver, FaultProxy]) -> None:
        driver, _ = stored
        for offset, length in ((1, None), (0, 100_000), (len(CONTENT), None)):
            with driver.reader("/file", offset, length) as reader:
                same_bytes(drain(reader), CONTENT[offset:][:length])

    def test_nothing_is_compared_where_that_is_not_wanted(self, make_checked: MakeChecked) -> None:
        driver, proxy = make_checked(checksums="never")
        driver.put_content("/file", CONTENT)
        proxy.add(DamageReply(), when=reads)
        assert driver.get_content("/file") != CONTENT


class DamagedWrites:
    """Cases of contents that are written by one request."""

    #: Parameters with which contents are compared.
    protecting: ClassVar[dict[str, Any]] = {}

    @pytest.mark.parametrize("way", ["put", "stream"])
    def test_content_that_is_damaged_on_its_way_is_sent_again(self, make_checked: MakeChecked, way: str) -> None:
        driver, proxy = make_checked(**self.protecting)
        rule = proxy.add(DamageRequest(), when=writes)
        if way == "put":
            driver.put_content("/file", CONTENT)
        else:
            upload(driver, "/file", CONTENT)
        assert rule.hits == 1
        proxy.reset()
        same_bytes(driver.get_content("/file"), CONTENT)

    def test_content_that_is_damaged_each_time_is_an_error(self, make_checked: MakeChecked) -> None:
        driver, proxy = make_checked(**self.protecting)
        proxy.add(DamageRequest(), when=writes, times=None)
        with pytest.raises(IntegrityError):
            driver.put_content("/file", CONTENT)
        with pytest.raises(PathNotFoundError):
            driver.stat("/file")
