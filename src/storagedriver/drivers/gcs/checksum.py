"""CRC32C: the checksum that Google gives of every object, and takes with the last chunk of an upload.

Source: https://cloud.google.com/storage/docs/data-validation
"""

from __future__ import annotations

import base64
import binascii

import google_crc32c

__all__ = ["extended", "parsed", "written"]

_PIECE = 1 << 20


def extended(crc: int, data: memoryview) -> int:
    """The checksum of some bytes with that checksum, and of `data` after them. That of nothing is 0."""
    for start in range(0, len(data), _PIECE):
        # It takes nothing but bytes.
        crc = google_crc32c.extend(crc, bytes(data[start : start + _PIECE]))
    return crc


def written(crc: int) -> str:
    """The checksum as Google writes it: base64 of four bytes, the highest first."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def parsed(text: str) -> int | None:
    """The checksum of such a text, None if it is none."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(value, "big") if len(value) == 4 else None  # noqa: PLR2004 - 32 bits
