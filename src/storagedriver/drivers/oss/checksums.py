"""The CRC-64 that OSS keeps of every object and part.

It is CRC-64/XZ: https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity-by-using-crc-64
"""

from __future__ import annotations

from collections.abc import Callable

from storagedriver.adapter.checksums import Checksum, crc_of
from storagedriver.adapter.http.answer import Answer
from storagedriver.errors import IntegrityError

__all__ = ["NAME", "sent", "sum_in"]

NAME = "crc64xz"
_HEADER = "x-oss-hash-crc64ecma"


def sum_in(answer: Answer) -> int | None:
    """The CRC-64 that an answer gives; None if it gives none."""
    crc = answer.headers.get(_HEADER, "")
    return int(crc) if crc.isdecimal() else None


def sent(data: memoryview, send: Callable[[bool], Answer]) -> Answer:
    """Send bytes, and once more where the store says that it has received others.

    Parameters
    ----------
    data : memoryview
        The bytes.
    send : callable
        Sends them; its argument says whether they were sent before.

    Raises
    ------
    IntegrityError
        If it has received others again.
    """
    answer = send(False)
    try:
        _check(data, answer)
    except IntegrityError:
        answer = send(True)
        _check(data, answer)
    return answer


def _check(data: memoryview, answer: Answer) -> None:
    received = sum_in(answer)
    if received is not None and received != crc_of(NAME, data):
        wanted = Checksum.of_number(NAME, crc_of(NAME, data)).digest.hex()
        raise IntegrityError(f"the store has received bytes of the {NAME} {received:016x}, and {wanted} were sent")
