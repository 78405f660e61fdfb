"""Whole contents: put and get."""

from __future__ import annotations

from array import array

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import MIB, drain, pattern, same_bytes, upload

__all__ = ["Content"]

CONTENTS = {
    "one byte": b"x",
    "nothing": b"",
    "text": "Grüße, \u4e16\u754c \U0001f433\n".encode(),
    "no UTF-8": bytes(range(256)) + b"\xff\xfe\xc3\x28\x80",
    "line ends": b"a\nb\r\nc\r\x00\x1a",
    "1 MiB": pattern(MIB),
}


class Content(Cases):
    """Cases of `put_content` and `get_content`."""

    @pytest.mark.parametrize("kind", CONTENTS)
    def test_what_was_put_is_got(self, driver: StorageDriver, kind: str) -> None:
        driver.put_content("/data", CONTENTS[kind])
        same_bytes(driver.get_content("/data"), CONTENTS[kind])
        assert driver.stat("/data").size == len(CONTENTS[kind])

    @pytest.mark.parametrize("kind", CONTENTS)
    def test_what_was_written_is_read(self, driver: StorageDriver, kind: str) -> None:
        upload(driver, "/blobs/data", CONTENTS[kind])
        with driver.reader("/blobs/data") as reader:
            same_bytes(drain(reader), CONTENTS[kind])
        same_bytes(driver.get_content("/blobs/data"), CONTENTS[kind])

    def test_content_is_bytes(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"abc")
        assert type(driver.get_content("/data")) is bytes

    def test_content_may_be_any_buffer(self, driver: StorageDriver) -> None:
        whole = bytearray(b"0123456789")
        driver.put_content("/bytearray", whole)
        driver.put_content("/slice", memoryview(whole)[2:5])
        driver.put_content("/words", memoryview(array("I", [1, 2, 3])))
        whole[:] = b"##########"
        assert driver.get_content("/bytearray") == b"0123456789", "a later change of the buffer changed the content"
        assert driver.get_content("/slice") == b"234"
        assert driver.get_content("/words") == array("I", [1, 2, 3]).tobytes()

    def test_put_replaces_longer_content(self, driver: StorageDriver) -> None:
        driver.put_content("/data", pattern(5000, 1))
        driver.put_content("/data", b"short")
        assert driver.get_content("/data") == b"short"
        assert driver.stat("/data").size == 5

    def test_writer_replaces_longer_content(self, driver: StorageDriver) -> None:
        upload(driver, "/data", pattern(5000, 1))
        upload(driver, "/data", b"short")
        assert driver.get_content("/data") == b"short"
        assert driver.stat("/data").size == 5

    def test_put_replaces_with_nothing(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"abc")
        driver.put_content("/data", b"")
        assert driver.get_content("/data") == b""
        assert driver.stat("/data").size == 0

    def test_last_of_many_puts_stays(self, driver: StorageDriver) -> None:
        for number in range(20):
            content = pattern((number * 37) % 101, number)
            driver.put_content("/often", content)
            assert driver.get_content("/often") == content, f"put number {number} is not what was got"
        assert driver.list("/") == ["/often"]

    def test_files_do_not_share_content(self, driver: StorageDriver) -> None:
        driver.put_content("/one", b"1")
        driver.put_content("/two", b"22")
        driver.put_content("/three", b"333")
        assert [driver.get_content(path) for path in ("/one", "/two", "/three")] == [b"1", b"22", b"333"]

    def test_directory_has_no_content(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/sub/file", b"x")
        for path in ("/dir", "/dir/sub"):
            with self.fails(driver, PathNotFoundError, path):
                driver.get_content(path)
            with self.fails(driver, PathNotFoundError, path):
                driver.reader(path)
