"""obstore: the object_store crate of Rust."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from storagedriver.bench.peers.libraries import needing, version_of
from storagedriver.bench.peers.places import azure_account, gcs_place
from storagedriver.bench.subject import Subject
from storagedriver.drivers.filesystem import FilesystemParameters
from storagedriver.drivers.s3.parameters import load
from storagedriver.parameters import parse

with needing("obstore"):
    import obstore
    from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

__all__ = ["Obstore"]

#: The default of 30 s is for the whole of a request, and ends a longer stream.
_OPTIONS: Any = {"allow_http": True, "timeout": "1h"}
#: What a listing gives at a time; servers send as many, and the default is for a first look.
_PAGE = 1000
#: What the library documents for emulators.
_NOBODY = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}


def _s3(driver: str, parameters: Mapping[str, Any]) -> Any:
    parsed = load(driver, parameters)
    config: Any = {"virtual_hosted_style_request": parsed.forcepathstyle is False}
    if parsed.region:
        config["region"] = parsed.region
    if parsed.accesskey:
        config |= {"access_key_id": parsed.accesskey, "secret_access_key": parsed.secretkey}
    if parsed.endpoint:
        parts = urlsplit(parsed.endpoint)
        own = f"{parts.scheme}://{parsed.bucket}.{parts.netloc}"
        config["endpoint"] = own if parsed.forcepathstyle is False else parsed.endpoint
    options: Any = {**_OPTIONS, "allow_invalid_certificates": parsed.skipverify}
    return S3Store(parsed.bucket, prefix=parsed.prefix or None, config=config, client_options=options)


def _azure(driver: str, parameters: Mapping[str, Any]) -> Any:
    parsed, account = azure_account(driver, parameters)
    application = {"tenant_id": account.tenant_id, "client_id": account.client_id, "client_secret": account.secret}
    credentials = {
        "shared_key": {"account_key": account.key},
        "client_secret": application,
        "default_credentials": {},
    }[account.type]
    config: Any = {**credentials, "account_name": account.name, "endpoint": account.url}
    options: Any = {**_OPTIONS, "allow_invalid_certificates": parsed.skipverify}
    return AzureStore(parsed.container, prefix=parsed.prefix or None, config=config, client_options=options)


def _gcs(driver: str, parameters: Mapping[str, Any]) -> Any:
    parsed, endpoint, who = gcs_place(driver, parameters)
    config: Any = {"base_url": endpoint} if endpoint else {}
    if parsed.keyfile:
        config["service_account"] = parsed.keyfile
    elif parsed.credentials is not None:
        config["service_account_key"] = json.dumps(parsed.credentials)
    elif who == "anon":
        # Its `skip_signature` is for reading; what is written would ask the environment for a token.
        config["service_account_key"] = json.dumps(_NOBODY)
    return GCSStore(parsed.bucket, prefix=parsed.prefix or None, config=config, client_options=_OPTIONS)


def _filesystem(driver: str, parameters: Mapping[str, Any]) -> Any:
    # A directory that is deleted shall be gone, and not only its files.
    root = parse(FilesystemParameters, driver, parameters).rootdirectory
    return LocalStore(root, automatic_cleanup=True, mkdir=True)


_STORES: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "s3": _s3,
    "s3aws": _s3,
    "azure": _azure,
    "gcs": _gcs,
    "filesystem": _filesystem,
}


class Obstore(Subject):
    """A store of obstore, by its synchronous calls."""

    drivers = frozenset(_STORES)

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        self._store = _STORES[driver](driver, parameters)
        self.version = version_of("obstore")

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Through a writer, which sends the parts of a large object at the same time."""
        with obstore.open_writer(self._store, _key(path)) as writer:
            for piece in pieces:
                writer.write(piece)

    def read(self, path: str, piece: int) -> int:
        """Through a stream, whose pieces have at least `piece` bytes: there is no upper bound."""
        return sum(len(data) for data in obstore.get(self._store, _key(path)).stream(min_chunk_size=piece))

    def put(self, path: str, content: bytes) -> None:
        """By `put`."""
        obstore.put(self._store, _key(path), content)

    def get(self, path: str) -> bytes:
        """By `get`."""
        return bytes(obstore.get(self._store, _key(path)).bytes())

    def stat(self, path: str) -> None:
        """By `head`."""
        obstore.head(self._store, _key(path))

    def list(self, path: str) -> int:
        """By `list_with_delimiter`."""
        found = obstore.list_with_delimiter(self._store, _key(path))
        return len(found["objects"]) + len(found["common_prefixes"])

    def walk(self, path: str) -> int:
        """By `list`."""
        return sum(map(len, self._pages(path)))

    def move(self, source: str, dest: str) -> None:
        """By `rename`."""
        obstore.rename(self._store, _key(source), _key(dest))

    def delete(self, path: str) -> None:
        """By `list` and one `delete`."""
        obstore.delete(self._store, [item["path"] for page in self._pages(path) for item in page])

    def _pages(self, path: str) -> Iterator[Any]:
        pages: Iterator[Any] = iter(obstore.list(self._store, _key(path), chunk_size=_PAGE))
        return pages


def _key(path: str) -> str:
    return path.strip("/")
