"""A server that speaks OSS's protocol. Nobody gives one away, so it is ours: see `program`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, Server, free_ports
from tests.servers.oss.identities import IDENTITIES
from tests.servers.run import ServerMissingError

REGION = "oss-test-1"
_REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class OSSServer:
    """A running server, with one bucket of the run's.

    Attributes
    ----------
    endpoint : str
        Where the bucket is named in the path.
    own_endpoint : str
        Where it is the host that means the bucket `bucket`.
    identities : dict
        The users: name to (access key id, secret).
    """

    endpoint: str
    own_endpoint: str
    region: str
    bucket: str
    identities: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # From JSON the pairs come as lists.
        pairs = {name: (key_id, secret) for name, (key_id, secret) in self.identities.items()}
        object.__setattr__(self, "identities", pairs)

    def parameters(self, rootdirectory: str = "", identity: str = "admin", **others: Any) -> dict[str, Any]:
        """The parameters of the oss driver, the registry's and ours; `others` adds and replaces."""
        access_key_id, access_key_secret = self.identities[identity]
        parameters = {
            "accesskeyid": access_key_id,
            "accesskeysecret": access_key_secret,
            "region": self.region,
            "bucket": self.bucket,
            "endpoint": self.endpoint,
            "rootdirectory": rootdirectory,
        }
        return {**parameters, **others}

    @contextmanager
    def client(self, bucket: str = "", identity: str = "admin") -> Iterator[Any]:
        """A bucket of the plain SDK, for what a test does behind the driver's back."""
        import oss2  # noqa: PLC0415 - slow to load, and most runs need none

        from tests.servers.oss import sdk  # noqa: PLC0415 - the same

        with sdk.bucket(oss2.Auth(*self.identities[identity]), self.endpoint, bucket or self.bucket) as client:
            yield client


class OSS(Server[OSSServer]):
    name = "oss"
    details = OSSServer
    grace = 0.3

    def prepare(self) -> list[str]:
        if find_spec("oss2") is None:
            raise ServerMissingError("oss2 is not installed: pip install oss2")
        self.ports = free_ports(2)
        ports = [str(port) for port in self.ports]
        return [sys.executable, "-m", "tests.servers.oss.program", *ports, "run"]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(_REPOSITORY)}

    def probe(self) -> OSSServer:
        endpoint, own_endpoint = (f"http://{HOST}:{port}" for port in self.ports)
        identities = {user.name: (user.access_key_id, user.access_key_secret) for user in IDENTITIES}
        server = OSSServer(endpoint, own_endpoint, REGION, "run", identities)
        _make_bucket(server)
        return server


def _make_bucket(server: OSSServer) -> None:
    """Make the run's bucket, and see that an object can be written to it."""
    from oss2.exceptions import OssError  # noqa: PLC0415 - the same

    key = f"ready-{uuid.uuid4().hex}"
    try:
        with server.client() as client:
            client.create_bucket()
            client.put_object(key, b"x" * 100_000)
            client.delete_object(key)
    except OssError as error:
        raise ConnectionError(f"it does not answer yet: {error}") from error
