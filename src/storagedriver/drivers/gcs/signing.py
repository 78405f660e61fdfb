"""Signed URLs, V4: https://cloud.google.com/storage/docs/authentication/canonical-requests."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from storagedriver.drivers.gcs.bucket import Bucket

__all__ = ["sign"]

_ALGORITHM = "GOOG4-RSA-SHA256"


def sign(bucket: Bucket, key: str, method: str, expires: timedelta) -> str | None:
    """A URL that anybody can use for `method`, until it expires.

    Parameters
    ----------
    bucket : Bucket
        Where the object is.
    key : str
        The object.
    method : {"GET", "HEAD"}
        What the URL is for.
    expires : timedelta
        Its life, at most seven days.

    Returns
    -------
    str or None
        None where the credentials hold no key, as those of a user or a machine.
    """
    if bucket.client.is_anonymous:
        return None
    from google.auth.credentials import Signing  # noqa: PLC0415 - slow to load

    credentials = bucket.client.filesystem.credentials.credentials
    if not isinstance(credentials, Signing):
        return None
    seconds = max(1, int(expires.total_seconds()))
    resource = f"/{quote(bucket.name)}/{quote(bucket.full(key), safe='/~')}"
    return signed_url(credentials, bucket.client.endpoint, resource, method, seconds, datetime.now(timezone.utc))


def signed_url(credentials: Any, endpoint: str, resource: str, method: str, seconds: int, moment: datetime) -> str:
    """The URL of a resource below the endpoint, signed by the credentials at a moment."""
    time = moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/auto/storage/goog4_request"
    query = urlencode(
        {
            "X-Goog-Algorithm": _ALGORITHM,
            "X-Goog-Credential": f"{credentials.signer_email}/{scope}",
            "X-Goog-Date": time,
            "X-Goog-Expires": seconds,
            "X-Goog-SignedHeaders": "host",
        },
        quote_via=quote,
        safe="-_.~",
    )
    host = urlsplit(endpoint).netloc
    request = "\n".join((method, resource, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"))
    digest = hashlib.sha256(request.encode("ascii")).hexdigest()
    signature = credentials.sign_bytes(f"{_ALGORITHM}\n{time}\n{scope}\n{digest}".encode("ascii"))
    return f"{endpoint}{resource}?{query}&X-Goog-Signature={signature.hex()}"
