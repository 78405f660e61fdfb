"""The key that signatures of version 4 are made with, as S3 defined them and the stores that follow it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache

__all__ = ["signing_key"]

#: The bytes of a block of SHA-256.
_BLOCK = 64


@lru_cache(maxsize=16)
def signing_key(secret: str, *scope: str) -> Callable[[bytes], str]:
    """What signs with a key that is derived from a secret for a scope.

    The key of a day takes four times as long to make as a signature, so it is kept.

    Parameters
    ----------
    secret : str
        The secret, with what the store wants before it.
    *scope : str
        The date, the region, the service, and what the store wants behind them.

    Returns
    -------
    callable
        Gives the signature of a text in hexadecimal digits.
    """
    key = secret.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return _Keyed(key)


class _Keyed:
    """HMAC-SHA256 with one key, whose blocks are hashed once (RFC 2104, 4): half of what `hmac.digest` takes."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, text: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()
