"""Streams: reading from an offset, within bounds, and on one version of the object."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidOffsetError, PathNotFoundError, StorageDriverError
from storagedriver.testsuites.calls import unhurried
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, drain, pattern, same_bytes, upload

__all__ = ["Streams"]

PIECE = 32
CONTENT = pattern(3 * PIECE, 7)
#: Before, at and after each boundary of a piece.
OFFSETS = sorted({max(0, edge * PIECE + step) for edge in range(4) for step in (-1, 0, 1)})
HUGE = 5 << 30


def slow_is_on(config: pytest.Config) -> bool:
    """Whether the cases that move gigabytes shall run."""
    return os.environ.get("STORAGEDRIVER_SLOW") == "1" or bool(config.getoption("--slow", default=False))


class Streams(Cases):
    """Cases of `reader`."""

    def test_reader_begins_at_any_offset(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        for offset in OFFSETS:
            with driver.reader("/data", offset) as reader:
                assert drain(reader) == CONTENT[offset:], f"wrong bytes from offset {offset}"
                assert reader.size == len(CONTENT), "size is that of the whole object, whatever the offset"

    def test_reader_past_the_end_is_empty(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        driver.put_content("/empty", b"")
        for path, offset in (("/data", 96), ("/data", 97), ("/data", 10**12), ("/empty", 0), ("/empty", 1)):
            with driver.reader(path, offset) as reader:
                assert reader.read(10) == b"", f"bytes came from offset {offset} of {path}"
                assert reader.read(10) == b""
                assert reader.size == (len(CONTENT) if path == "/data" else 0)

    def test_reader_gives_no_more_than_its_length(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        for offset in (0, 1, PIECE, 95, 96, 200):
            for length in (0, 1, PIECE, 95, 96, 97, 10**12):
                with driver.reader("/data", offset, length) as reader:
                    got = drain(reader)
                assert got == CONTENT[offset : offset + length], f"wrong bytes for offset {offset}, length {length}"

    def test_bounded_reader_reads_all_at_once(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        with driver.reader("/data", 10, 20) as reader:
            # In pieces first: of a stream without an end, all at once would not fit into memory.
            assert drain(reader) == CONTENT[10:30]
        with driver.reader("/data", 10, 20) as reader:
            assert reader.read() == CONTENT[10:30]
            assert reader.read() == b""
            assert reader.size == len(CONTENT)
        with driver.reader("/data", length=0) as reader:
            assert reader.read() == b""

    def test_large_content_in_bounded_ranges(self, driver: StorageDriver) -> None:
        content = pattern(3 * MIB, 3)
        upload(driver, "/large", content)
        for offset, length in ((0, MIB), (MIB - 1, MIB + 2), (2 * MIB + 7, 5 * MIB), (3 * MIB - 1, None)):
            end = None if length is None else offset + length
            with driver.reader("/large", offset, length) as reader:
                same_bytes(drain(reader, 300_000), content[offset:end], f"the range {offset} + {length}")

    @pytest.mark.parametrize("size", [1, 7, PIECE, 1000])
    def test_reading_in_pieces(self, driver: StorageDriver, size: int) -> None:
        driver.put_content("/data", CONTENT)
        with driver.reader("/data") as reader:
            assert drain(reader, size) == CONTENT
            assert reader.read(size) == b"", "a stream stays at its end"

    def test_reading_nothing_does_not_move(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        with driver.reader("/data") as reader:
            assert reader.read(0) == b""
            assert drain(reader) == CONTENT

    def test_reading_into_a_buffer(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        buffer = bytearray(b"#" * 50)
        got = b""
        with driver.reader("/data", 6) as reader:
            while count := reader.readinto(memoryview(buffer)[:20]):
                assert count <= 20
                assert buffer[20:] == b"#" * 30, "readinto wrote outside of the buffer"
                got += buffer[:count]
                assert len(got) <= len(CONTENT), "readinto goes on after the end"
        assert got == CONTENT[6:]

    def test_reader_is_a_stream_of_the_standard_library(self, driver: StorageDriver) -> None:
        driver.put_content("/lines", b"one\ntwo\nthree")
        with driver.reader("/lines") as reader:
            assert drain(reader) == b"one\ntwo\nthree"
        with io.BufferedReader(driver.reader("/lines")) as buffered:
            assert buffered.readlines() == [b"one\n", b"two\n", b"three"]
        with driver.reader("/lines") as reader:
            assert isinstance(reader, io.RawIOBase)
            assert reader.readable()
            assert not reader.writable()
            assert reader.readall() == b"one\ntwo\nthree"

    def test_reader_can_be_copied_to_a_writer(self, driver: StorageDriver) -> None:
        content = pattern(200_000, 4)
        driver.put_content("/source", content)
        with driver.reader("/source") as reader, driver.writer("/dest") as writer:
            shutil.copyfileobj(reader, writer)
            assert writer.size == len(content)
            writer.commit()
        same_bytes(driver.get_content("/dest"), content)

    def test_closed_reader_cannot_be_read(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        reader = driver.reader("/data")
        with reader:
            closed = [reader.closed]
        closed.append(reader.closed)
        reader.close()
        assert closed == [False, True]
        with pytest.raises(ValueError, match=r"^"):
            reader.read(1)

    def test_reader_can_be_left_half_read(self, driver: StorageDriver) -> None:
        driver.put_content("/data", pattern(MIB))
        for _ in range(12):
            with driver.reader("/data") as reader:
                assert reader.read(10) == pattern(MIB)[:10]
        driver.delete("/data")

    def test_missing_file_fails_at_the_call(self, driver: StorageDriver) -> None:
        opens: tuple[Callable[[str], object], ...] = (
            driver.reader,
            lambda path: driver.reader(path, 5),
            lambda path: driver.reader(path, length=0),
        )
        for open_reader in opens:
            with self.fails(driver, PathNotFoundError, "/missing"):
                open_reader("/missing")

    def test_negative_offset_and_length_are_refused(self, driver: StorageDriver) -> None:
        driver.put_content("/data", CONTENT)
        for offset, length in ((-1, None), (-(10**12), None), (0, -1), (-1, 5), (200, -1)):
            with self.fails(driver, InvalidOffsetError):
                driver.reader("/data", offset, length)

    @pytest.mark.parametrize("change", ["put", "upload", "move", "delete"])
    @pytest.mark.parametrize("size", [1000, 4 * MIB])
    def test_reader_stays_on_one_version(self, driver: StorageDriver, change: str, size: int) -> None:
        """Old bytes to the end, or an error; an upload that is visible changes the file in place."""
        old, new = pattern(size, 1), pattern(size, 2)
        upload(driver, "/data", old)
        driver.put_content("/new", new)
        with driver.reader("/data") as reader:
            got = reader.read(100)
            assert got
            if change == "put":
                driver.put_content("/data", new)
            elif change == "upload":
                upload(driver, "/data", new)
            elif change == "move":
                driver.move("/new", "/data")
            else:
                driver.delete("/data")
            try:
                got += drain(reader)
            except StorageDriverError:
                got = old
            if change != "upload" or self.capabilities.unfinished != "shown":
                same_bytes(got, old, f"a stream over a {change}")
        if change != "delete":
            same_bytes(driver.get_content("/data"), new)

    @unhurried
    def test_huge_stream(self, driver: StorageDriver, request: pytest.FixtureRequest) -> None:
        if not slow_is_on(request.config):
            pytest.skip("moves 10 GiB: runs with STORAGEDRIVER_SLOW=1")
        block, sent, got, size = pattern(MIB, 5), hashlib.sha256(), hashlib.sha256(), 0
        with driver.writer("/huge") as writer:
            for number in range(HUGE // MIB):
                piece = number.to_bytes(8, "big") + block[8:]
                sent.update(piece)
                writer.write(piece)
            sent.update(b"!")
            writer.write(b"!")
            assert writer.size == HUGE + 1
            writer.commit()
        assert driver.stat("/huge").size == HUGE + 1
        with driver.reader("/huge") as reader:
            while data := reader.read(MIB):
                got.update(data)
                size += len(data)
                assert size <= HUGE + 1, "the stream goes on after the end"
        assert size == HUGE + 1
        assert got.digest() == sent.digest()
        with driver.reader("/huge", HUGE - MIB, 8) as reader:
            assert drain(reader) == (HUGE // MIB - 1).to_bytes(8, "big")
        with driver.reader("/huge", HUGE) as reader:
            assert drain(reader) == b"!"
