"""Our driver and the registry's own in one bucket: each reads, lists and goes on with what the other wrote."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.oss.conftest import MakeOSS
from tests.oss.registry_driver import GoDriver, GoError, build
from tests.servers.oss import OSSServer
from tests.servers.plugin import or_skip

# The first of them builds the program.
pytestmark = pytest.mark.timeout(900)

_MIB = 1 << 20
_PATH = "/docker/registry/v2/blobs/sha256/ab/abcd/data"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return or_skip(lambda: build(shared))


@pytest.fixture
def theirs(program: Path, oss: OSSServer, root: str) -> GoDriver:
    # To the registry an endpoint is the bucket's own host, without a scheme.
    endpoint = oss.own_endpoint.removeprefix("http://")
    return GoDriver(program, oss.parameters(root, endpoint=endpoint, secure=False, chunksize="5242880"))


@pytest.fixture
def ours(make_oss: MakeOSS, root: str) -> FsspecDriver:
    return make_oss(root, chunksize=5 * _MIB)


def test_the_registrys_parameters_are_ours(make_oss: MakeOSS, theirs: GoDriver) -> None:
    # But for what only a test has: oss2 would name the bucket in the path where the endpoint is an address.
    ours = make_oss(**{**theirs.parameters, "addressing": "cname"})
    ours.put_content("/file", b"content")
    assert theirs("get", "/file") == b"content"


def test_each_reads_what_the_other_put(ours: FsspecDriver, theirs: GoDriver) -> None:
    theirs("put", "/a/theirs", content=b"by the registry")
    ours.put_content("/a/ours", b"by us")
    assert ours.get_content("/a/theirs") == b"by the registry"
    assert theirs("get", "/a/ours") == b"by us"
    assert theirs("read", "/a/ours", "3") == b"us"
    assert theirs("read", "/a/ours", "99") == b""
    assert theirs.stat("/a/ours")["size"] == 5
    assert theirs.stat("/a")["is_dir"]
    assert ours.stat("/a/theirs").mod_time.timestamp() == theirs.stat("/a/theirs")["mod_time"]


def test_both_list_the_same(ours: FsspecDriver, theirs: GoDriver) -> None:
    for number in range(3):
        theirs("put", f"/d/theirs-{number}/file", content=b"x")
        ours.put_content(f"/d/ours.{number}", b"x")
    assert theirs.list("/d") == ours.list("/d")
    assert theirs.list("/") == ours.list("/") == ["/d"]


def test_both_list_more_than_a_page(ours: FsspecDriver, theirs: GoDriver) -> None:
    for number in range(1005):
        ours.put_content(f"/many/{number:04d}", b"")
    assert theirs.list("/many") == ours.list("/many")
    theirs("delete", "/many")
    assert ours.list("/") == []


def test_neither_finds_what_is_not_there(ours: FsspecDriver, theirs: GoDriver) -> None:
    for call in ("get", "stat", "list", "delete", "append"):
        with pytest.raises(FileNotFoundError):
            theirs(call, "/missing", "close")
    ours.put_content("/ab", b"x")
    ours.delete("/ab")
    with pytest.raises(FileNotFoundError):
        theirs("get", "/ab")


def test_each_moves_and_deletes_what_the_other_wrote(ours: FsspecDriver, theirs: GoDriver) -> None:
    ours.put_content("/from/ours", b"1")
    theirs("put", "/from/theirs", content=b"2")
    theirs("move", "/from/ours", "/to/ours")
    ours.move("/from/theirs", "/to/theirs")
    assert (ours.get_content("/to/ours"), theirs("get", "/to/theirs")) == (b"1", b"2")
    theirs("delete", "/to/ours")
    ours.delete("/to/theirs")
    assert ours.list("/") == []


def test_each_fetches_from_the_others_url(ours: FsspecDriver, theirs: GoDriver) -> None:
    ours.put_content("/a.b/c-d_e", b"content")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(theirs("url", "/a.b/c-d_e").decode().strip(), timeout=30) as answer:
        assert answer.read() == b"content"


@pytest.mark.parametrize("end", ["commit", "close"])
def test_we_go_on_with_an_upload_of_the_registry(ours: FsspecDriver, theirs: GoDriver, end: str) -> None:
    first, second = pattern(12 * _MIB, 1), pattern(_MIB, 2)
    assert theirs.upload(_PATH, first, "close") == (0, len(first))
    assert [found.path for found in ours.uploads()] == [_PATH]
    with ours.writer(_PATH, append=True) as writer:
        assert writer.size == len(first)
        writer.write(second)
        if end == "commit":
            writer.commit()
    if end == "close":
        upload(ours, _PATH, append=True)
    same_bytes(theirs("get", _PATH), first + second)
    assert list(ours.uploads()) == []


@pytest.mark.parametrize("size", [1000, 5 * _MIB, 12 * _MIB])
def test_we_commit_an_upload_of_the_registry(ours: FsspecDriver, theirs: GoDriver, size: int) -> None:
    content = pattern(size, 1)
    theirs.upload(_PATH, content, "close")
    upload(ours, _PATH, append=True)
    same_bytes(theirs("get", _PATH), content)


@pytest.mark.parametrize("size", [1000, 5 * _MIB])
def test_the_registry_goes_on_with_an_upload_of_ours(ours: FsspecDriver, theirs: GoDriver, size: int) -> None:
    first, second = pattern(size, 1), pattern(6 * _MIB, 2)
    upload(ours, _PATH, first, end="close")
    assert theirs.upload(_PATH, second, "commit", append=True) == (size, size + len(second))
    same_bytes(ours.get_content(_PATH), first + second)
    assert list(ours.uploads()) == []


def test_an_upload_passes_to_and_fro(ours: FsspecDriver, theirs: GoDriver) -> None:
    # Whole chunks of ours: after a short last part the registry would have to copy what there is, and takes a
    # directory of its path for the bucket when it looks how long that is.
    pieces = [pattern(size, number) for number, size in enumerate((5 * _MIB, 6 * _MIB, 10 * _MIB, 1000))]
    upload(ours, _PATH, pieces[0], end="close")
    theirs.upload(_PATH, pieces[1], "close", append=True)
    upload(ours, _PATH, pieces[2], append=True, end="close")
    theirs.upload(_PATH, pieces[3], "commit", append=True)
    same_bytes(ours.get_content(_PATH), b"".join(pieces))


def test_each_cancels_an_upload_of_the_other(ours: FsspecDriver, theirs: GoDriver) -> None:
    theirs.upload("/theirs", b"x", "close")
    upload(ours, "/ours", b"x", end="close")
    theirs.upload("/ours", b"", "cancel", append=True)
    upload(ours, "/theirs", append=True, end="cancel")
    assert list(ours.uploads()) == []
    assert ours.list("/") == []


def test_the_server_checks_the_registrys_signature(theirs: GoDriver) -> None:
    with pytest.raises(GoError, match="SignatureDoesNotMatch"):
        GoDriver(theirs.program, {**theirs.parameters, "accesskeysecret": "another"})("stat", "/")
