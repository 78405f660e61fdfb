"""Checksums of contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from storagedriver.adapter.checksums import Checksum, Running, combined, crc_of, encoded, read_twice
from storagedriver.errors import IntegrityError

#: The check values of the catalogue of parametrised CRCs, of the digits from 1 to 9.
CHECKS = {"crc32c": 0xE3069283, "crc64nvme": 0xAE8B14860A799888, "crc64xz": 0x995DC9BBDF1939FA}
DIGITS = b"123456789"


@pytest.mark.parametrize("name", CHECKS)
def test_crc_of_a_content_in_pieces(name: str) -> None:
    assert crc_of(name, DIGITS) == CHECKS[name]
    assert crc_of(name, memoryview(DIGITS)[4:], crc_of(name, bytearray(DIGITS[:4]))) == CHECKS[name]
    assert crc_of(name, b"") == 0
    assert crc_of(name, b"", CHECKS[name]) == CHECKS[name]


@pytest.mark.parametrize("name", CHECKS)
def test_crc_of_a_whole_is_made_of_those_of_its_parts(name: str) -> None:
    parts = [DIGITS[:2], b"", DIGITS[2:3], DIGITS[3:]]
    assert combined(name, [(crc_of(name, part), len(part)) for part in parts]) == CHECKS[name]
    assert combined(name, []) == 0


@pytest.mark.parametrize("name", CHECKS)
def test_checksum_of_a_text(name: str) -> None:
    checksum = Checksum.of_text(name, encoded(name, CHECKS[name]))
    assert checksum == Checksum.of_number(name, CHECKS[name])
    checksum.check(DIGITS)
    with pytest.raises(IntegrityError, match=name):
        checksum.check(DIGITS[:-1])


@pytest.mark.parametrize("text", ["", "no base64", "AAAA", "4waSgw==-3"])
def test_text_that_is_no_checksum(text: str) -> None:
    assert Checksum.of_text("crc32c", text) is None


def test_md5_in_pieces() -> None:
    running = Running(Checksum("md5", hashlib.md5(DIGITS, usedforsecurity=False).digest()))
    running.update(DIGITS[:3])
    with pytest.raises(IntegrityError):
        running.finish()
    running.update(DIGITS[3:])
    running.finish()


def test_content_is_read_twice_at_most() -> None:
    good, bad = DIGITS, DIGITS[::-1]
    checksum = Checksum.of_number("crc32c", CHECKS["crc32c"])

    def reading(*contents: bytes) -> Iterator[tuple[bytes, Checksum | None]]:
        return iter([(content, checksum) for content in contents])

    assert read_twice(reading(good).__next__) == good
    assert read_twice(reading(bad, good).__next__) == good
    with pytest.raises(IntegrityError):
        read_twice(reading(bad, bad, good).__next__)
    assert read_twice(lambda: (bad, None)) == bad
