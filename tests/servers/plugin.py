"""The fixtures of the servers, and the run they belong to."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.servers.azurite import Azurite, AzuriteServer, AzuriteTLS
from tests.servers.base import HOST, Server
from tests.servers.docker_registry import DockerRegistry, Registry
from tests.servers.fake_gcs import FakeGCS
from tests.servers.ftp import FTPServer, PyFTPd
from tests.servers.gcp_emulator import GCPEmulator
from tests.servers.gcs import GCSServer
from tests.servers.keystone import Keystone, KeystoneServer, KeystoneSwift
from tests.servers.moto import Moto
from tests.servers.oss import OSS, OSSServer
from tests.servers.run import Run, ServerError, ServerMissingError, tail
from tests.servers.s3 import S3Server
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.sockets import black_hole as open_black_hole
from tests.servers.sockets import refused_port as open_refused_port
from tests.servers.sshd import SSHD, SFTPServer
from tests.servers.swift import Swift, SwiftServer
from tests.variants import is_slow

_DIRECTORY = "servers_directory"
_S3 = ["seaweedfs", "swift_s3", "moto_s3"]
_GCS = ["fake_gcs", "gcp_emulator"]
_run = pytest.StashKey[Run]()
_log_sizes = pytest.StashKey[dict[Path, int]]()

D = TypeVar("D")
StartRegistry = Callable[..., Registry]
StartProxy = Callable[[str], FaultProxy]


def pytest_configure(config: pytest.Config) -> None:
    workerinput: Mapping[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[_run] = Run.begin() if workerinput is None else Run(Path(workerinput[_DIRECTORY]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[_DIRECTORY] = str(node.config.stash[_run].directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _run in config.stash:
        config.stash[_run].end()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, servers in (("any_s3_server", _S3), ("any_gcs_server", _GCS)):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, servers if is_slow() else servers[:1], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    logs = item.config.stash[_run].logs
    item.stash[_log_sizes] = {log: log.stat().st_size for log in logs if log.exists()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        sizes = item.stash.get(_log_sizes, {})
        for log in sorted(item.config.stash[_run].logs):
            text = tail(log, sizes.get(log, 0))
            if text:
                report.sections.append((f"log of {log.stem}", text))
    return report


def or_skip(start: Callable[[], D]) -> D:
    """Start a server. One that is not installed fails where CI is set, and skips elsewhere."""
    try:
        return start()
    except ServerMissingError as error:
        reason = str(error)
    except ServerError as error:
        pytest.fail(str(error), pytrace=False)
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def shared(request: pytest.FixtureRequest, kind: type[Server[D]]) -> D:
    """A server of the whole run, for the fixture that gives it."""
    return or_skip(lambda: request.config.stash[_run].shared(kind))


@pytest.fixture(scope="session")
def seaweedfs(request: pytest.FixtureRequest) -> S3Server:
    return shared(request, SeaweedFS)


@pytest.fixture(scope="session")
def swift(request: pytest.FixtureRequest) -> SwiftServer:
    return shared(request, Swift)


@pytest.fixture(scope="session")
def keystone(request: pytest.FixtureRequest) -> KeystoneServer:
    """A Keystone; a Swift that takes its tokens is in its catalog."""
    server = shared(request, Keystone)
    shared(request, KeystoneSwift)
    return server


@pytest.fixture(scope="session")
def swift_s3(swift: SwiftServer) -> S3Server:
    return swift.s3()


@pytest.fixture(scope="session")
def moto_s3(request: pytest.FixtureRequest) -> S3Server:
    return shared(request, Moto)


@pytest.fixture(scope="session")
def azurite(request: pytest.FixtureRequest) -> AzuriteServer:
    return shared(request, Azurite)


@pytest.fixture(scope="session")
def azurite_tls(request: pytest.FixtureRequest) -> AzuriteServer:
    return shared(request, AzuriteTLS)


@pytest.fixture(scope="session")
def fake_gcs(request: pytest.FixtureRequest) -> GCSServer:
    return shared(request, FakeGCS)


@pytest.fixture(scope="session")
def gcp_emulator(request: pytest.FixtureRequest) -> GCSServer:
    return shared(request, GCPEmulator)


@pytest.fixture(params=_GCS)
def gcs_server(request: pytest.FixtureRequest) -> GCSServer:
    """Each server that speaks Google's protocol, one after the other."""
    server: GCSServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def any_gcs_server(request: pytest.FixtureRequest) -> GCSServer:
    """One of them, for answers that come from a proxy; each one with ``--slow``."""
    server: GCSServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def oss(request: pytest.FixtureRequest) -> OSSServer:
    return shared(request, OSS)


@pytest.fixture(scope="session")
def own_oss(request: pytest.FixtureRequest) -> Iterator[OSSServer]:
    """One of this process's own, for those who want an empty bucket at a host of its own."""
    server = OSS(request.config.stash[_run], f"{OSS.name}-{uuid.uuid4().hex}")
    with ExitStack() as stack:
        stack.callback(server.stop)
        yield or_skip(server.start)


@pytest.fixture(scope="session")
def sftp(request: pytest.FixtureRequest) -> SFTPServer:
    return shared(request, SSHD)


@pytest.fixture(scope="session")
def ftp(request: pytest.FixtureRequest) -> FTPServer:
    return shared(request, PyFTPd)


@pytest.fixture(params=_S3)
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each server that speaks S3, one after the other."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def any_s3_server(request: pytest.FixtureRequest) -> S3Server:
    """One of them, for answers that come from a proxy; each one with ``--slow``."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def rootdirectory() -> str:
    """A root directory of the test's own, for a store that the run shares."""
    return f"test/{uuid.uuid4().hex}"


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Iterator[StartRegistry]:
    """``registry({"s3": {...}}, {"http": ...})`` starts docker-registry with this storage, until the test's end."""
    run = request.config.stash[_run]
    numbers = itertools.count()
    token = uuid.uuid4().hex

    with ExitStack() as stack:

        def start(storage: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> Registry:
            server = DockerRegistry(run, f"{DockerRegistry.name}-{token}-{next(numbers)}", storage, others)
            stack.callback(server.stop)
            return or_skip(server.start)

        yield start


@pytest.fixture
def fault_proxy() -> Iterator[StartProxy]:
    """``fault_proxy(server.endpoint)`` puts a `FaultProxy` before a server, until the test's end."""
    with ExitStack() as stack:
        yield lambda endpoint: stack.enter_context(FaultProxy(endpoint))


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An endpoint that takes connections and never answers."""
    with open_black_hole() as port:
        yield f"http://{HOST}:{port}"


@pytest.fixture
def refused_endpoint() -> Iterator[str]:
    """An endpoint that refuses connections."""
    with open_refused_port() as port:
        yield f"http://{HOST}:{port}"
