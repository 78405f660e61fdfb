"""The upload of blobs through a registry's HTTP API, and the state that it signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.servers.docker_registry import Registry

_SECONDS = 60
_MAC = hashlib.sha256().digest_size


class RefusedError(Exception):
    """The registry answered with an error."""

    def __init__(self, status: int, content: str) -> None:
        super().__init__(f"{status}: {content}")


@dataclass(frozen=True)
class Answer:
    """What a request gave."""

    status: int
    location: str
    reach: str
    content: bytes


@dataclass(frozen=True)
class Blobs:
    """The blobs of one repository of a registry.

    An upload goes on at a URL that the registry gave for the request before: its query has the signed state.
    """

    registry: Registry
    repository: str

    def begin(self) -> str:
        """Begin an upload, and give the URL to go on at."""
        return self._send("POST", f"{self._base}/uploads/", b"").location

    def send(self, url: str, content: bytes) -> str:
        """Send bytes to an upload, and give the URL to go on at."""
        return self._send("PATCH", url, content).location

    def finish(self, url: str, digest: str) -> None:
        """Make a blob of an upload. The registry holds it against the digest."""
        assert self._send("PUT", f"{url}&digest={digest}", b"").status == 201

    def cancel(self, url: str) -> None:
        """Give an upload up."""
        assert self._send("DELETE", url).status == 204

    def received(self, url: str) -> int:
        """How many bytes the registry takes an upload to have; it cannot say 0, then it is 1."""
        first, _, last = self._send("GET", url).reach.partition("-")
        assert first == "0"
        return int(last) + 1

    def get(self, digest: str) -> bytes:
        """The content of a blob, from the registry or from where it sends one."""
        return self._send("GET", f"{self._base}/{digest}").content

    def url(self, identifier: str, offset: int, started: str) -> str:
        """The URL to go on at with an upload that the registry has not begun itself."""
        state = {"Name": self.repository, "UUID": identifier, "Offset": offset, "StartedAt": started}
        query = urllib.parse.urlencode({"_state": signed(state, self.registry.secret)})
        return f"{self._base}/uploads/{identifier}?{query}"

    @property
    def _base(self) -> str:
        return f"{self.registry.endpoint}/v2/{self.repository}/blobs"

    def _send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        headers = {} if body is None else {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, body, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_SECONDS) as answer:
                found = answer.headers
                return Answer(answer.status, found.get("Location", ""), found.get("Range", ""), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(error.code, error.read().decode(errors="replace")) from None


def upload_of(url: str) -> str:
    """The UUID of the upload that goes on at a URL."""
    return urllib.parse.urlsplit(url).path.rpartition("/")[2]


def token_of(url: str) -> str:
    """The signed state in a URL."""
    (token,) = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["_state"]
    return token


def signed(state: dict[str, Any], secret: str) -> str:
    """A state as the registry signs it: a MAC of its JSON and the JSON, in base64 for URLs."""
    content = json.dumps(state, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(content, secret) + content).decode()


def state_of(token: str, secret: str) -> dict[str, Any]:
    """The state that was signed."""
    raw = base64.urlsafe_b64decode(token)
    content = raw[_MAC:]
    assert hmac.compare_digest(raw[:_MAC], _mac(content, secret)), "signed with another secret"
    state: dict[str, Any] = json.loads(content)
    return state


def digest_of(content: bytes) -> str:
    """The digest that names a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _mac(content: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), content, "sha256")
