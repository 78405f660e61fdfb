"""Signed URLs, made offline."""

from __future__ import annotations

from datetime import timedelta

from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.sdk import SDK

__all__ = ["sign"]

_OPERATIONS = {"GET": "get_object", "HEAD": "head_object"}


def sign(bucket: Bucket, sdk: SDK, key: str, method: str, expires: timedelta) -> str | None:
    """A URL by which anybody can GET or HEAD the object until `expires` has passed.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    sdk : SDK
        The SDK for the endpoint that the URL shall name.
    key : str
        The object.
    method : {"GET", "HEAD"}
        What the URL is for.
    expires : timedelta
        Its life. Temporary credentials may end it earlier.

    Returns
    -------
    str or None
        None where there are no credentials to sign with.
    """
    from botocore import exceptions as botocore  # noqa: PLC0415 - slow to load

    try:
        return sdk.presign(_OPERATIONS[method], bucket.full(key), expires)
    except botocore.NoCredentialsError:
        return None
