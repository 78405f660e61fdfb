"""Signatures of requests and of URLs, made offline: version 1 and version 4.

Sources: https://www.alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header,
https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls and
https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol
from urllib.parse import quote

from storagedriver.adapter.http.answer import Signed
from storagedriver.adapter.http.signing import signing_key

__all__ = ["Credentials", "Request", "Signer", "SignerV1", "SignerV4"]

#: What a signature of version 4 says of the body, which it does not cover.
_UNSIGNED = "UNSIGNED-PAYLOAD"
_OWN = "x-oss-"
_V4 = "OSS4-HMAC-SHA256"

#: What of a query version 1 signs, as far as the driver uses it: "Construct CanonicalizedResource" of the first source.
_SUBRESOURCES = frozenset(
    ("acl", "continuation-token", "delete", "partNumber", "uploadId", "uploads", "versionId", "versions")
)


@dataclass(frozen=True)
class Credentials:
    """An access key.

    Attributes
    ----------
    access_key_id, access_key_secret : str
        Its parts.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)


@dataclass(frozen=True)
class Request:
    """A request that is to be signed.

    Attributes
    ----------
    method : str
        The HTTP method.
    url : str
        The URL without the query; the path is quoted.
    resource : str
        What it is about, not quoted: ``/<bucket>/<key>``, whatever host and path the URL has.
    query : sequence of (str, str)
        Names and values, not quoted.
    headers : mapping
        The headers that are sent.
    """

    method: str
    url: str
    resource: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Signer(Protocol):
    """Signs requests."""

    def sign(self, request: Request, now: float) -> Signed:
        """Sign a request in its headers.

        Parameters
        ----------
        request : Request
            The request.
        now : float
            The time of the signature, in seconds since 1970.
        """

    def presign(self, request: Request, now: float, expires: int) -> str:
        """The URL of a request with the signature in its query.

        Parameters
        ----------
        request : Request
            The request, which is then sent without headers that are signed.
        now : float
            The time of the signature, in seconds since 1970.
        expires : int
            The life of the URL in seconds.
        """


class SignerV1:
    """Signatures of version 1.

    Parameters
    ----------
    credentials : Credentials
        The access key.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def sign(self, request: Request, now: float) -> Signed:
        """See `Signer`."""
        date = formatdate(now, usegmt=True)
        signature = self._signature(request, date)
        who = f"OSS {self._credentials.access_key_id}:{signature}"
        return Signed(
            request.method,
            _located(request.url, request.query),
            {**request.headers, "Date": date, "Authorization": who},
        )

    def presign(self, request: Request, now: float, expires: int) -> str:
        """See `Signer`."""
        end = str(int(now) + expires)
        signed = (
            ("OSSAccessKeyId", self._credentials.access_key_id),
            ("Expires", end),
            ("Signature", self._signature(request, end)),
        )
        return _located(request.url, (*request.query, *signed))

    def _signature(self, request: Request, date: str) -> str:
        headers = {name.lower(): value for name, value in request.headers.items()}
        plain = [headers.get(name, "") for name in ("content-md5", "content-type")]
        own = [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith(_OWN)]
        asked = sorted((name, value) for name, value in request.query if name in _SUBRESOURCES)
        resource = request.resource
        if asked:
            resource += "?" + "&".join([f"{name}={value}" if value else name for name, value in asked])
        text = "\n".join([request.method, *plain, date, *own, resource])
        digest = hmac.digest(self._credentials.access_key_secret.encode(), text.encode(), "sha1")
        return base64.b64encode(digest).decode()


class SignerV4:
    """Signatures of version 4.

    No additional headers are signed, so the line that would name them is empty.

    Parameters
    ----------
    credentials : Credentials
        The access key.
    region : str
        The region of the bucket, as ``cn-hangzhou``.
    """

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def sign(self, request: Request, now: float) -> Signed:
        """See `Signer`."""
        moment = _moment(now)
        sent = {**request.headers, "x-oss-content-sha256": _UNSIGNED, "x-oss-date": moment}
        signature = self._signature(request, request.query, sent, moment)
        sent["Authorization"] = f"{_V4} Credential={self._credential(moment)}, Signature={signature}"
        return Signed(request.method, _located(request.url, request.query), sent)

    def presign(self, request: Request, now: float, expires: int) -> str:
        """See `Signer`."""
        moment = _moment(now)
        query = [
            *request.query,
            ("x-oss-signature-version", _V4),
            ("x-oss-credential", self._credential(moment)),
            ("x-oss-date", moment),
            ("x-oss-expires", str(expires)),
        ]
        signature = self._signature(request, query, request.headers, moment)
        return _located(request.url, (*query, ("x-oss-signature", signature)))

    def _scope(self, moment: str) -> tuple[str, str, str, str]:
        return moment[:8], self._region, "oss", "aliyun_v4_request"

    def _credential(self, moment: str) -> str:
        return "/".join((self._credentials.access_key_id, *self._scope(moment)))

    def _signature(
        self, request: Request, query: Sequence[tuple[str, str]], headers: Mapping[str, str], moment: str
    ) -> str:
        named = {name.lower(): value.strip() for name, value in headers.items()}
        covered = "".join([f"{name}:{named[name]}\n" for name in sorted(named) if _is_signed(name)])
        asked = "\n".join(
            (request.method, quote(request.resource), "&".join(sorted(_pairs(query))), covered, "", _UNSIGNED)
        )
        scope = self._scope(moment)
        text = "\n".join((_V4, moment, "/".join(scope), hashlib.sha256(asked.encode()).hexdigest()))
        return signing_key(f"aliyun_v4{self._credentials.access_key_secret}", *scope)(text.encode())


def _is_signed(name: str) -> bool:
    return name.startswith(_OWN) or name in ("content-md5", "content-type")


def _moment(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def _located(url: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{url}?{'&'.join(_pairs(query))}" if query else url


def _pairs(query: Sequence[tuple[str, str]]) -> list[str]:
    """The names and values, quoted; what has no value is a name alone."""
    return [
        f"{quote(name, safe='')}={quote(value, safe='')}" if value else quote(name, safe="") for name, value in query
    ]
