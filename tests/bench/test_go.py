"""The program with the registry's own drivers does every task, and says what it took."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.bench.peers import go
from storagedriver.bench.process import Process
from storagedriver.bench.subject import MeasuredError
from storagedriver.bench.tasks import OPERATIONS, Task
from storagedriver.driver import FileInfo
from tests.servers.plugin import or_skip
from tests.servers.run import ServerMissingError

# The first of them builds the program.
pytestmark = pytest.mark.timeout(900)

Storage = tuple[str, dict[str, Any]]
MakeStorage = Callable[[str], Storage]

_SOURCE = Path(__file__).parents[2] / "benchmarks" / "go"
_MIB = 1 << 20
#: Of a tree of 21 objects.
_ENTRIES = 21 + 3


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built by whichever process comes first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    target = shared / "registrydriver"
    # Kept from run to run: what takes long are the packages, which do not change.
    cache = Path(tempfile.gettempdir()) / f"storagedriver-go-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    with target.with_suffix(".lock").open("wb") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setenv("GOCACHE", str(cache))
        return target if target.exists() else or_skip(lambda: _build(target))


def _build(target: Path) -> Path:
    try:
        return go.build(_SOURCE, target)
    except go.GoMissingError as error:
        raise ServerMissingError(str(error)) from error


@pytest.fixture
def storage(request: pytest.FixtureRequest, rootdirectory: str, tmp_path: Path) -> MakeStorage:
    """The driver of a name, with parameters of every type that JSON has."""

    def make(name: str) -> Storage:
        if name == "inmemory":
            return name, {}
        if name == "filesystem":
            return name, {"rootdirectory": str(tmp_path / "storage"), "maxthreads": 30}
        if name == "s3":
            server = request.getfixturevalue("seaweedfs")
            return name, server.parameters(rootdirectory, chunksize=5 * _MIB, secure=False, keyid=None)
        server = request.getfixturevalue("swift")
        # A container of its own: the registry writes a key for signed URLs to it.
        container = rootdirectory.replace("/", "-")
        return name, server.parameters(container, prefix="reg", chunksize=_MIB, insecureskipverify=False)

    return make


def _serve(program: Path, storage: Storage) -> Process:
    return Process("go", *storage, [str(program)])


def _found(storage: Storage, path: str) -> int:
    """How many entries our own driver finds below a path."""
    found: list[FileInfo] = []
    with factory.create(*storage) as driver:
        driver.walk(path, found.append)
    return len(found)


@pytest.mark.parametrize("name", sorted(go.DRIVERS))
def test_every_operation(program: Path, storage: MakeStorage, name: str) -> None:
    stored = storage(name)
    with _serve(program, stored) as process:

        def run(operation: str, path: str, **others: Any) -> int:
            task = Task(operation, path, **others)
            sample = process.run(task)
            assert sample.seconds > 0
            assert sample.cpu >= 0
            assert sample.memory is None or sample.memory >= 0
            assert sample.count == task.count
            assert sample.size == (0 if operation in ("stat", "list", "walk", "delete") else task.size * task.count)
            return sample.found

        stream: dict[str, Any] = {"size": 6 * _MIB + 1, "piece": 100_000, "count": 2, "concurrency": 2}
        assert run("write", "/stream", **stream) == 0
        assert run("read", "/stream", **stream) == 0
        assert run("put", "/small", size=10, count=12, concurrency=3) == 0
        assert run("get", "/small", size=10, count=12, concurrency=3) == 0
        assert run("stat", "/small", count=12) == 0
        assert run("list", "/small", count=2, concurrency=2) == 12
        assert run("tree", "/tree", size=1, count=21, concurrency=2) == 0
        assert run("walk", "/tree") == _ENTRIES
        assert run("move", "/stream", dest="/moved", size=stream["size"], count=2) == 0
        assert run("read", "/moved", **stream) == 0
        if name != "inmemory":
            assert _found(stored, "/tree") == _ENTRIES
        assert run("delete", "/tree") == 0
        with pytest.raises(MeasuredError, match="not found"):
            run("get", "/tree", size=1)
    if name != "inmemory":
        _check_with_ours(stored, stream["size"])


def _check_with_ours(storage: Storage, size: int) -> None:
    with factory.create(*storage) as driver:
        # An empty directory stays where there are directories.
        assert sorted({*driver.list("/")} - {"/stream"}) == ["/moved", "/small"]
        contents = [driver.get_content(f"/moved/{number}") for number in range(2)]
        assert len(driver.get_content("/small/11")) == 10
    assert [len(content) for content in contents] == [size, size]
    # No piece of the pool comes twice before all have come.
    assert len({contents[0][begin : begin + 100_000] for begin in range(0, 4_000_000, 100_000)}) == 40


@pytest.mark.parametrize("name", sorted(go.DRIVERS - {"inmemory"}))
def test_it_reads_what_ours_wrote(program: Path, storage: MakeStorage, name: str) -> None:
    stored = storage(name)
    with factory.create(*stored) as driver:
        driver.put_content("/ours/0", b"0123456789")
    with _serve(program, stored) as process:
        assert process.run(Task("read", "/ours", size=10)).size == 10


def test_it_says_what_it_is(program: Path) -> None:
    with _serve(program, ("inmemory", {})) as process:
        assert re.fullmatch(r"registry 2\.\d+\.\d+ \(go1\.\d+(\.\d+)?\)", process.version)
        assert process.operations == {*OPERATIONS} - {"tree"}


def test_every_driver_that_is_named_is_in_it(program: Path) -> None:
    for name in go.DRIVERS - {"inmemory", "filesystem"}:
        with pytest.raises(MeasuredError, match="no .* parameter provided"):
            _serve(program, (name, {}))
    with pytest.raises(MeasuredError, match="not registered: oss"):
        _serve(program, ("oss", {}))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task("fly", "/a"), 'there is no operation "fly"'),
        (Task("read", "/a", size=11), "/a/0 gave 10 bytes in place of 11"),
        (Task("get", "/a", size=9), "/a/0 gave 10 bytes in place of 9"),
        (Task("read", "/a", size=10, count=2, concurrency=2), "/a/1"),
        (Task("put", "relative", size=1), "nvalid path"),
        (Task("read", "/a", size=10, piece=0), "there is no task"),
        (Task("read", "/a", size=10, count=0), "there is no task"),
    ],
)
def test_a_task_that_fails_ends_nothing(program: Path, task: Task, message: str) -> None:
    with _serve(program, ("inmemory", {})) as process:
        process.run(Task("put", "/a", size=10))
        with pytest.raises(MeasuredError, match=message):
            process.run(task)
        assert process.run(Task("get", "/a", size=10)).size == 10


def test_nothing_but_answers_is_on_its_output(program: Path) -> None:
    lines = b'{"driver": "nowhere", "parameters": {}}\n{"driver": "inmemory"}\n{"operation": "list", "path": "/"}\n'
    done = subprocess.run([program], input=lines, capture_output=True, timeout=60, check=True)
    answers = done.stdout.decode().splitlines()
    assert [re.findall(r'"(\w+)":', answer) for answer in answers] == [
        ["error"],
        ["version", "operations"],
        ["seconds", "cpu", "memory", "size", "count", "found"],
    ]
    assert not done.stderr


def test_memory_is_that_of_the_task(program: Path) -> None:
    size = 16 * _MIB
    with _serve(program, ("inmemory", {})) as process:
        written = process.run(Task("write", "/a", size=size, piece=size))
        got = process.run(Task("stat", "/a"))
    if written.memory is None or got.memory is None:
        pytest.skip("the system does not tell peaks of memory")
    assert written.memory >= size
    assert got.memory < size // 2


def test_go_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(go.GoMissingError, match="golang-go golang-github-docker-distribution-dev"):
        go.build(_SOURCE, tmp_path / "program")


def test_the_sources_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(go, "_GOPATH", tmp_path)
    with pytest.raises(go.GoMissingError, match="golang-go golang-github-docker-distribution-dev"):
        go.build(_SOURCE, tmp_path / "program")


@pytest.mark.usefixtures("program")
def test_what_the_compiler_says(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(MeasuredError, match="undefined: nothing"):
        go.build(tmp_path, tmp_path / "program")
