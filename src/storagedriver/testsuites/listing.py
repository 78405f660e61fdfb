"""Listing: the direct children of a directory."""

from __future__ import annotations

from functools import partial

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import put_all, together, walked

__all__ = ["Listing"]

#: More than the 1000 entries that stores give in one page.
MANY = 1003

TREE = ["/top", "/dir/a/one", "/dir/a/two", "/dir/a-b", "/dir/a.c", "/dir/a0", "/dir/deep/er/file", "/other/x"]


class Listing(Cases):
    """Cases of `list`."""

    def test_empty_root_lists_nothing(self, driver: StorageDriver) -> None:
        assert driver.list("/") == []

    def test_children_are_listed_once_and_sorted(self, driver: StorageDriver) -> None:
        put_all(driver, reversed(TREE))
        assert driver.list("/") == ["/dir", "/other", "/top"]
        assert driver.list("/dir") == ["/dir/a", "/dir/a-b", "/dir/a.c", "/dir/a0", "/dir/deep"]
        assert driver.list("/dir/a") == ["/dir/a/one", "/dir/a/two"]
        assert driver.list("/dir/deep") == ["/dir/deep/er"]
        assert driver.list("/dir/deep/er") == ["/dir/deep/er/file"]

    def test_list_is_a_list_of_paths(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/one"])
        assert type(driver.list("/dir")) is list
        assert type(driver.list("/")[0]) is str

    def test_sort_is_bytewise(self, driver: StorageDriver) -> None:
        names = ["-", ".a", "0", "9", "A", "Z", "_", "a", "z"]
        put_all(driver, (f"/dir/{name}" for name in reversed(names)))
        assert driver.list("/dir") == [f"/dir/{name}" for name in names]

    def test_list_of_a_missing_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/longer/file", "/dir/file"])
        for path in ("/missing", "/long", "/dir/missing", "/dir/fil"):
            with self.fails(driver, PathNotFoundError, path):
                driver.list(path)

    def test_list_of_a_file(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/file", "/dir/file2"])
        with self.fails(driver, PathNotFoundError, "/dir/file"):
            driver.list("/dir/file")

    def test_list_follows_every_change(self, driver: StorageDriver) -> None:
        for path in ("/dir/b", "/dir/a", "/dir/c/d"):
            driver.put_content(path, b"x")
            assert path[:6] in driver.list("/dir")
        driver.move("/dir/a", "/dir/e")
        assert driver.list("/dir") == ["/dir/b", "/dir/c", "/dir/e"]
        driver.delete("/dir/c")
        assert driver.list("/dir") == ["/dir/b", "/dir/e"]

    @pytest.mark.parametrize("emptied_by", ["delete", "move"])
    def test_emptied_directory_stays_only_where_declared(self, driver: StorageDriver, emptied_by: str) -> None:
        put_all(driver, ["/keep/file", "/dir/sub/file"])
        if emptied_by == "delete":
            driver.delete("/dir/sub/file")
        else:
            driver.move("/dir/sub/file", "/keep/moved")
        if self.capabilities.empty_directories:
            assert driver.list("/") == ["/dir", "/keep"]
            assert driver.list("/dir") == ["/dir/sub"]
            assert driver.list("/dir/sub") == []
            assert driver.stat("/dir/sub").is_dir
            assert [info.path for info in walked(driver, "/dir")] == ["/dir/sub"]
            driver.delete("/dir")
        assert driver.list("/") == ["/keep"]
        assert not driver.exists("/dir")
        for path in ("/dir", "/dir/sub"):
            for call in (driver.list, driver.stat, driver.delete, partial(walked, driver)):
                with self.fails(driver, PathNotFoundError, path):
                    call(path)

    def test_more_entries_than_a_page(self, driver: StorageDriver) -> None:
        """A listing, a walk and a delete of a directory that stores give in pages."""
        files = [f"/many/{number:05d}" for number in range(MANY)]
        together(partial(driver.put_content, path, b"") for path in [*files, "/many-more"])
        assert driver.list("/many") == files
        assert [info.path for info in walked(driver, "/many")] == files
        assert [info.path for info in driver.files("/")] == (
            [*files, "/many-more"] if driver.walk_order == "tree" else ["/many-more", *files]
        )
        assert [info.path for info in walked(driver, "/many", files[999])] == files[1000:]
        driver.delete("/many")
        assert driver.list("/") == ["/many-more"]
