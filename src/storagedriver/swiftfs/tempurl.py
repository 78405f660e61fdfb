"""Signed URLs: Swift's temporary URLs.

https://docs.openstack.org/swift/latest/api/temporary_url_middleware.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.swiftfs.client import quoted
from storagedriver.swiftfs.container import Container
from storagedriver.swiftfs.errors import status

__all__ = ["TempUrlSettings", "TempUrls"]

_REFUSED = (401, 403)
#: HEAD goes where one of these does.
_IMPLY_HEAD = ("GET", "POST", "PUT")
#: Containers have keys since Swift 2.2.2; the registry asks for this.
_CONTAINER_KEYS_SINCE = (2, 3)


@dataclass(frozen=True)
class TempUrlSettings:
    """What the user says of temporary URLs.

    Attributes
    ----------
    key : str
        The key that shall be used; it is written to the container, or to the
        account, if it is not there yet. Empty: one that is there.
    access_key : str
        What HP's cloud wants in the signature.
    container_key : bool
        Whether containers have keys, where the cluster does not say so.
    methods : sequence of str
        What may be signed, where the cluster does not say so.
    """

    key: str = field(default="", repr=False)
    access_key: str = ""
    container_key: bool = True
    methods: Sequence[str] = ("GET", "HEAD")


class TempUrls:
    """Signs URLs of one container's objects.

    Parameters
    ----------
    container : Container
        The container.
    settings : TempUrlSettings
        What the user says.
    """

    def __init__(self, container: Container, settings: TempUrlSettings) -> None:
        self._container = container
        self._settings = settings
        self._key = ""
        self._lock = threading.Lock()

    def sign(self, key: str, method: str, expires: float) -> str | None:
        """A URL with which anybody can send `method` for so many seconds; None where that is not possible."""
        client = self._container.client
        methods, digest = self._offered(client.info())
        signed = method
        if method not in methods:
            if method != "HEAD" or not set(methods) & set(_IMPLY_HEAD):
                return None
            signed = next(name for name in _IMPLY_HEAD if name in methods)
        secret = self._find_key()
        if not secret:
            return None
        url = client.account.access().url
        path = unquote(urlsplit(url).path)
        name = f"{self._container.name}/{key}"
        end = int(time.time() + expires)
        mac = hmac.new(secret.encode(), f"{signed}\n{end}\n{path}/{name}".encode(), getattr(hashlib, digest))
        signature = mac.hexdigest()
        if digest == "sha512":
            # The hexadecimal form would be taken for another digest.
            signature = f"sha512:{base64.urlsafe_b64encode(mac.digest()).decode()}"
        if self._settings.access_key:
            signature = f"{client.account.project_id}:{self._settings.access_key}:{signature}"
        return f"{url}/{quoted(name)}?temp_url_sig={quote(signature, safe='')}&temp_url_expires={end}"

    def _offered(self, info: Mapping[str, Any]) -> tuple[Sequence[str], str]:
        """The methods that can be signed, and the digest."""
        if not info:
            return self._settings.methods, "sha256"
        offer = info.get("tempurl")
        if offer is None:
            return (), ""
        # A server that does not name them is so old that it only has the first.
        digests = offer.get("allowed_digests") or ["sha1"]
        digest = next((name for name in ("sha256", "sha1", "sha512") if name in digests), "sha256")
        return offer.get("methods") or self._settings.methods, digest

    def _container_has_keys(self) -> bool:
        info = self._container.client.info()
        if not info:
            return self._settings.container_key
        version = str(info.get("swift", {}).get("version", "")).split(".")
        numbers = tuple(int(part) for part in version[:2] if part.isdecimal())
        # Other servers that speak Swift have no such version.
        return not numbers or numbers >= _CONTAINER_KEYS_SINCE

    def _find_key(self) -> str:
        with self._lock:
            if not self._key:
                self._key = self._written_key() if self._settings.key else self._read_key()
            return self._key

    def _read_key(self) -> str:
        for kind, name in self._places():
            keys = self._keys(kind, name)
            if keys:
                return keys[0]
        return ""

    def _written_key(self) -> str:
        """The user's key, after it was made sure that the store has it; empty if we may not write it."""
        wanted = self._settings.key
        places = self._places()
        if any(wanted in self._keys(kind, name) for kind, name in places):
            return wanted
        kind, name = places[0]
        # There is room for two: whatever was signed with the other one goes on working.
        slot = "Temp-URL-Key-2" if self._keys(kind, name) else "Temp-URL-Key"
        if kind == "Container" and not self._exists(name):
            self._container.make()
        try:
            self._container.client.request("POST", name, headers={f"X-{kind}-Meta-{slot}": wanted})
        except AnswerError as error:
            if status(error) in _REFUSED:
                return ""
            raise
        return wanted

    def _places(self) -> list[tuple[str, str]]:
        account = ("Account", "")
        return [("Container", self._container.name), account] if self._container_has_keys() else [account]

    def _exists(self, name: str) -> bool:
        return self._head(name) is not None

    def _keys(self, kind: str, name: str) -> list[str]:
        headers = self._head(name) or {}
        found = (headers.get(f"X-{kind}-Meta-Temp-URL-Key{suffix}", "") for suffix in ("", "-2"))
        return [key for key in found if key]

    def _head(self, name: str) -> Mapping[str, str] | None:
        try:
            return self._container.client.request("HEAD", name).headers
        except AnswerError as error:
            if status(error) in (*_REFUSED, 404):
                return None
            raise
