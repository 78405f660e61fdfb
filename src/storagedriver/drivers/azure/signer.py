"""The signature of a request with the account's key, made offline.

Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from urllib.parse import urlsplit

__all__ = ["SharedKey"]

#: The headers whose values are signed without their names, in this order.
_PLAIN = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class SharedKey:
    """An account's key.

    Parameters
    ----------
    account : str
        The account's name.
    key : str
        The key, base64.
    """

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        self._key = base64.b64decode(key)

    def signed(
        self, method: str, url: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> dict[str, str]:
        """The headers of a request, with its time and its signature.

        Parameters
        ----------
        method : str
            The HTTP method.
        url : str
            The URL without its query.
        query : sequence of (str, str)
            Names and values, not quoted.
        headers : mapping
            The headers that are sent.
        """
        sent = {**headers, "x-ms-date": formatdate(usegmt=True)}
        lower = {name.lower(): value for name, value in sent.items()}
        if lower.get("content-length") == "0":
            lower["content-length"] = ""
        named = sorted((name, value) for name, value in lower.items() if name.startswith("x-ms-"))
        lines = [method, *(lower.get(name, "") for name in _PLAIN), *(f"{name}:{value}" for name, value in named)]
        asked = "".join(f"\n{name}:{value}" for name, value in sorted((name.lower(), value) for name, value in query))
        lines.append(f"/{self._account}{urlsplit(url).path}{asked}")
        signature = base64.b64encode(hmac.digest(self._key, "\n".join(lines).encode(), "sha256")).decode()
        sent["Authorization"] = f"SharedKey {self._account}:{signature}"
        return sent
