"""Named drivers: the suite over filesystems whose drivers are a dataclass and a translation."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import PermissionDeniedError
from storagedriver.testsuites import READ_ONLY_FILES, suite
from tests.generic.named import DRIVERS
from tests.generic.test_conformance import IMPLIED, KEPT, ObstoreIsNoProcessOfItsOwn
from tests.servers.ftp import FTP_SECRET, FTPServer
from tests.servers.s3 import S3Server
from tests.servers.sshd import SFTPServer
from tests.variants import is_slow, only

_WRONG = "wrong-secret-of-a-test"
NOT_ATOMIC = replace(KEPT, atomic_replace=False)
READ_ONLY = Capabilities(
    key_and_prefix=False,
    empty_directories=True,
    conflicts_detected="always",
    server_side_copy=False,
    read_only=True,
)
_AREAS = only("content")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    for name, driver in DRIVERS.items():
        factory.register(name, driver)
    yield
    for name in DRIVERS:
        factory.unregister(name)


def over_ftp(ftp: FTPServer, rootdirectory: str, password: str = FTP_SECRET) -> StorageDriver:
    given = {"host": ftp.host, "port": ftp.port, "username": ftp.username, "password": password}
    return factory.create("ftp", {**given, "rootdirectory": rootdirectory})


def ftp_that_refuses(ftp: FTPServer) -> StorageDriver:
    return over_ftp(ftp, "x", _WRONG)


def ftp_that_is_not_there(refused_endpoint: str) -> StorageDriver:
    host, port = refused_endpoint.removeprefix("http://").split(":")
    return factory.create("ftp", {"host": host, "port": port, "username": "u", "password": FTP_SECRET})


def over_sftp(sftp: SFTPServer, rootdirectory: str) -> StorageDriver:
    given = {"host": sftp.host, "port": sftp.port, "username": sftp.username, "keyfile": sftp.key_file}
    return factory.create("sftp", {**given, "rootdirectory": f"{sftp.root}/{rootdirectory}"})


def over_arrow(tmp_path: Path) -> StorageDriver:
    return factory.create("arrow", {"rootdirectory": str(tmp_path / "root")})


def over_obstore(moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    pytest.importorskip("obstore")
    given: dict[str, Any] = {"bucket": moto_s3.bucket, "endpoint": moto_s3.endpoint, "region": moto_s3.region}
    keys = {"accesskey": moto_s3.access_key, "secretkey": moto_s3.secret_key}
    return factory.create("obstore", {**given, **keys, "rootdirectory": rootdirectory})


def over_zip(tmp_path: Path) -> StorageDriver:
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as archive:
        for path, content in READ_ONLY_FILES.items():
            archive.writestr(f"root{path}", content)
    return factory.create("zip", {"file": str(tmp_path / "files.zip"), "rootdirectory": "root"})


TestFTP = suite(
    "ftp",
    over_ftp,
    NOT_ATOMIC,
    areas=_AREAS,
    # The server waits three seconds before it refuses.
    make_refused=ftp_that_refuses if is_slow() else None,
    make_unreachable=ftp_that_is_not_there,
    registered_as="ftp",
    secrets=[FTP_SECRET, _WRONG],
)
TestSFTP = suite("sftp by name", over_sftp, NOT_ATOMIC, areas=_AREAS, registered_as="sftp")
TestArrow = suite("arrow", over_arrow, KEPT, areas=_AREAS, registered_as="arrow")
TestZip = suite("zip", over_zip, READ_ONLY, registered_as="zip")


class TestObstore(
    ObstoreIsNoProcessOfItsOwn,
    suite("obstore by name", over_obstore, IMPLIED, areas=_AREAS, registered_as="obstore"),  # type: ignore[misc]
):
    pass


def test_ftp_that_refuses_is_a_permission_that_is_denied(ftp: FTPServer) -> None:
    with ftp_that_refuses(ftp) as driver, pytest.raises(PermissionDeniedError, match="ftp: "):
        driver.list("/")
