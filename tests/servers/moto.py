"""moto's S3 in a process of its own. It checks no signature and no rights."""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec

from tests.servers.base import HOST, Server, free_ports
from tests.servers.run import ServerMissingError
from tests.servers.s3 import NOT_READY, S3Server, make_bucket


class Moto(Server[S3Server]):
    name = "moto"
    details = S3Server
    not_ready = NOT_READY
    grace = 0.3

    def prepare(self) -> list[str]:
        if find_spec("moto") is None or find_spec("flask") is None:
            raise ServerMissingError("moto is not installed: pip install 'moto[server]'")
        (self.port,) = free_ports(1)
        return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]

    def probe(self) -> S3Server:
        server = S3Server(
            name=self.name,
            version=version("moto"),
            endpoint=f"http://{HOST}:{self.port}",
            access_key="any",
            secret_key="any",
            region="us-east-1",
            bucket="run",
        )
        make_bucket(server)
        return server
