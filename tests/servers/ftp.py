"""pyftpdlib, an FTP server (RFC 959, RFC 3659), in a process of its own."""

from __future__ import annotations

import ftplib
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from tests.servers.base import HOST, Server, free_ports
from tests.servers.run import ServerMissingError

_USERNAME = "registry"
FTP_SECRET = "secret-of-the-ftp-tests"


@dataclass(frozen=True)
class FTPServer:
    """A running server with one user, who may read and write everything.

    Attributes
    ----------
    root : str
        The directory that it serves.
    """

    version: str
    host: str
    port: int
    username: str
    password: str
    root: str


class PyFTPd(Server[FTPServer]):
    name = "pyftpdlib"
    details = FTPServer
    not_ready = (OSError, EOFError)
    grace = 0.3

    def prepare(self) -> list[str]:
        if find_spec("pyftpdlib") is None:
            raise ServerMissingError("pyftpdlib is not installed: pip install pyftpdlib")
        (self.port,) = free_ports(1)
        (self.directory / "root").mkdir()
        place = ["-i", HOST, "-p", str(self.port), "-d", str(self.directory / "root")]
        user = ["--username", _USERNAME, "--password", FTP_SECRET, "--write"]
        return [sys.executable, "-W", "ignore", "-m", "pyftpdlib", *place, *user]

    def probe(self) -> FTPServer:
        with ftplib.FTP(timeout=5) as client:
            client.connect(HOST, self.port)
            client.login(_USERNAME, FTP_SECRET)
        root = str(self.directory / "root")
        return FTPServer(version("pyftpdlib"), HOST, self.port, _USERNAME, FTP_SECRET, root)
