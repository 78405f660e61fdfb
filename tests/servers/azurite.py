"""Azurite: Microsoft's own emulator of the blob service, a program for node."""

from __future__ import annotations

import base64
import fcntl
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient, ContainerClient

from tests.servers.base import HOST, Server, free_ports, program
from tests.servers.run import ServerError, ServerMissingError

#: The last one for the node that Debian has.
VERSION = "3.35.0"
CONTAINER = "run"
ACCOUNT = "testaccount"
KEY = base64.b64encode(b"the account's key, of the tests" * 2).decode()
_CACHE = Path(__file__).resolve().parents[2] / ".servers" / f"azurite-{VERSION}"
_MAIN = Path("node_modules/azurite/dist/src/blob/main.js")
_INSTALL_SECONDS = 600
#: Every ten minutes it removes what was deleted, and answers nobody for as long as the square of that takes.
_PATIENCE = 90


@dataclass(frozen=True)
class AzuriteServer:
    """A running Azurite with one container of the run's.

    Attributes
    ----------
    endpoint : str
        ``http://host:port`` or ``https://host:port``.
    certificate : str
        The file of its certificate where it speaks TLS, else ``""``.
    """

    endpoint: str
    account: str
    key: str
    container: str
    certificate: str = ""

    @property
    def service_url(self) -> str:
        """The URL of the account, which is a part of the path here."""
        return f"{self.endpoint}/{self.account}"

    @property
    def connection_string(self) -> str:
        """The account, its key and its URL in one."""
        scheme = self.endpoint.partition(":")[0]
        parts = {
            "DefaultEndpointsProtocol": scheme,
            "AccountName": self.account,
            "AccountKey": self.key,
            "BlobEndpoint": self.service_url,
        }
        return ";".join(f"{name}={value}" for name, value in parts.items())

    def parameters(self, rootdirectory: str = "", **others: Any) -> dict[str, Any]:
        """The parameters of the azure driver, the registry's and ours; `others` adds and replaces."""
        parameters = {
            "accountname": self.account,
            "accountkey": self.key,
            "container": self.container,
            "serviceurl": self.service_url,
            "rootdirectory": rootdirectory,
            "timeout": _PATIENCE,
        }
        return {**parameters, **others}

    @contextmanager
    def client(self, container: str = "") -> Iterator[ContainerClient]:
        """The SDK's client of a container, for what a test does behind the driver's back."""
        options: dict[str, Any] = {"retry_total": 0, "connection_verify": self.certificate or True}
        with BlobServiceClient(self.service_url, credential=self.credential, **options) as service:
            yield service.get_container_client(container or self.container)

    @property
    def credential(self) -> dict[str, str]:
        """The key in the SDK's form."""
        return {"account_name": self.account, "account_key": self.key}


class Azurite(Server[AzuriteServer]):
    """Over HTTP, as a registry's tests have it."""

    name = "azurite"
    details = AzuriteServer
    not_ready = (OSError, AzureError)
    grace = 0.5

    def prepare(self) -> list[str]:
        node = program("node", "apt install nodejs npm")
        main = _installed()
        (self.port,) = free_ports(1)
        options = ["--blobHost", HOST, "--blobPort", str(self.port)]
        switches = ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
        return [node, str(main), *options, *switches, *self.persistence(), *self.more()]

    def persistence(self) -> list[str]:
        """Where the blobs are."""
        return ["--inMemoryPersistence"]

    def more(self) -> list[str]:
        """Further options."""
        return []

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}

    def probe(self) -> AzuriteServer:
        server = self.running()
        with server.client() as client:
            if not client.exists():
                client.create_container()
            name, content = f"ready-{uuid.uuid4().hex}", b"x" * 100_000
            client.upload_blob(name, content)
            if client.download_blob(name).readall() != content:
                raise OSError("azurite did not give back what was written")
            client.delete_blob(name)
        return server

    def running(self) -> AzuriteServer:
        """What it will be."""
        return AzuriteServer(f"http://{HOST}:{self.port}", ACCOUNT, KEY, CONTAINER)


class AzuriteTLS(Azurite):
    """Over HTTPS, where it takes tokens: it looks at their times, issuer and audience, and not at their signature."""

    name = "azurite-tls"

    def more(self) -> list[str]:
        certificate, key = make_certificate(self.directory)
        return ["--cert", str(certificate), "--key", str(key), "--oauth", "basic"]

    def running(self) -> AzuriteServer:
        certificate = str(self.directory / "certificate.pem")
        return AzuriteServer(f"https://{HOST}:{self.port}", ACCOUNT, KEY, CONTAINER, certificate)


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for the tests' address that has signed itself, and its key, as files."""
    openssl = program("openssl", "apt install openssl")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    names = ["-addext", f"subjectAltName=IP:{HOST},DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def _installed() -> Path:
    """Azurite's main program. It is installed once, beside the tests, for all runs to come."""
    main = _CACHE / _MAIN
    _CACHE.parent.mkdir(exist_ok=True)
    with (_CACHE.parent / "azurite.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not main.exists():
            _install()
    return main


def _install() -> None:
    npm = program("npm", "apt install nodejs npm")
    shutil.rmtree(_CACHE, ignore_errors=True)
    fresh = _CACHE.with_name(f"{_CACHE.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    (fresh / "package.json").write_text(json.dumps({"private": True}))
    command = [npm, "install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", f"azurite@{VERSION}"]
    try:
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ServerMissingError(f"azurite {VERSION} was not installed within {_INSTALL_SECONDS} s") from error
    if done.returncode:
        raise ServerMissingError(f"npm could not install azurite {VERSION}: {done.stderr[-1000:]}")
    if not (fresh / _MAIN).exists():
        raise ServerError(f"azurite {VERSION} has no {_MAIN}")
    fresh.rename(_CACHE)
