"""One driver used by many threads."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from threading import Event

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, drain, pattern, same_bytes, together, upload

__all__ = ["Concurrency"]

READERS, WRITERS, OPEN = 10, 32, 24


class Concurrency(Cases):
    """Cases of threads that share a driver."""

    def test_readers_at_offsets_of_one_file(self, driver: StorageDriver) -> None:
        content = pattern(2 * MIB, 1)
        upload(driver, "/data", content)

        def read(number: int) -> None:
            offset = number * len(content) // READERS
            with driver.reader("/data", offset) as reader:
                same_bytes(drain(reader, 50_000), content[offset:], f"what reader {number} got")

        together([partial(read, number) for number in range(READERS)], READERS)

    def test_writers_of_files_of_their_own(self, driver: StorageDriver) -> None:
        def write(number: int) -> None:
            pieces = [pattern(5000, number), pattern(number, number + 100)]
            upload(driver, f"/dir/{number:02d}", *pieces)
            same_bytes(driver.get_content(f"/dir/{number:02d}"), b"".join(pieces), f"what writer {number} wrote")

        together([partial(write, number) for number in range(WRITERS)], WRITERS)
        assert driver.list("/dir") == [f"/dir/{number:02d}" for number in range(WRITERS)]

    def test_resumed_writers_of_files_of_their_own(self, driver: StorageDriver) -> None:
        def write(number: int) -> None:
            path, pieces = f"/uploads/{number}/data", [pattern(100 + number, session) for session in range(3)]
            for session, piece in enumerate(pieces):
                upload(driver, path, piece, append=session > 0, end="close" if session < 2 else "commit")
            same_bytes(driver.get_content(path), b"".join(pieces), f"what writer {number} wrote")

        together([partial(write, number) for number in range(8)])

    def test_put_is_atomic_to_readers(self, driver: StorageDriver) -> None:
        versions = [pattern(100_000, 1), pattern(60_000, 2), pattern(100_000, 3)]
        driver.put_content("/data", versions[0])
        done = Event()

        def put() -> None:
            try:
                for number in range(24):
                    driver.put_content("/data", versions[number % 3])
            finally:
                done.set()

        def read() -> int:
            count = 0
            while not done.is_set() or not count:
                assert driver.get_content("/data") in versions, "get gave a mixture, or a truncated file"
                count += 1
            return count

        together([put, read, read])

    def test_many_open_streams_leave_room_for_calls(self, driver: StorageDriver) -> None:
        """A limit of connections must not be held for the life of a stream."""
        content = pattern(MIB, 1)
        driver.put_content("/data", content)
        with ExitStack() as stack:
            readers = [stack.enter_context(driver.reader("/data")) for _ in range(OPEN)]
            heads = [reader.read(10) for reader in readers]
            driver.put_content("/other", b"content")
            assert driver.get_content("/other") == b"content"
            for head, reader in zip(heads, readers, strict=True):
                same_bytes(head + drain(reader), content)

    def test_many_open_writers_leave_room_for_calls(self, driver: StorageDriver) -> None:
        with ExitStack() as stack:
            writers = [stack.enter_context(driver.writer(f"/dir/{number}")) for number in range(OPEN)]
            for number, writer in enumerate(writers):
                writer.write(b"content %d" % number)
            driver.put_content("/other", b"content")
            assert driver.get_content("/other") == b"content"
            for writer in writers:
                writer.commit()
        for number in range(OPEN):
            assert driver.get_content(f"/dir/{number}") == b"content %d" % number

    def test_deletes_and_puts_of_neighbours(self, driver: StorageDriver) -> None:
        def turn(number: int) -> None:
            path = f"/shared/{number}/file"
            for _ in range(5):
                driver.put_content(path, b"x")
                assert driver.exists(path)
                driver.delete(f"/shared/{number}")
                assert not driver.exists(path)

        together([partial(turn, number) for number in range(8)])

    def test_errors_in_threads(self, driver: StorageDriver) -> None:
        def miss(number: int) -> None:
            with pytest.raises(PathNotFoundError, match=f"/missing/{number}$"):
                driver.get_content(f"/missing/{number}")

        together([partial(miss, number) for number in range(32)], 16)
