"""The CRC-64 of contents that are written, and of those that are read as a whole."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from storagedriver.testsuites.faults.actions import DamageRequest
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.integrity import DamagedReads, DamagedWrites, MakeChecked
from tests.oss.conftest import MakeOSS
from tests.servers.oss import OSSServer
from tests.servers.plugin import StartProxy


@pytest.fixture
def make_checked(make_oss: MakeOSS, oss: OSSServer, root: str, fault_proxy: StartProxy) -> MakeChecked:
    def make(**parameters: Any) -> Any:
        proxy = fault_proxy(oss.endpoint)
        return make_oss(root, endpoint=proxy.endpoint, **parameters), proxy

    return make


class TestReads(DamagedReads):
    """Of any object."""


class TestWrites(DamagedWrites):
    """By the MD5, which is signed."""


class TestWritesByCRC(DamagedWrites):
    """By the CRC-64 of what has arrived, where no MD5 is sent."""

    protecting: ClassVar[dict[str, Any]] = {"payloadsigning": "never"}


def test_damaged_part_is_sent_again(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked(payloadsigning="never")
    rule = proxy.add(DamageRequest(), query="partNumber=2")
    content = pattern(11 << 20)
    upload(driver, "/large", content)
    assert rule.hits == 1
    same_bytes(driver.get_content("/large"), content)


def test_object_of_parts_is_compared_too(make_checked: MakeChecked) -> None:
    driver, _ = make_checked()
    upload(driver, "/file", pattern(11 << 20))
    same_bytes(driver.get_content("/file"), pattern(11 << 20))
