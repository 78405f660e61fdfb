"""The CRC-64 that OSS keeps of every object and part.

It is CRC-64/XZ: https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity-by-using-crc-64
"""

from __future__ import annotations

from collections.abc import Callable

from storagedriver.adapter.checksums import Checksum, crc_of
from storagedriver.adapter.http.answer import Answer
from storagedriver.errors import IntegrityError

__all__ = ["NAME", "check", "sent", "sum_in"]

NAME = "crc64xz"
_HEADER = "x-oss-hash-crc64ecma"


def sum_in(answer: Answer) -> int | None:
    """The CRC-64 that an answer gives; None if it gives none."""
    crc = answer.headers.get(_HEADER, "")
    return int(crc) if crc.isdecimal() and int(crc) < 1 << 64 else None


def sent(data: memoryview, send: Callable[[], Answer]) -> Answer:
    """Send bytes, and once more where the store says that it has received others.

    Parameters
    ----------
    data : memoryview
        The bytes.
    send : callable
        Sends them.

    Raises
    ------
    IntegrityError
        If it has received others again.
    """
    answer = send()
    try:
        check(data, answer)
    except IntegrityError:
        answer = send()
        check(data, answer)
    return answer


def check(data: memoryview, answer: Answer) -> None:
    """Raise `IntegrityError` if the store says that it has received other bytes than these."""
    received = sum_in(answer)
    if received is not None and received != crc_of(NAME, data):
        wanted = Checksum.of_number(NAME, crc_of(NAME, data)).digest.hex()
        raise IntegrityError(f"the store has received bytes of the {NAME} {received:016x}, and {wanted} were sent")
