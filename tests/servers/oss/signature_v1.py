"""The check of signatures of version 1, in a header and in a URL.

https://www.alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime

from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity, find
from tests.servers.oss.request import Request

_SKEW = 900.0
SCHEME = "OSS "

#: The parameters that say what a request is about, and so belong to what is signed.
_SUBRESOURCES = frozenset(
    """
    acl append bucketInfo callback callback-var cname comp continuation-token cors delete encryption endTime img
    inventory inventoryId lifecycle live location logging objectMeta partNumber policy position qos qosInfo referer
    replication replicationLocation replicationProgress requestPayment response-cache-control
    response-content-disposition response-content-encoding response-content-language response-content-type
    response-expires restore security-token sequential startTime stat status style styleName symlink tagging
    transferAcceleration uploadId uploads versionId versioning versions vod website worm wormExtend wormId
    x-oss-process x-oss-request-payer x-oss-traffic-limit
    """.split()  # noqa: SIM905 - a list would take a page
)


def by_header(request: Request, authorization: str, now: float) -> Identity:
    """Who has signed in the header ``Authorization``."""
    access_key_id, _, signature = authorization.removeprefix(SCHEME).partition(":")
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    try:
        sent = parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise OSSError("AccessDenied", "OSS authentication requires a valid Date.") from None
    check_skew(sent, now)
    return _checked(request, access_key_id, signature, date)


def by_url(request: Request, now: float) -> Identity:
    """Who has signed the URL."""
    expires = request.query.get("Expires", "")
    if not expires.isdecimal():
        raise OSSError("AccessDenied", "Invalid date (should be seconds since epoch).")
    identity = _checked(request, request.query.get("OSSAccessKeyId", ""), request.query["Signature"], expires)
    if now > int(expires):
        raise OSSError("AccessDenied", "Request has expired.")
    return identity


def check_skew(sent: float, now: float) -> None:
    """Raise an error if a request is too old, or of the future."""
    if abs(now - sent) > _SKEW:
        message = "The difference between the request time and the current time is too large."
        raise OSSError("RequestTimeTooSkewed", message)


def mismatch(access_key_id: str, signature: str, text: str) -> OSSError:
    """The error of a signature that is not the right one of `text`."""
    return OSSError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method.",
        {"OSSAccessKeyId": access_key_id, "SignatureProvided": signature, "StringToSign": text},
    )


def _checked(request: Request, access_key_id: str, signature: str, date: str) -> Identity:
    identity = find(access_key_id)
    text = _string_to_sign(request, date)
    expected = hmac.new(identity.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(expected), signature.encode()):
        raise mismatch(access_key_id, signature, text)
    return identity


def _string_to_sign(request: Request, date: str) -> str:
    own = sorted((name, value) for name, value in request.headers.items() if name.startswith("x-oss-"))
    headers = "".join(f"{name}:{value}\n" for name, value in own)
    first = (request.method, request.headers.get("content-md5", ""), request.headers.get("content-type", ""), date)
    return "\n".join((*first, headers + _resource(request)))


def _resource(request: Request) -> str:
    path = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    signed = sorted((name, value) for name, value in request.query.items() if name in _SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return f"{path}?{query}" if query else path
