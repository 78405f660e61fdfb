"""One bucket and the root directory in it: names and headers that every request shares."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from storagedriver.drivers.s3.client import Client
from storagedriver.drivers.s3.parameters import NO_STORAGE_CLASS, S3Parameters
from storagedriver.drivers.s3.signed import SignedRequests

__all__ = ["CONTENT_TYPE", "Bucket", "in_utc"]

#: What the registry gives everything it writes.
CONTENT_TYPE = "application/octet-stream"


class Bucket:
    """Where the objects lie.

    Parameters
    ----------
    client : Client
        The connection.
    parameters : S3Parameters
        The driver's parameters.

    Attributes
    ----------
    signed : SignedRequests
        The hot requests.
    name : str
        The bucket's name.
    prefix : str
        What stands before every key.
    writing : dict
        The parameters of a request that makes an object.
    """

    def __init__(self, client: Client, parameters: S3Parameters) -> None:
        self.client = client
        self.signed = SignedRequests(client, parameters)
        self.parameters = parameters
        self.name = parameters.bucket
        self.prefix = parameters.prefix
        self.writing = _writing(parameters)

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self.prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self.prefix) :]

    async def call(
        self,
        method: str,
        key: str | None = None,
        *,
        extra_time: float = 0.0,
        **params: Any,
    ) -> dict[str, Any]:
        """Send a request about this bucket, or about one key of it; see `Client.call`."""
        if key is not None:
            params["Key"] = self.full(key)
        return await self.client.call(method, extra_time=extra_time, Bucket=self.name, **params)


def in_utc(time: datetime) -> datetime:
    """The SDK's times have a time zone of dateutil's."""
    return time.astimezone(timezone.utc)


def _writing(parameters: S3Parameters) -> dict[str, Any]:
    writing = {"ContentType": CONTENT_TYPE, "ACL": parameters.objectacl}
    if parameters.encrypt:
        writing["ServerSideEncryption"] = "aws:kms" if parameters.keyid else "AES256"
        if parameters.keyid:
            writing["SSEKMSKeyId"] = parameters.keyid
    if parameters.storageclass != NO_STORAGE_CLASS:
        writing["StorageClass"] = parameters.storageclass
    return writing
