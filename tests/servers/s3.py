"""What the servers that speak S3 have in common."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

NOT_READY = (OSError, BotoCoreError, ClientError)


@dataclass(frozen=True)
class S3Server:
    """A running server that speaks S3, with one bucket of the run's.

    Attributes
    ----------
    identities : dict
        Further users, by what they may or may not do: name to (access key, secret key).
    """

    name: str
    version: str
    endpoint: str
    access_key: str
    secret_key: str
    region: str
    bucket: str
    identities: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # From JSON the pairs come as lists.
        pairs = {name: (access, secret) for name, (access, secret) in self.identities.items()}
        object.__setattr__(self, "identities", pairs)

    def parameters(self, rootdirectory: str = "", identity: str | None = None, **others: Any) -> dict[str, Any]:
        """The parameters of the s3 driver, the registry's and ours; `others` adds and replaces."""
        access_key, secret_key = self._keys(identity)
        parameters = {
            "accesskey": access_key,
            "secretkey": secret_key,
            "region": self.region,
            "regionendpoint": self.endpoint,
            "bucket": self.bucket,
            "rootdirectory": rootdirectory,
        }
        return {**parameters, **others}

    @contextmanager
    def client(self, identity: str | None = None, endpoint: str | None = None) -> Iterator[Any]:
        """A boto3 client, for what a test does behind the driver's back."""
        access_key, secret_key = self._keys(identity)
        with closing(s3_client(endpoint or self.endpoint, access_key, secret_key, self.region)) as client:
            yield client

    def _keys(self, identity: str | None) -> tuple[str, str]:
        return (self.access_key, self.secret_key) if identity is None else self.identities[identity]


def s3_client(endpoint: str, access_key: str, secret_key: str, region: str, **config: Any) -> Any:
    """A boto3 client that does not retry and that has no settings but these."""
    settings = {
        "signature_version": "s3v4",
        "retries": {"max_attempts": 0},
        "connect_timeout": 5,
        "read_timeout": 60,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path"},
        "proxies": {},
        **config,
    }
    return _session().client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=Config(**settings),
    )


@cache
def _session() -> boto3.session.Session:
    # Kept for its models of the service, which take longer to read than all the rest.
    return boto3.session.Session()


def make_bucket(server: S3Server) -> None:
    """Make the run's bucket, and see that an object can be written to it and read back."""
    with server.client() as client:
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        if server.bucket not in names:
            client.create_bucket(Bucket=server.bucket)
        key, content = f"ready-{uuid.uuid4().hex}", b"x" * 100_000
        client.put_object(Bucket=server.bucket, Key=key, Body=content)
        if client.get_object(Bucket=server.bucket, Key=key)["Body"].read() != content:
            raise OSError(f"{server.name} did not give back what was written")
        client.delete_object(Bucket=server.bucket, Key=key)
