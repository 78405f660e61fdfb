"""The filesystems of fsspec, as they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from storagedriver.bench.peers.libraries import needing, version_of
from storagedriver.bench.peers.places import azure_account, azure_connection_string, gcs_place, s3_config
from storagedriver.bench.subject import Subject
from storagedriver.drivers.s3.parameters import load

__all__ = ["ADLFS", "GCSFS", "S3FS"]

#: A filesystem keeps listings, and would answer from them; a storage that is shared has to be asked.
_OPTIONS = {"use_listings_cache": False, "skip_instance_cache": True}


class _Fsspec(Subject):
    """A filesystem, by its synchronous calls."""

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        self._fs, self._root = self._connect()

    @abstractmethod
    def _connect(self) -> tuple[Any, str]:
        """The filesystem, and the path on it that the driver's root directory has."""

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Through a file opened for writing."""
        with self._fs.open(self._path(path), "wb") as file:
            for piece in pieces:
                file.write(piece)

    def read(self, path: str, piece: int) -> int:
        """Through a file opened for reading."""
        total = 0
        with self._fs.open(self._path(path), "rb") as file:
            while data := file.read(piece):
                total += len(data)
        return total

    def put(self, path: str, content: bytes) -> None:
        """By `pipe_file`."""
        self._fs.pipe_file(self._path(path), content)

    def get(self, path: str) -> bytes:
        """By `cat_file`."""
        content: bytes = self._fs.cat_file(self._path(path))
        return content

    def stat(self, path: str) -> None:
        """By `info`."""
        self._fs.info(self._path(path))

    def list(self, path: str) -> int:
        """By `ls`."""
        return len(self._fs.ls(self._path(path), detail=False))

    def walk(self, path: str) -> int:
        """By `find`, which lists flat what can be listed so."""
        return len(self._fs.find(self._path(path), detail=True))

    def move(self, source: str, dest: str) -> None:
        """By `mv`."""
        self._fs.mv(self._path(source), self._path(dest))

    def delete(self, path: str) -> None:
        """By a recursive `rm`."""
        self._fs.rm(self._path(path), recursive=True)

    def _path(self, path: str) -> str:
        return self._root + path.strip("/")


class S3FS(_Fsspec):
    """s3fs: Amazon S3 and what speaks its protocol."""

    drivers = frozenset({"s3", "s3aws"})

    def _connect(self) -> tuple[Any, str]:
        with needing("s3fs"):
            from s3fs import S3FileSystem  # noqa: PLC0415 - each in its own installation

        self.version = version_of("s3fs")
        parsed = load(self.driver, self.parameters)
        client: dict[str, Any] = {"region_name": parsed.region} if parsed.region else {}
        if parsed.skipverify:
            client["verify"] = False
        fs = S3FileSystem(
            key=parsed.accesskey or None,
            secret=parsed.secretkey or None,
            endpoint_url=parsed.endpoint or None,
            use_ssl=parsed.secure,
            client_kwargs=client,
            config_kwargs=s3_config(parsed),
            **_OPTIONS,
        )
        return fs, f"{parsed.bucket}/{parsed.prefix}"


class ADLFS(_Fsspec):
    """adlfs: Azure Blob Storage."""

    drivers = frozenset({"azure"})

    def _connect(self) -> tuple[Any, str]:
        with needing("adlfs"):
            from adlfs import AzureBlobFileSystem  # noqa: PLC0415 - each in its own installation

        self.version = version_of("adlfs")
        parsed, account = azure_account(self.driver, self.parameters)
        address = urlsplit(account.url).netloc
        host: dict[str, Any] = {"account_name": account.name, "account_host": address, "anon": False}
        application = {
            "tenant_id": account.tenant_id,
            "client_id": account.client_id,
            "client_secret": account.secret,
        }
        # With a key it is the connection string that can name any address.
        options: dict[str, Any] = {
            "shared_key": {"connection_string": azure_connection_string(account)},
            "client_secret": {**host, **application},
            "default_credentials": host,
        }[account.type]
        return AzureBlobFileSystem(**options, **_OPTIONS), f"{parsed.container}/{parsed.prefix}"


class GCSFS(_Fsspec):
    """gcsfs: Google Cloud Storage."""

    drivers = frozenset({"gcs"})

    def _connect(self) -> tuple[Any, str]:
        with needing("gcsfs"):
            import gcsfs  # noqa: PLC0415 - each in its own installation

        self.version = version_of("gcsfs")
        parsed, endpoint, who = gcs_place(self.driver, self.parameters)
        # What the package has for special buckets waits a minute for a gRPC service where there is none.
        kind = gcsfs.core.GCSFileSystem if endpoint else gcsfs.GCSFileSystem
        fs = kind(token=who, endpoint_url=endpoint or None, **_OPTIONS)
        return fs, f"{parsed.bucket}/{parsed.prefix}"
