"""The driver ``inmemory``."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFile

from storagedriver import Capabilities, ConflictError, StorageDriver, factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites import suite

CAPABILITIES = Capabilities(unfinished="shown", multiprocess=False, conflicts_detected="always")


def make_driver() -> StorageDriver:
    return factory.create("inmemory")


def make_driver_with_any_names() -> StorageDriver:
    return factory.create("inmemory", {"names": "any"})


TestConformance = suite("inmemory", make_driver, CAPABILITIES, registered_as="inmemory")
TestAnyName = suite("inmemory with any name", make_driver_with_any_names, CAPABILITIES, names="any")


def test_each_driver_has_a_store_of_its_own() -> None:
    first, second = make_driver(), make_driver()
    first.put_content("/a", b"1")
    assert second.list("/") == []


def test_a_reader_keeps_its_snapshot_while_the_file_grows() -> None:
    driver = make_driver()
    with driver.writer("/a") as writer:
        writer.write(b"before")
        reader = driver.reader("/a")
        writer.write(b" and after" * 100_000)
        assert reader.read() == b"before"
    assert driver.stat("/a").size == 6 + 1_000_000


def test_the_filesystem_below_shows_the_same_files() -> None:
    driver = make_driver()
    driver.put_content("/a/b", b"1")
    filesystem = driver.filesystem
    assert filesystem.cat_file("/a/b") == b"1"
    filesystem.pipe_file("/a/c", b"2")
    assert driver.list("/a") == ["/a/b", "/a/c"]
    filesystem.rm("/a/b")
    assert driver.list("/a") == ["/a/c"]


def test_pickling_says_why_it_cannot_be() -> None:
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(make_driver())


def test_sizes_can_be_asked_for_while_a_file_grows() -> None:
    driver = make_driver()
    writer = driver.writer("/a")
    done = threading.Event()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            while not done.is_set():
                driver.stat("/a")
                driver.list("/")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shall show it
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(500):
        writer.write(b"x" * 5000)
    writer.commit()
    done.set()
    thread.join()
    assert failures == []
    assert driver.stat("/a").size == 2_500_000


def test_what_is_deleted_gives_its_memory_back_at_once() -> None:
    driver = factory.create("inmemory", {})
    assert isinstance(driver, FsspecDriver)
    with driver.writer("/a") as writer:
        writer.write(b"x")
        writer.commit()
    file = weakref.ref(driver.filesystem.store["/a"])
    gc.disable()
    try:
        del writer
        driver.delete("/a")
        assert file() is None
    finally:
        gc.enable()


class Interrupting(MemoryFile):  # type: ignore[misc]
    """A file whose next write is interrupted, before, in the middle of or after it."""

    moment = ""

    def write(self, data: Any) -> int:
        moment, self.moment = self.moment, ""
        if moment != "before":
            super().write(bytes(data)[: len(data) // 2] if moment == "half" else data)
        if moment:
            raise KeyboardInterrupt
        return len(data)


@pytest.mark.parametrize("end", ["commit", "close"])
@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("more", [b"", b"c"])
def test_an_interrupted_write_leaves_nothing(moment: str, end: str, more: bytes) -> None:
    driver = factory.create("inmemory", {})
    assert isinstance(driver, FsspecDriver)
    file = Interrupting(driver.filesystem, "/a", b"a" * 10)
    driver.filesystem.store["/a"] = file
    writer = driver.writer("/a", append=True)
    file.moment = moment
    with pytest.raises(KeyboardInterrupt):
        writer.write(b"b" * 100)
    assert writer.size == 10
    writer.write(more)
    getattr(writer, end)()
    assert driver.get_content("/a") == b"a" * 10 + more


@pytest.mark.parametrize("end", ["commit", "close"])
def test_an_upload_that_was_replaced_is_a_conflict(end: str) -> None:
    driver = make_driver()
    first = driver.writer("/a")
    first.write(b"first")
    with driver.writer("/a") as second:
        second.write(b"second")
        second.commit()
    with pytest.raises(ConflictError):
        getattr(first, end)()
    assert driver.get_content("/a") == b"second"
