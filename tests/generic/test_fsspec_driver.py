"""The driver ``fsspec``: its parameters, and the filesystems that it makes of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import known_implementations

from storagedriver import factory
from storagedriver.drivers.fsspec import create
from storagedriver.drivers.fsspec.parameters import FsspecParameters
from storagedriver.drivers.fsspec.urls import UrlFilesystem
from storagedriver.errors import MissingExtraError, ParameterError, StorageDriverError
from storagedriver.parameters import parse


def test_driver_is_found_by_its_name(tmp_path: Path) -> None:
    driver = factory.create("fsspec", {"url": f"file://{tmp_path}"})
    driver.put_content("/a", b"x")
    assert driver.name == "fsspec"
    assert (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "memory://x", "fs": LocalFileSystem()}, "fs"),
        ({"fs": LocalFileSystem(), "storage_options": {"auto_mkdir": True}}, "storage_options"),
        ({"fs": "memory"}, "fs"),
        ({"fs": AsyncFileSystem(asynchronous=True)}, "fs"),
        ({"url": "nosuchprotocol://x"}, "url"),
        ({"url": "dir::nosuchprotocol://x"}, "url"),
        ({"url": "memory://x", "put": "sometimes"}, "put"),
        ({"url": "memory://x", "directories": "maybe"}, "directories"),
        ({"url": "memory://x", "storage_options": "a=b"}, "storage_options"),
        ({"url": "memory://x", "maxthreads": 0}, "maxthreads"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError) as caught:
        create(parameters)
    assert (caught.value.driver_name, caught.value.path) == ("fsspec", named)


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"class": "no_such_package.FileSystem", "err": "Please install no-such-package"}
    monkeypatch.setitem(known_implementations, "nowhere", missing)
    with pytest.raises(MissingExtraError, match="Please install no-such-package"):
        create({"url": "nowhere://x"})


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("file://{}/x", "x/a"),
        ("{}/x", "x/a"),
        ("dir::file://{}/x", "x/a"),
        ("dir://y::file://{}/x", "x/y/a"),
        ("dir://y/z/::file://{}", "y/z/a"),
        ("dir::dir://y::file://{}", "y/a"),
    ],
)
@pytest.mark.parametrize("rootdirectory", ["", "/", "r/s", "/r/s/"])
def test_where_the_files_of_a_url_lie(tmp_path: Path, url: str, file: str, rootdirectory: str) -> None:
    driver = create({"url": url.format(tmp_path), "rootdirectory": rootdirectory})
    driver.put_content("/a", b"x")
    below = rootdirectory.strip("/")
    expected = Path(file).parent / below / "a"
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("a")] == [expected]
    assert driver.list("/") == ["/a"]


@pytest.mark.parametrize("url", ["memory://drv/x", "dir::memory://drv/x", "dir://x::memory://drv"])
def test_memory_is_the_one_that_the_process_shares(url: str) -> None:
    fs = fsspec.filesystem("memory")
    driver = create({"url": url})
    driver.put_content("/a/b", b"x")
    assert fs.cat_file("/drv/x/a/b") == b"x"
    assert not driver.capabilities.multiprocess
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(driver)
    fs.rm("/drv", recursive=True)


def test_options_of_a_chain_go_to_their_protocols(tmp_path: Path) -> None:
    made, root = UrlFilesystem(f"dir::file://{tmp_path}", {"file": {"auto_mkdir": True}})()
    assert root == ""
    assert made.fs.auto_mkdir
    again, _ = UrlFilesystem(f"dir::file://{tmp_path}", {"file": {"auto_mkdir": True}})()
    assert again.fs is not made.fs, "the filesystem is shared with others of the process"


def test_making_a_driver_makes_no_filesystem() -> None:
    driver = create({"url": "sftp://127.0.0.1:1/x", "storage_options": {"username": "nobody"}})
    assert pickle.loads(pickle.dumps(driver)).name == "fsspec"


def test_filesystem_that_does_not_take_its_options() -> None:
    driver = create({"url": "sftp://127.0.0.1:1/x", "storage_options": {"no_such_option": "value"}})
    with pytest.raises(StorageDriverError, match="no_such_option"):
        driver.stat("/a")


def test_secrets_are_not_shown() -> None:
    url = "sftp://someone:pass-in-url@127.0.0.1:1/x"
    options = {"password": "pass-word", "nested": {"key": "nested-key"}}
    parameters = parse(FsspecParameters, "fsspec", {"url": url, "storage_options": options})
    driver = create({"url": url, "storage_options": options})
    with pytest.raises(StorageDriverError) as caught:
        driver.stat("/a")
    shown = f"{parameters!r} {parameters} {driver!r} {caught.value} {UrlFilesystem('x', options)!r}"
    for secret in ("pass-in-url", "pass-word", "nested-key"):
        assert secret not in shown
    assert "someone" in repr(parameters)


def test_password_of_the_url_is_taken_out_of_errors() -> None:
    driver = create({"url": "sftp://someone:pass-in-url@127.0.0.1:1/x"})
    assert "pass-in-url" in driver._store.secrets


@pytest.mark.parametrize(
    ("url", "slots"),
    [("memory://x", None), ("file:///x", None), ("s3://x", None), ("sftp://host/x", 1), ("dir::sftp://host/x", 1)],
)
def test_filesystems_that_threads_cannot_share_get_one_call_at_a_time(url: str, slots: int | None) -> None:
    pytest.importorskip("s3fs")
    assert create({"url": url})._store.limit.slots == slots
    assert create({"url": url, "maxthreads": "7"})._store.limit.slots == 7


def test_directories_go_by_the_protocol() -> None:
    pytest.importorskip("s3fs")
    assert create({"url": "memory://x"}).capabilities.empty_directories
    assert not create({"url": "s3://x"}).capabilities.empty_directories
    assert not create({"url": "dir::s3://x"}).capabilities.empty_directories
    assert create({"url": "s3://x", "directories": "kept"}).capabilities.empty_directories
    assert not create({"url": "memory://x", "directories": "implied"}).capabilities.empty_directories
