"""Sessions of an upload that end otherwise than they should: what the next one finds."""

from __future__ import annotations

import gc
import time

import pytest

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import (
    die_in_another_process,
    drain,
    is_picklable,
    pattern,
    same_bytes,
    upload,
)

__all__ = ["Sessions"]

OLD, TAIL = pattern(900, 1), pattern(70, 2)
#: How long a session that will be killed has for sending what it was given, in
#: seconds: up to the first if that shows, else the second.
SENDING, UNSEEN = 20.0, 1.5
_PAUSE = 0.2


def _write_and_wait(driver: StorageDriver, path: str, append: bool, data: bytes) -> FileWriter:
    """Send parts and leave the writer open; what comes back is dropped by the process that dies.

    A part that is under way when a process is killed may still arrive. That is
    another case: here the parts have arrived.
    """
    writer = driver.writer(path, append=append)
    before = _size(driver, path)
    writer.write(data)
    begun = time.monotonic()
    sizes = [_size(driver, path)]
    while time.monotonic() - begun < (SENDING if sizes[-1] != before else UNSEEN):
        time.sleep(_PAUSE)
        sizes.append(_size(driver, path))
        if sizes[-1] == sizes[-2] != before:
            break
    return writer


def _size(driver: StorageDriver, path: str) -> int | None:
    try:
        return driver.upload_size(path)
    except PathNotFoundError:
        return None


def _drop(writers: list[FileWriter]) -> None:
    writers.clear()
    gc.collect()


class Sessions(Cases):
    """Cases of uploads of nothing, and of sessions that were killed."""

    @pytest.mark.parametrize("ended_by", ["close", "drop"])
    def test_upload_of_nothing_stays_one_through_resumes(self, driver: StorageDriver, ended_by: str) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", end="close")
        for session in range(5):
            writers = [driver.writer("/data", append=True)]
            size = writers[0].size
            if ended_by == "close":
                writers[0].close()
            else:
                with pytest.warns(ResourceWarning):
                    _drop(writers)
            assert size == 0, f"resume {session + 1} of a durable upload of nothing found {size} bytes"
        upload(driver, "/data", append=True)
        assert driver.get_content("/data") == b"", "the commit of an upload of nothing gave something else"

    @pytest.mark.parametrize("before", ["nothing", "content", "upload"])
    def test_bytes_of_a_killed_session_count_or_are_gone(self, driver: StorageDriver, before: str) -> None:
        """Whatever was sent after the last close: the next session counts it, or it never comes back."""
        if not self.capabilities.multiprocess:
            assert not is_picklable(driver), "a store of one process must not be sent to another one"
            return
        unit = self.harness.part_size
        durable, sent = (b"" if before == "nothing" else pattern(unit, 1)), pattern(2 * unit + 10, 2)
        if before != "nothing":
            upload(driver, "/data", durable, end="close" if before == "upload" else "commit")
        die_in_another_process(_write_and_wait, driver, "/data", before != "nothing", sent)
        try:
            writer = driver.writer("/data", append=True)
        except PathNotFoundError:
            assert before == "nothing", "what was durable before a session that was killed is gone"
            return
        whole = durable + sent
        with writer:
            size = writer.size
            assert len(durable) <= size <= len(whole), f"after a killed session a resume found {size} bytes"
            writer.write(TAIL)
        expected = whole[:size] + TAIL
        with driver.writer("/data", append=True) as writer:
            size, wanted = writer.size, len(expected)
            assert size == wanted, "bytes of a killed session have come back, or others are lost"
            writer.write(TAIL)
            writer.commit()
        with driver.reader("/data") as reader:
            same_bytes(drain(reader), expected + TAIL, "after a killed session and two others, the content")
