"""Readers and writers are recorded until they end, with their bytes and what became of them."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from storagedriver import ConflictError, FileReader, FileWriter, StorageDriver, factory
from storagedriver.driver import Capabilities
from storagedriver.middleware import MiddlewareDriver
from tests.telemetry.conftest import SDK


@pytest.fixture
def driver(sdk: SDK) -> StorageDriver:
    return sdk.instrument(factory.create("inmemory"))


ENDS: dict[str, Callable[[FileWriter], None]] = {
    "committed": FileWriter.commit,
    "cancelled": FileWriter.cancel,
    "closed": FileWriter.close,
}


@pytest.mark.parametrize("outcome", ENDS)
def test_a_writer_is_recorded_until_it_ends(outcome: str, sdk: SDK, driver: StorageDriver) -> None:
    writer = driver.writer("/a")
    writer.write(b"12345")
    writer.write(memoryview(b"1234").cast("H"))
    assert sdk.spans() == []
    getattr(writer, {"committed": "commit", "cancelled": "cancel", "closed": "close"}[outcome])()
    assert writer.closed
    writer.close()
    assert writer.size == 9
    last, stream = sdk.spans()
    assert stream.name == "writer inmemory"
    found = dict(stream.attributes or {})
    assert found["storagedriver.stream.outcome"] == outcome
    assert found["storagedriver.write.size"] == 9
    assert (
        last.name
        == {"committed": "writer.commit", "cancelled": "writer.cancel", "closed": "writer.close"}[outcome] + " inmemory"
    )
    assert last.parent == stream.context
    assert sdk.total("storagedriver.io", operation="writer", direction="write") == 9
    (point,) = sdk.points("storagedriver.stream.duration", operation="writer")
    assert point.attributes["storagedriver.stream.outcome"] == outcome
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="closed"):
        writer.commit()
    assert len(sdk.spans()) == 2


def test_bytes_of_a_resumed_upload_count_once(sdk: SDK, driver: StorageDriver) -> None:
    with driver.writer("/a") as writer:
        writer.write(b"12345")
    with driver.writer("/a", append=True) as writer:
        assert writer.tell() == 5
        writer.write(b"678")
        writer.commit()
    assert [(span.attributes or {})["storagedriver.write.size"] for span in sdk.spans("writer inmemory")] == [5, 3]
    assert sdk.total("storagedriver.io", direction="write") == 8


def test_a_dropped_writer_is_not_closed(sdk: SDK, driver: StorageDriver) -> None:
    writer = driver.writer("/a")
    writer.write(b"1")
    held = [writer]
    del writer
    with pytest.warns(ResourceWarning, match="unclosed writer"):
        held.clear()
    assert sdk.span("writer inmemory")["storagedriver.stream.outcome"] == "dropped"
    assert sdk.spans("writer.close") == []


class _Losing(MiddlewareDriver):
    """A driver whose writers fail as often as they are asked to."""

    def __init__(self, driver: StorageDriver, failures: list[Exception], *, is_final: bool) -> None:
        super().__init__(driver)
        self.failures = failures
        self.is_final = is_final

    def writer(self, path: str, append: bool = False) -> FileWriter:
        losing, below = self, super().writer(path, append)

        class Writer(FileWriter):
            size = property(lambda _: below.size)

            def write(self, data: Any, /) -> int:
                if losing.failures:
                    below.write(data[:2])
                    raise losing.failures.pop()
                return below.write(data)

            def commit(self) -> None:
                if losing.failures:
                    if losing.is_final:
                        below.cancel()
                        super().close()
                    raise losing.failures.pop()
                below.commit()
                super().close()

            def cancel(self) -> None:
                below.cancel()
                super().close()

            def close(self) -> None:
                below.close()
                super().close()

        return Writer()


def test_a_failure_that_was_made_good_is_none_of_the_stream(sdk: SDK) -> None:
    below = _Losing(factory.create("inmemory"), [ConflictError()], is_final=False)
    driver = sdk.instrument(below)
    with driver.writer("/a") as writer:
        with pytest.raises(ConflictError):
            writer.write(b"1234")
        assert writer.size == 2
        writer.write(b"34")
        below.failures.append(OSError(5, "the disk"))
        with pytest.raises(OSError, match="the disk"):
            writer.commit()
        writer.commit()
    assert driver.get_content("/a") == b"1234"
    (stream,) = sdk.spans("writer inmemory")
    assert stream.status.status_code is StatusCode.UNSET
    assert (stream.attributes or {})["storagedriver.write.size"] == 4
    assert [span.status.status_code for span in sdk.spans("writer.commit")] == [StatusCode.ERROR, StatusCode.UNSET]


def test_a_conflict_ends_the_stream_as_a_failure(sdk: SDK) -> None:
    below = _Losing(factory.create("inmemory"), [], is_final=True)
    driver = sdk.instrument(below)
    writer = driver.writer("/a")
    below.failures.append(ConflictError())
    with pytest.raises(ConflictError):
        writer.commit()
    assert writer.closed
    found = sdk.span("writer inmemory")
    assert found["storagedriver.stream.outcome"] == "conflict"
    assert found["error.type"] == "storagedriver.errors.ConflictError"


def test_a_writer_that_cannot_be_made_is_a_failed_call_and_no_stream(sdk: SDK, driver: StorageDriver) -> None:
    with pytest.raises(FileNotFoundError):
        driver.writer("/a", append=True)
    assert sdk.spans("writer")[0].status.status_code is StatusCode.ERROR
    assert sdk.points("storagedriver.stream.duration") == []


def test_a_reader_is_recorded_until_it_is_closed(sdk: SDK, driver: StorageDriver) -> None:
    content = bytes(range(256)) * 8192
    driver.put_content("/a", content)
    with driver.reader("/a", 1) as reader:
        assert (reader.size, reader.tell()) == (len(content), 1)
        assert reader.mod_time == driver.stat("/a").mod_time
        assert reader.version == driver.stat("/a").version
        assert reader.read(3) == content[1:4]
        buffer = bytearray(4)
        assert reader.readinto(buffer) == 4
        assert buffer == content[4:8]
        assert reader.readline() == content[8:11]
        assert sdk.spans("reader") == []
        assert sdk.total("storagedriver.io", operation="reader") == 0
        large = reader.read(1 << 20)
        assert large == content[11 : 11 + len(large)]
        assert sdk.total("storagedriver.io", operation="reader") == 10 + len(large) > 1 << 20
        assert reader.readall() == content[11 + len(large) :]
    reader.close()
    found = sdk.span("reader")
    assert found["storagedriver.read.size"] == sdk.total("storagedriver.io", direction="read") == len(content) - 1
    assert found["storagedriver.stream.outcome"] == "closed"
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_a_dropped_reader_is_closed(sdk: SDK, driver: StorageDriver) -> None:
    driver.put_content("/a", b"1")
    reader = driver.reader("/a")
    assert "over" in repr(reader)
    del reader
    gc.collect()
    assert sdk.span("reader")["storagedriver.stream.outcome"] == "closed"


def test_a_read_that_fails_is_a_failure_of_the_stream(sdk: SDK) -> None:
    class Reader(FileReader):
        size, version = 3, ""
        mod_time = None  # type: ignore[assignment]

        def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002
            raise OSError(5, "the disk")

    class Below(MiddlewareDriver):
        def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:  # noqa: ARG002
            return Reader()

    with sdk.instrument(Below(factory.create("inmemory"))).reader("/a") as reader, pytest.raises(OSError, match="disk"):
        reader.read(1)
    assert sdk.span("reader")["error.type"] == "OSError"


def test_what_a_stream_has_beside_the_contract_is_there(sdk: SDK) -> None:
    class Reader(FileReader):
        size, version, note = 3, "", "mine"
        mod_time = None  # type: ignore[assignment]

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0, /) -> int:
            return offset + whence

    class Below(MiddlewareDriver):
        def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:  # noqa: ARG002
            return Reader()

    with sdk.instrument(Below(factory.create("inmemory"))).reader("/a") as reader:
        found: Any = reader
        assert found.note == "mine"
        assert reader.seekable()
        assert reader.seek(5) == 5
        with pytest.raises(AttributeError, match="nothing_such"):
            found.nothing_such  # noqa: B018


def test_a_stream_that_is_open_over_a_fork_is_recorded_by_the_parent(sdk: SDK, tmp_path: Path) -> None:
    driver = sdk.instrument(factory.create("filesystem", {"rootdirectory": str(tmp_path)}))
    assert isinstance(driver.capabilities, Capabilities)
    driver.put_content("/a", b"1")
    reader = driver.reader("/a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        pid = os.fork()
    if pid == 0:
        reader.close()
        os._exit(len(sdk.spans("reader")))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    reader.close()
    assert len(sdk.spans("reader")) == 1
