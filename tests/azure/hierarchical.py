"""An account with a hierarchical namespace: Azurite, before which a proxy keeps directories as Azure does.

Sources: https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues,
https://learn.microsoft.com/rest/api/storageservices/list-blobs and
https://github.com/Azure/azure-sdk-for-net/issues/39065
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

from azure.storage.blob import ContainerClient

from storagedriver.testsuites.faults.actions import Action
from storagedriver.testsuites.faults.exchange import Exchange

__all__ = ["Hierarchical"]

_MARK = {"hdi_isfolder": "true"}


@dataclass(frozen=True)
class Hierarchical(Action):
    """To write a blob makes the directories above it, which stay until they are deleted.

    Attributes
    ----------
    container : ContainerClient
        The container behind the proxy.
    deletes : bool
        Whether an empty directory can be deleted by this protocol; Azure has done the one and the other.
    """

    container: ContainerClient
    deletes: bool
    directories: set[str] = field(default_factory=set)

    def perform(self, exchange: Exchange) -> None:
        lines: list[bytes] = []

        def read(raw: bytes) -> bytes:
            lines.append(raw)
            return raw

        exchange.change_request(read)
        method, target = lines[0].split(b" ", 2)[:2]
        path, _, text = target.decode().partition("?")
        query = {name: values[0] for name, values in parse_qs(text).items()}
        name = unquote("/".join(path.split("/")[3:]))
        if method == b"PUT" and query.get("comp") in (None, "block"):
            self._make_above(name)
        if method == b"DELETE" and name in self.directories and not self._is_deleted(exchange, name):
            return None
        prefix = query.get("prefix", "")
        if query.get("comp") == "list" and any(self._is_file(above) for above in _above(prefix)):
            return _refuse(exchange, 409, "ResourceTypeMismatch")
        exchange.send_request()
        exchange.receive()
        if query.get("comp") == "list" and "delimiter" in query:
            exchange.rewrite_reply(lambda head, body: _framed(head, self._of_one_level(body)))
        else:
            exchange.send_reply()
        return None

    def _make_above(self, name: str) -> None:
        for directory in _above(name):
            if directory not in self.directories:
                self.directories.add(directory)
                self.container.upload_blob(directory, b"", metadata=_MARK, overwrite=True)

    def _is_deleted(self, exchange: Exchange, name: str) -> bool:
        """Whether the request goes on to the server."""
        if not self.deletes:
            _refuse(exchange, 400, "OperationNotSupportedOnDirectory")
            return False
        if next(iter(self.container.list_blobs(name_starts_with=f"{name}/")), None) is not None:
            _refuse(exchange, 409, "DirectoryIsNotEmpty")
            return False
        self.directories.discard(name)
        return True

    def _is_file(self, name: str) -> bool:
        return bool(name) and name not in self.directories and self.container.get_blob_client(name).exists()

    def _of_one_level(self, body: bytes) -> bytes:
        """A listing with a delimiter shows each directory once, with what it is, also where it is empty."""
        root = ET.fromstring(body)
        blobs = root.find("Blobs")
        if blobs is None:
            return body
        names = {item.findtext("Name") for item in blobs.iterfind("BlobPrefix")}
        for blob in list(blobs.iterfind("Blob")):
            name = blob.findtext("Name") or ""
            if name in self.directories:
                blobs.remove(blob)
                if f"{name}/" not in names:
                    ET.SubElement(ET.SubElement(blobs, "BlobPrefix"), "Name").text = f"{name}/"
        for prefix in blobs.iterfind("BlobPrefix"):
            ET.SubElement(ET.SubElement(prefix, "Properties"), "ResourceType").text = "directory"
        blobs[:] = sorted(blobs, key=lambda item: item.findtext("Name") or "")
        changed: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return changed


def _above(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _refuse(exchange: Exchange, status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    exchange.answer(status, body, {"x-ms-error-code": code, "x-ms-request-id": "1"})


def _framed(head: bytes, body: bytes) -> bytes:
    return re.sub(rb"(?i)content-length: \d+", b"Content-Length: %d" % len(body), head) + body
