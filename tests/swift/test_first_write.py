"""A container that does not exist yet: the first write makes it, whatever call that is, and nothing is there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
from fsspec.generic import rsync

from storagedriver import BucketNotFoundError, BucketNotMadeError, PathNotFoundError, StorageDriver
from storagedriver.filesystem import StorageDriverFileSystem
from storagedriver.swiftfs import SwiftFileSystem
from tests.servers.swift import SwiftServer
from tests.swift.conftest import MakeSwift

Write = Callable[[Any, str, Path], object]
FRAME = pd.DataFrame({"a": [1, 2]})


@pytest.fixture
def driver(make_swift: MakeSwift) -> StorageDriver:
    return make_swift()


def write_file(mode: str, size: int) -> Write:
    def write(fs: Any, path: str, _: Path) -> None:
        with fs.open(path, mode) as file:
            file.write(b"x" * size)

    return write


#: What may come first. It writes a file `x`.
WRITES: dict[str, Write] = {
    "pipe": lambda fs, path, _: fs.pipe({path: b"x"}),
    "pipe create": lambda fs, path, _: fs.pipe_file(path, b"x", mode="create"),
    "put file": lambda fs, path, local: fs.put_file(str(local / "x"), path),
    "put": lambda fs, path, local: fs.put(str(local), path.rpartition("/")[0], recursive=True),
    "touch": lambda fs, path, _: fs.touch(path),
    "open": write_file("wb", 5),
    "open large": write_file("wb", 100),
    "append": write_file("ab", 5),
    "append large": write_file("ab", 100),
    "create": write_file("xb", 5),
}


@pytest.mark.parametrize("name", WRITES)
def test_the_first_write_makes_the_container(driver: StorageDriver, name: str, tmp_path: Path) -> None:
    fs = StorageDriverFileSystem(driver, block_size=10)
    (tmp_path / "x").write_bytes(b"x")
    WRITES[name](fs, "/d/x", tmp_path)
    assert fs.find("/") in (["/d/x"], [f"/d/{tmp_path.name}/x"])


def test_a_frame_as_the_first_write(swift: SwiftServer, container_name: str) -> None:
    options = {"driver": "swift", "parameters": swift.parameters(container_name)}
    with pytest.raises(FileNotFoundError, match=container_name):
        pd.read_csv("storagedriver://d/x.csv", storage_options=options)
    FRAME.to_csv("storagedriver://d/x.csv", index=False, storage_options=options)
    assert pd.read_csv("storagedriver://d/x.csv", storage_options=options).equals(FRAME)


def test_a_tree_as_the_first_write(swift: SwiftServer, container_name: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"x")
    options = {"driver": "swift", "parameters": swift.parameters(container_name)}
    given = {"default_method": "options", "storage_options": {"storagedriver": options}}
    rsync(f"file://{tmp_path}", "storagedriver://t", inst_kwargs=given)
    assert fsspec.filesystem("storagedriver", **options).find("/") == ["/t/d/x"]


def test_making_directories_comes_before_any_write(driver: StorageDriver) -> None:
    fs = StorageDriverFileSystem(driver)
    fs.makedirs("/d/e", exist_ok=True)
    fs.mkdir("/d")
    fs.pipe_file("/d/e/x", b"x")
    assert fs.find("/") == ["/d/e/x"]


def test_nothing_is_there_before_the_first_write(driver: StorageDriver, container_name: str) -> None:
    fs = StorageDriverFileSystem(driver)
    assert (fs.exists("/a"), fs.isdir("/a"), fs.isfile("/a"), fs.find("/"), fs.glob("/a/*")) == (False,) * 3 + ([], [])
    assert (fs.du("/a"), list(fs.walk("/")), driver.exists("/a")) == (0, [], False)
    calls: list[Callable[[], object]] = [
        lambda: fs.info("/a"),
        lambda: fs.ls("/"),
        lambda: fs.cat_file("/a"),
        lambda: fs.open("/a"),
        lambda: fs.rm("/a"),
        lambda: fs.cp_file("/a", "/b"),
        lambda: fs.mv("/a", "/b"),
    ]
    for call in calls:
        with pytest.raises(FileNotFoundError):
            call()
    for kind in (BucketNotMadeError, BucketNotFoundError, PathNotFoundError):
        with pytest.raises(kind, match=f"bucket not found: /a: .*{container_name!r}; the first write makes it"):
            driver.stat("/a")


@pytest.fixture
def plain(swift: SwiftServer) -> Iterator[SwiftFileSystem]:
    fs = SwiftFileSystem(swift.auth_url, swift.user, swift.key, block_size=10, skip_instance_cache=True)
    yield fs
    fs.client.close()


@pytest.mark.parametrize("name", [name for name in WRITES if name != "pipe create"])
def test_the_first_write_of_the_plain_filesystem_does_so_too(
    plain: SwiftFileSystem, container_name: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    WRITES[name](plain, f"{container_name}/d/x", tmp_path)
    assert plain.find(container_name) in ([f"{container_name}/d/x"], [f"{container_name}/d/{tmp_path.name}/x"])


def test_the_plain_filesystem_finds_nothing_before(plain: SwiftFileSystem, container_name: str) -> None:
    assert (plain.exists(container_name), plain.find(container_name)) == (False, [])
    for call in (plain.ls, plain.info, plain.cat_file):
        with pytest.raises(FileNotFoundError) as caught:
            call(f"{container_name}/a")
        assert caught.value.filename == f"{container_name}/a"
