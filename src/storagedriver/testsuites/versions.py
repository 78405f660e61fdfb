"""Times and versions: what a service needs to say that a file is still the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from storagedriver.driver import StorageDriver
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import is_utc, pattern, put_all, upload, walked
from storagedriver.testsuites.stat import CLOCK, SECONDS

__all__ = ["Versions"]


def _put(driver: StorageDriver, path: str, content: bytes) -> None:
    driver.put_content(path, content)


def _write(driver: StorageDriver, path: str, content: bytes) -> None:
    upload(driver, path, content)


def _move(driver: StorageDriver, path: str, content: bytes) -> None:
    driver.put_content("/source", content)
    driver.move("/source", path)


def _copy(driver: StorageDriver, path: str, content: bytes) -> None:
    driver.put_content("/source", content)
    driver.copy("/source", path)


#: By the file that each of them makes.
CHANGES: dict[str, Callable[[StorageDriver, str, bytes], None]] = {
    "/put": _put,
    "/committed": _write,
    "/moved": _move,
    "/copied": _copy,
}


class Versions(Cases):
    """Cases of `mod_time` and `version`."""

    def test_changed_file_has_a_recent_time(self, driver: StorageDriver) -> None:
        """After a move or a copy it is the time of that, or of the source, which is recent here too."""
        before = datetime.now(timezone.utc)
        for path, change in CHANGES.items():
            change(driver, path, b"content")
        after = datetime.now(timezone.utc)
        for info in [*map(driver.stat, CHANGES), *walked(driver, "/")]:
            assert is_utc(info), "the time must be aware and in UTC"
            assert before - CLOCK < info.mod_time < after + CLOCK, f"the time of {info.path} is {info.mod_time}"

    def test_reader_knows_time_and_version(self, driver: StorageDriver) -> None:
        for path, change in CHANGES.items():
            change(driver, path, pattern(3000, 1))
            info = driver.stat(path)
            for offset in (0, 1000, 3000):
                with driver.reader(path, offset) as reader:
                    version, time = reader.version, reader.mod_time
                assert version == info.version, f"the version of a reader of {path} is not that of stat"
                assert time.utcoffset() == timedelta(0), "the time must be aware and in UTC"
                assert abs(time - info.mod_time) < SECONDS, f"the time of a reader of {path} is not that of stat"

    def test_version_changes_with_the_content(self, driver: StorageDriver) -> None:
        for path, change in CHANGES.items():
            versions = []
            for number in range(4):
                change(driver, path, pattern(1000, number))
                versions.append(driver.stat(path).version)
                assert driver.stat(path).version == versions[-1], "the version changed without the content"
            if any(versions):
                assert len(set(versions)) == len(versions), f"other contents of {path} had one version: {versions}"

    def test_listed_version_is_that_of_stat_or_empty(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/one"])
        upload(driver, "/dir/two", pattern(500, 1), pattern(500, 2))
        upload(driver, "/dir/three", end="close")
        upload(driver, "/dir/three", pattern(500, 3), append=True)
        for info in walked(driver, "/dir"):
            version = driver.stat(info.path).version
            assert info.version in ("", version), f"a walk gives another version of {info.path} than stat"
