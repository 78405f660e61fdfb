"""What the tests of the oss driver share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.servers.oss import OSSServer
from tests.servers.plugin import StartProxy

MakeOSS = Callable[..., FsspecDriver]


@pytest.fixture
def make_oss(oss: OSSServer) -> Iterator[MakeOSS]:
    """``make_oss(rootdirectory, identity="admin", **parameters)`` gives a driver that is closed at the end."""
    with ExitStack() as stack:

        def make(rootdirectory: str = "", **parameters: Any) -> FsspecDriver:
            driver = factory.create("oss", oss.parameters(rootdirectory, **parameters))
            assert isinstance(driver, FsspecDriver)
            return stack.enter_context(driver)

        yield make


@pytest.fixture
def root() -> str:
    """A root directory of the test's own."""
    return f"oss/{uuid.uuid4().hex}"


@pytest.fixture
def driver(make_oss: MakeOSS, root: str) -> FsspecDriver:
    """A driver in a root directory of the test's own."""
    return make_oss(root)


@pytest.fixture
def proxied(make_oss: MakeOSS, oss: OSSServer, root: str, fault_proxy: StartProxy) -> tuple[FsspecDriver, FaultProxy]:
    """The same behind a proxy, and the proxy."""
    proxy = fault_proxy(oss.endpoint)
    return make_oss(root, endpoint=proxy.endpoint), proxy


def empty_bucket(server: OSSServer, name: str = "") -> str:
    """A bucket with nothing in it; without a name it is this process's own."""
    import oss2  # noqa: PLC0415 - as the server has it

    name = name or f"empty-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with server.client(name) as client:
        client.create_bucket()
        for upload in oss2.MultipartUploadIterator(client):
            client.abort_multipart_upload(upload.key, upload.upload_id)
        keys = [found.key for found in oss2.ObjectIterator(client)]
        for start in range(0, len(keys), 1000):
            client.batch_delete_objects(keys[start : start + 1000])
    return name
