"""Listings that are cut, sizes that no answer says, other ranges, and servers of the first version."""

from __future__ import annotations

import re

import pytest

from storagedriver.errors import InvalidAnswerError
from storagedriver.testsuites.faults.actions import ForgetQuery, Rewrite
from tests.cut_listings import CONTENT, CutListings, Proxied, fill
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server


class TestCutListings(CutListings):
    listing = "storagedriver.drivers.s3.listing"

    @pytest.fixture
    def behind(self, answered: Proxied) -> Proxied:
        return answered

    @pytest.mark.usefixtures("small_pages")
    def test_a_server_of_the_first_version_is_understood(
        self, make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
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


def test_another_range_than_the_one_that_was_asked_for_is_an_error(answered: Proxied) -> None:
    driver, proxy = answered
    driver.put_content("/dir/file", CONTENT)
    proxy.add(Rewrite(lambda head, body: re.sub(rb"bytes [0-9]+-", b"bytes 0-", head) + body), method="GET", times=None)
    with pytest.raises(InvalidAnswerError, match="another range"):
        driver.reader("/dir/file", 10)
