"""OpenStack Swift, which speaks its own protocol and S3."""

from __future__ import annotations

import os
import sys
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, Server, free_ports
from tests.servers.run import ServerMissingError
from tests.servers.s3 import NOT_READY, S3Server, make_bucket

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class SwiftServer:
    """A running Swift with tempauth.

    Attributes
    ----------
    auth_url : str
        Where version 1 of the authentication is spoken.
    reader : str
        A second user of the account, with the password `reader_key`, who may
        do nothing that a container's ACL does not give.
    """

    version: str
    endpoint: str
    auth_url: str
    storage_url: str
    user: str
    key: str
    reader: str
    reader_key: str

    def parameters(self, container: str, **others: Any) -> dict[str, Any]:
        """The parameters of the swift driver, by tempauth; `others` adds and replaces."""
        parameters = {"authurl": self.auth_url, "username": self.user, "password": self.key, "container": container}
        return {**parameters, **others}

    def s3(self, bucket: str = "run") -> S3Server:
        """The same server, as its S3 clients see it."""
        return S3Server(
            name="swift",
            version=self.version,
            endpoint=self.endpoint,
            access_key=self.user,
            secret_key=self.key,
            region="us-east-1",
            bucket=bucket,
        )


class Swift(Server[SwiftServer]):
    name = "swift"
    details = SwiftServer
    not_ready = NOT_READY
    grace = 0.3

    def prepare(self) -> list[str]:
        if find_spec("swift") is None:
            raise ServerMissingError("swift is not installed: pip install swift")
        self._require_attributes()
        (self.port,) = free_ports(1)
        return [sys.executable, "-m", "tests.servers.swift_program", str(self.directory / "swift"), str(self.port)]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(_REPOSITORY)}

    def probe(self) -> SwiftServer:
        endpoint = f"http://{HOST}:{self.port}"
        server = SwiftServer(
            version=version("swift"),
            endpoint=endpoint,
            auth_url=f"{endpoint}/auth/v1.0",
            storage_url=f"{endpoint}/v1/AUTH_test",
            user="test:tester",
            key="testing",
            reader="test:reader",
            reader_key="reading",
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(f"{endpoint}/healthcheck", timeout=5).close()
        make_bucket(server.s3())
        return server

    def _require_attributes(self) -> None:
        try:
            os.setxattr(self.directory, "user.swift.metadata", b"x")
        except OSError as error:
            raise ServerMissingError(f"swift needs extended attributes at {self.directory}: {error}") from error
