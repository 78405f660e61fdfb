"""gcp-storage-emulator.

Its sessions are right about their status and refuse a wrong offset, but it
knows no deletion of a session, no HEAD, no pages and no preconditions, does
not say which generation it sends, and answers one request at a time.

Its command line is run with a longer queue of connections: with five, whoever
comes sixth waits for seconds until the kernel tries again.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec

from tests.servers.base import HOST, Server, free_ports
from tests.servers.gcs import GCSServer, check
from tests.servers.run import ServerMissingError

_PROGRAM = """
import socketserver
socketserver.TCPServer.request_queue_size = 128
from gcp_storage_emulator.__main__ import main
main()
"""


class GCPEmulator(Server[GCSServer]):
    name = "gcp-storage-emulator"
    details = GCSServer
    grace = 0.3

    def prepare(self) -> list[str]:
        if find_spec("gcp_storage_emulator") is None:
            raise ServerMissingError("gcp-storage-emulator is not installed: pip install gcp-storage-emulator")
        (self.port,) = free_ports(1)
        options = ["-d", str(self.directory), "start", "-H", HOST, "--port", str(self.port), "-M", "-q"]
        return [sys.executable, "-c", _PROGRAM, *options]

    def probe(self) -> GCSServer:
        server = GCSServer(
            name=self.name,
            version=version("gcp-storage-emulator"),
            endpoint=f"http://{HOST}:{self.port}",
            bucket="run",
        )
        check(server)
        return server
