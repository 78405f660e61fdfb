"""Filesystems that do not say how large a file is, that can only be read, or that are deep."""

from __future__ import annotations

import errno
import http.server
import os
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from storagedriver import (
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnsupportedMethodError,
)
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.fsspec import create
from storagedriver.drivers.fsspec.infos import size_of

CONTENT = bytes(range(256)) * 400


class Sizeless(LocalFileSystem):  # type: ignore[misc]
    """Says of no file how large it is."""

    protocol = "sizeless"
    said: Any = None

    def info(self, path: Any, **options: Any) -> Any:
        info = super().info(path, **options)
        if info["type"] == "file":
            info["size"] = self.said
        return info


class Missing(Sizeless):
    """Leaves the size out."""

    protocol = "sizemissing"

    def info(self, path: Any, **options: Any) -> Any:
        info = super().info(path, **options)
        info.pop("size")
        return info


@pytest.mark.parametrize("kind", [Sizeless, Missing])
def test_a_size_that_is_not_said_is_found(tmp_path: Path, kind: type[Sizeless]) -> None:
    driver = create({"fs": kind(skip_instance_cache=True), "rootdirectory": str(tmp_path)})
    driver.put_content("/dir/data", CONTENT)
    assert driver.stat("/dir/data").size == len(CONTENT)
    assert [info.size for info in driver.files()] == [len(CONTENT)]
    with driver.reader("/dir/data", 1000) as reader:
        assert reader.size == len(CONTENT)
        assert reader.readall() == CONTENT[1000:]
    with driver.writer("/dir/data", append=True) as writer:
        assert writer.size == len(CONTENT)
        writer.write(b"more")
    assert [upload.size for upload in driver.uploads()] == [len(CONTENT) + 4]
    with driver.writer("/dir/data", append=True) as writer:
        assert writer.size == len(CONTENT) + 4
        writer.commit()
    assert driver.get_content("/dir/data") == CONTENT + b"more"
    driver.copy("/dir/data", "/copy")
    assert driver.get_content("/copy") == CONTENT + b"more"


@pytest.mark.parametrize(("said", "size"), [(0, 0), (7, 7), ("12", 12), (None, None), (-1, None), ("?", None)])
def test_what_counts_as_a_size(said: Any, size: int | None) -> None:
    assert size_of({"size": said}) == size
    assert size_of({}) is None


class Chunked(http.server.BaseHTTPRequestHandler):
    """A server that tells no lengths and knows no ranges."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        self._head()
        if self.path == "/dir/data":
            for start in range(0, len(CONTENT), 5000):
                piece = CONTENT[start : start + 5000]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _head(self) -> None:
        self.send_response(200 if self.path in ("/dir/data", "/dir/none") else 404)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def chunked() -> Iterator[FsspecDriver]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chunked) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with create({"url": f"http://127.0.0.1:{server.server_port}/"}) as driver:
            yield driver
        server.shutdown()
        thread.join()


def test_a_size_that_a_server_does_not_send_is_found_by_reading(chunked: FsspecDriver) -> None:
    assert chunked.stat("/dir/data").size == len(CONTENT)
    assert chunked.stat("/dir/none").size == 0
    with chunked.reader("/dir/data") as reader:
        assert reader.size == len(CONTENT)
        assert reader.readall() == CONTENT
    with chunked.reader("/dir/data", 70_000, 1000) as reader:
        assert reader.readall() == CONTENT[70_000:71_000]
    assert chunked.get_content("/dir/data") == CONTENT
    with pytest.raises(PathNotFoundError):
        chunked.reader("/missing")


CHANGES: dict[str, Callable[[FsspecDriver], Any]] = {
    "put": lambda driver: driver.put_content("/d/new", b"x"),
    "put over": lambda driver: driver.put_content("/d/file", b"x"),
    "put in a new directory": lambda driver: driver.put_content("/e/new", b"x"),
    "writer": lambda driver: driver.writer("/d/new"),
    "append": lambda driver: driver.writer("/d/file", append=True),
    "move": lambda driver: driver.move("/d/file", "/d/new"),
    "copy": lambda driver: driver.copy("/d/file", "/d/new"),
    "delete": lambda driver: driver.delete("/d/file"),
    "delete a directory": lambda driver: driver.delete("/d"),
}


@pytest.fixture(params=["zip", "tar", "http"])
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FsspecDriver]:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_bytes(b"old")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "d/file", "d/file")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "d/file", "d/file")
    if request.param != "http":
        with create({"url": f"{request.param}::file://{tmp_path}/a.{request.param}"}) as driver:
            yield driver
        return

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path), **options)

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with create({"url": f"http://127.0.0.1:{server.server_port}/"}) as driver:
            yield driver
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("change", CHANGES)
def test_a_filesystem_for_reading_says_that_it_is_one(read_only: FsspecDriver, change: str) -> None:
    assert read_only.get_content("/d/file") == b"old"
    with pytest.raises(UnsupportedMethodError, match="can only be read"):
        CHANGES[change](read_only)
    assert read_only.get_content("/d/file") == b"old"


@pytest.mark.parametrize("change", CHANGES)
def test_a_disk_for_reading_says_that_it_is_one(tmp_path: Path, change: str) -> None:
    disk = tmp_path / "disk"
    (disk / "d").mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    try:
        driver = create({"url": f"file://{disk}"})
        driver.put_content("/d/file", b"old")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(PermissionDeniedError) as caught:
            CHANGES[change](driver)
        assert caught.value.errno == errno.EROFS
        assert "one name" not in str(caught.value)
        assert driver.get_content("/d/file") == b"old"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(params=["file", "memory"])
def deep(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FsspecDriver]:
    if request.param == "file":
        yield create({"url": f"file://{tmp_path}/r"})
    else:
        fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
        yield create({"fs": fs, "rootdirectory": "/r"})


def test_a_deep_tree_is_made_walked_and_deleted(deep: FsspecDriver, request: pytest.FixtureRequest) -> None:
    # The filesystem in memory looks through all directories for each.
    depth = 300 if "memory" in request.node.name else 1100
    path = "/d" * depth
    deep.put_content(path, b"x")
    with deep.writer(path + "e") as writer:
        writer.write(b"y")
    assert [info.path for info in deep.files()] == [path]
    assert [upload.path for upload in deep.uploads()] == [path + "e"]
    deep.purge_uploads()
    deep.delete("/d")
    assert deep.list("/") == []


@pytest.mark.parametrize("path", ["/a" * 2500, "/a/b/" + "c" * 256])
def test_a_path_that_is_too_long_is_refused_before_anything_is_made(tmp_path: Path, path: str) -> None:
    driver = create({"url": f"file://{tmp_path}/r"})
    driver.put_content("/source", b"x")
    for call in (
        lambda: driver.put_content(path, b"x"),
        lambda: driver.writer(path),
        lambda: driver.copy("/source", path),
        lambda: driver.move("/source", path),
    ):
        with pytest.raises(InvalidPathError):
            call()
    assert os.listdir(tmp_path / "r") == ["source"]  # noqa: PTH208 - names
    assert list(driver.uploads()) == []


def test_a_loop_of_links_is_an_error_of_its_path_alone(tmp_path: Path) -> None:
    driver = create({"url": f"file://{tmp_path}"})
    driver.put_content("/a/file", b"x")
    (tmp_path / "a/loop").symlink_to("loop")
    assert driver.list("/a") == ["/a/file"]
    assert [info.path for info in driver.files()] == ["/a/file"]
    for call in (driver.stat, driver.get_content, lambda path: driver.put_content(path, b"x")):
        with pytest.raises(OSError, match="symbolic links") as caught:
            call("/a/loop")
        assert caught.value.errno == errno.ELOOP
    driver.delete("/a/loop")
    assert os.listdir(tmp_path / "a") == ["file"]  # noqa: PTH208 - names


def test_a_walk_over_a_link_to_a_parent_comes_to_an_end(tmp_path: Path) -> None:
    driver = create({"url": f"file://{tmp_path}"})
    driver.put_content("/a/b/file", b"x")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    assert [info.path for info in driver.files()] == ["/a/b/file"]
    driver.delete("/a/b/up")
    assert driver.get_content("/a/b/file") == b"x"


@pytest.mark.parametrize("protocol", ["zip", "tar"])
def test_an_archive_that_is_not_there_is_no_empty_store(tmp_path: Path, protocol: str) -> None:
    driver = create({"url": f"{protocol}://", "storage_options": {"fo": str(tmp_path / "none")}})
    calls: list[Callable[[], Any]] = [
        lambda: driver.list("/"),
        lambda: list(driver.files()),
        lambda: driver.stat("/"),
        lambda: driver.exists("/x"),
        lambda: driver.get_content("/x"),
    ]
    for call in calls:
        with pytest.raises(StorageDriverError, match="No such file") as caught:
            call()
        assert not isinstance(caught.value, FileNotFoundError)
