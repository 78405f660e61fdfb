"""Neighbours: what is on the same store outside of the root directory is neither seen nor touched."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.harness import resolved
from storagedriver.testsuites.helpers import pattern, put_all, same_bytes, upload, walked

__all__ = ["Neighbours"]

CONTENT, PART = pattern(300, 1), pattern(200, 2)


@dataclass(frozen=True)
class _Planted:
    """A neighbour, with a file and an unfinished upload in a directory of its own."""

    driver: StorageDriver
    directory: str

    @classmethod
    def at(cls, driver: StorageDriver) -> _Planted:
        planted = cls(driver, f"/planted-{uuid.uuid4().hex}")
        driver.put_content(planted.file, CONTENT)
        upload(driver, planted.upload, PART, end="close")
        return planted

    @property
    def file(self) -> str:
        return f"{self.directory}/file"

    @property
    def upload(self) -> str:
        return f"{self.directory}/upload"

    def check(self, call: str) -> None:
        """Fail if the file or the upload was touched."""
        try:
            content = self.driver.get_content(self.file)
            size = self.driver.upload_size(self.upload)
        except PathNotFoundError as error:
            raise AssertionError(f"{call} has removed what is outside of the root directory: {error}") from error
        same_bytes(content, CONTENT, f"after {call}, a file outside of the root directory")
        assert size == len(PART), f"{call} has changed an upload outside of the root directory"


CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "list": lambda driver: driver.list("/"),
    "walk": lambda driver: [info.path for info in walked(driver, "/")],
    "files": lambda driver: [info.path for info in driver.files()],
    "uploads": lambda driver: [upload.path for upload in driver.uploads()],
    "purge_uploads": lambda driver: [upload.path for upload in driver.purge_uploads()],
}


class Neighbours(Cases):
    """Cases of a driver with others beside its root directory."""

    @pytest.fixture
    def planted(self, request: pytest.FixtureRequest) -> Iterator[list[_Planted]]:
        """Files and unfinished uploads outside of the root directory."""
        make = self.harness.make_neighbours
        assert make is not None
        with contextlib.ExitStack() as stack:
            found = []
            for neighbour in resolved(make, request):
                stack.enter_context(neighbour)
                found.append(_Planted.at(neighbour))
                stack.callback(_clear, found[-1])
            assert found, "make_neighbours gave no driver"
            yield found

    def test_neighbours_are_not_seen_by_an_empty_root(self, driver: StorageDriver, planted: list[_Planted]) -> None:
        for name, call in CALLS.items():
            assert call(driver) == [], f"{name} shows what is outside of the root directory"
            for neighbour in planted:
                neighbour.check(name)
        assert driver.stat("/").is_dir

    def test_neighbours_stay_when_everything_is_deleted(self, driver: StorageDriver, planted: list[_Planted]) -> None:
        put_all(driver, ["/planted", "/up/a", "/up/b/c"])
        upload(driver, "/up/unfinished", PART, end="close")
        upload(driver, "/unfinished", PART, end="close")
        own = [up.path for up in driver.uploads()]
        assert set(own) <= {"/up/unfinished", "/unfinished"}, "uploads shows what is outside of the root directory"
        assert {up.path for up in driver.purge_uploads()} == set(own)
        for path in driver.list("/"):
            driver.delete(path)
            for neighbour in planted:
                neighbour.check(f"delete({path!r})")
        assert driver.list("/") == []

    def test_neighbours_cannot_be_reached(self, driver: StorageDriver, planted: list[_Planted]) -> None:
        for neighbour in planted:
            for path in (neighbour.directory, neighbour.file, neighbour.upload):
                assert not driver.exists(path)
                for call in (driver.stat, driver.list, driver.get_content, driver.upload_size, driver.delete):
                    with self.fails(driver, PathNotFoundError, path):
                        call(path)
                assert [up.path for up in driver.uploads(path)] == []
                assert driver.purge_uploads(path) == []
            neighbour.check("a call for a path that is only outside of the root directory")


def _clear(planted: _Planted) -> None:
    with contextlib.suppress(StorageDriverError):
        planted.driver.delete(planted.directory)
