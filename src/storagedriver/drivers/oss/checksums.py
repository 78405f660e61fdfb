"""The CRC-64 that OSS keeps of every object and part, and how those of parts make that of their whole.

It is CRC-64/XZ: https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity-by-using-crc-64
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

__all__ = ["combined"]

#: The polynomial of ECMA-182 with its bits reversed, as the bits of the sum are.
_POLYNOMIAL = 0xC96C5795D7870F42
_ONE = 1 << 63
_BITS = 64


def combined(parts: Iterable[tuple[int, int]]) -> int:
    """The sum of a whole, given sum and size of each of its parts in their order.

    No content is needed: appending `size` bytes multiplies what was there by
    x to the power of 8 times `size`, modulo the polynomial.
    """
    whole = 0
    for crc, size in parts:
        whole = _product(_shift(size), whole) ^ crc
    return whole


@lru_cache(maxsize=64)
def _shift(size: int) -> int:
    power, square = _ONE, _ONE >> 8
    while size:
        if size & 1:
            power = _product(power, square)
        square = _product(square, square)
        size >>= 1
    return power


def _product(left: int, right: int) -> int:
    """Two polynomials over the field of two elements, multiplied modulo ours."""
    result = 0
    for bit in range(_BITS - 1, -1, -1):
        if left >> bit & 1:
            result ^= right
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return result
