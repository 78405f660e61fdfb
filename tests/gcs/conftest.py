"""What the tests of the gcs driver share: drivers on each of the emulators, empty buckets, and tokens."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.gcs.tokens import TokenService, serving
from tests.servers.gcs import GCSServer, make_bucket
from tests.servers.plugin import StartProxy

MakeGCS = Callable[..., FsspecDriver]
#: The smallest chunk, so that few bytes make many of them.
CHUNK = 256 << 10


@pytest.fixture(scope="session")
def token_service() -> Iterator[TokenService]:
    with serving() as service:
        yield service


@pytest.fixture
def make_gcs() -> Iterator[MakeGCS]:
    """``make_gcs(server, rootdirectory, **parameters)`` gives a driver that is closed at the end."""
    with ExitStack() as stack:

        def make(server: GCSServer, rootdirectory: str = "", **parameters: object) -> FsspecDriver:
            driver = factory.create("gcs", server.parameters(rootdirectory, **{"chunksize": CHUNK, **parameters}))
            assert isinstance(driver, FsspecDriver)
            return stack.enter_context(driver)

        yield make


@pytest.fixture
def root() -> str:
    """A root directory of the test's own."""
    return f"gcs/{uuid.uuid4().hex}"


@pytest.fixture
def driver(make_gcs: MakeGCS, gcs_server: GCSServer, root: str) -> FsspecDriver:
    """A driver on each of the emulators, one after the other."""
    return make_gcs(gcs_server, root)


@pytest.fixture
def proxied(
    make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy
) -> tuple[FsspecDriver, FaultProxy]:
    """The same behind a proxy, and the proxy."""
    proxy = fault_proxy(gcs_server.endpoint)
    return make_gcs(gcs_server, root, endpoint=proxy.endpoint), proxy


@pytest.fixture
def answered(
    make_gcs: MakeGCS, any_gcs_server: GCSServer, root: str, fault_proxy: StartProxy
) -> tuple[FsspecDriver, FaultProxy]:
    """The same where it is the proxy that answers: which server it is does not matter."""
    proxy = fault_proxy(any_gcs_server.endpoint)
    return make_gcs(any_gcs_server, root, endpoint=proxy.endpoint), proxy


def empty_bucket(server: GCSServer) -> str:
    """A bucket of this process's own, with nothing in it."""
    name = f"empty-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    make_bucket(server, name)
    with server.client() as client:
        for blob in client.list_blobs(name):
            blob.delete()
    return name
