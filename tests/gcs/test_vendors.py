"""Google's own server, which decompresses what it has stored in gzip, and what becomes of answers on their way."""

from __future__ import annotations

import gzip

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.on_the_way import CONTENT, OnTheWay, Transcode, assert_read_as_stored


class TestOnTheWay(OnTheWay):
    @pytest.fixture
    def behind(self, answered: tuple[FsspecDriver, FaultProxy]) -> tuple[FsspecDriver, FaultProxy]:
        return answered


@pytest.mark.parametrize("plain", [CONTENT, b"x" * 100_000], ids=["shorter than it is stored", "longer"])
def test_an_object_that_was_stored_in_gzip_is_read_as_it_is_stored(
    answered: tuple[FsspecDriver, FaultProxy], plain: bytes
) -> None:
    driver, proxy = answered
    stored = gzip.compress(plain, mtime=0)
    driver.put_content("/dir/file", stored)
    proxy.add(Transcode(), method="GET", query="alt=media", times=None)
    assert_read_as_stored(driver, stored)
