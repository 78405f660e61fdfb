"""Replacing a file that is read: the old content or the new one, never neither and never both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, drain, pattern, same_bytes, together, upload

__all__ = ["Replacing"]

TURNS = 12
#: More than any reader has in its buffers, and more than the socket below it.
LARGE = 24 * MIB


def _by_commit(driver: StorageDriver, content: bytes) -> None:
    upload(driver, "/data", content[:100], content[100:])


def _by_move(driver: StorageDriver, content: bytes) -> None:
    driver.put_content("/new", content)
    driver.move("/new", "/data")


def _by_copy(driver: StorageDriver, content: bytes) -> None:
    driver.put_content("/new", content)
    driver.copy("/new", "/data")


WAYS: dict[str, Callable[[StorageDriver, bytes], None]] = {"commit": _by_commit, "move": _by_move, "copy": _by_copy}


class _Onlookers:
    """What reads a file while it is replaced, and what it may find."""

    def __init__(self, driver: StorageDriver, way: str, versions: list[bytes], *, grows: bool) -> None:
        self.driver, self.way, self.versions = driver, way, versions
        #: Where an upload is seen while it grows, what is seen is a prefix of it.
        self.grows = grows

    def check(self, content: bytes, call: str) -> None:
        found = (
            any(version.startswith(content) for version in self.versions) if self.grows else content in self.versions
        )
        assert found, f"during a {self.way}, {call} gave {len(content)} bytes that are neither the old nor the new ones"

    def get(self) -> None:
        self.check(self.driver.get_content("/data"), "get_content")

    def stream(self) -> None:
        try:
            with self.driver.reader("/data") as reader:
                content = drain(reader)
        except ConflictError:
            # It was replaced under the stream, and the reader says so.
            return
        self.check(content, "a reader")

    def stat(self) -> None:
        size = self.driver.stat("/data").size
        sizes = [len(version) for version in self.versions]
        assert self.grows or size in sizes, f"during a {self.way}, stat gave size {size}"


class Replacing(Cases):
    """Cases of what a reader meets while a file is replaced."""

    @pytest.mark.parametrize("way", WAYS)
    def test_reader_finds_the_old_content_or_the_new(self, driver: StorageDriver, way: str) -> None:
        versions = [pattern(60_000 + number, number) for number in range(3)]
        driver.put_content("/data", versions[0])
        grows = way == "commit" and self.capabilities.unfinished == "shown"
        onlookers = _Onlookers(driver, way, versions, grows=grows)
        done = Event()

        def replace() -> None:
            try:
                for number in range(1, TURNS + 1):
                    WAYS[way](driver, versions[number % 3])
            finally:
                done.set()

        def look(call: Callable[[], None]) -> None:
            last = False
            while not last:
                last = done.is_set()
                try:
                    call()
                except PathNotFoundError as error:
                    if self.capabilities.atomic_replace or last:
                        message = f"during a {way}, {call.__name__} found neither the old content nor the new one"
                        raise AssertionError(message) from error

        calls: list[Callable[[], None]] = [replace]
        calls += [partial(look, call) for call in (onlookers.get, onlookers.stream, onlookers.stat)]
        together(calls)

    def test_reader_stays_on_one_version_beyond_its_buffers(self, driver: StorageDriver) -> None:
        old, new = pattern(LARGE, 1), pattern(LARGE, 2)
        upload(driver, "/data", old)
        upload(driver, "/new", new)
        got = bytearray()
        with driver.reader("/data") as reader:
            while len(got) < MIB:
                got += reader.read(64 << 10)
            driver.move("/new", "/data")
            try:
                got += drain(reader)
            except StorageDriverError:
                got = bytearray(old)
        same_bytes(bytes(got), old, "a stream over a move that came after its first MiB")
