"""Names: which paths are allowed, and names that are file and directory at once."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidPathError, PathNotFoundError, StorageDriverError
from storagedriver.paths import ROOT, is_valid
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import lists_uploads, put_all, upload, walked

__all__ = ["DIRECTORY_CALLS", "FILE_CALLS", "Names"]

#: A call of a driver with a path.
Call = Callable[[StorageDriver, str], object]

VALID = [
    "/a",
    "/7",
    "/A",
    "/zz",
    "/a.b",
    "/.hidden",
    "/...",
    "/a..b",
    "/..a",
    "/a..",
    "/trailing./dot",
    "/-",
    "/-dash",
    "/_",
    "/a--b__c..d",
    "/0-9/a_b.c-d/E.F",
    "/docker/registry/v2/repositories/library/alpine/_manifests/tags/3.20/current/link",
    "/one/two/three/four/five/six/seven/eight/nine/ten",
    "/" + "n" * 200,
]

INVALID = [
    "",
    "a",
    "a/b",
    "./a",
    "//",
    "//a",
    "/a/",
    "/a//b",
    "/a b",
    "/a\n",
    "\n/a",
    "/a\x00",
    "/a\\b",
    "/a*",
    "/a?b",
    "/a%2Fb",
    "/\u00e4",
    "/.",
    "/..",
    "/../a",
    "/a/..",
    "/a/../b",
    "/a/.",
    "/a/./b",
]

FILE_CALLS: dict[str, Call] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "put_content": lambda driver, path: driver.put_content(path, b"x"),
    "reader": lambda driver, path: driver.reader(path),
    "writer": lambda driver, path: driver.writer(path),
    "writer, append": lambda driver, path: driver.writer(path, append=True),
    "delete": lambda driver, path: driver.delete(path),
    "move from": lambda driver, path: driver.move(path, "/dest"),
    "move to": lambda driver, path: driver.move("/file", path),
    "copy from": lambda driver, path: driver.copy(path, "/dest"),
    "copy to": lambda driver, path: driver.copy("/file", path),
    "redirect_url": lambda driver, path: driver.redirect_url(path),
}

DIRECTORY_CALLS: dict[str, Call] = {
    "stat": lambda driver, path: driver.stat(path),
    "exists": lambda driver, path: driver.exists(path),
    "list": lambda driver, path: driver.list(path),
    "walk": lambda driver, path: driver.walk(path, lambda _: None),
    "files": lambda driver, path: list(driver.files(path)),
}

UPLOAD_CALLS: dict[str, Call] = {
    "uploads": lambda driver, path: list(driver.uploads(path)),
    "purge_uploads": lambda driver, path: driver.purge_uploads(path),
}


def invalid(driver: StorageDriver) -> builtins.list[str]:
    """Those of `INVALID` that are no paths under the driver's rule."""
    return [path for path in INVALID if not is_valid(path, driver.name_rule)]


class Names(Cases):
    """Cases of paths that are valid, invalid, or prefixes of each other."""

    def test_valid_paths_can_be_used(self, driver: StorageDriver) -> None:
        put_all(driver, VALID)
        for path in VALID:
            assert driver.get_content(path) == path.encode()
            assert driver.stat(path).path == path
        assert [info.path for info in driver.files()] == sorted(VALID)
        for path in VALID:
            driver.delete(path)
        assert list(driver.files()) == []

    def test_invalid_path_is_refused(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        self._are_refused(driver, {**FILE_CALLS, **DIRECTORY_CALLS}, invalid(driver))
        assert driver.list("/") == ["/file"], "a refused call left something behind"
        assert driver.get_content("/file") == b"content"

    def test_root_is_no_file(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        self._are_refused(driver, FILE_CALLS, ["/"])
        assert driver.list("/") == ["/file"], "a refused call left something behind"

    def test_invalid_path_of_uploads_is_refused(self, driver: StorageDriver) -> None:
        if not lists_uploads(driver):
            assert list(driver.uploads()) == [], "the contract's own `uploads` lists none"
            return
        self._are_refused(driver, UPLOAD_CALLS, invalid(driver))

    def test_names_differ_by_case(self, driver: StorageDriver) -> None:
        put_all(driver, ["/case/Name", "/case/name"])
        assert driver.list("/case") == ["/case/Name", "/case/name"]
        assert driver.get_content("/case/Name") == b"/case/Name"

    @pytest.mark.parametrize("order", ["file first", "directory first"])
    def test_name_of_a_file_and_a_directory(self, driver: StorageDriver, order: str) -> None:
        first, second = ("/key", "/key/below") if order == "file first" else ("/key/below", "/key")
        driver.put_content(first, b"first")
        if self.capabilities.key_and_prefix:
            driver.put_content(second, b"second")
            self._both_are_there(driver, {first: b"first", second: b"second"})
            return
        for write in (self._by_put, self._by_writer, self._by_move, self._by_copy):
            driver.put_content("/other", b"other")
            with self.fails(driver, StorageDriverError, but_not=(PathNotFoundError,)):
                write(driver, second)
            assert driver.get_content(first) == b"first", f"{write.__name__} lost the file that was there"
            assert driver.get_content("/other") == b"other", f"{write.__name__} lost its source"
        assert [info.path for info in driver.files()] == sorted([first, "/other"])

    def _are_refused(self, driver: StorageDriver, calls: Mapping[str, Call], paths: Sequence[str]) -> None:
        wrong: builtins.list[str] = []
        for name, call in calls.items():
            for path in paths:
                try:
                    with self.fails(driver, InvalidPathError, path if path == ROOT else ""):
                        call(driver, path)
                except AssertionError as error:
                    wrong.append(f"{name} of {path!r}: {error}")
        assert not wrong, "\n".join(wrong)

    def _both_are_there(self, driver: StorageDriver, contents: dict[str, bytes]) -> None:
        for path, content in contents.items():
            assert driver.get_content(path) == content
        info = driver.stat("/key")
        assert (info.is_dir, info.size) == (False, len(contents["/key"])), "of a name that is both, stat gives the file"
        assert driver.list("/") == ["/key"]
        assert driver.list("/key") == ["/key/below"]
        visited = [(info.path, info.is_dir) for info in walked(driver, "/")]
        assert visited == [("/key", False), ("/key", True), ("/key/below", False)]
        assert [info.path for info in driver.files()] == ["/key", "/key/below"]

    def test_file_below_a_file_goes_alone(self, driver: StorageDriver) -> None:
        driver.put_content("/key", b"file")
        if self.capabilities.key_and_prefix:
            driver.put_content("/key/below", b"below")
            driver.delete("/key/below")
        else:
            with self.fails(driver, PathNotFoundError):
                driver.delete("/key/below")
        assert driver.get_content("/key") == b"file"
        assert driver.list("/") == ["/key"]

    def test_moving_a_file_leaves_what_is_below_its_name(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/key", b"file")
        driver.put_content("/dir/other/below", b"below")
        if self.capabilities.key_and_prefix:
            driver.put_content("/dir/key/below", b"below")
        driver.move("/dir/key", "/moved")
        expected = ["/dir/key/below"] if self.capabilities.key_and_prefix else []
        assert [info.path for info in driver.files("/dir")] == [*expected, "/dir/other/below"]
        assert driver.get_content("/moved") == b"file"

    def test_deleting_a_name_that_is_both_deletes_both(self, driver: StorageDriver) -> None:
        driver.put_content("/key", b"file")
        if self.capabilities.key_and_prefix:
            driver.put_content("/key/below", b"below")
        driver.delete("/key")
        assert driver.list("/") == []
        for path in ("/key", "/key/below"):
            with self.fails(driver, PathNotFoundError, path):
                driver.stat(path)

    def test_nothing_is_found_below_a_file(self, driver: StorageDriver) -> None:
        driver.put_content("/key", b"file")
        calls: builtins.list[Callable[[str], object]] = [
            driver.get_content,
            driver.reader,
            driver.stat,
            driver.list,
            driver.delete,
            lambda path: driver.writer(path, append=True),
            lambda path: driver.move(path, "/dest"),
            lambda path: walked(driver, path),
        ]
        for call in calls:
            with self.fails(driver, PathNotFoundError, "/key/below"):
                call("/key/below")
        assert not driver.exists("/key/below")
        assert driver.get_content("/key") == b"file"

    @staticmethod
    def _by_put(driver: StorageDriver, path: str) -> None:
        driver.put_content(path, b"second")

    @staticmethod
    def _by_writer(driver: StorageDriver, path: str) -> None:
        upload(driver, path, b"second")

    @staticmethod
    def _by_move(driver: StorageDriver, path: str) -> None:
        driver.move("/other", path)

    @staticmethod
    def _by_copy(driver: StorageDriver, path: str) -> None:
        driver.copy("/other", path)
