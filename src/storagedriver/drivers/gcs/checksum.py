"""CRC32C: the checksum that Google gives of every object, and takes with the last chunk of an upload.

Source: https://cloud.google.com/storage/docs/data-validation
"""

from __future__ import annotations

from storagedriver.adapter.checksums import Checksum, crc_of, encoded

__all__ = ["extended", "parsed", "written"]

_NAME = "crc32c"


def extended(crc: int, data: memoryview) -> int:
    """The checksum of some bytes with that checksum, and of `data` after them. That of nothing is 0."""
    return crc_of(_NAME, data, crc)


def written(crc: int) -> str:
    """The checksum as Google writes it."""
    return encoded(_NAME, crc)


def parsed(text: str) -> int | None:
    """The checksum of such a text, None if it is none."""
    checksum = Checksum.of_text(_NAME, text)
    return None if checksum is None else int.from_bytes(checksum.digest, "big")
