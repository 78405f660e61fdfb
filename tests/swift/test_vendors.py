"""What becomes of answers on their way, on Swift."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.on_the_way import OnTheWay


class TestOnTheWay(OnTheWay):
    @pytest.fixture
    def behind(self, proxied: tuple[FsspecDriver, FaultProxy]) -> tuple[FsspecDriver, FaultProxy]:
        return proxied
