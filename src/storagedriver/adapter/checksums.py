"""The checksums that stores keep of contents, and what is made of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from storagedriver.errors import IntegrityError

__all__ = [
    "CHECKSUMS",
    "Checksum",
    "Running",
    "combined",
    "crc_of",
    "encoded",
    "md5_header",
    "read_twice",
]

#: The values of the parameter `checksums`.
CHECKSUMS = ("auto", "always", "never")
#: The names in `anycrc` and the bytes of each. It computes them with the processor's instructions.
_CRCS = {"crc32c": ("CRC32C", 4), "crc64nvme": ("CRC64-NVME", 8), "crc64xz": ("CRC64-XZ", 8)}


@cache
def _model(name: str) -> Any:
    import anycrc  # noqa: PLC0415 - only those who check need it

    return anycrc.Model(_CRCS[name][0])


def crc_of(name: str, data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """The CRC of some bytes.

    Parameters
    ----------
    name : {"crc32c", "crc64nvme", "crc64xz"}
        Which one.
    data : bytes-like
        The bytes.
    before : int
        The CRC of the bytes that come before them; 0 for none.
    """
    value: int = _model(name).calc(data, before) if len(data) else before
    return value


def combined(name: str, parts: Iterable[tuple[int, int]]) -> int:
    """The CRC of a whole, given CRC and size of each of its parts in their order. No content is needed."""
    whole = 0
    for crc, size in parts:
        whole = _model(name).combine(whole, crc, size) if size else whole
    return whole


def encoded(name: str, value: int) -> str:
    """A CRC as most stores write it: base64 of its bytes, the highest first."""
    return base64.b64encode(value.to_bytes(_CRCS[name][1], "big")).decode()


def md5_header(data: bytes | bytearray | memoryview) -> dict[str, str]:
    """The header that has a server check what it receives (RFC 1864). It costs more than all the rest of sending."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"Content-MD5": base64.b64encode(digest).decode()}


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _CRC:
    """A CRC in the way of `hashlib`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = crc_of(self._name, data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(_CRCS[self._name][1], "big")


@dataclass(frozen=True)
class Checksum:
    """What a store says of the whole content of an object.

    Attributes
    ----------
    name : {"crc32c", "crc64nvme", "crc64xz", "md5"}
        Which checksum it is.
    digest : bytes
        Its bytes, the highest first.
    """

    name: str
    digest: bytes

    @classmethod
    def of_text(cls, name: str, text: str) -> Checksum | None:
        """The checksum in base64; None if it is none."""
        try:
            digest = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        return cls(name, digest) if len(digest) == (_CRCS[name][1] if name in _CRCS else 16) else None

    @classmethod
    def of_number(cls, name: str, value: int) -> Checksum:
        """A CRC that is given as a number."""
        return cls(name, value.to_bytes(_CRCS[name][1], "big"))

    def check(self, content: bytes) -> None:
        """Raise `IntegrityError` unless it is that of the content."""
        running = Running(self)
        running.update(content)
        running.finish()


class Running:
    """The checksum of a content that comes in pieces, compared at its end.

    Parameters
    ----------
    expected : Checksum
        What the store says.
    """

    def __init__(self, expected: Checksum) -> None:
        self._expected = expected
        name = expected.name
        self._hash: _Hash = _CRC(name) if name in _CRCS else hashlib.new(name, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Take a piece."""
        self._hash.update(data)

    def finish(self) -> None:
        """Raise `IntegrityError` unless all pieces together have the checksum. It can be called again."""
        digest = self._hash.digest()
        if digest != self._expected.digest:
            raise IntegrityError(
                f"the content has the {self._expected.name} {digest.hex()},"
                f" and the store says {self._expected.digest.hex()}"
            )


def read_twice(read: Callable[[], tuple[bytes, Checksum | None]]) -> bytes:
    """A content that agrees with its checksum, which may take another reading of it.

    Parameters
    ----------
    read : callable
        Reads the content, and gives it with what the store says of it.

    Raises
    ------
    IntegrityError
        If two contents in a row do not agree with their checksums.
    """
    content, checksum = read()
    try:
        if checksum is not None:
            checksum.check(content)
    except IntegrityError:
        content, checksum = read()
        if checksum is not None:
            checksum.check(content)
    return content
