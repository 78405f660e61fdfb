"""Times and versions: what a service needs to say that a file is still the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import is_utc, pattern, put_all, upload, walked
from storagedriver.testsuites.stat import CLOCK, SECONDS

__all__ = ["Versions"]


def _put(driver: StorageDriver, content: bytes) -> None:
    driver.put_content("/data", content)


def _write(driver: StorageDriver, content: bytes) -> None:
    upload(driver, "/data", content)


def _move(driver: StorageDriver, content: bytes) -> None:
    driver.put_content("/source", content)
    driver.move("/source", "/data")


def _copy(driver: StorageDriver, content: bytes) -> None:
    driver.put_content("/source", content)
    driver.copy("/source", "/data")


CHANGES: dict[str, Callable[[StorageDriver, bytes], None]] = {
    "put": _put,
    "commit": _write,
    "move": _move,
    "copy": _copy,
}


class Versions(Cases):
    """Cases of `mod_time` and `version`."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_changed_file_has_a_recent_time(self, driver: StorageDriver, change: str) -> None:
        """After a move or a copy it is the time of that, or of the source, which is recent here too."""
        before = datetime.now(timezone.utc)
        CHANGES[change](driver, b"content")
        after = datetime.now(timezone.utc)
        for info in [driver.stat("/data"), *(info for info in walked(driver, "/") if info.path == "/data")]:
            assert is_utc(info), "the time must be aware and in UTC"
            assert before - CLOCK < info.mod_time < after + CLOCK, f"after a {change} the time is {info.mod_time}"

    @pytest.mark.parametrize("change", CHANGES)
    def test_reader_knows_time_and_version(self, driver: StorageDriver, change: str) -> None:
        CHANGES[change](driver, pattern(3000, 1))
        info = driver.stat("/data")
        for offset in (0, 1000, 3000):
            with driver.reader("/data", offset) as reader:
                assert reader.version == info.version, "the version of a reader is not that of stat"
                assert is_utc(FileInfo("/data", 0, reader.mod_time, is_dir=False)), "the time must be aware and in UTC"
                assert abs(reader.mod_time - info.mod_time) < SECONDS, "the time of a reader is not that of stat"

    @pytest.mark.parametrize("change", CHANGES)
    def test_version_changes_with_the_content(self, driver: StorageDriver, change: str) -> None:
        versions = []
        for number in range(4):
            CHANGES[change](driver, pattern(1000, number))
            info = driver.stat("/data")
            assert driver.stat("/data").version == info.version, "the version changed without the content"
            versions.append(info.version)
        if any(versions):
            assert len(set(versions)) == len(versions), f"other contents of the same size had one version: {versions}"

    def test_listed_version_is_that_of_stat_or_empty(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/one"])
        upload(driver, "/dir/two", pattern(500, 1), pattern(500, 2))
        upload(driver, "/dir/three", end="close")
        upload(driver, "/dir/three", pattern(500, 3), append=True)
        for info in walked(driver, "/dir"):
            version = driver.stat(info.path).version
            assert info.version in ("", version), f"a walk gives another version of {info.path} than stat"

    def test_directory_has_no_version_that_changes(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/one"])
        assert isinstance(driver.stat("/dir").version, str)
        assert isinstance(driver.stat("/").version, str)
