"""Uploads: the life of a writer, over one session and over several."""

from __future__ import annotations

import gc
import io
from array import array
from collections.abc import Callable

import pytest

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, drain, in_another_process, is_picklable, pattern, same_bytes, upload

__all__ = ["Uploads"]

ENDS: dict[str, Callable[[FileWriter], None]] = {
    "commit": lambda writer: writer.commit(),
    "cancel": lambda writer: writer.cancel(),
    "close": lambda writer: writer.close(),
}
#: Two pieces of one session and one of the next.
FIRST, SECOND, THIRD = pattern(700, 1), pattern(33, 2), pattern(500, 3)


class _StoppedError(Exception):
    """Stands for whatever goes wrong in a user's block."""


def _write_and_stop(writer: FileWriter) -> None:
    with writer:
        writer.write(FIRST)
        raise _StoppedError


def _drop(writers: list[FileWriter]) -> None:
    """Leave them to the garbage collection."""
    writers.clear()
    gc.collect()


def _go_on(driver: StorageDriver, path: str, data: bytes) -> int:
    """One more session of an upload; gives the size that it found."""
    with driver.writer(path, append=True) as writer:
        before = writer.size
        writer.write(data)
    return before


class Uploads(Cases):
    """Cases of `writer`."""

    def test_commit_publishes(self, driver: StorageDriver) -> None:
        with driver.writer("/a/data") as writer:
            assert isinstance(writer, io.RawIOBase)
            assert writer.writable()
            assert writer.write(FIRST) == len(FIRST)
            assert writer.write(b"") == 0
            assert writer.write(SECOND) == len(SECOND)
            writer.commit()
        same_bytes(driver.get_content("/a/data"), FIRST + SECOND)
        assert driver.stat("/a/data").size == len(FIRST + SECOND)

    def test_commit_without_a_block(self, driver: StorageDriver) -> None:
        writer = driver.writer("/data")
        writer.write(FIRST)
        writer.commit()
        same_bytes(driver.get_content("/data"), FIRST)
        writer.close()
        same_bytes(driver.get_content("/data"), FIRST, "after close, the content")

    def test_size_counts_the_buffer_and_earlier_sessions(self, driver: StorageDriver) -> None:
        with driver.writer("/data") as writer:
            assert writer.size == 0
            writer.write(FIRST)
            assert writer.size == len(FIRST), "size leaves out what is buffered"
            writer.write(SECOND)
            assert writer.size == len(FIRST + SECOND)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(FIRST + SECOND), "size leaves out the earlier session"
            writer.write(THIRD)
            assert writer.size == len(FIRST + SECOND + THIRD)
            writer.commit()
        assert writer.size == len(FIRST + SECOND + THIRD), "size must stay after commit"

    @pytest.mark.parametrize("size", [32, 10 * MIB])
    def test_three_sessions_make_one_file(self, driver: StorageDriver, size: int) -> None:
        content = pattern(3 * size, 9)
        for session in range(3):
            with driver.writer("/data", append=session > 0) as writer:
                assert writer.size == session * size
                writer.write(content[session * size : (session + 1) * size])
                if session == 2:
                    writer.commit()
        assert driver.stat("/data").size == len(content)
        with driver.reader("/data") as reader:
            same_bytes(drain(reader, MIB), content)
        for edge in (size, 2 * size):
            with driver.reader("/data", edge - 1, 2) as reader:
                assert drain(reader) == content[edge - 1 : edge + 1], f"wrong bytes around the seam at {edge}"

    def test_many_small_sessions(self, driver: StorageDriver) -> None:
        content = pattern(60, 6)
        for number in range(6):
            upload(driver, "/data", content[number * 10 : number * 10 + 10], append=number > 0, end="close")
        upload(driver, "/data", append=True)
        assert driver.get_content("/data") == content

    def test_session_that_writes_nothing_changes_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/data", FIRST, end="close")
        upload(driver, "/data", append=True, end="close")
        upload(driver, "/data", SECOND, append=True)
        same_bytes(driver.get_content("/data"), FIRST + SECOND)

    def test_upload_of_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/empty")
        assert driver.get_content("/empty") == b""
        assert driver.stat("/empty").size == 0
        with driver.reader("/empty") as reader:
            assert drain(reader) == b""

    def test_empty_upload_can_be_resumed(self, driver: StorageDriver) -> None:
        upload(driver, "/data", end="close")
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 0
            writer.write(FIRST)
            writer.commit()
        same_bytes(driver.get_content("/data"), FIRST)

    def test_append_to_committed_nothing(self, driver: StorageDriver) -> None:
        driver.put_content("/put", b"")
        upload(driver, "/written")
        for path in ("/put", "/written"):
            with driver.writer(path, append=True) as writer:
                assert writer.size == 0
                writer.write(FIRST)
                writer.commit()
            same_bytes(driver.get_content(path), FIRST)

    @pytest.mark.parametrize("size", [40, MIB])
    def test_append_to_committed_content(self, driver: StorageDriver, size: int) -> None:
        content = pattern(size, 8)
        driver.put_content("/data", content)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == size, "append to committed content goes on from its end"
            writer.write(SECOND)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == size + len(SECOND)
            writer.write(THIRD)
            writer.commit()
        same_bytes(driver.get_content("/data"), content + SECOND + THIRD)

    def test_append_of_nothing_to_committed_content(self, driver: StorageDriver) -> None:
        driver.put_content("/data", FIRST)
        upload(driver, "/data", append=True)
        same_bytes(driver.get_content("/data"), FIRST)

    def test_append_after_commit_goes_on_from_the_content(self, driver: StorageDriver) -> None:
        upload(driver, "/data", FIRST)
        upload(driver, "/data", SECOND, append=True)
        upload(driver, "/data", THIRD, append=True)
        same_bytes(driver.get_content("/data"), FIRST + SECOND + THIRD)

    def test_append_to_a_missing_path(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/below/file", b"x")
        driver.put_content("/dir/a-longer-name", b"x")
        for path in ("/missing", "/dir/below", "/dir/a"):
            with self.fails(driver, PathNotFoundError, path):
                driver.writer(path, append=True)
        assert driver.list("/") == ["/dir"], "append to a missing path created it"
        assert driver.list("/dir") == ["/dir/a-longer-name", "/dir/below"]

    def test_writer_without_append_starts_over(self, driver: StorageDriver) -> None:
        driver.put_content("/data", FIRST)
        with driver.writer("/data") as writer:
            assert writer.size == 0
            writer.write(SECOND)
            writer.commit()
        same_bytes(driver.get_content("/data"), SECOND)

    def test_any_buffer_can_be_written(self, driver: StorageDriver) -> None:
        buffer = bytearray(b"0123456789")
        with driver.writer("/data") as writer:
            assert writer.write(buffer) == 10
            buffer[:] = b"##########"
            assert writer.write(memoryview(buffer)[:3]) == 3
            buffer[:] = b"!!!!!!!!!!"
            assert writer.write(memoryview(array("I", [1, 2]))) == array("I", [1, 2]).itemsize * 2
            writer.commit()
        expected = b"0123456789###" + array("I", [1, 2]).tobytes()
        same_bytes(driver.get_content("/data"), expected, "a later change of the buffer changed the content, which")

    def test_writing_from_one_buffer_that_is_used_again(self, driver: StorageDriver) -> None:
        content, buffer = pattern(3 * MIB, 12), bytearray(MIB)
        with driver.writer("/data") as writer:
            for start in range(0, len(content), MIB):
                buffer[:] = content[start : start + MIB]
                writer.write(buffer)
            writer.commit()
        same_bytes(driver.get_content("/data"), content)

    @pytest.mark.parametrize("end", ENDS)
    def test_ended_writer_can_only_be_closed(self, driver: StorageDriver, end: str) -> None:
        writer = driver.writer("/data")
        writer.write(FIRST)
        ENDS[end](writer)
        uses: dict[str, Callable[[], object]] = {
            "write": lambda: writer.write(b"more"),
            "commit": writer.commit,
            "cancel": writer.cancel,
        }
        for name, use in uses.items():
            try:
                use()
            except ValueError:
                pass
            else:
                pytest.fail(f"{name} after {end} must raise ValueError")
        writer.close()
        writer.close()
        assert writer.closed
        assert isinstance(writer.size, int)
        assert driver.exists("/data") is (
            end == "commit" or (end == "close" and self.capabilities.unfinished == "shown")
        )

    def test_leaving_the_block_does_not_commit(self, driver: StorageDriver) -> None:
        with driver.writer("/data") as writer:
            writer.write(FIRST)
        assert writer.closed
        assert driver.exists("/data") is (self.capabilities.unfinished == "shown")
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(FIRST), "leaving the block must leave the upload to be resumed"
            writer.commit()
        same_bytes(driver.get_content("/data"), FIRST)

    def test_exception_in_the_block_does_not_commit(self, driver: StorageDriver) -> None:
        writer = driver.writer("/data")
        with pytest.raises(_StoppedError):
            _write_and_stop(writer)
        assert writer.closed
        assert driver.exists("/data") is (self.capabilities.unfinished == "shown")
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(FIRST), "an exception in the block must leave the upload to be resumed"
            writer.write(SECOND)
            writer.commit()
        same_bytes(driver.get_content("/data"), FIRST + SECOND)

    def test_abandoned_writer_warns_and_publishes_nothing(self, driver: StorageDriver) -> None:
        driver.put_content("/data", THIRD)
        writers = [driver.writer("/data")]
        writers[0].write(FIRST)
        with pytest.warns(ResourceWarning):
            _drop(writers)
        if self.capabilities.unfinished != "shown":
            same_bytes(driver.get_content("/data"), THIRD, "after an upload was dropped, the committed content")
        with driver.writer("/data") as writer:
            assert writer.size == 0
            writer.write(SECOND)
            writer.commit()
        same_bytes(driver.get_content("/data"), SECOND)

    def test_upload_goes_on_in_another_process(self, driver: StorageDriver) -> None:
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver), "a store of one process must not be sent to another one"
            return
        upload(driver, "/dir/data", FIRST, end="close")
        assert in_another_process(_go_on, driver, "/dir/data", SECOND) == len(FIRST)
        with driver.writer("/dir/data", append=True) as writer:
            assert writer.size == len(FIRST + SECOND)
            writer.write(THIRD)
            writer.commit()
        same_bytes(driver.get_content("/dir/data"), FIRST + SECOND + THIRD)

    def test_buffered_writer_of_the_standard_library(self, driver: StorageDriver) -> None:
        raw = driver.writer("/data")
        buffered = io.BufferedWriter(raw, 100)
        for start in range(0, len(FIRST), 9):
            buffered.write(FIRST[start : start + 9])
        assert buffered.detach() is raw
        raw.commit()
        same_bytes(driver.get_content("/data"), FIRST)
