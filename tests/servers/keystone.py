"""OpenStack's identity service, and a Swift that takes its tokens.

Both run in an environment of their own, since what Keystone needs is a lot and
would meet what we need. It is made once, beside the tests, for all runs to come;
``STORAGEDRIVER_KEYSTONE`` may name one that is there already.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, Server, free_ports
from tests.servers.run import ServerMissingError

_REPOSITORY = Path(__file__).resolve().parents[2]
_CACHE = _REPOSITORY / ".servers" / "keystone"
_PACKAGES = ("keystone>=26", "swift>=2.34", "requests")
_INSTALL_SECONDS = 900
_CONFLICT = 409

REGION = "RegionOne"
_ADMIN, _ADMIN_PASSWORD = "admin", "of-the-admin"
#: Where a token is, in answers and in requests about other tokens.
_SUBJECT = "X-Subject-Token"


@dataclass(frozen=True)
class KeystoneServer:
    """A running Keystone, with a user of one project, and the Swift beside it.

    Attributes
    ----------
    endpoint : str
        Without a version; `auth_url` is that of version 3.
    user_id, project_id : str
        Keystone's own names of `user` and `project`.
    credential_id, credential_name, credential_secret : str
        An application credential of the user's.
    """

    endpoint: str
    user: str
    user_id: str
    password: str
    project: str
    project_id: str
    credential_id: str
    credential_name: str
    credential_secret: str
    trust_id: str

    @property
    def auth_url(self) -> str:
        """Where version 3 is spoken."""
        return f"{self.endpoint}/v3"

    def revoke(self, token: str) -> None:
        """Have a token refused from now on."""
        identity = Identity(self.auth_url)
        identity.login(_ADMIN, _ADMIN_PASSWORD, _ADMIN)
        identity.call("DELETE", "/auth/tokens", headers={_SUBJECT: token})


@dataclass(frozen=True)
class KeystoneSwiftServer:
    """A running Swift whose users are Keystone's; its place is in the catalog."""

    endpoint: str


class Identity:
    """The few calls of the identity API that setting up takes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Send a request, and give the parsed answer."""
        sent = {"Content-Type": "application/json", "X-Auth-Token": self._token, **(headers or {})}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, content, sent, method=method)
        with self._opener.open(request, timeout=30) as answer:
            self.given = answer.headers.get(_SUBJECT, "")
            found = answer.read()
        return json.loads(found) if found else None

    def login(self, user: str, password: str, project: str) -> str:
        """Get a token, use it from now on, and say whose it is."""
        domain = {"id": "default"}
        who = {"name": user, "domain": domain, "password": password}
        identity = {"methods": ["password"], "password": {"user": who}}
        scope = {"project": {"name": project, "domain": domain}}
        answer = self.call("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self._token = self.given
        return str(answer["token"]["user"]["id"])

    def make(self, kind: str, body: dict[str, Any]) -> str:
        """Make something that has a name, unless it is there, and give its id."""
        try:
            return str(self.call("POST", f"/{kind}s", {kind: body})[kind]["id"])
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != _CONFLICT:
                raise
        return self.id_of(kind, body["name"])

    def id_of(self, kind: str, name: str) -> str:
        """The id of something that has a name."""
        return str(self.call("GET", f"/{kind}s?name={name}")[f"{kind}s"][0]["id"])


class Keystone(Server[KeystoneServer]):
    name = "keystone"
    details = KeystoneServer
    grace = 0.5
    # Making its database takes minutes on a busy machine.
    patience = 300.0

    def prepare(self) -> list[str]:
        python = _python()
        (self.port,) = free_ports(1)
        return [python, "-m", "tests.servers.keystone_program", str(self.directory / "keystone"), str(self.port)]

    def environment(self) -> dict[str, str]:
        return _environment(super().environment())

    def probe(self) -> KeystoneServer:
        endpoint = f"http://{HOST}:{self.port}"
        identity = Identity(f"{endpoint}/v3")
        admin_id = identity.login(_ADMIN, _ADMIN_PASSWORD, _ADMIN)
        project_id = identity.make("project", {"name": "tests", "domain_id": "default"})
        who = {"name": "tester", "password": "testing", "domain_id": "default", "default_project_id": project_id}
        user_id = identity.make("user", who)
        role = identity.id_of("role", "member")
        for user in (user_id, admin_id):
            identity.call("PUT", f"/projects/{project_id}/users/{user}/roles/{role}")
        identity.login("tester", "testing", "tests")
        credential_name = f"tests-{uuid.uuid4().hex}"
        asked: dict[str, Any] = {"application_credential": {"name": credential_name}}
        answer = identity.call("POST", f"/users/{user_id}/application_credentials", asked)
        credential = answer["application_credential"]
        trust = {"trustor_user_id": user_id, "trustee_user_id": admin_id, "project_id": project_id}
        asked = {"trust": {**trust, "impersonation": True, "roles": [{"id": role}]}}
        return KeystoneServer(
            endpoint=endpoint,
            user="tester",
            user_id=user_id,
            password="testing",
            project="tests",
            project_id=project_id,
            credential_id=credential["id"],
            credential_name=credential_name,
            credential_secret=credential["secret"],
            trust_id=str(identity.call("POST", "/OS-TRUST/trusts", asked)["trust"]["id"]),
        )


class KeystoneSwift(Server[KeystoneSwiftServer]):
    name = "keystone-swift"
    details = KeystoneSwiftServer
    grace = 0.3

    def prepare(self) -> list[str]:
        python = _python()
        self.keystone = self.run.shared(Keystone)
        (self.port,) = free_ports(1)
        arguments = [str(self.directory / "swift"), str(self.port), self.keystone.auth_url, _ADMIN, _ADMIN_PASSWORD]
        return [python, "-m", "tests.servers.swift_program", *arguments]

    def environment(self) -> dict[str, str]:
        return _environment(super().environment())

    def probe(self) -> KeystoneSwiftServer:
        endpoint = f"http://{HOST}:{self.port}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(f"{endpoint}/healthcheck", timeout=5).close()
        identity = Identity(self.keystone.auth_url)
        identity.login(_ADMIN, _ADMIN_PASSWORD, _ADMIN)
        service = identity.call("POST", "/services", {"service": {"name": "swift", "type": "object-store"}})
        place = {"service_id": service["service"]["id"], "region_id": REGION}
        for side in ("public", "internal"):
            url = f"{endpoint}/v1/KEY_$(project_id)s"
            identity.call("POST", "/endpoints", {"endpoint": {**place, "interface": side, "url": url}})
        return KeystoneSwiftServer(endpoint)


def _environment(inherited: dict[str, str]) -> dict[str, str]:
    """With our modules and without our packages, and without clients' settings."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(("OS_", "PYTHON", "VIRTUAL_ENV"))}
    return {**kept, "PYTHONPATH": str(_REPOSITORY)}


def _python() -> str:
    """The interpreter of the environment, which is made if need be."""
    given = os.environ.get("STORAGEDRIVER_KEYSTONE")
    if given:
        return str(Path(given) / "bin" / "python")
    _CACHE.parent.mkdir(exist_ok=True)
    with (_CACHE.parent / "keystone.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = _CACHE / "ready"
        if not ready.exists():
            _install()
            ready.touch()
    return str(_CACHE / "bin" / "python")


def _install() -> None:
    # An environment cannot be moved: what is half made is made anew.
    shutil.rmtree(_CACHE, ignore_errors=True)
    python = str(_CACHE / "bin" / "python")
    commands = [
        [sys.executable, "-m", "venv", "--without-pip", str(_CACHE)],
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *_PACKAGES,
        ],
    ]
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ServerMissingError(f"keystone was not installed within {_INSTALL_SECONDS} s") from error
        if done.returncode:
            raise ServerMissingError(f"pip could not install keystone: {done.stderr[-1000:]}")
