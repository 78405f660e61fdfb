"""The check of signatures of version 4, in a header and in a URL.

https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import quote

from tests.servers.oss import REGION
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity, find
from tests.servers.oss.request import Request
from tests.servers.oss.signature_v1 import check_skew, mismatch

SCHEME = "OSS4-HMAC-SHA256"
_LONGEST = 7 * 86400
_SIGNED = ("content-md5", "content-type")
_SCOPE = re.compile(r"(?P<id>[^/]+)/(?P<date>[0-9]{8})/(?P<region>[^/]+)/oss/aliyun_v4_request")


def by_header(request: Request, authorization: str, now: float) -> Identity:
    """Who has signed in the header ``Authorization``."""
    fields = dict(item.strip().partition("=")[::2] for item in authorization.removeprefix(SCHEME).split(","))
    date = request.headers.get("x-oss-date", "")
    check_skew(_seconds(date), now)
    additional = [name for name in fields.get("AdditionalHeaders", "").split(";") if name]
    return _checked(request, fields.get("Credential", ""), fields.get("Signature", ""), date, request.query, additional)


def by_url(request: Request, now: float) -> Identity:
    """Who has signed the URL."""
    query = dict(request.query)
    signature = query.pop("x-oss-signature")
    date, expires = query.get("x-oss-date", ""), request.number("x-oss-expires", 0, 1, _LONGEST)
    if query.get("x-oss-signature-version") != SCHEME:
        raise OSSError("InvalidArgument", "The version of the signature is not known.")
    additional = [name for name in query.get("x-oss-additional-headers", "").split(";") if name]
    identity = _checked(request, query.get("x-oss-credential", ""), signature, date, query, additional)
    if now > _seconds(date) + expires:
        raise OSSError("AccessDenied", "Request has expired.")
    return identity


def _checked(
    request: Request, credential: str, signature: str, date: str, query: Mapping[str, str], additional: list[str]
) -> Identity:
    scope = _SCOPE.fullmatch(credential)
    if scope is None or scope["date"] != date[:8] or scope["region"] != REGION.removeprefix("oss-"):
        raise OSSError("InvalidArgument", "The credential's scope is not the one of this request.")
    identity = find(scope["id"])
    canonical = _canonical(request, query, additional)
    place = f"{scope['date']}/{scope['region']}/oss/aliyun_v4_request"
    text = "\n".join((SCHEME, date, place, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"aliyun_v4{identity.access_key_secret}".encode()
    for step in place.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise mismatch(scope["id"], signature, text)
    return identity


def _canonical(request: Request, query: Mapping[str, str], additional: list[str]) -> str:
    path = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in query.items())
    headers = sorted(
        (name, value)
        for name, value in request.headers.items()
        if name.startswith("x-oss-") or name in _SIGNED or name in additional
    )
    return "\n".join(
        (
            request.method,
            quote(path, safe="/"),
            "&".join(f"{name}={value}" if value else name for name, value in pairs),
            "".join(f"{name}:{value}\n" for name, value in headers),
            ";".join(sorted(additional)),
            request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )


def _seconds(date: str) -> float:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise OSSError("AccessDenied", "OSS authentication requires a valid Date.") from None
