"""Signatures of requests, made offline: version 4, and version 2 for servers that know no other.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, urlsplit

from storagedriver.adapter.http.answer import Signed
from storagedriver.adapter.http.signing import signing_key

__all__ = ["UNSIGNED", "Credentials", "Signer", "SignerV2", "SignerV4"]

#: In place of a hash, where TLS protects the body.
UNSIGNED = "UNSIGNED-PAYLOAD"

#: Headers that are changed on their way, by Google's servers for one.
_UNSIGNED = ("Accept-Encoding", "User-Agent")

Query = Sequence[tuple[str, str]]

#: What of a query version 2 signs: "Constructing the CanonicalizedResource Element" of the second source.
_SUBRESOURCES = frozenset(("acl", "delete", "partNumber", "uploadId", "uploads", "versionId", "versions"))


@dataclass(frozen=True)
class Credentials:
    """Who asks.

    Attributes
    ----------
    access_key, secret_key : str
        The key.
    token : str
        That of temporary credentials; else empty.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class Signer(Protocol):
    """Signs a request."""

    def sign(
        self,
        credentials: Credentials,
        method: str,
        url: str,
        query: Query,
        headers: Mapping[str, str],
        payload: str,
    ) -> Signed:
        """Sign a request, now.

        Parameters
        ----------
        credentials : Credentials
            Who asks.
        method, url : str
            The request, without the query; the path is quoted.
        query : sequence of (str, str)
            Names and values, not quoted yet.
        headers : mapping
            The headers that are sent.
        payload : str
            The SHA-256 of the body in hexadecimal digits, or `UNSIGNED`.
        """


class SignerV4:
    """Signatures of version 4.

    Parameters
    ----------
    region : str
        The region of the bucket.
    """

    def __init__(self, region: str) -> None:
        self._region = region

    def sign(
        self,
        credentials: Credentials,
        method: str,
        url: str,
        query: Query,
        headers: Mapping[str, str],
        payload: str,
    ) -> Signed:
        """See `Signer`."""
        moment = _now(int(time.time()))
        _, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        sent = {**headers, "Host": host, "X-Amz-Content-SHA256": payload, "X-Amz-Date": moment}
        if credentials.token:
            sent["X-Amz-Security-Token"] = credentials.token
        covered = sorted([(name.lower(), value) for name, value in sent.items() if name not in _UNSIGNED])
        names = ";".join([name for name, _ in covered])
        lines = "\n".join([f"{name}:{value.strip()}" for name, value in covered])
        encoded = _encoded(query) if query else ""
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        asked = f"{method}\n/{path}\n{encoded}\n{lines}\n\n{names}\n{payload}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        sign = signing_key(f"AWS4{credentials.secret_key}", moment[:8], self._region, "s3", "aws4_request")
        who = f"Credential={credentials.access_key}/{scope}"
        sent["Authorization"] = f"AWS4-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={sign(text.encode())}"
        return Signed(method, f"{url}?{encoded}" if encoded else url, sent)


@lru_cache(maxsize=4)
def _now(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


class SignerV2:
    """Signatures of version 2.

    Parameters
    ----------
    bucket : str
        The bucket's name.
    in_host : bool
        Whether the bucket is a part of the host, and not of the path.
    """

    def __init__(self, bucket: str, *, in_host: bool) -> None:
        self._above = f"/{bucket}" if in_host else ""

    def sign(
        self,
        credentials: Credentials,
        method: str,
        url: str,
        query: Query,
        headers: Mapping[str, str],
        payload: str,
    ) -> Signed:
        """See `Signer`."""
        del payload
        sent = {**headers, "Date": formatdate(usegmt=True)}
        if credentials.token:
            sent["X-Amz-Security-Token"] = credentials.token
        lower = {name.lower(): value for name, value in sent.items()}
        amazon = [f"{name}:{lower[name]}" for name in sorted(lower) if name.startswith("x-amz-")]
        signed = sorted((name, value) for name, value in query if name in _SUBRESOURCES)
        resource = self._above + urlsplit(url).path
        if signed:
            resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in signed)
        plain = [lower.get(name, "") for name in ("content-md5", "content-type", "date")]
        text = "\n".join([method, *plain, *amazon, resource])
        signature = hmac.digest(credentials.secret_key.encode(), text.encode(), "sha1")
        sent["Authorization"] = f"AWS {credentials.access_key}:{base64.b64encode(signature).decode()}"
        encoded = _encoded(query)
        return Signed(method, f"{url}?{encoded}" if encoded else url, sent)


def _encoded(query: Query) -> str:
    return "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query))
