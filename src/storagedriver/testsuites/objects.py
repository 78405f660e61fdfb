"""The driver as an object: its name, its repr, pickling, forking and closing."""

from __future__ import annotations

import importlib
import os
import pickle

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.testsuites.calls import without_record
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import drain, in_a_fork, in_another_process, is_picklable, upload

__all__ = ["Objects"]


def _put_and_get(driver: StorageDriver, path: str) -> tuple[str, bytes]:
    content = driver.get_content(path)
    driver.put_content(path + "-answer", b"from another process")
    return driver.name, content


def _get(driver: StorageDriver, path: str) -> bytes:
    return driver.get_content(path)


class Objects(Cases):
    """Cases of a driver as a Python object."""

    def test_name_is_the_one_that_errors_carry(self, driver: StorageDriver) -> None:
        assert driver.name
        with self.fails(driver, PathNotFoundError):
            driver.stat("/missing")

    def test_name_is_the_one_that_it_is_registered_by(self, driver: StorageDriver) -> None:
        name = self.harness.registered_as
        if name is None:
            assert isinstance(driver.name, str)
            return
        # The suite needs the factory for this alone.
        factory = importlib.import_module("storagedriver.factory")
        assert name in factory.names(), f"the factory knows no driver {name!r}"
        assert driver.name == name, "the driver has another name than the one it is registered by"

    def test_walk_order_is_one_of_the_two(self, driver: StorageDriver) -> None:
        assert driver.walk_order in ("bytewise", "tree")

    def test_repr_holds_no_secret(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        with driver.reader("/file") as reader, driver.writer("/upload") as writer:
            for thing in (driver, reader, writer):
                self.holds_no_secret(repr(thing) + str(thing), f"the repr of a {type(thing).__name__}")

    def test_pickled_driver_is_on_the_same_store(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver)
            return
        for protocol in (2, pickle.HIGHEST_PROTOCOL):
            with pickle.loads(pickle.dumps(driver, protocol)) as other:
                assert type(other) is type(without_record(driver))
                assert other.name == driver.name
                assert other.capabilities == driver.capabilities
                assert other.get_content("/file") == b"content"
        with pickle.loads(pickle.dumps(driver)) as other:
            other.put_content("/other", b"from the other driver")
        assert driver.get_content("/other") == b"from the other driver"
        assert driver.list("/") == ["/file", "/other"]

    def test_changes_of_another_driver_are_seen_at_once(self, driver: StorageDriver) -> None:
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver)
            return
        with pickle.loads(pickle.dumps(driver)) as other:
            for number in range(3):
                path, content = f"/dir/{number}", b"x" * (number + 1)
                driver.put_content("/dir/same", content)
                assert other.get_content("/dir/same") == content
                assert other.stat("/dir/same").size == number + 1
                assert not other.exists(path)
                driver.put_content(path, content)
                assert path in other.list("/dir"), "a listing is stale"
                assert other.exists(path)
            driver.delete("/dir")
            assert other.list("/") == []

    def test_driver_can_be_sent_to_another_process(self, driver: StorageDriver) -> None:
        driver.put_content("/file", b"content")
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver)
            return
        assert in_another_process(_put_and_get, driver, "/file") == (driver.name, b"content")
        assert driver.get_content("/file-answer") == b"from another process"

    def test_error_can_be_sent_from_another_process(self, driver: StorageDriver) -> None:
        with self.fails(driver, PathNotFoundError, "/missing"):
            if self.capabilities.multiprocess:
                in_another_process(_get, driver, "/missing")
            driver.get_content("/missing")

    def test_cause_of_an_error_survives_pickling(self, driver: StorageDriver) -> None:
        error = PathNotFoundError("gone", driver_name=driver.name, path="/a")
        error.__cause__ = KeyError("what the store said")
        again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(error))))
        assert isinstance(again, StorageDriverError)
        assert (again.driver_name, again.path, str(again)) == (driver.name, "/a", str(error))
        assert again.cause_text == error.cause_text == "KeyError: 'what the store said'"

    if hasattr(os, "fork"):

        def test_driver_can_be_used_after_a_fork(self, driver: StorageDriver) -> None:
            driver.put_content("/dir/file", b"content")
            with driver.reader("/dir/file") as reader:
                assert drain(reader) == b"content"

            def use_it() -> None:
                assert driver.get_content("/dir/file") == b"content"
                assert driver.list("/dir") == ["/dir/file"]
                upload(driver, "/dir/child", b"from the child")
                with driver.reader("/dir/child") as reader:
                    assert drain(reader) == b"from the child"

            in_a_fork(use_it)
            assert driver.get_content("/dir/file") == b"content", "the parent cannot use its driver after a fork"
            assert driver.exists("/dir/child") is self.capabilities.multiprocess

    def test_driver_is_a_context_manager(self, driver: StorageDriver) -> None:
        with driver as same:
            assert same is driver
            same.put_content("/file", b"content")

    def test_driver_can_be_closed_twice(self, driver: StorageDriver) -> None:
        driver.close()
        driver.close()
