"""The driver ``filesystem``."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import pytest

from storagedriver import (
    Capabilities,
    ConflictError,
    InvalidPathError,
    ParameterError,
    StorageDriver,
    StorageDriverWarning,
    factory,
)
from storagedriver.drivers.filesystem.unfinished import staged_beside
from storagedriver.testsuites import suite
from tests.variants import only

CAPABILITIES = Capabilities(
    unfinished="shown", key_and_prefix=False, empty_directories=True, conflicts_detected="always"
)


def make_driver(tmp_path: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(tmp_path)})


def make_driver_on_a_root_to_be_made(tmp_path: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(tmp_path / "not" / "yet")})


def make_drivers_beside(tmp_path: Path) -> list[StorageDriver]:
    roots = (f"{tmp_path}/not/yet-x", f"{tmp_path}/not/yetx", f"{tmp_path}/not/ye", f"{tmp_path}/not", f"{tmp_path}")
    return [factory.create("filesystem", {"rootdirectory": root}) for root in roots]


def make_driver_with_any_names(tmp_path: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(tmp_path), "names": "any"})


TestConformance = suite("filesystem", make_driver, CAPABILITIES, registered_as="filesystem")
TestAnyName = suite("filesystem with any name", make_driver_with_any_names, CAPABILITIES, names="any")
# What the first call finds and makes is all that differs.
TestConformanceOnANewRoot = suite(
    "filesystem new root",
    make_driver_on_a_root_to_be_made,
    CAPABILITIES,
    make_neighbours=make_drivers_beside,
    areas=only("content", "names", "uploads", "unfinished", "listing", "stat", "moving", "copying", "deleting", "walk"),
)

PUT_UNTIL_KILLED = """
import os, signal, sys, threading
from storagedriver import factory
driver = factory.create("filesystem", {"rootdirectory": sys.argv[1]})
driver.put_content("/a/b", b"old" * 100)
threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
while True:
    driver.put_content("/a/b", b"x" * (8 << 20))
"""


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.1])
def test_a_kill_in_the_middle_of_a_put_leaves_whole_content_and_nothing_visible(tmp_path: Path, delay: float) -> None:
    command = [sys.executable, "-c", PUT_UNTIL_KILLED, str(tmp_path), str(delay)]
    assert subprocess.run(command, check=False).returncode == -9
    driver = make_driver(tmp_path)
    assert driver.get_content("/a/b") in (b"old" * 100, b"x" * (8 << 20))
    assert driver.list("/a") == ["/a/b"]
    assert [info.path for info in driver.files("/")] == ["/a/b"]


def test_what_a_killed_put_leaves_is_an_unfinished_upload_of_its_path(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    driver.put_content("/a/b", b"1")
    left = tmp_path / "a" / "b~0123456789abcdef"
    left.write_bytes(b"half")
    [upload] = driver.uploads("/a/b")
    assert (upload.path, upload.size) == ("/a/b", 4)
    assert driver.purge_uploads("/", older_than=timedelta(hours=1)) == []
    assert driver.purge_uploads("/") == [upload]
    assert not left.exists()
    assert driver.list("/a") == ["/a/b"]


def test_a_delete_takes_what_a_killed_put_left_of_that_path_only(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    for path in ("/a/b", "/a/bb"):
        driver.put_content(path, b"1")
        (tmp_path / f"{path[1:]}~0123456789abcdef").write_bytes(b"half")
    driver.delete("/a/b")
    assert sorted(child.name for child in (tmp_path / "a").iterdir()) == ["bb", "bb~0123456789abcdef"]


def test_files_and_directories_have_the_modes_that_the_umask_leaves(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        driver = make_driver(tmp_path)
        driver.put_content("/a/put", b"1")
        with driver.writer("/a/written") as writer:
            writer.commit()
        driver.copy("/a/put", "/a/copied")
    finally:
        os.umask(previous)
    for name in ("put", "written", "copied"):
        assert stat.S_IMODE((tmp_path / "a" / name).stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750


def test_a_file_that_grew_meanwhile_is_a_conflict_and_is_left_alone(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    writer = driver.writer("/a")
    writer.write(b"mine" * 100_000)
    with (tmp_path / "a").open("ab") as other:
        other.write(b"theirs")
    writer.write(b"more")
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.stat("/a").size == 400_006


def test_names_that_no_path_can_have_are_skipped_with_one_warning(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    driver.put_content("/a/b", b"1")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "a" / "b c").write_bytes(b"2")
    with pytest.warns(StorageDriverWarning, match="2 keys") as caught:
        assert [info.path for info in driver.files()] == ["/a/b"]
    assert len(caught) == 1
    with pytest.warns(StorageDriverWarning, match=r"lost\+found"):
        assert driver.list("/") == ["/a"]
    driver.delete("/a")
    assert not (tmp_path / "a").exists()


def test_a_dangling_link_is_passed_over(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    assert driver.list("/") == []


def test_a_name_that_is_too_long_is_an_invalid_path(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    driver.put_content("/" + "a" * 255, b"1")
    with pytest.raises(InvalidPathError):
        driver.put_content("/" + "a" * 256, b"1")


@pytest.mark.parametrize("value", ["many", True, 2.5, -1])
def test_a_bad_number_of_threads_is_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="filesystem.*maxthreads"):
        factory.create("filesystem", {"maxthreads": value})


def test_a_small_number_of_threads_is_raised_to_25() -> None:
    driver = factory.create("filesystem", {"maxthreads": "3"})
    assert driver._store.limit.slots == 25  # type: ignore[attr-defined]


def test_25_readers_and_a_writer_in_one_thread_do_not_wait_for_each_other(tmp_path: Path) -> None:
    driver = factory.create("filesystem", {"rootdirectory": str(tmp_path), "maxthreads": 25})
    driver.put_content("/a", b"content")
    readers = [driver.reader("/a") for _ in range(60)]
    with driver.writer("/b") as writer:
        for reader in readers:
            writer.write(reader.read(100))
        writer.commit()
    assert driver.get_content("/b") == b"content" * 60
    for reader in readers:
        reader.close()


def test_the_filesystem_below_is_rooted(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    driver.put_content("/a/b", b"1")
    filesystem = driver.filesystem
    assert filesystem.cat_file("a/b") == b"1"
    assert filesystem.ls("", detail=False) == ["a"]


def test_nothing_is_warned_of_in_normal_use(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        driver = make_driver(tmp_path)
        with driver.writer("/a/b") as writer:
            writer.write(b"1")
            writer.commit()
        assert [info.path for info in driver.files()] == ["/a/b"]


def test_what_a_put_of_a_long_name_has_left_is_found_and_purged(tmp_path: Path) -> None:
    driver = make_driver_with_any_names(tmp_path)
    for name in ("\u65e5" * 85, "x" + "\u65e5" * 84, "\U0001f600" * 63):
        staged = Path(staged_beside(str(tmp_path / name)))
        staged.write_bytes(b"x")
        assert len(os.fsencode(staged.name)) <= 255
        assert driver.list("/") == []
        assert len(list(driver.uploads())) == 1
        driver.purge_uploads()
        assert list(tmp_path.iterdir()) == []
