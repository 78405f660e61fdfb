"""Signatures with the account's key: of requests, and of URLs for others.

Sources: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key and
https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

__all__ = ["VERSION", "SharedKey"]

#: The version of the protocol that requests and signed URLs name.
VERSION = "2023-11-03"

_HEADERS = (
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
    """The key of an account.

    Parameters
    ----------
    account : str
        The account's name.
    key : str
        Its key in base64.
    """

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        self._key = base64.b64decode(key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._account}>"

    def authorization(self, method: str, url: str, headers: Mapping[str, str]) -> str:
        """The header ``Authorization`` of a request.

        Parameters
        ----------
        method : str
            The HTTP method.
        url : str
            The whole URL, quoted.
        headers : mapping
            The headers that are sent, with ``x-ms-date``, and ``Content-Length`` where there is a body.
        """
        return f"SharedKey {self._account}:{self._signature(self._request_text(method, url, headers))}"

    def query(self, container: str, blob: str, expires: datetime, *, secure: bool) -> str:
        """The query by which anybody can read a blob.

        Parameters
        ----------
        container, blob : str
            Their names.
        expires : datetime
            When it ends, in UTC.
        secure : bool
            Whether it is for https only.
        """
        end, protocol = expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "https" if secure else ""
        resource = f"/blob/{self._account}/{container}/{blob}"
        # Permissions, start, end, resource, policy, addresses, protocol, version, kind of resource, snapshot,
        # encryption scope, and five headers of the answer.
        signed = ["r", "", end, resource, "", "", protocol, VERSION, "b", "", "", *[""] * 5]
        text = "\n".join(signed)
        fields = {"se": end, "sp": "r", "spr": protocol, "sv": VERSION, "sr": "b", "sig": self._signature(text)}
        return urlencode({name: value for name, value in fields.items() if value}, quote_via=quote, safe="")

    def _request_text(self, method: str, url: str, headers: Mapping[str, str]) -> str:
        fields = {name.lower(): value.strip() for name, value in headers.items()}
        if fields.get("content-length") == "0":
            del fields["content-length"]
        own = sorted((name for name in fields if name.startswith("x-ms-")), key=_rank)
        parts = urlsplit(url)
        query = sorted((name.lower(), value) for name, value in parse_qsl(parts.query, keep_blank_values=True))
        return "\n".join(
            (
                method,
                *(fields.get(name, "") for name in _HEADERS),
                *(f"{name}:{fields[name]}" for name in own),
                f"/{self._account}{parts.path}",
                *(f"{name}:{value}" for name, value in query),
            )
        )

    def _signature(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256)).decode()


def _rank(name: str) -> tuple[str, str]:
    """Where the service sorts a header: `-` does not count, and `_` comes before digits and letters."""
    return name.replace("-", "").replace("_", "!"), name
