"""The CRC32C of contents that are written, and of those that are read as a whole."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.gcs.conftest import MakeGCS
from tests.integrity import DamagedReads, DamagedWrites, MakeChecked
from tests.servers.gcs import GCSServer
from tests.servers.plugin import StartProxy


@pytest.fixture
def make_checked(make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy) -> MakeChecked:
    def make(**parameters: Any) -> Any:
        proxy = fault_proxy(gcs_server.endpoint)
        return make_gcs(gcs_server, root, endpoint=proxy.endpoint, **parameters), proxy

    return make


class TestReads(DamagedReads):
    """Of any object."""


class TestWrites(DamagedWrites):
    """One of the emulators compares the checksum before it takes a content, as Google does; the other does not."""

    protecting: ClassVar[dict[str, Any]] = {"chunksize": 512 << 10}
