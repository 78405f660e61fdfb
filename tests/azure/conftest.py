"""What the tests of the azure driver share: drivers on Azurite, and empty containers."""

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
from tests.servers.azurite import AzuriteServer
from tests.servers.plugin import StartProxy

MakeAzure = Callable[..., FsspecDriver]


@pytest.fixture
def make_azure(azurite: AzuriteServer) -> Iterator[MakeAzure]:
    """``make_azure(rootdirectory, **parameters)`` gives a driver that is closed at the end."""
    with ExitStack() as stack:

        def make(rootdirectory: str = "", **parameters: Any) -> FsspecDriver:
            driver = factory.create("azure", azurite.parameters(rootdirectory, **parameters))
            assert isinstance(driver, FsspecDriver)
            return stack.enter_context(driver)

        yield make


@pytest.fixture
def root() -> str:
    """A root directory of the test's own."""
    return f"azure/{uuid.uuid4().hex}"


@pytest.fixture
def driver(make_azure: MakeAzure, root: str) -> FsspecDriver:
    """A driver with default parameters."""
    return make_azure(root)


@pytest.fixture
def proxy(azurite: AzuriteServer, fault_proxy: StartProxy) -> FaultProxy:
    """A proxy before the server."""
    return fault_proxy(azurite.endpoint)


@pytest.fixture
def proxied(make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str) -> FsspecDriver:
    """The driver behind the proxy."""
    return make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}")


def empty_container(server: AzuriteServer) -> str:
    """A container of this process's own, with nothing in it."""
    name = f"empty-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with server.client(name) as client:
        if not client.exists():
            client.create_container()
        for blob in list(client.list_blobs(include=["uncommittedblobs"])):
            client.delete_blob(blob.name)
    return name
