"""Reading alone: what is left of the contract where a store can only be read."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import pytest

from storagedriver.driver import FileInfo, SkipDir, StopWalk, StorageDriver
from storagedriver.errors import InvalidOffsetError, InvalidPathError, PathNotFoundError, ReadOnlyError
from storagedriver.testsuites.calls import without_record
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import (
    drain,
    in_a_fork,
    in_another_process,
    is_picklable,
    is_utc,
    pattern,
    same_bytes,
    together,
    walked,
)
from storagedriver.testsuites.streams import CONTENT, OFFSETS
from storagedriver.testsuites.walk import ABSENT, OUTSIDE, TREE, model_of

__all__ = ["CHANGES", "READ_ONLY_FILES", "Reading"]

#: What the store must hold for the suite, these files and no others.
READ_ONLY_FILES: Mapping[str, bytes] = MappingProxyType(
    {
        "/data": CONTENT,
        "/empty": b"",
        "/large": pattern(700_000, 11),
        "/lines": b"one\ntwo\nthree",
        **{path: path.encode() for path in (*TREE, *OUTSIDE)},
    }
)

#: Every call that would change something.
CHANGES: dict[str, Callable[[StorageDriver], object]] = {
    "put_content of a new file": lambda driver: driver.put_content("/new", b"x"),
    "put_content over a file": lambda driver: driver.put_content("/data", b"x"),
    "put_content in a new directory": lambda driver: driver.put_content("/new/file", b"x"),
    "put_content below a file": lambda driver: driver.put_content("/data/file", b"x"),
    "put_content over a directory": lambda driver: driver.put_content("/w", b"x"),
    "writer": lambda driver: driver.writer("/new"),
    "writer over a file": lambda driver: driver.writer("/data"),
    "writer, append": lambda driver: driver.writer("/data", append=True),
    "writer, append to nothing": lambda driver: driver.writer("/missing", append=True),
    "move": lambda driver: driver.move("/data", "/new"),
    "move over a file": lambda driver: driver.move("/data", "/empty"),
    "move of nothing": lambda driver: driver.move("/missing", "/new"),
    "copy": lambda driver: driver.copy("/data", "/new"),
    "copy of nothing": lambda driver: driver.copy("/missing", "/new"),
    "delete": lambda driver: driver.delete("/data"),
    "delete of a directory": lambda driver: driver.delete("/w"),
    "delete of nothing": lambda driver: driver.delete("/missing"),
}
MISSING: dict[str, Callable[[StorageDriver, str], object]] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "reader": lambda driver, path: driver.reader(path),
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: driver.list(path),
    "upload_size": lambda driver, path: driver.upload_size(path),
    "walk": walked,
    "files": lambda driver, path: list(driver.files(path)),
}


def _get(driver: StorageDriver, path: str) -> bytes:
    return driver.get_content(path)


class Reading(Cases):
    """Cases of a store that holds `READ_ONLY_FILES` and can only be read."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_every_change_is_refused(self, driver: StorageDriver, change: str) -> None:
        with self.fails(driver, ReadOnlyError):
            CHANGES[change](driver)
        assert [info.path for info in driver.files()] == self._files(driver), f"{change} has changed something"
        assert driver.get_content("/data") == CONTENT

    def test_a_refused_change_is_a_permission_error(self, driver: StorageDriver) -> None:
        with pytest.raises(PermissionError, match=driver.name):
            driver.put_content("/new", b"x")

    def test_every_file_is_read_whole(self, driver: StorageDriver) -> None:
        for path, content in READ_ONLY_FILES.items():
            same_bytes(driver.get_content(path), content, path)
            with driver.reader(path) as reader:
                assert reader.size == len(content), f"the size of {path} is wrong"
                same_bytes(drain(reader), content, f"the stream of {path}")

    def test_a_stream_begins_at_any_offset(self, driver: StorageDriver) -> None:
        for offset in OFFSETS:
            with driver.reader("/data", offset) as reader:
                assert drain(reader) == CONTENT[offset:], f"wrong bytes from offset {offset}"
                assert reader.size == len(CONTENT)

    def test_a_stream_gives_no_more_than_its_length(self, driver: StorageDriver) -> None:
        for offset in (0, 1, 95, 96, 200):
            for length in (0, 1, 32, 96, 10**12):
                with driver.reader("/data", offset, length) as reader:
                    got = drain(reader)
                assert got == CONTENT[offset : offset + length], f"wrong bytes for offset {offset}, length {length}"

    def test_large_content_in_ranges(self, driver: StorageDriver) -> None:
        content = READ_ONLY_FILES["/large"]
        for offset, length in ((0, 100_000), (99_999, 300_002), (400_000, None), (699_999, 5)):
            end = None if length is None else offset + length
            with driver.reader("/large", offset, length) as reader:
                same_bytes(drain(reader), content[offset:end], f"the range {offset} + {length}")

    def test_empty_file_is_empty(self, driver: StorageDriver) -> None:
        for offset in (0, 1):
            with driver.reader("/empty", offset) as reader:
                assert reader.read(10) == b""
        assert driver.stat("/empty").size == 0

    def test_negative_offset_is_refused(self, driver: StorageDriver) -> None:
        with self.fails(driver, InvalidOffsetError):
            driver.reader("/data", -1)

    @pytest.mark.parametrize("call", MISSING)
    def test_what_is_missing(self, driver: StorageDriver, call: str) -> None:
        for path in ("/missing", "/missing/below", "/w/missing", "/data/below"):
            with self.fails(driver, PathNotFoundError, path):
                MISSING[call](driver, path)

    def test_an_invalid_path_is_not_read(self, driver: StorageDriver) -> None:
        for path in ("relative", "/a//b", "/a/../b", "/a/"):
            with self.fails(driver, InvalidPathError):
                driver.get_content(path)

    def test_directory_is_no_file(self, driver: StorageDriver) -> None:
        for call in (driver.get_content, driver.reader):
            with self.fails(driver, PathNotFoundError, "/w"):
                call("/w")

    def test_file_is_no_directory(self, driver: StorageDriver) -> None:
        with self.fails(driver, PathNotFoundError, "/data"):
            driver.list("/data")

    def test_stat_of_files_and_directories(self, driver: StorageDriver) -> None:
        for path, content in READ_ONLY_FILES.items():
            info = driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, len(content), False)
            assert is_utc(info)
        for path in ("/", "/w", "/w/a", "/w/b/c/d/e"):
            info = driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, 0, True)
        assert driver.exists("/w/a")
        assert not driver.exists("/missing")
        assert driver.upload_size("/data") == len(CONTENT)

    def test_children_of_every_directory(self, driver: StorageDriver) -> None:
        model = [path for path, _ in model_of(list(READ_ONLY_FILES), "/", driver.walk_order)]
        for directory in ("/", "/w", "/w/a", "/w/a/b", "/v", "/w/b/c/d/e"):
            expected = sorted(path for path in model if path.rpartition("/")[0] == directory.rstrip("/"))
            assert driver.list(directory) == expected, f"the children of {directory} are wrong"

    def test_walk_visits_everything_in_order(self, driver: StorageDriver) -> None:
        for below in ("/", "/w", "/w/a/b"):
            visited = [(info.path, info.is_dir) for info in walked(driver, below)]
            assert visited == model_of(list(READ_ONLY_FILES), below, driver.walk_order), f"the walk of {below} is wrong"

    def test_walk_begins_after_any_path(self, driver: StorageDriver) -> None:
        whole = [info.path for info in driver.files()]
        for start in (*whole, *ABSENT):
            expected = [path for path in whole if self._is_after(driver, path, start)]
            assert [info.path for info in driver.files("/", start)] == expected, f"a walk after {start} is wrong"

    def test_walk_can_be_steered(self, driver: StorageDriver) -> None:
        visited: list[str] = []

        def visit(info: FileInfo) -> None:
            visited.append(info.path)
            if info.path == "/w":
                raise SkipDir
            if info.path == "/w-":
                raise StopWalk

        driver.walk("/", visit)
        assert "/w" not in {path.rpartition("/")[0] for path in visited}
        assert "/w0" not in visited or driver.walk_order == "tree"

    def test_there_are_no_uploads(self, driver: StorageDriver) -> None:
        assert list(driver.uploads()) == []
        assert driver.purge_uploads("/", timedelta(0)) == []

    def test_urls_are_signed_or_there_are_none(self, driver: StorageDriver) -> None:
        url = driver.redirect_url("/data")
        assert (url is not None) is self.capabilities.signs_urls
        self.holds_no_secret(url or "", "a URL")

    def test_threads_read_at_the_same_time(self, driver: StorageDriver) -> None:
        def read() -> None:
            with driver.reader("/large") as reader:
                same_bytes(drain(reader), READ_ONLY_FILES["/large"])

        together([read] * 4)

    def test_no_repr_holds_a_secret(self, driver: StorageDriver) -> None:
        with driver.reader("/data") as reader:
            for thing in (driver, reader):
                self.holds_no_secret(repr(thing) + str(thing), f"the repr of a {type(thing).__name__}")

    def test_pickled_driver_reads_the_same(self, driver: StorageDriver) -> None:
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver)
            return
        with pickle.loads(pickle.dumps(driver)) as other:
            assert type(other) is type(without_record(driver))
            assert (other.name, other.capabilities) == (driver.name, driver.capabilities)
            assert other.get_content("/data") == CONTENT
        assert in_another_process(_get, driver, "/data") == CONTENT

    if hasattr(os, "fork"):

        def test_files_can_be_read_after_a_fork(self, driver: StorageDriver) -> None:
            assert driver.get_content("/data") == CONTENT

            def use_it() -> None:
                with driver.reader("/large") as reader:
                    same_bytes(drain(reader), READ_ONLY_FILES["/large"])

            in_a_fork(use_it)
            assert driver.get_content("/data") == CONTENT

    def _files(self, driver: StorageDriver) -> list[str]:
        model = model_of(list(READ_ONLY_FILES), "/", driver.walk_order)
        return [path for path, is_dir in model if not is_dir]

    def _is_after(self, driver: StorageDriver, path: str, start: str) -> bool:
        order = driver.walk_order
        is_dir = any(file.startswith(start + "/") for file in READ_ONLY_FILES)
        first = FileInfo(start, 0, driver.stat("/").mod_time, is_dir)
        return FileInfo(path, 0, first.mod_time, is_dir=False).sort_key(order) > first.sort_key(order)
