"""Errors: the right class, with the driver's name, and nothing that should be secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import (
    BucketNotFoundError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    ReadOnlyError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.harness import opened
from storagedriver.testsuites.helpers import lists_uploads, upload, walked

__all__ = ["Errors", "MissingBucket", "Refused", "Unreachable"]

Call = Callable[[StorageDriver, str], object]

#: The calls that need something at their path.
MISSING: dict[str, Call] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "reader": lambda driver, path: driver.reader(path),
    "writer, append": lambda driver, path: driver.writer(path, append=True),
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: driver.list(path),
    "move": lambda driver, path: driver.move(path, "/dest"),
    "copy": lambda driver, path: driver.copy(path, "/dest"),
    "delete": lambda driver, path: driver.delete(path),
    "upload_size": lambda driver, path: driver.upload_size(path),
    "walk": walked,
    "files": lambda driver, path: list(driver.files(path)),
}

#: The calls that need the store at all.
STORE: dict[str, Call] = {
    **MISSING,
    "put_content": lambda driver, path: driver.put_content(path, b"x"),
    "writer": lambda driver, path: upload(driver, path, b"x"),
    "exists": lambda driver, path: driver.exists(path),
    "stat of the root": lambda driver, _: driver.stat("/"),
    "list of the root": lambda driver, _: driver.list("/"),
    "walk of the root": lambda driver, _: walked(driver, "/"),
    "files of the root": lambda driver, _: list(driver.files()),
}


#: Those of them that change something, which a driver that can only be read refuses before it asks the store.
WRITING = frozenset({"put_content", "writer", "writer, append", "move", "copy", "delete"})


class Errors(Cases):
    """Cases of what can go wrong with a store that works."""

    @pytest.mark.parametrize("call", MISSING)
    def test_missing_path(self, driver: StorageDriver, call: str) -> None:
        for path in ("/missing", "/missing/below"):
            with self.fails(driver, PathNotFoundError, path):
                MISSING[call](driver, path)
        assert driver.list("/") == [], "a call that failed left something behind"

    def test_missing_path_is_a_file_not_found_error(self, driver: StorageDriver) -> None:
        with pytest.raises(FileNotFoundError):
            driver.get_content("/missing")
        with pytest.raises(OSError, match="missing"):
            driver.stat("/missing")

    def test_invalid_path_and_offset_are_value_errors(self, driver: StorageDriver) -> None:
        with pytest.raises(ValueError, match="relative"):
            driver.get_content("relative")
        with pytest.raises(ValueError, match=driver.name):
            driver.reader("/file", -1)

    def test_failed_call_can_be_followed_by_others(self, driver: StorageDriver) -> None:
        for _ in range(30):
            with self.fails(driver, PathNotFoundError):
                driver.get_content("/missing")
        driver.put_content("/file", b"content")
        assert driver.get_content("/file") == b"content"

    def test_nothing_secret_is_logged(self, driver: StorageDriver, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            driver.put_content("/dir/file", b"content")
            upload(driver, "/dir/upload", b"content")
            driver.get_content("/dir/file")
            walked(driver, "/")
            driver.redirect_url("/dir/file")
            with self.fails(driver, PathNotFoundError):
                driver.get_content("/missing")
            with self.fails(driver, InvalidPathError):
                driver.get_content("relative")
            driver.delete("/dir")
        self.holds_no_secret(caplog.text, "the log")


def _error_of(cases: Cases, call: str, expected: type[StorageDriverError]) -> type[StorageDriverError]:
    """The error of a call of a store that does not work."""
    return ReadOnlyError if cases.capabilities.read_only and call in WRITING else expected


class MissingBucket(Cases):
    """Cases of a driver whose bucket, container or root does not exist."""

    @pytest.fixture
    def nowhere(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """A driver on a bucket that does not exist."""
        make = self.harness.make_missing_bucket
        assert make is not None
        with opened(make, request) as driver:
            yield driver

    @pytest.mark.parametrize("call", STORE)
    def test_missing_bucket(self, nowhere: StorageDriver, call: str) -> None:
        with self.fails(nowhere, _error_of(self, call, BucketNotFoundError)):
            STORE[call](nowhere, "/file")

    def test_missing_bucket_has_no_uploads(self, nowhere: StorageDriver) -> None:
        if not lists_uploads(nowhere):
            assert list(nowhere.uploads()) == []
            return
        with self.fails(nowhere, BucketNotFoundError):
            list(nowhere.uploads())
        with self.fails(nowhere, BucketNotFoundError):
            nowhere.purge_uploads()


class Refused(Cases):
    """Cases of a driver whose credentials the store refuses."""

    @pytest.fixture
    def refused(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """A driver with credentials that are refused."""
        make = self.harness.make_refused
        assert make is not None
        with opened(make, request) as driver:
            yield driver

    @pytest.mark.parametrize("call", STORE)
    def test_refused_credentials(self, refused: StorageDriver, call: str) -> None:
        with self.fails(refused, _error_of(self, call, PermissionDeniedError)):
            STORE[call](refused, "/file")


class Unreachable(Cases):
    """Cases of a driver whose store does not answer."""

    @pytest.fixture
    def unreachable(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """A driver for an address where nothing answers."""
        make = self.harness.make_unreachable
        assert make is not None
        with opened(make, request) as driver:
            yield driver

    @pytest.mark.parametrize("call", ["get_content", "put_content", "stat", "list", "reader", "writer"])
    def test_unreachable_store(self, unreachable: StorageDriver, call: str) -> None:
        with self.fails(unreachable, _error_of(self, call, UnavailableError)):
            STORE[call](unreachable, "/file")
