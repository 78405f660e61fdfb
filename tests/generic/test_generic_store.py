"""What filesystems do in their own ways, and what the generic store makes of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.store import EPOCH
from storagedriver.drivers.fsspec import create
from storagedriver.drivers.fsspec.errors import failure_of
from storagedriver.drivers.fsspec.infos import entry_of, moment, version_of
from storagedriver.drivers.fsspec.store import GenericStore
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from tests.generic.filesystems import Caching, Full, NoOverwriting, Odd, Untold


def over(tmp_path: Path, kind: type[LocalFileSystem] = LocalFileSystem, **parameters: Any) -> FsspecDriver:
    return create({"fs": kind(skip_instance_cache=True), "rootdirectory": str(tmp_path), **parameters})


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_put_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    over(tmp_path).put_content("/data", b"old content")
    with pytest.raises(StorageDriverError, match="No space left"):
        over(tmp_path, Full).put_content("/data", b"new and longer content")
    assert (tmp_path / "data").read_bytes() == b"old content"
    assert names(tmp_path) == ["data"]


def test_direct_put_writes_at_the_path_alone(tmp_path: Path) -> None:
    driver = over(tmp_path, put="direct")
    driver.put_content("/data", b"content")
    inode = (tmp_path / "data").stat().st_ino
    driver.put_content("/data", b"other")
    assert (tmp_path / "data").stat().st_ino == inode
    with pytest.raises(StorageDriverError, match="No space left"):
        over(tmp_path, Full, put="direct").put_content("/data", b"new and longer content")
    assert (tmp_path / "data").read_bytes() == b"new and lo", "a direct put is as atomic as the filesystem makes it"
    with pytest.raises(ConflictError):
        driver.put_content("/data/below", b"x")


def test_staged_put_gives_a_new_file(tmp_path: Path) -> None:
    driver = over(tmp_path)
    driver.put_content("/data", b"content")
    with (tmp_path / "data").open("rb") as reading:
        driver.put_content("/data", b"other")
        assert reading.read() == b"content"


def test_rename_that_does_not_overwrite(tmp_path: Path) -> None:
    driver = over(tmp_path, NoOverwriting)
    for content in (b"one", b"two"):
        driver.put_content("/data", content)
    driver.put_content("/source", b"moved")
    driver.move("/source", "/data")
    assert driver.get_content("/data") == b"moved"
    with driver.writer("/data", append=True) as writer:
        writer.write(b" on")
        writer.commit()
    assert driver.get_content("/data") == b"moved on"
    assert names(tmp_path) == ["data"]


def test_rename_that_fails_after_all_brings_the_old_file_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = over(tmp_path, NoOverwriting)
    driver.put_content("/data", b"old")
    monkeypatch.setattr(NoOverwriting, "refuses", "data")
    with pytest.raises(StorageDriverError, match="Failure"):
        driver.put_content("/data", b"new")
    assert driver.get_content("/data") == b"old"
    assert names(tmp_path) == ["data"]


def test_odd_listings(tmp_path: Path) -> None:
    driver = over(tmp_path, Odd)
    for path in ("/b/file", "/b.file", "/a/b/c"):
        driver.put_content(path, b"x")
    assert driver.list("/") == ["/a", "/b", "/b.file"]
    assert driver.list("/a") == ["/a/b"]
    assert [info.path for info in driver.files()] == ["/a/b/c", "/b.file", "/b/file"]
    with pytest.raises(PathNotFoundError):
        driver.list("/b.file")
    driver.delete("/a")
    assert names(tmp_path) == ["b", "b.file"]


def test_listings_that_are_kept_are_not_believed(tmp_path: Path) -> None:
    driver, other = over(tmp_path, Caching), over(tmp_path)
    driver.put_content("/dir/one", b"x")
    assert driver.list("/dir") == ["/dir/one"]
    other.put_content("/dir/two", b"x")
    assert driver.list("/dir") == ["/dir/one", "/dir/two"]
    with other.writer("/dir/two", append=True) as writer:
        writer.write(b"y")
    with driver.writer("/dir/two", append=True) as writer:
        assert writer.size == 2
        writer.cancel()


def test_times_that_a_listing_leaves_out_are_looked_up(tmp_path: Path) -> None:
    driver = over(tmp_path, Untold)
    driver.put_content("/dir/file", b"x")
    (info,) = driver.files()
    assert info == driver.stat("/dir/file")
    assert info.mod_time != EPOCH


def test_links(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (elsewhere / "file").write_bytes(b"content")
    (root / "file").symlink_to(elsewhere / "file")
    (root / "dir").symlink_to(elsewhere)
    (root / "dangling").symlink_to(elsewhere / "missing")
    os.mkfifo(root / "pipe")
    driver = over(root)
    assert driver.list("/") == ["/dir", "/file"]
    assert [(info.path, info.size) for info in driver.files()] == [("/dir/file", 7), ("/file", 7)]
    assert driver.get_content("/dir/file") == b"content"
    with pytest.raises(PathNotFoundError):
        driver.reader("/pipe")
    with pytest.raises(PathNotFoundError):
        driver.get_content("/pipe")
    with pytest.raises(PathNotFoundError):
        driver.writer("/pipe", append=True)
    with pytest.raises(PathNotFoundError):
        driver.move("/pipe", "/moved")
    with driver.writer("/dir/unfinished") as writer:
        writer.write(b"x")
    driver.delete("/dir")
    assert (elsewhere / "file").exists(), "deleting a link went through it"
    assert len(list(elsewhere.iterdir())) == 3, "deleting a link removed an upload behind it"
    assert driver.list("/") == ["/file"]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Give up root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_directory_that_cannot_be_read_is_an_error_everywhere() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        driver = over(root)
        driver.put_content("/a/file", b"x")
        driver.put_content("/dir/closed/file", b"x")
        for directory in (root, root / "dir", root / "a"):
            directory.chmod(0o755)
        (root / "dir/closed").chmod(0o000)
        try:
            with unprivileged():
                for call in (
                    lambda: driver.list("/dir/closed"),
                    lambda: list(driver.files()),
                    lambda: driver.walk("/dir", lambda _: None),
                    lambda: driver.stat("/dir/closed/file"),
                    lambda: driver.get_content("/dir/closed/file"),
                    lambda: driver.put_content("/dir/closed/file", b"x"),
                    lambda: driver.writer("/dir/closed/file", append=True),
                    lambda: driver.delete("/dir"),
                    lambda: list(driver.uploads()),
                    lambda: driver.move("/dir/closed/file", "/dest"),
                ):
                    with pytest.raises(PermissionDeniedError):
                        call()
        finally:
            (root / "dir/closed").chmod(0o755)
        assert driver.get_content("/dir/closed/file") == b"x"


def test_readers_of_one_file_in_memory_do_not_share_a_position() -> None:
    with create({"url": "memory://generic-readers"}) as driver:
        driver.put_content("/data", b"0123456789")
        with driver.reader("/data") as first, driver.reader("/data", 5) as second:
            assert first.read(3) == b"012"
            assert second.read(3) == b"567"
            driver.put_content("/data", b"other")
            assert first.read(3) == b"345"
        driver.delete("/data")


def test_url_is_signed_where_it_is_known_how(tmp_path: Path) -> None:
    class Signing(LocalFileSystem):  # type: ignore[misc]
        protocol = "signing"

        def sign(self, path: str, expiration: int = 100, method: str = "get") -> str:
            return f"https://host{path}?expires={expiration}&method={method}"

    fs = Signing(skip_instance_cache=True)
    store = GenericStore("mine", fs, str(tmp_path), signing={"GET": {}, "HEAD": {"method": "head"}})
    driver = FsspecDriver(store)
    assert driver.capabilities.signs_urls
    half = timedelta(seconds=30)
    assert driver.redirect_url("/a/b", expires=half) == f"https://host{tmp_path}/a/b?expires=30&method=get"
    assert driver.redirect_url("/a/b", "HEAD", half) == f"https://host{tmp_path}/a/b?expires=30&method=head"
    assert over(tmp_path, Signing).redirect_url("/a/b") is None


def test_filesystem_is_rooted(tmp_path: Path) -> None:
    driver = over(tmp_path)
    driver.put_content("/a/b", b"x")
    assert driver.filesystem.cat_file("a/b") == b"x"
    assert driver.filesystem.ls("a", detail=False) == ["a/b"]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"mtime": 1.5}, 1.5),
        ({"created": 5, "mtime": 2}, 2),
        ({"modificationTime": 1_700_000_000_000}, 1_700_000_000),
        ({"updated": "2023-11-14T22:13:20Z"}, 1_700_000_000),
        ({"LastModified": datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone(timedelta(hours=1)))}, 1_700_000_000),
        ({"last_modified": datetime(2023, 11, 14, 22, 13, 20)}, 1_700_000_000),  # noqa: DTZ001 - as some give it
        ({"modify": "20231114221320.5"}, 1_700_000_000),
        ({"Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"}, 1_700_000_000),
        ({"mtime": "nonsense", "created": 3}, 3),
        ({"mtime": None}, 0),
        ({}, 0),
    ],
)
def test_times(info: dict[str, Any], expected: float) -> None:
    assert moment(info).timestamp() == expected
    assert moment(info).utcoffset() == timedelta(0)


def test_versions() -> None:
    assert version_of({"ETag": '"abc"', "mtime": 1}) == '"abc"'
    assert version_of({"size": 5}) == ""
    assert version_of({"size": 5, "mtime": 1, "ino": 3}) != version_of({"size": 5, "mtime": 1, "ino": 4})
    assert entry_of("a", {"type": "directory", "size": 4096}, len).size == 0


class _SDKError(Exception):
    code = 503


class EndpointConnectionError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("/a"), PathNotFoundError),
        (FileNotFoundError("The specified bucket does not exist"), BucketNotFoundError),
        (PermissionError("/a"), PermissionDeniedError),
        (NotADirectoryError("/a"), ConflictError),
        (TimeoutError(), UnavailableError),
        (ConnectionResetError(), UnavailableError),
        (EOFError(), UnavailableError),
        (OSError("Socket is closed"), UnavailableError),
        (OSError(16, "SlowDown"), UnavailableError),
        (_SDKError(), UnavailableError),
        (EndpointConnectionError(), UnavailableError),
        (OSError(28, "No space left on device"), StorageDriverError),
        (KeyError("a"), StorageDriverError),
        (RuntimeError("Server returned non-2xx status code: 403 Forbidden"), PermissionDeniedError),
        (RuntimeError("Server returned non-2xx status code: 503 Slow Down"), UnavailableError),
        (ValueError("404 is not a status here"), StorageDriverError),
    ],
)
def test_exceptions_are_classified(error: Exception, kind: type[StorageDriverError]) -> None:
    assert failure_of(error).kind is kind


def test_filesystem_that_is_given_keeps_its_files_in_a_driver_of_its_own() -> None:
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    driver = create({"fs": fs, "rootdirectory": "/root"})
    driver.put_content("/a", b"x")
    assert fs.cat_file("/root/a") == b"x"
