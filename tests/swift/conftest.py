"""What the tests of the swift driver share: drivers in containers of their own, and a look behind them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.swiftfs import SwiftFileSystem
from storagedriver.swiftfs.container import Container
from storagedriver.swiftfs.listing import objects
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import MIB
from tests.servers.plugin import StartProxy
from tests.servers.swift import SwiftServer

MakeSwift = Callable[..., FsspecDriver]
TEMP_URL_KEY = "temp-url-key-of-a-test"


@pytest.fixture
def container_name() -> str:
    """A container of the test's own."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def make_swift(swift: SwiftServer, container_name: str) -> Iterator[MakeSwift]:
    """``make_swift(**parameters)`` gives a driver that is closed at the end."""
    with ExitStack() as stack:

        def make(container: str = container_name, **parameters: Any) -> FsspecDriver:
            driver = factory.create("swift", swift.parameters(container, **parameters))
            assert isinstance(driver, FsspecDriver)
            return stack.enter_context(driver)

        yield make


@pytest.fixture
def driver(make_swift: MakeSwift) -> FsspecDriver:
    """A driver with a prefix and small segments."""
    return make_swift(prefix="reg", chunksize=1 << 20)


@pytest.fixture
def proxied(make_swift: MakeSwift, swift: SwiftServer, fault_proxy: StartProxy) -> tuple[FsspecDriver, FaultProxy]:
    """A driver whose requests go through a proxy, and the proxy."""
    return through_proxy(make_swift(prefix="reg", chunksize=MIB), swift, fault_proxy)


def through_proxy(driver: FsspecDriver, swift: SwiftServer, fault_proxy: StartProxy) -> tuple[FsspecDriver, FaultProxy]:
    """Have the driver's requests go through a proxy."""
    driver.put_content("/first", b"")
    proxy = fault_proxy(swift.endpoint)
    session = driver.filesystem.fs.client.account._sessions.get()
    session._url = session._url.replace(swift.endpoint, proxy.endpoint)
    return driver, proxy


@pytest.fixture
def fs(swift: SwiftServer) -> Iterator[SwiftFileSystem]:
    """The filesystem, over the same account."""
    fs = SwiftFileSystem(swift.auth_url, swift.user, swift.key, skip_instance_cache=True)
    yield fs
    fs.client.close()


@pytest.fixture
def container(fs: SwiftFileSystem, container_name: str) -> Container:
    """The test's container as it is, below the driver."""
    made = fs.container(container_name)
    made.make()
    return made


def names(container: Container, prefix: str = "") -> Mapping[str, int]:
    """All objects and their sizes."""
    return {line.name: line.size for page in objects(container, prefix) for line in page}
