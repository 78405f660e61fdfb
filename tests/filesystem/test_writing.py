from __future__ import annotations

import bz2
import contextlib
import gc
import gzip
import io
import logging
import pickle
from collections.abc import Callable
from typing import Any

import fsspec
import pytest

from storagedriver import ConflictError, FileInfo, InvalidPathError, PermissionDeniedError, StorageDriverError
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver

PATH = "/data/x.bin"
SMALL = b"some bytes"
LARGE = bytes(range(256)) * 40
SIZES = pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])


class BlockError(Exception):
    """What a block raises."""


def everything(fs: StorageDriverFileSystem) -> list[FileInfo]:
    """All files of the driver, what its filesystem hides included."""
    return list(fs.driver.files())


def put(fs: StorageDriverFileSystem, content: bytes) -> None:
    fs.driver.put_content(PATH, content)


@SIZES
def test_what_is_written_is_there_after_close(any_fs: StorageDriverFileSystem, content: bytes) -> None:
    put(any_fs, b"before")
    with any_fs.open(PATH, "wb") as file:
        assert (file.tell(), file.writable(), file.readable(), file.seekable()) == (0, True, False, False)
        assert file.write(content) == len(content)
        assert file.tell() == len(content)
        assert any_fs.cat_file(PATH) == b"before"
    assert file.closed
    assert any_fs.cat_file(PATH) == content
    assert [info.path for info in everything(any_fs)] == [PATH]


def test_many_small_pieces(any_fs: StorageDriverFileSystem) -> None:
    with any_fs.open(PATH, "wb") as file:
        for start in range(0, len(LARGE), 77):
            file.write(LARGE[start : start + 77])
            file.flush()
    assert any_fs.cat_file(PATH) == LARGE


def test_any_buffer_can_be_written(fs: StorageDriverFileSystem) -> None:
    with fs.open(PATH, "wb") as file:
        assert file.write(bytearray(b"ab")) == 2
        assert file.write(memoryview(b"cd").cast("B", (1, 2))) == 2
        with pytest.raises(TypeError):
            file.write("text")
    assert fs.cat_file(PATH) == b"abcd"


def test_a_small_file_is_one_put(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH, "wb") as file:
        file.write(SMALL)
        assert driver.calls == []
    assert driver.calls == [("put_content", PATH, 10)]


def test_a_large_file_is_an_upload_with_bounded_memory(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH, "wb", block_size=500) as file:
        for _ in range(100):
            file.write(b"x" * 99)
            assert file.buffer.tell() < 500
    assert [call[0] for call in driver.calls if call[0] != "write"] == ["writer", "commit"]
    assert max(call[2] for call in driver.noted("write")) <= 500
    assert driver.contents[PATH] == b"x" * 9900


def test_a_visible_upload_is_staged_out_of_sight(local: StorageDriverFileSystem) -> None:
    put(local, b"before")
    with local.open(PATH, "wb") as file:
        file.write(LARGE)
        assert len(everything(local)) == 2
        assert local.cat_file(PATH) == b"before"
        assert local.ls("/data", detail=False) == [PATH]
        assert [info["name"] for info in local.ls("/data")] == local.glob("/data/*") == local.find("/") == [PATH]
        assert next(local.walk("/data"))[2] == ["x.bin"]
    assert [info.path for info in everything(local)] == [PATH]


Opener = Callable[[StorageDriverFileSystem], Any]


@contextlib.contextmanager
def opened_by_fsspec(fs: StorageDriverFileSystem, mode: str = "wb", **options: Any) -> Any:
    with fsspec.core.OpenFile(fs, PATH, mode, **options) as file:
        yield file


@contextlib.contextmanager
def closed_in_the_end(fs: StorageDriverFileSystem) -> Any:
    file = fs.open(PATH, "wb")
    try:
        yield file
    finally:
        file.close()


BINARY: dict[str, Opener] = {
    "binary": lambda fs: fs.open(PATH, "wb"),
    "append": lambda fs: fs.open(PATH, "ab"),
    "gzip": lambda fs: fs.open(PATH, "wb", compression="gzip"),
    "bz2": lambda fs: fs.open(PATH, "wb", compression="bz2"),
    "zip": lambda fs: fs.open(PATH, "wb", compression="zip"),
    "fsspec": opened_by_fsspec,
    "fsspec gzip": lambda fs: opened_by_fsspec(fs, compression="gzip"),
    "closing": lambda fs: contextlib.closing(fs.open(PATH, "wb")),
    "finally": closed_in_the_end,
    "buffered": lambda fs: io.BufferedWriter(fs.open(PATH, "wb")),
    "gzip over it": lambda fs: gzip.GzipFile(fileobj=fs.open(PATH, "wb"), mode="wb"),
}
TEXT: dict[str, Opener] = {
    "text": lambda fs: fs.open(PATH, "w"),
    "text append": lambda fs: fs.open(PATH, "at"),
    "text gzip": lambda fs: fs.open(PATH, "wt", compression="gzip"),
    "text fsspec": lambda fs: opened_by_fsspec(fs, mode="wt"),
    "text fsspec gzip": lambda fs: opened_by_fsspec(fs, mode="wt", compression="gzip"),
    "text over it": lambda fs: io.TextIOWrapper(fs.open(PATH, "wb")),
}


def write_and_raise(block: Any, content: Any) -> None:
    with block as file:
        file.write(content)
        raise BlockError


def write_and_drop(open_file: Callable[[], Any], content: Any) -> None:
    file = open_file()
    file.write(content)
    del file
    gc.collect(1)


@pytest.mark.filterwarnings("ignore:unclosed file /data/x.bin:ResourceWarning")  # gzip leaves its file open
@pytest.mark.parametrize("size", [3, 30_000])
@pytest.mark.parametrize("opener", [*BINARY, *TEXT])
def test_a_block_that_raises_publishes_nothing(any_fs: StorageDriverFileSystem, opener: str, size: int) -> None:
    put(any_fs, b"before")
    content: Any = "x" * size if opener in TEXT else b"x" * size
    with pytest.raises(BlockError):
        write_and_raise({**BINARY, **TEXT}[opener](any_fs), content)
    gc.collect(1)
    assert [(info.path, info.size) for info in everything(any_fs)] == [(PATH, 6)]
    assert list(any_fs.driver.uploads("/")) == []


@pytest.mark.parametrize("size", [3, 30_000])
@pytest.mark.parametrize(
    "opener", [name for name in [*BINARY, *TEXT] if name not in {"append", "text append", "gzip over it"}]
)
def test_the_same_blocks_publish_when_they_do_not_raise(
    any_fs: StorageDriverFileSystem, opener: str, size: int
) -> None:
    content: Any = "x" * size if opener in TEXT else b"x" * size
    with {**BINARY, **TEXT}[opener](any_fs) as file:
        file.write(content)
    published = any_fs.cat_file(PATH)
    if "gzip" in opener:
        published = gzip.decompress(published)
    elif opener == "bz2":
        published = bz2.decompress(published)
    elif opener == "zip":
        published = any_fs.open(PATH, compression="zip").read()
    assert published == b"x" * size


@pytest.mark.parametrize("size", [3, 30_000])
@pytest.mark.parametrize("opener", [name for name in [*BINARY, *TEXT] if name not in {"closing", "finally"}])
def test_a_dropped_file_is_not_published(
    any_fs: StorageDriverFileSystem, opener: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    put(any_fs, b"before")
    content: Any = "x" * size if opener in TEXT else b"x" * size

    def open_file() -> Any:
        if not opener.startswith(("fsspec", "text fsspec")):
            return {**BINARY, **TEXT}[opener](any_fs)
        compression = "gzip" if "gzip" in opener else None
        mode = "wt" if opener in TEXT else "wb"
        return fsspec.core.OpenFile(any_fs, PATH, mode, compression=compression).open()

    with pytest.warns(ResourceWarning) as warned:
        write_and_drop(open_file, content)
    assert any("unclosed file /data/x.bin: it is not published" in str(each.message) for each in warned)
    assert any_fs.cat_file(PATH) == b"before"
    assert any_fs.find("/") == [PATH]
    assert caplog.records == []


def test_dropping_does_no_network(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    calls = []

    def open_file() -> Any:
        file = fs.open(PATH, "wt", compression="gzip")
        file.buffer._raw.write(LARGE)
        calls.extend(driver.calls)
        return file

    with pytest.warns(ResourceWarning):
        write_and_drop(open_file, "x")
    assert driver.calls == calls


def test_closing_while_a_later_error_is_handled_is_logged(
    fs: StorageDriverFileSystem, caplog: pytest.LogCaptureFixture
) -> None:
    file = fs.open(PATH, "wb")
    try:
        raise BlockError
    except BlockError:
        file.close()
    assert not fs.exists(PATH)
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "/data/x.bin is not published: it was closed while 'BlockError' was handled")
    ]


def test_commit_publishes_whatever_is_handled(fs: StorageDriverFileSystem) -> None:
    file = fs.open(PATH, "wb")
    file.write(SMALL)
    try:
        raise BlockError
    except BlockError:
        file.commit()
    assert fs.cat_file(PATH) == SMALL


@pytest.mark.parametrize("opener", [name for name in [*BINARY, *TEXT] if name != "gzip over it"])
def test_a_file_that_is_written_by_an_error_handler(fs: StorageDriverFileSystem, opener: str) -> None:
    try:
        raise BlockError
    except BlockError:
        with {**BINARY, **TEXT}[opener](fs) as file:
            file.write("x" if opener in TEXT else b"x")
            with contextlib.suppress(ValueError):
                int("x")
    assert fs.exists(PATH)


def test_a_block_in_an_error_handler_publishes_a_file_opened_before(fs: StorageDriverFileSystem) -> None:
    files = [fs.open("/1", "wb"), fs.open("/2", "w"), fs.open("/3", "w", compression="gzip")]
    try:
        raise BlockError
    except BlockError:
        for file in files:
            with file:
                pass
    assert fs.find("/") == ["/1", "/2", "/3"]


@pytest.mark.parametrize("mode", ["wb", "ab", "xb", "w", "a", "x", "wt"])
def test_every_mode_creates(any_fs: StorageDriverFileSystem, mode: str) -> None:
    with any_fs.open(PATH, mode) as file:
        file.write(b"new" if "b" in mode else "new")
    assert any_fs.cat_file(PATH) == b"new"


@SIZES
@pytest.mark.parametrize("before", [b"", SMALL, LARGE], ids=["to empty", "to small", "to large"])
def test_append(any_fs: StorageDriverFileSystem, before: bytes, content: bytes) -> None:
    put(any_fs, before)
    with any_fs.open(PATH, "ab") as file:
        assert file.tell() == len(before)
        file.write(content)
        assert file.tell() == len(before + content)
        assert any_fs.cat_file(PATH) == before
    assert any_fs.cat_file(PATH) == before + content
    assert [info.path for info in everything(any_fs)] == [PATH]


def test_append_keeps_what_came_meanwhile(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, b"a")
    with any_fs.open(PATH, "ab") as file:
        file.write(b"c")
        put(any_fs, b"ab")
    assert any_fs.cat_file(PATH) == b"abc"


@SIZES
def test_append_to_what_went_meanwhile(any_fs: StorageDriverFileSystem, content: bytes) -> None:
    put(any_fs, b"a")
    with any_fs.open(PATH, "ab") as file:
        any_fs.rm(PATH)
        file.write(content)
    assert any_fs.cat_file(PATH) == content


def test_append_does_not_go_on_with_what_somebody_left(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.contents[PATH] = SMALL
    driver.writer(PATH).write(b"left behind")
    with fs.open(PATH, "ab") as file:
        file.write(LARGE)
    assert fs.cat_file(PATH) == SMALL + LARGE


def test_appending_nothing_to_a_large_file_copies_nothing(
    fs: StorageDriverFileSystem, driver: DictionaryDriver
) -> None:
    driver.contents[PATH] = LARGE
    fs.open(PATH, "ab").close()
    assert {call[0] for call in driver.calls} == {"stat"}


def test_a_directory_cannot_be_appended_to(local: StorageDriverFileSystem) -> None:
    put(local, SMALL)
    with pytest.raises(IsADirectoryError):
        local.open("/data", "ab")


@pytest.mark.parametrize("mode", ["xb", "x"])
def test_exclusive(any_fs: StorageDriverFileSystem, mode: str) -> None:
    put(any_fs, SMALL)
    for path in (PATH, "/data"):
        with pytest.raises(FileExistsError) as caught:
            any_fs.open(path, mode)
        assert caught.value.filename == path


@SIZES
def test_exclusive_loses_to_who_came_meanwhile(any_fs: StorageDriverFileSystem, content: bytes) -> None:
    file = any_fs.open(PATH, "xb")
    file.write(content)
    put(any_fs, b"theirs")
    with pytest.raises(FileExistsError):
        file.close()
    assert any_fs.cat_file(PATH) == b"theirs"
    assert len(everything(any_fs)) == 1


@pytest.mark.parametrize("path", ["/a b", "/", "/a//b", "/a/../b", "/ü"])
def test_a_path_outside_the_rule_fails_at_open(any_fs: StorageDriverFileSystem, path: str) -> None:
    for mode in ("wb", "ab", "xb", "w"):
        with pytest.raises(InvalidPathError):
            any_fs.open(path, mode)


@pytest.mark.parametrize("failing", ["put_content", "writer", "write", "commit"])
def test_a_store_that_fails(fs: StorageDriverFileSystem, driver: DictionaryDriver, failing: str) -> None:
    driver.contents[PATH] = b"before"
    driver.failing[failing] = PermissionDeniedError(driver_name="dictionary")
    with pytest.raises(PermissionError), fs.open(PATH, "wb") as file:
        file.write(SMALL if failing == "put_content" else LARGE)
    assert driver.contents == {PATH: b"before"}
    assert driver.unfinished == {}
    with pytest.raises(ValueError, match="closed file"):
        file.flush()


def test_after_a_failed_write_close_does_not_publish(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    file = fs.open(PATH, "wb")
    driver.failing["write"] = PermissionDeniedError(driver_name="dictionary")
    with pytest.raises(PermissionError):
        file.write(LARGE)
    driver.failing.clear()
    with pytest.raises(StorageDriverError, match="a write failed"):
        file.write(SMALL)
    with pytest.raises(StorageDriverError, match="a write failed") as caught:
        file.close()
    assert isinstance(caught.value.__cause__, PermissionError)
    assert driver.contents == driver.unfinished == {}
    file.close()


def test_text_that_cannot_be_sent(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.failing["write"] = PermissionDeniedError(driver_name="dictionary")
    with pytest.raises(PermissionError), fs.open(PATH, "w") as file:
        file.write("x" * 5000)
    with pytest.raises(PermissionError), fs.open(PATH, "w", compression="gzip", block_size=5) as file:
        file.write("x" * 500)
    assert driver.contents == driver.unfinished == {}


def test_a_compressor_whose_end_cannot_be_sent(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.failing["write"] = PermissionDeniedError(driver_name="dictionary")
    file = fs.open(PATH, "wb", compression="bz2", block_size=5)
    file.write(SMALL)
    assert file.tell() == len(SMALL)
    with pytest.raises(PermissionError):
        file.close()
    file.close()
    assert driver.contents == driver.unfinished == {}


def test_a_failing_cleanup_does_not_hide_the_error(
    fs: StorageDriverFileSystem, driver: DictionaryDriver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.failing["cancel"] = PermissionDeniedError(driver_name="dictionary")
    with pytest.raises(BlockError):
        write_and_raise(fs.open(PATH, "wb"), LARGE)
    assert "could not be removed" in caplog.text


def test_a_failing_move_leaves_nothing_behind(local: StorageDriverFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def move(source: str, dest: str) -> None:
        raise ConflictError(f"{source} {dest}")

    put(local, b"before")
    monkeypatch.setattr(local.driver, "move", move)
    with pytest.raises(ConflictError), local.open(PATH, "wb") as file:
        file.write(LARGE)
    assert [(info.path, info.size) for info in everything(local)] == [(PATH, 6)]


@SIZES
def test_without_autocommit_commit_publishes(any_fs: StorageDriverFileSystem, content: bytes) -> None:
    put(any_fs, b"before")
    with any_fs.open(PATH, "wb", autocommit=False) as file:
        file.write(content)
    assert any_fs.cat_file(PATH) == b"before"
    file.commit()
    assert any_fs.cat_file(PATH) == content
    file.commit()
    file.discard()
    assert any_fs.cat_file(PATH) == content


@SIZES
@pytest.mark.parametrize("closed", [True, False])
def test_discard(any_fs: StorageDriverFileSystem, content: bytes, closed: bool) -> None:
    put(any_fs, b"before")
    file = any_fs.open(PATH, "wb", autocommit=False)
    file.write(content)
    if closed:
        file.close()
    file.discard()
    file.commit()
    file.close()
    assert [(info.path, info.size) for info in everything(any_fs)] == [(PATH, 6)]
    with pytest.raises(ValueError, match="closed file"):
        file.write(b"more")


def test_a_file_that_nobody_commits_is_not_published(any_fs: StorageDriverFileSystem) -> None:
    with any_fs.open(PATH, "wb", autocommit=False) as file:
        file.write(LARGE)
    del file
    with pytest.warns(ResourceWarning):
        any_fs.transaction.files.clear()
    assert any_fs.find("/") == []


def test_a_transaction_publishes_at_its_end(any_fs: StorageDriverFileSystem) -> None:
    with any_fs.transaction:
        with any_fs.open("/small", "wb") as file:
            file.write(SMALL)
        with any_fs.open("/text", "w") as file:
            file.write("text")
        any_fs.pipe({"/large": LARGE, "/piped": b"p"})
        left_open = any_fs.open("/open", "wb")
        left_open.write(b"open")
        assert any_fs.find("/") == []
    assert any_fs.cat(["/small", "/text", "/large", "/piped", "/open"]) == {
        "/small": SMALL,
        "/text": b"text",
        "/large": LARGE,
        "/piped": b"p",
        "/open": b"open",
    }
    with any_fs.open("/after", "wb") as file:
        file.write(SMALL)
    assert any_fs.exists("/after")


def test_a_transaction_that_raises_publishes_nothing(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, b"before")

    def fill() -> None:
        with any_fs.transaction:
            any_fs.pipe({PATH: LARGE, "/other": SMALL})
            raise BlockError

    with pytest.raises(BlockError):
        fill()
    assert [(info.path, info.size) for info in everything(any_fs)] == [(PATH, 6)]


def test_a_failed_file_does_not_join_its_transaction(any_fs: StorageDriverFileSystem) -> None:
    with any_fs.transaction:
        with contextlib.suppress(BlockError), any_fs.open(PATH, "wb") as file:
            file.write(LARGE)
            raise BlockError
        any_fs.pipe("/other", SMALL)
    assert [info.path for info in everything(any_fs)] == ["/other"]


def test_a_transaction_without_a_block(any_fs: StorageDriverFileSystem) -> None:
    any_fs.start_transaction()
    any_fs.pipe(PATH, SMALL)
    assert not any_fs.exists(PATH)
    any_fs.end_transaction()
    assert any_fs.cat_file(PATH) == SMALL


def test_a_written_file_is_no_cache_key_and_no_pickle(fs: StorageDriverFileSystem) -> None:
    with fs.open(PATH, "ab") as file:
        assert hash(file) == hash(file)
        with pytest.raises(RuntimeError):
            pickle.dumps(file)
        with pytest.raises(ValueError, match="while writing"):
            file.info()
        with pytest.raises(ValueError, match="not in read mode"):
            file.read()


def test_newlines_encodings_and_compression_by_name(any_fs: StorageDriverFileSystem) -> None:
    with any_fs.open("/x.gz", "w", encoding="latin-1", newline="\r\n", compression="infer") as file:
        file.write("ü\n")
    assert gzip.decompress(any_fs.cat_file("/x.gz")).decode("latin-1") == "ü\r\n"
    with any_fs.open("/x.gz", "r", encoding="latin-1", compression="infer") as file:
        assert file.read() == "ü\n"
    with any_fs.open("/x.gz", "a", encoding="latin-1", compression="gzip") as file:
        file.write("more")
    assert gzip.decompress(any_fs.cat_file("/x.gz")).count(b"m") == 1
    any_fs.write_text("/y", "ü", encoding="latin-1")
    assert any_fs.cat_file("/y") == b"\xfc"


def test_touch(any_fs: StorageDriverFileSystem) -> None:
    any_fs.touch(PATH)
    assert any_fs.size(PATH) == 0
    put(any_fs, SMALL)
    any_fs.touch(PATH)
    assert any_fs.size(PATH) == 0
    with pytest.raises(NotImplementedError):
        any_fs.touch(PATH, truncate=False)
