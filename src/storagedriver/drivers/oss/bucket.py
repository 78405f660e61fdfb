"""One bucket and the root directory in it: names and headers that every request shares."""

from __future__ import annotations

from urllib.parse import quote

from storagedriver.adapter.checksums import md5_header
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.oss.requests import Requests

__all__ = ["Bucket"]

#: What the registry gives everything it writes.
_CONTENT_TYPE = "application/octet-stream"


class Bucket:
    """Where the objects lie.

    Parameters
    ----------
    requests : Requests
        The requests.
    parameters : OSSParameters
        The driver's parameters.

    Attributes
    ----------
    creating : dict
        The headers of a request that begins an object. The ACL is no part of
        it: OSS takes it where the object comes into being, which for an
        upload is its end.
    publishing : dict
        The headers of a request by which an object comes into being.
    making : dict
        Both together.
    """

    def __init__(self, requests: Requests, parameters: OSSParameters) -> None:
        self.requests = requests
        self.prefix = parameters.prefix
        self.creating = {"Content-Type": _CONTENT_TYPE}
        if parameters.encrypt:
            self.creating["x-oss-server-side-encryption"] = "AES256"
        self.publishing = {"x-oss-object-acl": "private"}
        self._name = parameters.bucket
        self.making = {**self.creating, **self.publishing}
        self._checks = parameters.signs_payloads or parameters.checksums == "always"

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self.prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self.prefix) :]

    def source(self, key: str) -> dict[str, str]:
        """The header that names an object as the source of a copy."""
        return {"x-oss-copy-source": f"/{self._name}/{quote(self.full(key), safe='')}"}

    def checking(self, data: memoryview) -> dict[str, str]:
        """The headers by which the server checks what it receives, where nothing else does.

        Over TLS a damaged body cannot arrive. Else the MD5 is sent, which the
        signature covers; hashing costs more than all the rest of sending.
        """
        return md5_header(data) if self._checks else {}
