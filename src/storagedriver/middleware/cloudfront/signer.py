"""The signature of a CloudFront URL.

With a canned policy: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

__all__ = ["Signer"]

_BEGIN = b"-----BEGIN "
#: What base64 has that a URL cannot, and what CloudFront wants instead.
_URL_SAFE = bytes.maketrans(b"+=/", b"-_~")


class Signer:
    """Signs URLs with a key. It can be used by many threads, and pickled with its key.

    Parameters
    ----------
    key_pair_id : str
        The id of the public key at CloudFront.
    pem : bytes
        The private key, an RSA key in PEM. What stands before it is passed over.

    Raises
    ------
    ValueError
        If there is no such key; the message does not show what there is.
    """

    def __init__(self, key_pair_id: str, pem: bytes) -> None:
        self._key_pair_id = key_pair_id
        self._pem = pem
        self._key = _load(pem)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._key_pair_id}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._key_pair_id, self._pem)

    def sign(self, url: str, expires: int) -> str:
        """A signed URL.

        Parameters
        ----------
        url : str
            The URL, quoted.
        expires : int
            When it stops working, in seconds since the epoch.
        """
        condition = {"DateLessThan": {"AWS:EpochTime": expires}}
        # The bytes are compared at CloudFront: order and separators are part of the protocol.
        policy = json.dumps({"Statement": [{"Resource": url, "Condition": condition}]}, separators=(",", ":"))
        signature = base64.b64encode(self._key.sign(policy.encode(), PKCS1v15(), SHA1())).translate(_URL_SAFE)  # noqa: S303
        return f"{url}?Expires={expires}&Signature={signature.decode()}&Key-Pair-Id={self._key_pair_id}"


def _load(pem: bytes) -> RSAPrivateKey:
    start = pem.find(_BEGIN)
    if start < 0:
        raise ValueError("the file has no key in PEM")
    try:
        key = load_pem_private_key(pem[start:], None)
    except TypeError:
        raise ValueError("the key in the file is encrypted, it must be stored without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the file has no private key in PEM that can be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the key in the file is no RSA key")
    return key
