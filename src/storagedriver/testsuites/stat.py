"""What is known of a path."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import is_utc, put_all, upload, walked

__all__ = ["Stat"]

#: By how much the clock of a server may differ.
CLOCK = timedelta(hours=1)
#: A listing may tell fractions of a second where a single answer does not.
SECONDS = timedelta(seconds=2)


class Stat(Cases):
    """Cases of `stat` and `exists`."""

    def test_empty_root_is_a_directory(self, driver: StorageDriver) -> None:
        info = driver.stat("/")
        assert (info.path, info.size, info.is_dir) == ("/", 0, True)
        assert is_utc(info)
        assert driver.exists("/")

    def test_stat_of_a_file(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/file"])
        info = driver.stat("/dir/file")
        assert isinstance(info, FileInfo)
        assert (info.path, info.size, info.is_dir) == ("/dir/file", len("/dir/file"), False)
        assert is_utc(info), "the time must be aware and in UTC"
        assert abs(datetime.now(timezone.utc) - info.mod_time) < CLOCK
        assert driver.exists("/dir/file")

    def test_stat_of_a_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/sub/file"])
        for path in ("/dir", "/dir/sub"):
            info = driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, 0, True)
            assert is_utc(info)
            assert driver.exists(path)

    def test_root_with_files_is_a_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/file"])
        info = driver.stat("/")
        assert (info.path, info.size, info.is_dir) == ("/", 0, True)

    def test_empty_file(self, driver: StorageDriver) -> None:
        driver.put_content("/put", b"")
        upload(driver, "/written")
        for path in ("/put", "/written"):
            info = driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, 0, False)

    def test_stat_of_a_missing_path(self, driver: StorageDriver) -> None:
        put_all(driver, ["/ab", "/dir/file", "/longer/file"])
        for path in ("/a", "/dir/f", "/dir/file2", "/long", "/longer/file/below", "/abc"):
            with self.fails(driver, PathNotFoundError, path):
                driver.stat(path)
            assert driver.exists(path) is False

    def test_size_follows_the_content(self, driver: StorageDriver) -> None:
        for size in (10, 0, 1000, 1):
            driver.put_content("/file", b"x" * size)
            assert driver.stat("/file").size == size

    def test_walk_knows_the_same(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/one", "/dir/sub/two"])
        upload(driver, "/dir/three", b"123")
        for info in walked(driver, "/"):
            stat = driver.stat(info.path)
            assert (info.path, info.size, info.is_dir) == (stat.path, stat.size, stat.is_dir)
            assert is_utc(info)
            assert abs(info.mod_time - stat.mod_time) < SECONDS or info.is_dir
