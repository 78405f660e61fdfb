"""Signed URLs, made offline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from botocore.exceptions import NoCredentialsError

from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.client import Client

__all__ = ["sign"]

_METHODS = {"GET": "get_object", "HEAD": "head_object"}


def sign(bucket: Bucket, client: Client, key: str, method: str, expires: timedelta) -> str | None:
    """A URL by which anybody can GET or HEAD the object until `expires` has passed.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    client : Client
        The connection to the endpoint that the URL shall name.
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

    async def url() -> Any:
        sdk = await client.connected()
        return await sdk.generate_presigned_url(
            _METHODS[method],
            Params={"Bucket": bucket.name, "Key": bucket.full(key)},
            ExpiresIn=max(1, int(expires.total_seconds())),
            HttpMethod=method,
        )

    try:
        return str(client.run(url))
    except NoCredentialsError:
        return None
