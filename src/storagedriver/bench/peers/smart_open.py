"""smart_open: streams alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storagedriver.bench.peers.libraries import needing, version_of
from storagedriver.bench.peers.places import azure_account, azure_credential, gcs_place, s3_client
from storagedriver.bench.subject import Subject
from storagedriver.drivers.s3.parameters import load

with needing("smart_open"):
    import smart_open

__all__ = ["SmartOpen"]

#: The URL of the driver's root directory, with a ``/`` at its end, and the SDK's client.
_Place = tuple[str, Any]


def _s3(driver: str, parameters: Mapping[str, Any]) -> _Place:
    parsed = load(driver, parameters)
    return f"s3://{parsed.bucket}/{parsed.prefix}", s3_client(parsed)


def _azure(driver: str, parameters: Mapping[str, Any]) -> _Place:
    parsed, account = azure_account(driver, parameters)
    with needing("smart_open[azure]"):
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - slow to load

    client = BlobServiceClient(
        account.url, credential=azure_credential(account), connection_verify=not parsed.skipverify
    )
    return f"azure://{parsed.container}/{parsed.prefix}", client


def _gcs(driver: str, parameters: Mapping[str, Any]) -> _Place:
    with needing("smart_open[gcs]"):
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - slow to load
        from google.cloud.storage import Client  # noqa: PLC0415 - the same

    parsed, endpoint, who = gcs_place(driver, parameters)
    options: dict[str, Any] = {"client_options": {"api_endpoint": endpoint}} if endpoint else {}
    if who != "google_default":
        # The SDK asks the environment for a project unless it is given one.
        options["project"] = getattr(who, "project_id", None) or "none"
        options["credentials"] = AnonymousCredentials() if who == "anon" else who  # type: ignore[no-untyped-call]
    return f"gs://{parsed.bucket}/{parsed.prefix}", Client(**options)


_PLACES: Mapping[str, Callable[[str, Mapping[str, Any]], _Place]] = {
    "s3": _s3,
    "s3aws": _s3,
    "azure": _azure,
    "gcs": _gcs,
}
#: Transport parameters for what is known to be small. The other two have none.
_SMALL: Mapping[str, Mapping[str, Any]] = {driver: {"multipart_upload": False} for driver in ("s3", "s3aws")}


class SmartOpen(Subject):
    """`smart_open.open`, with the client of an SDK."""

    drivers = frozenset(_PLACES)

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        self._root, self._client = _PLACES[driver](driver, parameters)
        self.version = version_of("smart_open")

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Through a file opened for writing."""
        with self._open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)

    def read(self, path: str, piece: int) -> int:
        """Through a file opened for reading."""
        total = 0
        with self._open(path, "rb") as file:
            while data := file.read(piece):
                total += len(data)
        return total

    def put(self, path: str, content: bytes) -> None:
        """Through a file opened for writing, without the parts of a large object."""
        with self._open(path, "wb", **_SMALL.get(self.driver, {})) as file:
            file.write(content)

    def get(self, path: str) -> bytes:
        """Through a file opened for reading."""
        with self._open(path, "rb") as file:
            content: bytes = file.read()
        return content

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _open(self, path: str, mode: str, **options: Any) -> Any:
        # By itself it would decompress what a name ends with .gz of.
        url = self._root + path.lstrip("/")
        transport = {"client": self._client, **options}
        return smart_open.open(url, mode, compression="disable", transport_params=transport)
