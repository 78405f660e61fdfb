"""Deleting files and directories."""

from __future__ import annotations

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import put_all, upload, walked

__all__ = ["Deleting"]


class Deleting(Cases):
    """Cases of `delete`."""

    def test_deleted_file_is_gone(self, driver: StorageDriver) -> None:
        put_all(driver, ["/file", "/other"])
        driver.delete("/file")
        for call in (driver.get_content, driver.reader, driver.stat, driver.list, driver.delete):
            with self.fails(driver, PathNotFoundError, "/file"):
                call("/file")
        assert driver.list("/") == ["/other"]

    def test_deleted_directory_is_gone(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/a", "/dir/b/c", "/dir/b/d/e", "/other"])
        driver.delete("/dir")
        for path in ("/dir", "/dir/a", "/dir/b", "/dir/b/c", "/dir/b/d", "/dir/b/d/e"):
            with self.fails(driver, PathNotFoundError, path):
                driver.stat(path)
        assert driver.list("/") == ["/other"]
        assert [info.path for info in walked(driver, "/")] == ["/other"]

    def test_delete_of_a_directory_touches_only_what_is_below_it(self, driver: StorageDriver) -> None:
        others = ["/a-b", "/a.c", "/a0/x", "/ab", "/ac/y", "/b/a/x"]
        put_all(driver, ["/a/x", "/a/y/z", *others])
        driver.delete("/a")
        assert [info.path for info in driver.files()] == others

    def test_delete_of_a_file_touches_only_that_file(self, driver: StorageDriver) -> None:
        others = ["/dir/a-b", "/dir/a.c", "/dir/a0", "/dir/ab", "/dir/ac/x"]
        put_all(driver, ["/dir/a", *others])
        driver.delete("/dir/a")
        assert [info.path for info in driver.files()] == others

    def test_delete_of_a_sub_directory_leaves_its_parent(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/a", "/dir/sub/b", "/dir/sub/c"])
        driver.delete("/dir/sub")
        assert driver.list("/dir") == ["/dir/a"]

    def test_delete_of_a_missing_path(self, driver: StorageDriver) -> None:
        put_all(driver, ["/ab", "/dir/ab/c"])
        for path in ("/missing", "/a", "/dir/a", "/dir/ab/c/d", "/abc"):
            with self.fails(driver, PathNotFoundError, path):
                driver.delete(path)
        assert [info.path for info in driver.files()] == ["/ab", "/dir/ab/c"]

    def test_deleted_name_can_be_used_again(self, driver: StorageDriver) -> None:
        driver.put_content("/name", b"file")
        driver.delete("/name")
        driver.put_content("/name/below", b"directory")
        driver.delete("/name")
        upload(driver, "/name", b"upload")
        assert driver.get_content("/name") == b"upload"
        assert driver.list("/") == ["/name"]

    def test_delete_of_what_was_uploaded(self, driver: StorageDriver) -> None:
        upload(driver, "/dir/data", b"one", end="close")
        upload(driver, "/dir/data", b"two", append=True)
        driver.delete("/dir/data")
        assert not driver.exists("/dir/data")
        with self.fails(driver, PathNotFoundError, "/dir/data"):
            driver.writer("/dir/data", append=True)
