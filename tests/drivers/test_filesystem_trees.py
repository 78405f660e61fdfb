"""The driver ``filesystem`` over trees that are deep, and over names that are long."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storagedriver import FileInfo, InvalidPathError, PathNotFoundError, StorageDriver, factory

#: Deeper than the stack of Python, by default 1000.
DEPTH = 2000


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[StorageDriver]:
    root = tmp_path / "r"
    yield factory.create("filesystem", {"rootdirectory": str(root)})
    # A deep tree that a failed test leaves is too deep for the end of pytest's own run.
    subprocess.run(["rm", "-rf", root], check=True)


@pytest.fixture
def short() -> Iterator[StorageDriver]:
    """A driver whose root has a short path, so that much is left for what is below."""
    root = f"/tmp/{os.getpid()}"
    with factory.create("filesystem", {"rootdirectory": root}) as driver:
        yield driver
        if driver.list("/"):
            driver.delete("/d")
    Path(root).rmdir()


def make_deep(root: Path, name: str, depth: int) -> None:
    """Directories of which a path may be longer than the system takes, with a file in the deepest."""
    root.mkdir(parents=True, exist_ok=True)
    file = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=file)
        above, file = file, os.open(name, os.O_RDONLY, dir_fd=file)
        os.close(above)
    for leaf in ("file", "file~0123456789abcdef"):
        os.close(os.open(leaf, os.O_WRONLY | os.O_CREAT, dir_fd=file))
    os.close(file)


@pytest.mark.parametrize("name", ["d", "d" * 9], ids=["within a path", "longer than a path"])
def test_a_deep_tree_is_walked_listed_for_uploads_and_deleted(tmp_path: Path, driver: StorageDriver, name: str) -> None:
    make_deep(tmp_path / "r", name, DEPTH)
    leaf = f"/{name}" * DEPTH + "/file"
    assert sum(1 for _ in driver.files("/")) == 1
    seen: list[FileInfo] = []
    driver.walk("/", seen.append)
    assert len(seen) == DEPTH + 1
    assert seen[-1].path == leaf
    assert [upload.path for upload in driver.uploads("/")] == [leaf]
    assert [upload.path for upload in driver.purge_uploads("/")] == [leaf]
    assert list(driver.uploads("/")) == []
    driver.delete(f"/{name}")
    assert driver.list("/") == []
    assert list((tmp_path / "r").iterdir()) == []


def test_a_deep_tree_is_written_and_deleted_through_the_driver(short: StorageDriver) -> None:
    path = "/d" * 1100
    short.put_content(path, b"x")
    with short.writer(path, append=True) as writer:
        writer.write(b"y")
        writer.commit()
    assert short.get_content(path) == b"xy"
    assert [info.path for info in short.files()] == [path]


@pytest.mark.parametrize("path", ["/a" * 2500, "/a/b/" + "c" * 256, "/a/" + "b" * 256 + "/c"])
@pytest.mark.parametrize("call", ["put", "writer", "copy", "move"])
def test_a_path_that_is_too_long_is_refused_before_anything_is_made(
    tmp_path: Path, driver: StorageDriver, path: str, call: str
) -> None:
    driver.put_content("/source", b"x")
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: driver.put_content(path, b"x"),
        "writer": lambda: driver.writer(path),
        "copy": lambda: driver.copy("/source", path),
        "move": lambda: driver.move("/source", path),
    }
    with pytest.raises(InvalidPathError, match="bytes"):
        calls[call]()
    assert [child.name for child in (tmp_path / "r").iterdir()] == ["source"]
    assert [info.path for info in driver.files("/")] == ["/source"]
    assert list(driver.uploads("/")) == []
    driver.delete("/source")


def test_a_path_of_just_the_length_that_is_possible(tmp_path: Path, driver: StorageDriver) -> None:
    with pytest.raises(InvalidPathError) as caught:
        driver.put_content("/a" * 2500, b"x")
    most = int(caught.value.detail.split("at most ")[1].split()[0])
    length = most - len(str(tmp_path / "r"))
    path = "/" + "a" * (99 + length % 100) + f"/{'a' * 99}" * (length // 100 - 1)
    assert len(path) == length
    driver.put_content(path, b"x")
    assert driver.get_content(path) == b"x"
    with pytest.raises(InvalidPathError):
        driver.put_content(path + "a", b"x")


def test_a_put_that_fails_leaves_no_directories(tmp_path: Path, driver: StorageDriver) -> None:
    driver.put_content("/a/file", b"x")
    (tmp_path / "r/a/pipe").touch()
    with pytest.raises(PathNotFoundError):
        driver.move("/none", "/new/deep/dest")
    with pytest.raises(PathNotFoundError):
        driver.copy("/none", "/new/deep/dest")
    assert driver.list("/") == ["/a"]


def test_a_delete_takes_what_lies_beside_and_follows_no_link(tmp_path: Path, driver: StorageDriver) -> None:
    driver.put_content("/keep/file", b"x")
    for path in ("/d/a/b/c", "/d/a/e", "/d/f/g", "/dd"):
        driver.put_content(path, b"x")
    (tmp_path / "r/d/f/link").symlink_to(tmp_path / "r/keep")
    (tmp_path / "r/d/f/a b").mkdir()
    os.mkfifo(tmp_path / "r/d/f/pipe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        driver.delete("/d")
    assert driver.list("/") == ["/dd", "/keep"]
    assert driver.get_content("/keep/file") == b"x"


def test_the_stack_of_python_is_not_used(tmp_path: Path, driver: StorageDriver) -> None:
    make_deep(tmp_path / "r", "d", 300)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        assert sum(1 for _ in driver.files("/")) == 1
        assert len(driver.purge_uploads("/", older_than=timedelta(0))) == 1
        driver.delete("/d")
    finally:
        sys.setrecursionlimit(limit)
