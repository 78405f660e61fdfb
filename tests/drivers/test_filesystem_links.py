"""The driver ``filesystem`` over links, and over what is neither a file nor a directory."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from storagedriver import ConflictError, PathNotFoundError, StorageDriver, StorageDriverError, factory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "r").mkdir()
    return tmp_path / "r"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_bytes(b"content")
    return tmp_path / "elsewhere"


@pytest.fixture
def driver(root: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(root)})


def test_links_to_directories_are_followed(driver: StorageDriver, root: Path, elsewhere: Path) -> None:
    (root / "link").symlink_to(elsewhere)
    assert driver.get_content("/link/file") == b"content"
    assert [info.path for info in driver.files()] == ["/link/file"]
    assert driver.stat("/link").is_dir
    driver.put_content("/link/sub/new", b"x")
    with driver.writer("/link/up") as writer:
        writer.write(b"y")
        writer.commit()
    driver.move("/link/up", "/link/sub/moved")
    assert (elsewhere / "sub/new").read_bytes() == b"x"
    assert (elsewhere / "sub/moved").read_bytes() == b"y"
    (elsewhere / "sub/killed~0123456789abcdef").write_bytes(b"half")
    assert [upload.path for upload in driver.uploads()] == ["/link/sub/killed"]
    driver.purge_uploads()
    assert sorted(child.name for child in (elsewhere / "sub").iterdir()) == ["moved", "new"]


def test_a_delete_is_of_the_link(driver: StorageDriver, root: Path, elsewhere: Path) -> None:
    (root / "dir").symlink_to(elsewhere)
    (root / "file").symlink_to(elsewhere / "file")
    (root / "nowhere").symlink_to(elsewhere / "none")
    (root / "loop").symlink_to("loop")
    for name in ("dir", "file", "nowhere", "loop"):
        driver.delete(f"/{name}")
    assert list(root.iterdir()) == []
    assert (elsewhere / "file").read_bytes() == b"content"


def test_a_move_is_of_the_link(driver: StorageDriver, root: Path, elsewhere: Path) -> None:
    (root / "file").symlink_to(elsewhere / "file")
    driver.move("/file", "/moved")
    assert (root / "moved").is_symlink()
    assert (elsewhere / "file").read_bytes() == b"content"
    driver.put_content("/other", b"other")
    driver.move("/other", "/moved")
    assert (elsewhere / "file").read_bytes() == b"content"
    assert driver.get_content("/moved") == b"other"
    (root / "dir").symlink_to(elsewhere)
    with pytest.raises(PathNotFoundError):
        driver.move("/dir", "/x")
    for change in (
        lambda: driver.move("/moved", "/dir"),
        lambda: driver.put_content("/dir", b"x"),
        lambda: driver.copy("/moved", "/dir"),
        lambda: driver.writer("/dir"),
    ):
        with pytest.raises(ConflictError, match="directory"):
            change()
    assert (root / "dir").is_symlink()


def test_a_link_in_a_loop_is_an_error_of_its_path_alone(driver: StorageDriver, root: Path) -> None:
    driver.put_content("/a/file", b"x")
    (root / "a/loop").symlink_to("loop")
    (root / "a/one").symlink_to("two")
    (root / "a/two").symlink_to("one")
    assert driver.list("/a") == ["/a/file"]
    assert [info.path for info in driver.files()] == ["/a/file"]
    assert list(driver.uploads()) == []
    calls: list[Callable[[str], object]] = [
        driver.stat,
        driver.reader,
        driver.get_content,
        lambda path: driver.put_content(path, b"x"),
        driver.writer,
        lambda path: driver.writer(path, append=True),
        lambda path: driver.move("/a/file", path),
        lambda path: driver.move(path, "/a/dest"),
        lambda path: driver.copy("/a/file", path),
    ]
    for call in calls:
        for path in ("/a/loop", "/a/one", "/a/loop/below"):
            with pytest.raises(StorageDriverError, match="[Ll]oop|levels of symbolic") as caught:
                call(path)
            assert caught.value.errno == errno.ELOOP
    assert driver.get_content("/a/file") == b"x"


def test_a_walk_over_a_link_to_a_parent_comes_to_an_end(driver: StorageDriver, root: Path) -> None:
    driver.put_content("/a/b/file", b"x")
    (root / "a/b/up").symlink_to(root / "a")
    (root / "a/top").symlink_to(root)
    (root / "a/self").symlink_to(".")
    seen: list[str] = []
    driver.walk("/", lambda info: seen.append(info.path))
    assert seen == ["/a", "/a/b", "/a/b/file", "/a/b/up", "/a/self", "/a/top"]
    assert [info.path for info in driver.files("/a/b/up")] == ["/a/b/up/b/file"]
    assert driver.list("/a/b/up") == ["/a/b/up/b", "/a/b/up/self", "/a/b/up/top"]
    (root / "a/b/killed~0123456789abcdef").write_bytes(b"half")
    assert [upload.path for upload in driver.uploads()] == ["/a/b/killed"]
    driver.delete("/a")
    assert list(root.iterdir()) == []


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_not_waited_for(
    driver: StorageDriver, root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.put_content("/file", b"x")
    path = root / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        # The path of a socket may have 107 bytes.
        monkeypatch.chdir(root)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("odd")
    else:
        try:
            os.mknod(path, 0o20666, os.makedev(5, 0))
        except PermissionError:
            pytest.skip("only root makes devices")
    assert driver.list("/") == ["/file"]
    assert [info.path for info in driver.files()] == ["/file"]
    for call in (
        lambda: driver.stat("/odd"),
        lambda: driver.reader("/odd"),
        lambda: driver.get_content("/odd"),
        lambda: driver.writer("/odd", append=True),
        lambda: driver.move("/odd", "/dest"),
        lambda: driver.copy("/odd", "/dest"),
        lambda: driver.list("/odd"),
    ):
        with pytest.raises(PathNotFoundError):
            call()
    for change in (
        lambda: driver.put_content("/odd", b"x"),
        lambda: driver.writer("/odd"),
        lambda: driver.move("/file", "/odd"),
        lambda: driver.copy("/file", "/odd"),
    ):
        with pytest.raises(ConflictError, match="pipe, a socket or a device"):
            change()
    driver.delete("/odd")
    assert [child.name for child in root.iterdir()] == ["file"]


def test_a_link_that_leads_nowhere_is_replaced_by_a_put(driver: StorageDriver, root: Path, elsewhere: Path) -> None:
    (root / "file").symlink_to(elsewhere / "none")
    (root / "dir").symlink_to(elsewhere / "nothing")
    driver.put_content("/file", b"x")
    assert not (elsewhere / "none").exists()
    assert driver.get_content("/file") == b"x"
    with pytest.raises(ConflictError, match="leads nowhere"):
        driver.put_content("/dir/file", b"x")
