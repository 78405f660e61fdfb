"""Moving and copying one file."""

from __future__ import annotations

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, pattern, put_all, same_bytes, upload

__all__ = ["Copying", "Moving"]


class Moving(Cases):
    """Cases of `move`."""

    def test_move(self, driver: StorageDriver) -> None:
        content = pattern(2 * MIB, 1)
        upload(driver, "/from/data", content)
        driver.move("/from/data", "/to/some/where")
        same_bytes(driver.get_content("/to/some/where"), content)
        assert driver.stat("/to/some/where").size == len(content)
        for call in (driver.get_content, driver.stat, driver.reader, lambda path: driver.writer(path, append=True)):
            with self.fails(driver, PathNotFoundError, "/from/data"):
                call("/from/data")

    def test_move_of_nothing_but_a_name(self, driver: StorageDriver) -> None:
        driver.put_content("/empty", b"")
        driver.move("/empty", "/still-empty")
        assert driver.get_content("/still-empty") == b""
        assert driver.list("/") == ["/still-empty"]

    def test_move_overwrites(self, driver: StorageDriver) -> None:
        driver.put_content("/source", b"new")
        driver.put_content("/dest", b"old and longer")
        driver.move("/source", "/dest")
        assert driver.get_content("/dest") == b"new"
        assert driver.stat("/dest").size == 3
        assert driver.list("/") == ["/dest"]

    def test_move_leaves_neighbours(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/a", "/dir/ab", "/dir/a.b", "/dir/a-b/c"])
        driver.move("/dir/a", "/dir/moved")
        assert sorted(info.path for info in driver.files()) == ["/dir/a-b/c", "/dir/a.b", "/dir/ab", "/dir/moved"]
        assert driver.get_content("/dir/moved") == b"/dir/a"

    def test_move_back_and_forth(self, driver: StorageDriver) -> None:
        driver.put_content("/one", b"content")
        for source, dest in (("/one", "/two"), ("/two", "/dir/three"), ("/dir/three", "/one")):
            driver.move(source, dest)
            assert driver.get_content(dest) == b"content"
            assert not driver.exists(source)

    def test_move_of_a_missing_file(self, driver: StorageDriver) -> None:
        driver.put_content("/dest", b"old")
        with self.fails(driver, PathNotFoundError, "/missing"):
            driver.move("/missing", "/dest")
        with self.fails(driver, PathNotFoundError, "/missing"):
            driver.move("/missing", "/new")
        assert driver.get_content("/dest") == b"old", "a move that failed changed its destination"
        assert driver.list("/") == ["/dest"]

    def test_move_onto_itself_does_nothing(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/file", b"content")
        driver.move("/dir/file", "/dir/file")
        assert driver.get_content("/dir/file") == b"content"
        with self.fails(driver, PathNotFoundError, "/missing"):
            driver.move("/missing", "/missing")

    def test_move_of_a_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/file", "/dir/sub/file"])
        for dest in ("/dest", "/dir"):
            with self.fails(driver, PathNotFoundError, "/dir"):
                driver.move("/dir", dest)
        assert [info.path for info in driver.files()] == ["/dir/file", "/dir/sub/file"]
        assert driver.list("/") == ["/dir"]

    def test_append_goes_on_at_the_destination(self, driver: StorageDriver) -> None:
        upload(driver, "/uploads/data", b"one,")
        driver.move("/uploads/data", "/blobs/data")
        upload(driver, "/blobs/data", b"two", append=True)
        assert driver.get_content("/blobs/data") == b"one,two"


class Copying(Cases):
    """Cases of `copy`."""

    def test_copy(self, driver: StorageDriver) -> None:
        content = pattern(2 * MIB, 2)
        upload(driver, "/source", content)
        driver.copy("/source", "/dir/copy")
        same_bytes(driver.get_content("/source"), content, "after copy, the source")
        same_bytes(driver.get_content("/dir/copy"), content, "the copy")
        driver.put_content("/source", b"changed")
        same_bytes(driver.get_content("/dir/copy"), content, "after a change of the source, the copy")

    def test_copy_of_nothing_but_a_name(self, driver: StorageDriver) -> None:
        driver.put_content("/empty", b"")
        driver.copy("/empty", "/copy")
        assert driver.list("/") == ["/copy", "/empty"]
        assert driver.get_content("/copy") == b""

    def test_copy_overwrites(self, driver: StorageDriver) -> None:
        driver.put_content("/source", b"new")
        driver.put_content("/dest", b"old and longer")
        driver.copy("/source", "/dest")
        assert driver.get_content("/dest") == b"new"
        assert driver.get_content("/source") == b"new"

    def test_copy_onto_itself_does_nothing(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        driver.copy("/file", "/file")
        assert driver.get_content("/file") == b"content"
        with self.fails(driver, PathNotFoundError, "/missing"):
            driver.copy("/missing", "/missing")

    def test_copy_of_a_missing_file(self, driver: StorageDriver) -> None:
        driver.put_content("/dest", b"old")
        for dest in ("/dest", "/new"):
            with self.fails(driver, PathNotFoundError, "/missing"):
                driver.copy("/missing", dest)
        assert driver.get_content("/dest") == b"old", "a copy that failed changed its destination"
        assert driver.list("/") == ["/dest"]

    def test_copy_of_a_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/file"])
        with self.fails(driver, PathNotFoundError, "/dir"):
            driver.copy("/dir", "/dest")
        assert driver.list("/") == ["/dir"]
