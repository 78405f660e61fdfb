"""Trees that hold keys which no path can name: nothing recursive is done to a part of them."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storagedriver import StorageDriver, StorageDriverWarning, factory
from storagedriver.filesystem import StorageDriverFileSystem
from storagedriver.unnamed import UnnamedKeysError, refusing_unnamed
from tests.cli.invoking import Invoke

NAMED = ["/other/file", "/sales/a", "/sales/sub/b"]


@pytest.fixture(params=["filesystem", "fsspec", "inmemory"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageDriver]:
    root = str(tmp_path / "root")
    parameters = {"filesystem": {"rootdirectory": root}, "fsspec": {"url": f"file://{root}"}, "inmemory": {}}
    with factory.create(request.param, parameters[request.param]) as driver:
        for path in NAMED:
            driver.put_content(path, path.encode())
        below: Any = driver.filesystem
        for name in ("sales/year=2024/x.parquet", "sales/year=2024/y.parquet", "sales/sub/a b"):
            if request.param != "inmemory":
                below.makedirs(name.rpartition("/")[0], exist_ok=True)
            below.pipe_file(name if request.param != "inmemory" else f"/{name}", b"unnamed")
        yield driver


@pytest.fixture
def fs(driver: StorageDriver) -> StorageDriverFileSystem:
    return StorageDriverFileSystem(driver, skip_instance_cache=True)


def everything(driver: StorageDriver) -> list[str]:
    below: Any = driver.filesystem
    return sorted(name.strip("/") for name in below.find("" if driver.name != "inmemory" else "/"))


ALL = sorted([*(path[1:] for path in NAMED), "sales/sub/a b", "sales/year=2024/x.parquet", "sales/year=2024/y.parquet"])

CHANGES: dict[str, Callable[[StorageDriverFileSystem, Path], Any]] = {
    "rm": lambda fs, _: fs.rm("/sales", recursive=True),
    "rm of several": lambda fs, _: fs.rm(["/other", "/sales"], recursive=True),
    "rm of a pattern": lambda fs, _: fs.rm("/*", recursive=True),
    "rm of the root": lambda fs, _: fs.rm("/", recursive=True),
    "rm down to a depth": lambda fs, _: fs.rm("/sales", recursive=True, maxdepth=5),
    "delete": lambda fs, _: fs.delete("/sales", recursive=True),
    "mv": lambda fs, _: fs.mv("/sales", "/moved", recursive=True),
    "mv of several": lambda fs, _: fs.mv(["/other", "/sales"], "/moved", recursive=True),
    "rename": lambda fs, _: fs.rename("/sales", "/moved", recursive=True),
    "cp": lambda fs, _: fs.cp("/sales", "/copied", recursive=True),
    "get": lambda fs, dest: fs.get("/sales", str(dest / "got"), recursive=True),
    "download": lambda fs, dest: fs.download("/sales", str(dest / "got"), recursive=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_changed(driver: StorageDriver, fs: StorageDriverFileSystem, tmp_path: Path, change: str) -> None:
    with pytest.raises(UnnamedKeysError, match=r"keys below it, '.*(year=2024|a b).*StorageDriver.delete") as caught:
        CHANGES[change](fs, tmp_path)
    assert caught.value.driver_name == driver.name
    assert type(pickle.loads(pickle.dumps(caught.value))) is UnnamedKeysError
    assert everything(driver) == ALL
    assert not (tmp_path / "got").exists()


def test_what_is_done_to_other_trees_is_done(
    driver: StorageDriver, fs: StorageDriverFileSystem, tmp_path: Path
) -> None:
    fs.mv("/other", "/moved", recursive=True)
    fs.cp("/moved", "/copied", recursive=True)
    fs.get("/copied", str(tmp_path / "got"), recursive=True)
    fs.rm("/moved", recursive=True)
    assert (tmp_path / "got/file").read_bytes() == b"/other/file"
    assert "copied/file" in everything(driver)
    assert "moved/file" not in everything(driver)


def test_a_file_beside_such_keys_is_moved_and_deleted(driver: StorageDriver, fs: StorageDriverFileSystem) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StorageDriverWarning)
        fs.mv("/sales/sub/b*", "/moved/", recursive=True)
        fs.rm("/sales/a")
    assert everything(driver) == sorted({*ALL, "moved/b"} - {"sales/a", "sales/sub/b"})


def test_a_directory_that_only_seems_empty_is_not_removed(driver: StorageDriver, fs: StorageDriverFileSystem) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StorageDriverWarning)
        fs.rm("/sales/sub/b")
        with pytest.raises(OSError, match="not empty"):
            fs.rmdir("/sales/sub")
        driver.put_content("/top/file", b"x")
        driver.move("/sales/a", "/top/sub/deep/a")
        below: Any = driver.filesystem
        slash = "/" if driver.name == "inmemory" else ""
        below.mv(f"{slash}sales/sub/a b", f"{slash}top/sub/a b")
        fs.mv("/top", "/moved", recursive=True, maxdepth=1)
    assert "top/sub/a b" in everything(driver)
    assert "moved/file" in everything(driver)


def test_a_directory_with_an_upload_is_not_removed(tmp_path: Path) -> None:
    with factory.create("fsspec", {"url": f"file://{tmp_path}"}) as driver:
        fs = StorageDriverFileSystem(driver, skip_instance_cache=True)
        driver.put_content("/d/file", b"x")
        with driver.writer("/d/unfinished") as writer:
            writer.write(b"12")
        fs.mv("/d", "/moved", recursive=True)
        with pytest.raises(OSError, match="not empty"):
            fs.rmdir("/d")
        assert [upload.path for upload in driver.uploads()] == ["/d/unfinished"]


def test_the_driver_deletes_everything(driver: StorageDriver) -> None:
    driver.delete("/sales")
    assert everything(driver) == ["other/file"]


def test_a_listing_warns_and_in_another_thread_too(driver: StorageDriver) -> None:
    caught: list[BaseException] = []

    def look() -> None:
        try:
            with pytest.warns(StorageDriverWarning, match="no path can name"):
                list(driver.files())
        except BaseException as error:  # noqa: BLE001 - the test shall show it
            caught.append(error)

    with refusing_unnamed():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        with pytest.raises(UnnamedKeysError), refusing_unnamed(True):
            list(driver.files())
    assert caught == []


def test_rm_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "sales/year=2024").mkdir(parents=True)
    (tmp_path / "sales/year=2024/x.parquet").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_bytes(b"x")
    run = Invoke(("--driver", "filesystem", "--param", f"rootdirectory={tmp_path}"))
    shown = run("rm", "-r", "/other", "/sales", code=1)
    assert "year=2024" in shown.err
    assert "rm -r --unnamed" in shown.err
    assert (tmp_path / "other/file").exists()
    assert (tmp_path / "sales/year=2024/x.parquet").exists()
    run("rm", "-r", "/other")
    run("rm", "-r", "--unnamed", "/sales")
    assert list(tmp_path.iterdir()) == []
    run("rm", "-r", "/none", code=3)
    assert run("rm", "-rf", "--json", "/none").records == [{"path": "/none", "deleted": False}]


def test_uploads_and_purge_of_the_command_line_know_those_of_a_registry(tmp_path: Path) -> None:
    name = "0f8fad5b-d9cb-469f-a165-70867728950e"
    upload = tmp_path / "docker/registry/v2/repositories/app/_uploads" / name
    upload.mkdir(parents=True)
    (upload / "startedat").write_bytes(b"2024-05-06T07:08:09Z")
    (upload / "data").write_bytes(b"12345")
    run = Invoke(("--driver", "filesystem", "--param", f"rootdirectory={tmp_path}"))
    record = {"path": f"/{upload.relative_to(tmp_path)}/data", "id": name, "started": "2024-05-06T07:08:09Z", "size": 5}
    assert run("uploads", "--json").records == [record]
    assert run("purge", "--json", "--dry-run").records == [{**record, "purged": False}]
    assert run("purge", "--json").records == [{**record, "purged": True}]
    assert not upload.exists()


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as driver:
        driver.put_content("/d" * 1100, b"x")
        fs = StorageDriverFileSystem(driver, skip_instance_cache=True)
        for topdown in (True, False):
            assert sum(len(files) for _, _, files in fs.walk("/", topdown=topdown)) == 1
        fs.rm("/d", recursive=True)
        assert fs.ls("/") == []
