"""One bucket and the root directory in it: its filesystem, its SDK objects, its names and headers."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import oss2

from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.document import Document, with_document
from storagedriver.adapter.limits import PerProcess
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.oss.transport import StreamTransport, Transport

__all__ = ["CONTENT_TYPE", "Connection"]

#: What the registry gives everything it writes.
CONTENT_TYPE = "application/octet-stream"

#: ossfs cannot list without its cache, so it gets one that forgets soon, in seconds.
_CACHED = 1.0


class Connection:
    """Where the objects lie, and how to ask for them.

    Parameters
    ----------
    parameters : OSSParameters
        The driver's parameters.

    Attributes
    ----------
    http : HTTPClient
        What the requests are sent by.
    """

    def __init__(self, parameters: OSSParameters) -> None:
        self.parameters = parameters
        self.http = HTTPClient(timeout=parameters.timeout)
        self._filesystems = PerProcess(self._make_filesystem)
        self._buckets = PerProcess(lambda: self._make_bucket(Transport(self.http)))
        self._streams = PerProcess(lambda: self._make_bucket(StreamTransport(self.http)))

    @property
    def filesystem(self) -> Any:
        """The ossfs filesystem of this process."""
        return self._filesystems.get()

    @property
    def bucket(self) -> oss2.Bucket:
        """The bucket, for requests whose answers are read as a whole."""
        return self._buckets.get()

    @property
    def streams(self) -> oss2.Bucket:
        """The bucket, for contents that are read as streams."""
        return self._streams.get()

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self.parameters.prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self.parameters.prefix) :]

    def ask(self, root: str, **params: str) -> Document:
        """Send a request about the bucket whose answer is read here, and not by oss2.

        Parameters
        ----------
        root : str
            The name of the answer's outermost element.
        **params
            The query, with underscores for hyphens.
        """
        query = {name.replace("_", "-"): value for name, value in params.items()}
        reply = self.bucket._do("GET", self.parameters.bucket, "", params=query)  # noqa: SLF001 - signs and sends
        document: Document = with_document(root, "GET of the bucket")(reply.answer).document
        return document

    def creating(self) -> dict[str, str]:
        """The headers of a request that begins an object.

        The ACL is no part of it: OSS takes it where the object comes into
        being, which for an upload is its end.
        """
        headers = {"Content-Type": CONTENT_TYPE}
        if self.parameters.encrypt:
            headers["x-oss-server-side-encryption"] = "AES256"
        return headers

    def publishing(self) -> dict[str, str]:
        """The headers of a request by which an object comes into being."""
        return {"x-oss-object-acl": "private"}

    def checking(self, data: memoryview) -> dict[str, str]:
        """The headers by which the server checks what it receives, where nothing else does.

        Over TLS a damaged body cannot arrive. Else the MD5 is sent, which the
        signature covers; hashing costs more than all the rest of sending.
        """
        if not self.parameters.signs_payloads:
            return {}
        digest = hashlib.md5(data, usedforsecurity=False).digest()
        return {"Content-MD5": base64.b64encode(digest).decode()}

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self.http.close()

    def _make_filesystem(self) -> Any:
        from ossfs import OSSFileSystem  # noqa: PLC0415 - slow to load, and an extra

        parameters = self.parameters

        class FileSystem(OSSFileSystem):  # type: ignore[misc]
            """ossfs, which finds the bucket where the driver finds it."""

            def _get_bucket(self, bucket_name: str, connect_timeout: int | None = None) -> Any:
                return _adapted(super()._get_bucket(bucket_name, connect_timeout), parameters)

        return FileSystem(
            endpoint=parameters.url,
            key=parameters.accesskeyid,
            secret=parameters.accesskeysecret,
            listings_expiry_time=_CACHED,
            skip_instance_cache=True,
        )

    def _make_bucket(self, transport: Transport) -> oss2.Bucket:
        # The credentials are the filesystem's. oss2's CRC64 halves the speed of a stream.
        auth = self.filesystem._auth  # noqa: SLF001 - ossfs gives them to nobody
        name, url = self.parameters.bucket, self.parameters.url
        return _adapted(oss2.Bucket(auth, url, name, session=transport, enable_crc=False), self.parameters)


def _adapted(bucket: Any, parameters: OSSParameters) -> Any:
    """The same bucket, with the URLs and the version of the signature that the parameters say.

    oss2 guesses the URLs by the host alone, and ossfs signs in version 1.
    """
    if parameters.signs_v4:
        bucket.auth = oss2.ProviderAuthV4(bucket.auth.credentials_provider)
        bucket.region = parameters.region_id

    def locate(name: str, key: str, slash_safe: bool = False) -> str:  # noqa: ARG001 - a slash needs no quoting
        return parameters.locate(name, key)

    bucket._make_url = locate  # noqa: SLF001 - it has no other way
    return bucket
