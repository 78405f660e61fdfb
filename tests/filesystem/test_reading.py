from __future__ import annotations

import pickle
from typing import Any

import pytest
from fsspec.caching import caches

from storagedriver import ConflictError, InvalidPathError, factory
from storagedriver.filesystem import ReadFile, StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver

CONTENT = bytes(range(256)) * 100
PATH = "/data/x.bin"


@pytest.fixture(autouse=True)
def _content(driver: DictionaryDriver) -> None:
    driver.contents[PATH] = CONTENT


def test_a_range_is_one_bounded_read(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    assert fs.cat_file(PATH, 100, 20_000) == CONTENT[100:20_000]
    assert driver.calls == [("reader", PATH, 100, 19_900)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, None),
        (0, None),
        (5, None),
        (None, 5),
        (0, 0),
        (9, 3),
        (-10, None),
        (None, -10),
        (-10, -3),
        (-99_999, 4),
        (25_595, 99_999),
        (99_999, None),
        (99_999, 100_000),
        (3, -99_999),
    ],
)
def test_ranges_are_slices(fs: StorageDriverFileSystem, start: int | None, end: int | None) -> None:
    assert fs.cat_file(PATH, start, end) == CONTENT[start:end]
    assert fs.read_bytes("storagedriver://data/x.bin", start, end) == CONTENT[start:end]


def test_only_a_negative_limit_asks_for_the_size(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    fs.cat_file(PATH, -100)
    assert [call[0] for call in driver.calls] == ["stat", "reader"]
    assert driver.calls[1] == ("reader", PATH, 25_500, 100)


def test_a_whole_file_is_one_call(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    assert fs.cat_file(PATH) == fs.cat(PATH) == CONTENT
    assert [call[0] for call in driver.calls] == ["get_content"] * 2


def test_an_empty_range_of_a_missing_file_is_an_error(fs: StorageDriverFileSystem) -> None:
    with pytest.raises(FileNotFoundError):
        fs.cat_file("/missing", 5, 5)


def test_many_ranges(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    starts = list(range(0, 25_000, 1000))
    ends = [start + 10 for start in starts]
    assert fs.cat_ranges([PATH] * 25, starts, ends) == [CONTENT[start : start + 10] for start in starts]
    assert sorted(driver.calls) == [("reader", PATH, start, 10) for start in starts]
    assert fs.cat_ranges([PATH, PATH], 3, 5) == [CONTENT[3:5]] * 2


def test_an_error_takes_the_place_of_its_range(fs: StorageDriverFileSystem) -> None:
    found, missing = fs.cat_ranges([PATH, "/missing"], 0, 5)
    assert found == CONTENT[:5]
    assert isinstance(missing, FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges([PATH, "/missing"], 0, 5, on_error="raise")


def test_ranges_and_paths_must_match(fs: StorageDriverFileSystem) -> None:
    with pytest.raises(ValueError, match="zip"):
        fs.cat_ranges([PATH], [1, 2], [3, 4])
    with pytest.raises(NotImplementedError):
        fs.cat_ranges([PATH], [1], [3], max_gap=10)


def test_cat_of_several(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.contents["/data/y.bin"] = b"y"
    both = {PATH: CONTENT, "/data/y.bin": b"y"}
    assert fs.cat("/data/*.bin") == both
    assert fs.cat([PATH, "/data/y.bin"]) == both
    assert fs.cat([PATH]) == {PATH: CONTENT}
    assert fs.cat([PATH, "/none"], on_error="omit") == {PATH: CONTENT}
    assert isinstance(fs.cat([PATH, "/none"], on_error="return")["/none"], FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat([PATH, "/none"])


def test_head_and_tail(fs: StorageDriverFileSystem) -> None:
    assert fs.head(PATH, 10) == CONTENT[:10]
    assert fs.tail(PATH, 10) == CONTENT[-10:]
    assert fs.read_block(PATH, 10, 20) == CONTENT[10:30]


#: Those of fsspec itself: what other packages register may be for their own files alone.
CACHES = sorted(
    name for name, cache in caches.items() if name not in (None, "parts") and cache.__module__ == "fsspec.caching"
)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # fsspec's mmap leaves it to the collector
@pytest.mark.parametrize("cache_type", CACHES)
def test_every_cache(fs: StorageDriverFileSystem, driver: DictionaryDriver, cache_type: str) -> None:
    with fs.open(PATH, cache_type=cache_type, block_size=2000) as file:
        assert file.read(10) == CONTENT[:10]
        assert file.seek(20_000) == 20_000
        assert file.read(100) == CONTENT[20_000:20_100]
        assert file.seek(-50, 2) == len(CONTENT) - 50
        assert file.read() == CONTENT[-50:]
        assert file.read(5) == b""
        file.seek(7)
        assert file.read() == CONTENT[7:]
    for _, path, offset, length in driver.noted("reader"):
        assert path == PATH
        assert length is not None
        assert offset + length <= len(CONTENT)


def test_a_file_is_read_in_blocks(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH, block_size=3000) as file:
        file.read(10)
        file.read(10)
        file.seek(10_000)
        file.read(10)
    assert driver.noted("reader") == [("reader", PATH, 0, 3010), ("reader", PATH, 10_000, 3010)]


def test_without_a_cache_nothing_more_is_read(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH, cache_type="none") as file:
        file.seek(100)
        assert file.read(10) == CONTENT[100:110]
    assert driver.noted("reader") == [("reader", PATH, 100, 10)]


def test_defaults_of_the_filesystem_are_used(driver: DictionaryDriver) -> None:
    fs = StorageDriverFileSystem(driver, block_size=50, cache_type="bytes")
    with fs.open(PATH) as file:
        assert (file.blocksize, file.cache.name) == (50, "bytes")


def test_a_known_size_saves_a_call(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH, size=len(CONTENT)) as file:
        file.read(1)
    assert [call[0] for call in driver.calls] == ["reader"]


def test_readinto_lines_and_text(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.contents["/t"] = "erste\r\nzweite\nü".encode()
    with fs.open("/t") as file:
        buffer = bytearray(5)
        assert file.readinto(buffer) == 5
        assert bytes(buffer) == b"erste"
        assert list(file) == [b"\r\n", b"zweite\n", "ü".encode()]
    with fs.open("/t", "r", encoding="utf-8") as file:
        assert list(file) == ["erste\n", "zweite\n", "ü"]
    with fs.open("/t", "rt", encoding="latin-1", newline="") as file:
        assert file.read() == "erste\r\nzweite\nÃ¼"
    assert fs.read_text("/t", encoding="utf-8", newline="") == "erste\r\nzweite\nü"


def test_a_file_that_is_replaced_while_it_is_read(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    with fs.open(PATH) as file:
        file.read(10)
        driver.contents[PATH] = b"something else"
        file.seek(10_000)
        with pytest.raises(ConflictError, match="14 bytes"):
            file.read(10)


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_what_cannot_be_opened(fs: StorageDriverFileSystem, mode: str) -> None:
    with pytest.raises(FileNotFoundError):
        fs.open("/missing", mode)
    with pytest.raises(IsADirectoryError):
        fs.open("/data", mode)
    with pytest.raises(InvalidPathError):
        fs.open("/a b", mode)
    with pytest.raises(InvalidPathError):
        fs.open("/", mode)


@pytest.mark.parametrize("mode", ["r+b", "w+b", "rb+"])
def test_modes_that_do_both_are_refused(fs: StorageDriverFileSystem, mode: str) -> None:
    with pytest.raises(NotImplementedError):
        fs.open(PATH, mode)


def test_a_file_that_is_read_can_be_pickled(local: StorageDriverFileSystem) -> None:
    local.pipe_file(PATH, CONTENT)
    with local.open(PATH, block_size=123, cache_type="blockcache") as file:
        file.seek(1000)
        with pickle.loads(pickle.dumps(file)) as copy:
            assert isinstance(copy, ReadFile)
            assert (copy.tell(), copy.blocksize, copy.cache.name) == (1000, 123, "blockcache")
            assert copy.read(10) == CONTENT[1000:1010]
            assert copy == file


def test_reads_are_bounded_through_the_factory_too(request: pytest.FixtureRequest, driver: DictionaryDriver) -> None:
    def make(_: Any) -> DictionaryDriver:
        return driver

    factory.register("recorded", make)
    request.addfinalizer(lambda: factory.unregister("recorded"))
    fs = StorageDriverFileSystem("recorded")
    with fs.open(PATH, block_size=100) as file:
        assert file.read(28) == CONTENT[:28]
    assert driver.noted("reader") == [("reader", PATH, 0, 128)]
