"""`SwiftFileSystem` by itself, as a user of fsspec has it."""

from __future__ import annotations

import json
import pickle
import re
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from storagedriver import ParameterError
from storagedriver.swiftfs import SwiftFileSystem
from storagedriver.swiftfs.container import Container
from storagedriver.testsuites.helpers import MIB, pattern
from tests.servers.swift import SwiftServer
from tests.swift.conftest import names
from tests.variants import EDGE_CASES

CONTENT = pattern(3 * MIB + 5, 1)


class TestSuites(
    AbstractCopyTests,  # type: ignore[misc]
    AbstractGetTests,  # type: ignore[misc]
    AbstractOpenTests,  # type: ignore[misc]
    AbstractPipeTests,  # type: ignore[misc]
    AbstractPutTests,  # type: ignore[misc]
    AbstractFixtures,  # type: ignore[misc]
):
    """fsspec's own suites."""

    # Patterns and lists of paths are fsspec's own affair: an ordinary run has a copy, a get and a put of each thing.
    slow_cases = (
        *EDGE_CASES,
        *(
            name
            for cases in (AbstractCopyTests, AbstractGetTests, AbstractPutTests)
            for name in vars(cases)
            if "glob" in name or "list" in name
        ),
    )

    @pytest.fixture(scope="class")
    @classmethod
    def fs(cls, swift: SwiftServer) -> Iterator[SwiftFileSystem]:
        fs = SwiftFileSystem(swift.auth_url, swift.user, swift.key, skip_instance_cache=True)
        fs.makedirs("suites", exist_ok=True)
        yield fs
        fs.client.close()

    @pytest.fixture
    def fs_path(self) -> str:
        return f"suites/{uuid.uuid4().hex}"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


@pytest.fixture
def root(container: Container) -> str:
    """The path of an empty container."""
    return container.name


def write_large(fs: SwiftFileSystem, path: str, content: bytes = CONTENT) -> None:
    with fs.open(path, "wb", block_size=MIB) as file:
        for start in range(0, len(content), 100_000):
            file.write(content[start : start + 100_000])


def segments(fs: SwiftFileSystem, root: str) -> list[str]:
    return [str(path) for path in fs.find(f"{root}_segments")]


def test_by_its_url(swift: SwiftServer, root: str) -> None:
    options = {"auth_url": swift.auth_url, "user": swift.user, "key": swift.key}
    with fsspec.open(f"swift://{root}/a b/ü", "wb", **options) as file:
        file.write(b"content")
    with fsspec.open(f"swift://{root}/a b/ü", "rb", **options) as file:
        assert file.read() == b"content"
    with fsspec.open(f"swift://{root}/text.gz", "wt", compression="gzip", **options) as file:
        file.write("line\n")
    with fsspec.open(f"swift://{root}/text.gz", "rt", compression="gzip", **options) as file:
        assert file.read() == "line\n"


def test_listing(fs: SwiftFileSystem, root: str) -> None:
    for name in ("top", "dir/a", "dir/sub/b", "dir-2/c"):
        fs.pipe_file(f"{root}/{name}", name.encode())
    assert fs.ls(root, detail=False) == [f"{root}/dir", f"{root}/dir-2", f"{root}/top"]
    assert {entry["name"]: (entry["type"], entry["size"]) for entry in fs.ls(f"{root}/dir")} == {
        f"{root}/dir/a": ("file", 5),
        f"{root}/dir/sub": ("directory", 0),
    }
    assert fs.ls(f"{root}/top")[0]["size"] == 3
    assert fs.find(root) == [f"{root}/{name}" for name in ("dir-2/c", "dir/a", "dir/sub/b", "top")]
    assert f"{root}/dir/sub" in fs.find(root, withdirs=True)
    assert fs.find(root, maxdepth=1) == [f"{root}/top"]
    assert fs.find(f"{root}/top") == [f"{root}/top"]
    assert fs.glob(f"{root}/dir*/*") == [f"{root}/dir-2/c", f"{root}/dir/a", f"{root}/dir/sub"]
    assert fs.du(root) == 3 + 5 + 9 + 7
    assert root in fs.ls("", detail=False)
    assert [walked[0] for walked in fs.walk(f"{root}/dir")] == [f"{root}/dir", f"{root}/dir/sub"]


def test_what_is_missing(fs: SwiftFileSystem, root: str) -> None:
    for path in (f"{root}/missing", "no-such-container/a", "no-such-container"):
        assert not fs.exists(path)
        assert fs.find(path) == []
        for call in (fs.info, fs.ls, fs.cat_file, fs.open, fs.rm, fs.rm_file):
            with pytest.raises((FileNotFoundError, IsADirectoryError)):
                call(path)
    assert fs.ls(root) == []


def test_containers(fs: SwiftFileSystem) -> None:
    name = f"made-{uuid.uuid4().hex}"
    fs.mkdir(name)
    with pytest.raises(FileExistsError):
        fs.mkdir(name)
    fs.makedirs(f"{name}/some/where", exist_ok=True)
    assert fs.isdir(name)
    fs.pipe_file(f"{name}/a", b"x")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir(name)
    fs.rm(name, recursive=True)
    assert not fs.exists(name)


def test_put_makes_the_container(fs: SwiftFileSystem) -> None:
    name = f"made-{uuid.uuid4().hex}"
    fs.pipe_file(f"{name}/a", b"x")
    assert fs.cat_file(f"{name}/a") == b"x"
    fs.rm(name, recursive=True)


def test_markers_of_directories(fs: SwiftFileSystem, root: str, container: Container) -> None:
    container.put("empty", b"", headers={"Content-Type": "application/directory"})
    container.put("marked/", b"", headers={"Content-Type": "application/directory"})
    container.put("marked/file", b"x")
    assert {entry["name"]: entry["type"] for entry in fs.ls(root)} == {
        f"{root}/empty": "directory",
        f"{root}/marked": "directory",
    }
    assert fs.ls(f"{root}/marked", detail=False) == [f"{root}/marked/file"]
    assert fs.isdir(f"{root}/empty")
    assert fs.find(root) == [f"{root}/marked/file"]


def test_ranges(fs: SwiftFileSystem, root: str) -> None:
    fs.pipe_file(f"{root}/plain", CONTENT)
    write_large(fs, f"{root}/large")
    fs.pipe_file(f"{root}/empty", b"")
    for path in (f"{root}/plain", f"{root}/large"):
        for start, end in ((None, None), (0, 1), (MIB - 1, MIB + 1), (5, None), (-7, None), (None, -3), (9, 9)):
            assert fs.cat_file(path, start, end) == CONTENT[start:end]
        assert fs.cat_file(path, len(CONTENT) + 5) == b""
        with fs.open(path, "rb") as file:
            file.seek(MIB)
            assert file.read(10) == CONTENT[MIB : MIB + 10]
            file.seek(-3, 2)
            assert file.read() == CONTENT[-3:]
    assert fs.cat_file(f"{root}/empty", 0, 10) == b""
    with fs.open(f"{root}/empty") as file:
        assert file.read() == b""


def test_large_file_is_segments_in_a_container_beside(fs: SwiftFileSystem, root: str, container: Container) -> None:
    write_large(fs, f"{root}/large")
    assert names(container) == {"large": 0}
    assert len(segments(fs, root)) == 3
    assert fs.info(f"{root}/large")["size"] == len(CONTENT)
    assert fs.ls(root)[0]["size"] == len(CONTENT)
    assert fs.find(root, detail=True)[f"{root}/large"]["size"] == len(CONTENT)
    fs.cp_file(f"{root}/large", f"{root}/copy")
    fs.mv(f"{root}/large", f"{root}/moved")
    assert len(segments(fs, root)) == 6
    assert fs.cat_file(f"{root}/copy") == fs.cat_file(f"{root}/moved") == CONTENT
    fs.pipe_file(f"{root}/moved", b"small")
    assert len(segments(fs, root)) == 3
    fs.rm(root, recursive=True)
    assert segments(fs, root) == []


def test_nothing_is_published_before_the_end(fs: SwiftFileSystem, root: str) -> None:
    with fs.open(f"{root}/large", "wb", block_size=MIB) as file:
        file.write(CONTENT)
        assert not fs.exists(f"{root}/large")
    assert fs.cat_file(f"{root}/large") == CONTENT


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_nothing_is_published_when_the_block_raises(fs: SwiftFileSystem, root: str, mode: str) -> None:
    def stop() -> None:
        with fs.open(f"{root}/a", mode, block_size=MIB) as file:
            file.write(CONTENT if mode == "wb" else "x" * len(CONTENT))
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert not fs.exists(f"{root}/a")
    assert segments(fs, root) == []


def test_nothing_is_published_by_the_garbage_collection(fs: SwiftFileSystem, root: str) -> None:
    file = fs.open(f"{root}/a", "wb")
    file.write(b"content")
    del file
    assert not fs.exists(f"{root}/a")


def test_transaction(fs: SwiftFileSystem, root: str) -> None:
    with fs.transaction:
        fs.pipe_file(f"{root}/at-once", b"x")
        write_large(fs, f"{root}/later")
        assert not fs.exists(f"{root}/later")
    assert fs.cat_file(f"{root}/later") == CONTENT


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_append(fs: SwiftFileSystem, root: str, size: int) -> None:
    fs.pipe_file(f"{root}/a", CONTENT[:size])
    with fs.open(f"{root}/a", "ab", block_size=MIB) as file:
        assert file.tell() == size
        file.write(b"more")
    assert fs.cat_file(f"{root}/a") == CONTENT[:size] + b"more"
    with fs.open(f"{root}/new", "ab") as file:
        file.write(b"new")
    assert fs.cat_file(f"{root}/new") == b"new"


def test_exclusive_creation_that_loses(fs: SwiftFileSystem, root: str) -> None:
    file = fs.open(f"{root}/a", "xb")
    file.write(b"second")
    fs.pipe_file(f"{root}/a", b"first")
    with pytest.raises(FileExistsError):
        file.close()
    assert fs.cat_file(f"{root}/a") == b"first"


def test_static_large_object(fs: SwiftFileSystem, root: str, container: Container) -> None:
    fs.pipe_file(f"{root}/parts/1", b"one,")
    fs.pipe_file(f"{root}/parts/2", b"two")
    lines = json.dumps([{"path": f"/{root}/parts/{number}"} for number in (1, 2)])
    container.request("PUT", "slo", query={"multipart-manifest": "put"}, body=lines.encode())
    assert fs.info(f"{root}/slo")["size"] == 7
    assert fs.cat_file(f"{root}/slo") == b"one,two"
    assert fs.cat_file(f"{root}/slo", 3, 5) == b",t"
    fs.cp_file(f"{root}/slo", f"{root}/copy")
    assert fs.cat_file(f"{root}/copy") == b"one,two"


def test_many_files_are_deleted_together(fs: SwiftFileSystem, root: str) -> None:
    for number in range(12):
        fs.pipe_file(f"{root}/dir/{number}", b"x")
    fs.pipe_file(f"{root}/dir-2", b"x")
    fs.rm(f"{root}/dir", recursive=True)
    assert fs.find(root) == [f"{root}/dir-2"]


def test_names_that_are_directions_elsewhere(fs: SwiftFileSystem, root: str) -> None:
    for name in ("a/../b", "a/./b", "a//b", "a?b#c%20", "a+b&c"):
        fs.pipe_file(f"{root}/{name}", name.encode())
        assert fs.cat_file(f"{root}/{name}") == name.encode()
        assert fs.find(root) == [f"{root}/{name}"]
        fs.cp_file(f"{root}/{name}", f"{root}/copy of {name}")
        assert fs.cat_file(f"{root}/copy of {name}") == name.encode()
        fs.rm(fs.find(root))


def test_sign(swift: SwiftServer, root: str) -> None:
    fs = SwiftFileSystem(swift.auth_url, swift.user, swift.key, temp_url_key="key", skip_instance_cache=True)
    fs.pipe_file(f"{root}/a b", b"content")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(fs.sign(f"{root}/a b", expiration=60), timeout=30) as answer:
        assert answer.read() == b"content"
    fs.client.close()


def test_sign_without_a_key(fs: SwiftFileSystem, root: str) -> None:
    with pytest.raises(NotImplementedError, match="key"):
        fs.sign(f"{root}/a")


def test_times_and_checksums(fs: SwiftFileSystem, root: str) -> None:
    fs.touch(f"{root}/a")
    first = fs.modified(f"{root}/a")
    checksum = fs.checksum(f"{root}/a")
    fs.pipe_file(f"{root}/a", b"x")
    fs.touch(f"{root}/a", truncate=False)
    assert fs.cat_file(f"{root}/a") == b"x"
    assert fs.modified(f"{root}/a") > first
    assert fs.checksum(f"{root}/a") != checksum
    assert fs.ls(root)[0]["mtime"] == fs.modified(f"{root}/a")


def test_get_and_put(fs: SwiftFileSystem, root: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    fs.put_file(str(tmp_path / "a"), f"{root}/a")
    fs.get_file(f"{root}/a", str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_pickled_filesystem_is_the_same_and_shows_no_secret(fs: SwiftFileSystem, root: str, swift: SwiftServer) -> None:
    fs.pipe_file(f"{root}/a", b"x")
    other = pickle.loads(pickle.dumps(fs))
    assert other.cat_file(f"{root}/a") == b"x"
    assert swift.key not in repr(fs) + repr(fs.client.account.credentials)
    other.client.close()


def test_wrong_password_and_dead_address(swift: SwiftServer, refused_endpoint: str) -> None:
    refused = SwiftFileSystem(swift.auth_url, swift.user, "wrong", skip_instance_cache=True)
    with pytest.raises(PermissionError):
        refused.ls("")
    dead = SwiftFileSystem(f"{refused_endpoint}/auth/v1.0", "u", "k", timeout=1, skip_instance_cache=True)
    with pytest.raises(ConnectionError):
        dead.ls("")


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("auth_ur", "'auth_ur', did you mean 'auth_url'?"),
        ("authurl", "'authurl', did you mean 'auth_url'?"),
        ("username", "'username', did you mean 'user'?"),
        ("tennant", "'tennant', did you mean 'tenant'?"),
        ("use_listing_cache", "did you mean 'use_listings_cache'?"),
        ("anon", "'anon'"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_name(option: str, hint: str) -> None:
    given = {"auth_url": "http://127.0.0.1:1/auth/v1.0", option: "secret-of-a-test"}
    with pytest.raises(TypeError, match=re.escape(hint)) as caught:
        fsspec.filesystem("swift", **given)
    assert "secret-of-a-test" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"user": "u", "key": "k"}, {"token": "t"}, {"storage_url": "https://x/v1/a"}])
def test_where_the_store_is_has_to_be_said(options: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="give auth_url, or else token and storage_url"):
        fsspec.filesystem("swift", **options)


def test_fsspec_s_own_options_are_taken() -> None:
    options = {
        "use_listings_cache": False,
        "listings_expiry_time": 5,
        "asynchronous": False,
        "skip_instance_cache": True,
    }
    fsspec.filesystem("swift", auth_url="http://127.0.0.1:1/auth/v1.0", **options)
