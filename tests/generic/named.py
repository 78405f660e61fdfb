"""Drivers of their own names over fsspec filesystems, each as its author would write it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import fsspec
from fsspec.implementations.arrow import ArrowFSWrapper

from storagedriver.drivers.fsspec import fsspec_driver
from storagedriver.parameters import boolean, integer, string


@dataclass(frozen=True)
class FTPParameters:
    host: str = string(required=True)
    port: int = integer(21, minimum=1)
    username: str = string()
    password: str = string(secret=True)
    rootdirectory: str = string()


def translate_ftp(given: FTPParameters) -> tuple[str, dict[str, Any]]:
    options = {"port": given.port, "username": given.username, "password": given.password, "timeout": 10}
    return f"ftp://{given.host}/{given.rootdirectory.strip('/')}", options


ftp = fsspec_driver("ftp", FTPParameters, translate_ftp)


@dataclass(frozen=True)
class SFTPParameters:
    host: str = string(required=True)
    port: int = integer(22, minimum=1)
    username: str = string(required=True)
    keyfile: str = string()
    password: str = string(secret=True)
    rootdirectory: str = string(required=True)


def translate_sftp(given: SFTPParameters) -> tuple[str, dict[str, Any]]:
    options: dict[str, Any] = {"username": given.username, "port": given.port, "look_for_keys": False}
    options.update({"key_filename": given.keyfile} if given.keyfile else {"password": given.password})
    return f"sftp://{given.host}/{given.rootdirectory.strip('/')}", {**options, "allow_agent": False}


sftp = fsspec_driver("sftp", SFTPParameters, translate_sftp)


class ArrowLocal(ArrowFSWrapper):  # type: ignore[misc]
    """pyarrow's filesystem of the local disk, which fsspec has no protocol for."""

    protocol = "arrowlocal"

    def __init__(self, *, use_mmap: bool = False, **options: Any) -> None:
        from pyarrow.fs import LocalFileSystem  # noqa: PLC0415 - slow to load

        super().__init__(LocalFileSystem(use_mmap=use_mmap), **options)


@dataclass(frozen=True)
class ArrowParameters:
    rootdirectory: str = string(required=True)
    mmap: bool = boolean()


def translate_arrow(given: ArrowParameters) -> tuple[str, dict[str, Any]]:
    fsspec.register_implementation("arrowlocal", ArrowLocal, clobber=True)
    return f"arrowlocal://{given.rootdirectory}", {"use_mmap": given.mmap}


arrow = fsspec_driver("arrow", ArrowParameters, translate_arrow, directories="kept", atomic_replace=True)


@dataclass(frozen=True)
class ObstoreParameters:
    bucket: str = string(required=True)
    endpoint: str = string(required=True)
    region: str = string("us-east-1")
    accesskey: str = string()
    secretkey: str = string(secret=True)
    rootdirectory: str = string()


@cache
def obstore_class() -> Any:
    from obstore.fsspec import FsspecStore  # noqa: PLC0415 - not for every Python

    class ObstoreS3(FsspecStore):
        """obstore's filesystem under a protocol of its own, since ``s3`` is that of s3fs."""

        protocol = "s3"

        @classmethod
        def _strip_protocol(cls, path: Any) -> Any:
            return (
                path.removeprefix("obs3://") if isinstance(path, str) else [cls._strip_protocol(each) for each in path]
            )

    return ObstoreS3


def translate_obstore(given: ObstoreParameters) -> tuple[str, dict[str, Any]]:
    fsspec.register_implementation("obs3", obstore_class(), clobber=True)
    config = {
        "endpoint": given.endpoint,
        "region": given.region,
        "access_key_id": given.accesskey,
        "secret_access_key": given.secretkey,
    }
    options = {"config": config, "client_options": {"allow_http": True}, "retry_config": {"max_retries": 1}}
    return f"obs3://{given.bucket}/{given.rootdirectory.strip('/')}", options


obstore = fsspec_driver("obstore", ObstoreParameters, translate_obstore, directories="implied")


@dataclass(frozen=True)
class ZipParameters:
    file: str = string(required=True)
    rootdirectory: str = string()


def translate_zip(given: ZipParameters) -> tuple[str, dict[str, Any]]:
    return f"zip://{given.rootdirectory.strip('/')}::file://{given.file}", {}


zip_archive = fsspec_driver("zip", ZipParameters, translate_zip)


@dataclass(frozen=True)
class HTTPParameters:
    url: str = string(required=True)


http = fsspec_driver("http", HTTPParameters, lambda given: (given.url, {}))
DRIVERS = {driver.name: driver for driver in (ftp, sftp, arrow, obstore, zip_archive, http)}
