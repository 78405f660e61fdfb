"""OpenSSH's server on a high port, for SFTP alone, run by a user without rights."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from dataclasses import dataclass

from tests.servers.base import HOST, Server, free_ports, program
from tests.servers.run import ServerError

_PACKAGE = "apt install openssh-server"
#: Who runs it where the tests are root's. Not nobody, whose account systemd makes a locked one.
_UNPRIVILEGED = "daemon"
#: Tests open many connections at once.
_CONNECTIONS = 1000


@dataclass(frozen=True)
class SFTPServer:
    """A running SFTP server.

    Attributes
    ----------
    key_file : str
        The private key of `username`, an ed25519 one in OpenSSH's format.
    root : str
        A directory that `username` may write to. Make a directory of your own in it.
    """

    version: str
    host: str
    port: int
    username: str
    key_file: str
    root: str


class SSHD(Server[SFTPServer]):
    name = "sshd"
    details = SFTPServer
    grace = 0.3

    def uid(self) -> int:
        return self._user().pw_uid

    def prepare(self) -> list[str]:
        sshd = program("sshd", _PACKAGE)
        keygen = program("ssh-keygen", _PACKAGE)
        user = self._user()
        self.directory.chmod(0o711)
        self.root = self.directory / "root"
        self.root.mkdir()
        # Both must be private to who reads them: the one is the daemon's, the other ours.
        host_key, self.key = self.directory / "host", self.directory / "key"
        for key in (host_key, self.key):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        for path in (self.root, host_key):
            os.chown(path, user.pw_uid, user.pw_gid)
        (self.port,) = free_ports(1)
        settings = {
            "ListenAddress": HOST,
            "Port": self.port,
            "HostKey": host_key,
            "AuthorizedKeysFile": self.key.with_suffix(".pub"),
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "UseDNS": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "AllowUsers": user.pw_name,
            "MaxStartups": _CONNECTIONS,
            "MaxSessions": _CONNECTIONS,
            "Subsystem": "sftp internal-sftp",
            "ForceCommand": "internal-sftp",
        }
        config = self.directory / "sshd_config"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return [sshd, "-D", "-e", "-f", str(config)]

    def probe(self) -> SFTPServer:
        with socket.create_connection((HOST, self.port), timeout=5) as connection, connection.makefile("rb") as stream:
            banner = stream.readline().decode(errors="replace").strip()
        if not banner.startswith("SSH-"):
            raise ServerError(f"not an SSH server: {banner!r}")
        return SFTPServer(
            version=banner.removeprefix("SSH-2.0-"),
            host=HOST,
            port=self.port,
            username=self._user().pw_name,
            key_file=str(self.key),
            root=str(self.root),
        )

    def _user(self) -> pwd.struct_passwd:
        return pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(_UNPRIVILEGED)
