"""Each peer beside each driver that it knows: both see the same objects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from storagedriver import MissingExtraError, ParameterError, StorageDriver, StorageDriverError, factory
from storagedriver.bench.peers import OWN, PEERS, make_subject
from storagedriver.bench.peers.curl import Curl
from storagedriver.bench.subject import Subject
from storagedriver.bench.tasks import Task
from storagedriver.bench.worker import pieces, run
from storagedriver.testsuites.faults.actions import Answer
from tests.gcs.tokens import key_info, serving
from tests.servers.azurite import AzuriteServer
from tests.servers.gcs import GCSServer
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

# Of aiohttp, which adlfs and gcsfs give their blocks as they are.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly with raw bytes:ResourceWarning")

MIB = 1 << 20
LARGE = 9 * MIB + 1
SERVERS = {"s3": "seaweedfs", "azure": "azurite", "gcs": "fake_gcs", "swift": "swift", "oss": "oss"}
STREAMS = frozenset({"write", "read"})
SMALL = frozenset({"put", "get"})
ALL = STREAMS | SMALL | {"stat", "list", "walk", "move", "delete"}
#: What each peer can do, and beside whom.
DOES: Mapping[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "curl": (STREAMS, ("s3", "azure", "gcs", "swift", "oss")),
    "s3fs": (ALL, ("s3",)),
    "adlfs": (ALL, ("azure",)),
    "gcsfs": (ALL, ("gcs",)),
    "boto3": (ALL, ("s3",)),
    "obstore": (ALL, ("s3", "azure", "gcs", "filesystem")),
    "pages": (frozenset({"walk"}), ("azure", "gcs", "swift")),
    "smart_open": (STREAMS | SMALL, ("s3", "azure", "gcs")),
}
PAIRS = [(peer, driver) for peer, (_, drivers) in DOES.items() for driver in drivers]


OBSTORE = pytest.mark.skipif(find_spec("obstore") is None, reason="obstore is not installed")
UNKNOWN = pytest.mark.xfail(reason="fake-gcs-server knows no PUT of Google's XML interface, by which obstore writes")


def named(*peers: str) -> pytest.MarkDecorator:
    """These peers, each as ``name``."""
    return pytest.mark.parametrize("name", [pytest.param(it, marks=[OBSTORE] * (it == "obstore")) for it in peers])


def pairs(operation: str = "", *, without: str = "", slow: str = "no driver") -> pytest.MarkDecorator:
    """The pairs whose peer has an operation, without those of one peer or driver; those of another one are slow."""
    values = []
    for pair in PAIRS:
        if without in pair or (operation and operation not in DOES[pair[0]][0]):
            continue
        fails = pair == ("obstore", "gcs") and operation in ("write", "put", "move")
        marks = [OBSTORE] * (pair[0] == "obstore") + [UNKNOWN] * fails + [pytest.mark.slow] * (slow in pair)
        values.append(pytest.param(pair, id="-".join(pair), marks=marks))
    return pytest.mark.parametrize("pair", values)


Storage = Callable[[str], dict[str, Any]]


@pytest.fixture
def storage(request: pytest.FixtureRequest, rootdirectory: str, tmp_path: Path) -> Storage:
    """``storage("s3")`` gives the parameters of a driver in a root directory of the test's own."""

    def make(driver: str) -> dict[str, Any]:
        if driver == "filesystem":
            return {"rootdirectory": str(tmp_path / "root")}
        server = request.getfixturevalue(SERVERS[driver])
        # A container of its own, and a prefix in it.
        place = {"container": rootdirectory.replace("/", "-"), "prefix": "reg"} if driver == "swift" else {}
        parameters: dict[str, Any] = server.parameters(**(place or {"rootdirectory": rootdirectory}))
        return parameters

    return make


@pytest.fixture
def peer(pair: tuple[str, str], storage: Storage) -> Iterator[Subject]:
    name, driver = pair
    with closing(make_subject(name, driver, storage(driver))) as subject:
        yield subject


@pytest.fixture
def ours(pair: tuple[str, str], storage: Storage) -> Iterator[StorageDriver]:
    """Our driver at the same place."""
    with factory.create(pair[1], storage(pair[1])) as driver:
        yield driver


def found(driver: StorageDriver) -> dict[str, int]:
    """All objects, and their sizes."""
    return {info.path: info.size for info in driver.files()}


def test_table_is_complete() -> None:
    assert set(DOES) == set(PEERS)


@pairs()
def test_says_what_it_is(peer: Subject, pair: tuple[str, str]) -> None:
    name, driver = pair
    assert driver in peer.drivers
    assert peer.operations() == DOES[name][0]
    said, _, version = peer.version.partition(" ")
    assert said == ("urllib3" if name == "pages" else name)
    assert version[0].isdigit()


@named(*PEERS)
def test_refuses_other_drivers(name: str) -> None:
    with pytest.raises(ValueError, match="and not of inmemory"):
        make_subject(name, "inmemory", {})


@pairs("write")
@pytest.mark.parametrize("size", [0, LARGE])
def test_our_driver_reads_what_it_wrote(peer: Subject, ours: StorageDriver, size: int) -> None:
    sample = run(peer, Task("write", "/dir/sub", size=size, piece=32 << 10, count=2, concurrency=2))
    assert (sample.size, sample.count) == (2 * size, 2)
    assert found(ours) == {"/dir/sub/0": size, "/dir/sub/1": size}
    assert len(ours.get_content("/dir/sub/0")) == size


@pairs("write", without="curl")
def test_writes_the_pieces_in_their_order(peer: Subject, ours: StorageDriver) -> None:
    parts = list(pieces(LARGE, 700_000))
    peer.write("/dir/file", iter(parts))
    assert ours.get_content("/dir/file") == b"".join(parts)


@pairs("read")
@pytest.mark.parametrize(("size", "piece"), [(300_001, 32 << 10), (LARGE, MIB)])
def test_reads_what_our_driver_wrote(peer: Subject, ours: StorageDriver, size: int, piece: int) -> None:
    for number in range(2):
        with ours.writer(f"/dir/{number}") as writer:
            writer.write(os.urandom(size))
            writer.commit()
    sample = run(peer, Task("read", "/dir", size=size, piece=piece, count=2, concurrency=2))
    assert (sample.size, sample.count) == (2 * size, 2)


@pairs("read")
def test_a_read_of_nothing_fails(peer: Subject) -> None:
    with pytest.raises(Exception, match=r"(?i)404|not.?found|no such|not exist|nosuchkey|missing"):
        peer.read("/missing", MIB)


@pairs("put")
def test_puts_and_gets(peer: Subject, ours: StorageDriver) -> None:
    assert run(peer, Task("put", "/dir", size=1000, count=3)).size == 3000
    assert found(ours) == {"/dir/0": 1000, "/dir/1": 1000, "/dir/2": 1000}
    content = os.urandom(1000)
    ours.put_content("/dir/0", content)
    assert peer.get("/dir/0") == content
    assert run(peer, Task("get", "/dir", size=1000, count=3, concurrency=3)).size == 3000


@pairs("stat")
def test_stat_asks_the_store(peer: Subject, ours: StorageDriver) -> None:
    ours.put_content("/dir/0", b"content")
    assert run(peer, Task("stat", "/dir", count=1)).count == 1
    ours.delete("/dir")
    with pytest.raises(Exception, match=r"(?i)404|not.?found|no such|not exist|dir(/|%2F)0"):
        peer.stat("/dir/0")


@pairs("list")
def test_listing_asks_the_store(peer: Subject, ours: StorageDriver) -> None:
    for path in ("/dir/a", "/dir/b", "/dir/sub/c", "/dir/sub/d/e", "/dirt/f"):
        ours.put_content(path, b"content")
    assert run(peer, Task("list", "/dir", count=2)).found == 3
    assert run(peer, Task("walk", "/dir")).found == 4
    ours.put_content("/dir/g", b"content")
    ours.delete("/dir/a")
    ours.delete("/dir/b")
    assert run(peer, Task("list", "/dir")).found == 2
    assert run(peer, Task("walk", "/dir")).found == 3


@pairs("list", without="azure", slow="gcs")
def test_goes_from_page_to_page(peer: Subject, ours: StorageDriver, pair: tuple[str, str], storage: Storage) -> None:
    with closing(make_subject(OWN, pair[1], storage(pair[1]))) as own:
        run(own, Task("tree", "/dir", size=1, count=1100, concurrency=8))
    assert run(peer, Task("list", "/dir")).found == 110
    assert run(peer, Task("walk", "/dir")).found == 1100
    run(peer, Task("delete", "/dir"))
    assert found(ours) == {}


@pairs("move")
def test_moves(peer: Subject, ours: StorageDriver) -> None:
    content = os.urandom(LARGE)
    ours.put_content("/from/0", content)
    ours.put_content("/from/1", b"content")
    run(peer, Task("move", "/from", dest="/to/sub", count=1))
    assert found(ours) == {"/from/1": 7, "/to/sub/0": len(content)}
    assert ours.get_content("/to/sub/0") == content


@pairs("delete")
def test_deletes_a_tree(peer: Subject, ours: StorageDriver) -> None:
    for path in ("/dir/a", "/dir/sub/b", "/dir/sub/d/c", "/dirt/d"):
        ours.put_content(path, b"content")
    run(peer, Task("delete", "/dir"))
    assert found(ours) == {"/dirt/d": 7}
    assert not ours.exists("/dir")


def test_curl_shows_no_secret(seaweedfs: S3Server, rootdirectory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    real = subprocess.run

    def listed(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", listed)
    with closing(make_subject("curl", "s3", seaweedfs.parameters(rootdirectory))) as subject:
        run(subject, Task("write", "/dir", size=1000))
        run(subject, Task("read", "/dir", size=1000))
    assert [command[1:] for command in commands] == [["--version"], ["--config", "-"], ["--config", "-"]]


def test_curl_keeps_its_file_for_the_next_round(seaweedfs: S3Server, rootdirectory: str) -> None:
    with closing(make_subject("curl", "s3", seaweedfs.parameters(rootdirectory))) as subject:
        assert isinstance(subject, Curl)
        names = []
        for size in (1000, 1000, 5 * MIB):
            run(subject, Task("write", "/dir", size=size))
            assert subject.content is not None
            names.append(subject.content)
        assert names[0] == names[1]
        assert [name.exists() for name in names] == [False, False, True]
    assert not names[2].exists()


def test_curl_takes_no_redirect_for_success(seaweedfs: S3Server, rootdirectory: str, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(seaweedfs.endpoint)
    proxy.add(Answer(307, headers={"Location": seaweedfs.endpoint}))
    parameters = seaweedfs.parameters(rootdirectory, regionendpoint=proxy.endpoint)
    with (
        closing(make_subject("curl", "s3", parameters)) as subject,
        pytest.raises(StorageDriverError, match="the answer was 307"),
    ):
        run(subject, Task("write", "/dir", size=1000))


def test_curl_writes_only_what_was_prepared(seaweedfs: S3Server) -> None:
    with (
        closing(make_subject("curl", "s3", seaweedfs.parameters())) as subject,
        pytest.raises(ValueError, match="prep"),
    ):
        subject.write("/file", [b"content"])


def test_curl_brings_a_token(fake_gcs: GCSServer, rootdirectory: str, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(fake_gcs.endpoint)
    with serving() as service:
        key = key_info(f"{service.url}/token")
        parameters = fake_gcs.parameters(rootdirectory, endpoint=proxy.endpoint, credentials=key)
        with closing(make_subject("curl", "gcs", parameters)) as subject:
            run(subject, Task("write", "/dir", size=1000, count=2))
            run(subject, Task("read", "/dir", size=1000, count=2))
    assert [request.headers["authorization"] for request in proxy.requests] == ["Bearer token-1"] * 4


def test_curl_needs_a_key_for_azure() -> None:
    parameters = {"accountname": "account", "container": "container", "credentials": {"type": "default_credentials"}}
    with pytest.raises(ParameterError, match="accountkey"):
        make_subject("curl", "azure", parameters)


@named("curl", "adlfs", "obstore", "smart_open")
def test_old_names_of_azure_are_refused(name: str, azurite: AzuriteServer) -> None:
    with pytest.raises(ParameterError, match="trimlegacyrootprefix"):
        make_subject(name, "azure", azurite.parameters(trimlegacyrootprefix=False))


@named("curl", "obstore", "smart_open")
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_takes_any_certificate(name: str, azurite_tls: AzuriteServer, rootdirectory: str) -> None:
    parameters = azurite_tls.parameters(rootdirectory, skipverify=True)
    with closing(make_subject(name, "azure", parameters)) as subject:
        run(subject, Task("write", "/dir", size=1000))
        assert run(subject, Task("read", "/dir", size=1000)).size == 1000


def test_curl_looks_at_certificates(azurite_tls: AzuriteServer, rootdirectory: str) -> None:
    with (
        closing(make_subject("curl", "azure", azurite_tls.parameters(rootdirectory))) as subject,
        pytest.raises(StorageDriverError, match="certificate"),
    ):
        run(subject, Task("write", "/dir", size=1000))


@named("adlfs", "obstore", "smart_open")
@pytest.mark.parametrize(
    "credentials",
    [
        {"type": "client_secret", "tenantid": "tenant", "clientid": "client", "secret": "secret"},
        {"type": "default_credentials"},
    ],
    ids=lambda credentials: str(credentials["type"]),
)
def test_who_asks_azure_by_a_token_is_made_offline(name: str, credentials: dict[str, str]) -> None:
    parameters = {"accountname": "account", "container": "container", "credentials": credentials}
    with closing(make_subject(name, "azure", parameters)) as subject:
        assert subject.version


MISSING = [
    ("boto3", "s3", "boto3", "boto3"),
    ("s3fs", "s3", "s3fs", "s3fs"),
    ("adlfs", "azure", "adlfs", "adlfs"),
    ("gcsfs", "gcs", "gcsfs", "gcsfs"),
    ("obstore", "filesystem", "obstore", "obstore"),
    ("smart_open", "s3", "smart_open", "smart_open"),
    ("smart_open", "gcs", "google.cloud.storage", "smart_open[gcs]"),
    ("curl", "oss", "oss2", "oss2"),
]


@pytest.mark.parametrize(("name", "driver", "module", "requirement"), MISSING)
def test_missing_library_is_told(
    name: str, driver: str, module: str, requirement: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = storage(driver)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"storagedriver.bench.peers.{PEERS[name][0]}", raising=False)
    with pytest.raises(MissingExtraError, match=re.escape(f'pip install "{requirement}"')):
        make_subject(name, driver, parameters)


def test_missing_curl_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match="curl is needed"):
        make_subject("curl", "s3", {"bucket": "bucket", "region": "us-east-1"})
