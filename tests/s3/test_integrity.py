"""Checksums: of contents that are written, and of those that are read as a whole."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from storagedriver.adapter.checksums import crc_of, encoded
from storagedriver.errors import IntegrityError, ParameterError, StorageDriverError
from storagedriver.testsuites.faults.actions import Answer, DamageReply, DamageRequest
from storagedriver.testsuites.faults.proxy import Request
from storagedriver.testsuites.helpers import drain, pattern, upload
from tests.integrity import CONTENT, DamagedReads, DamagedWrites, MakeChecked, reads
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

MIB = 1 << 20


@pytest.fixture
def make_checked(make_s3: MakeS3, seaweedfs: S3Server, root: str, fault_proxy: StartProxy) -> MakeChecked:
    def make(**parameters: Any) -> Any:
        proxy = fault_proxy(seaweedfs.endpoint)
        return make_s3(seaweedfs, root, regionendpoint=proxy.endpoint, **parameters), proxy

    return make


class TestReads(DamagedReads):
    """Of an object with a CRC32C."""


class TestReadsByMD5(DamagedReads):
    """Of an object without one, where a comparison is demanded."""

    checking: ClassVar[dict[str, Any]] = {"checksums": "always"}

    @pytest.fixture
    def stored(self, make_checked: MakeChecked) -> Any:
        driver, proxy = make_checked(**self.checking)
        make_checked(checksums="never")[0].put_content("/file", CONTENT)
        return driver, proxy


class TestWrites(DamagedWrites):
    """The hash of a signed payload protects it."""


class TestWritesByCRC(DamagedWrites):
    """The CRC32C does, where payloads are not signed."""

    protecting: ClassVar[dict[str, Any]] = {"payloadsigning": "never"}


def test_put_carries_the_checksum_and_parts_carry_none(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked()
    upload(driver, "/large", pattern(11 * MIB))
    driver.put_content("/small", b"content")
    sums = {request.query.partition("=")[0]: dict(request.headers) for request in proxy.matching("PUT")}
    assert sums[""]["x-amz-checksum-crc32c"] == encoded("crc32c", crc_of("crc32c", b"content"))
    assert not [name for name in sums["partNumber"] if "checksum" in name]


def test_parts_carry_an_md5_where_it_is_demanded_and_no_signature_covers_them(make_checked: MakeChecked) -> None:
    for signing, there in (("never", True), ("always", False)):
        driver, proxy = make_checked(checksums="always", payloadsigning=signing)
        upload(driver, "/large", pattern(11 * MIB))
        assert all(("content-md5" in request.headers) == there for request in proxy.matching("PUT"))


def test_stream_in_ranges_is_not_compared(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked(readconcurrency=4)
    driver.put_content("/file", pattern(20 * MIB))
    with driver.reader("/file") as reader:
        assert drain(reader) == pattern(20 * MIB)
    assert not [request for request in proxy.matching("GET") if "x-amz-checksum-mode" in request.headers]


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (400, "InvalidArgument")])
def test_server_that_refuses_checksums_works_without(make_checked: MakeChecked, status: int, code: str) -> None:
    """As Backblaze answers: https://www.backblaze.com/docs/cloud-storage-s3-compatible-api."""
    answer = Answer(status, f"<Error><Code>{code}</Code><Message>Unsupported header</Message></Error>".encode())

    def has_checksum(request: Request) -> bool:
        return any(name.startswith("x-amz-checksum") for name in request.headers)

    for first in ("put", "get", "read"):
        driver, proxy = make_checked()
        make_checked()[0].put_content("/file", CONTENT)
        rule = proxy.add(answer, when=has_checksum, times=None)
        for _ in range(2):
            if first == "put":
                driver.put_content("/file", CONTENT)
            elif first == "get":
                assert driver.get_content("/file") == CONTENT
            else:
                with driver.reader("/file") as reader:
                    assert drain(reader) == CONTENT
        assert rule.hits == 1
        strict, proxy = make_checked(checksums="always")
        proxy.add(answer, when=has_checksum, times=None)
        with pytest.raises(StorageDriverError):
            strict.put_content("/file", CONTENT)


def test_composite_checksum_is_none_of_the_content(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked()
    driver.put_content("/file", CONTENT)
    proxy.add(
        Answer(
            200, b"content", {"ETag": '"x"', "x-amz-checksum-crc32c": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"}
        ),
        when=reads,
    )
    assert driver.get_content("/file") == b"content"
    proxy.add(Answer(200, b"content", {"ETag": '"x"', "x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}), when=reads, times=2)
    with pytest.raises(IntegrityError, match="crc64nvme"):
        driver.get_content("/file")


def test_damaged_part_is_sent_again(make_checked: MakeChecked) -> None:
    """By its MD5. SeaweedFS does not compare the hash of a part that is signed."""
    driver, proxy = make_checked(checksums="always", payloadsigning="never")
    rule = proxy.add(DamageRequest(), query="partNumber=2")
    upload(driver, "/large", pattern(11 * MIB))
    assert rule.hits == 1
    assert driver.get_content("/large") == pattern(11 * MIB)


def test_object_of_parts_is_not_compared(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked(checksums="always")
    upload(driver, "/file", pattern(11 * MIB))
    proxy.add(DamageReply(), when=reads)
    assert driver.get_content("/file") != pattern(11 * MIB)


def test_checksums_is_one_of_three_words(make_checked: MakeChecked) -> None:
    with pytest.raises(ParameterError, match="checksums"):
        make_checked(checksums="sometimes")


def test_etag_that_is_no_md5_is_none(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked(checksums="always")
    proxy.add(Answer(200, b"content", {"ETag": f'"{"z" * 32}"'}), when=reads)
    assert driver.get_content("/file") == b"content"
