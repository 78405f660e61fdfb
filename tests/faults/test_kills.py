"""Processes that are killed at a random moment, on each store."""

from __future__ import annotations

from pathlib import Path

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.testsuites.faults import kill_suite
from tests.servers.azurite import AzuriteServer
from tests.servers.gcs import GCSServer
from tests.servers.oss import OSSServer
from tests.servers.s3 import S3Server
from tests.servers.swift import SwiftServer

MIB = 1 << 20


def _filesystem(tmp_path: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(tmp_path)})


def _seaweedfs(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return factory.create("s3", seaweedfs.parameters(rootdirectory, chunksize=5 * MIB))


def _moto(moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return factory.create("s3", moto_s3.parameters(rootdirectory, chunksize=5 * MIB))


def _azure(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return factory.create("azure", azurite.parameters(rootdirectory, chunksize=64 << 10))


def _fake_gcs(fake_gcs: GCSServer, rootdirectory: str) -> StorageDriver:
    return factory.create("gcs", fake_gcs.parameters(rootdirectory, chunksize=256 << 10))


def _gcp_emulator(gcp_emulator: GCSServer, rootdirectory: str) -> StorageDriver:
    return factory.create("gcs", gcp_emulator.parameters(rootdirectory, chunksize=256 << 10))


def _swift(swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    driver = factory.create("swift", swift.parameters("faults", prefix=rootdirectory, chunksize=MIB))
    # The container is made at the first write.
    driver.put_content("/first", b"")
    return driver


def _oss(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return factory.create("oss", oss.parameters(rootdirectory, chunksize=5 * MIB))


TestFilesystem = kill_suite("filesystem", _filesystem, part=64 << 10)
TestSeaweedFS = kill_suite("s3 on SeaweedFS", _seaweedfs, part=5 * MIB)
TestMoto = kill_suite("s3 on moto", _moto, part=5 * MIB)
TestAzure = kill_suite("azure", _azure, part=64 << 10)
TestFakeGCS = kill_suite("gcs on fake-gcs-server", _fake_gcs, part=256 << 10)
TestGCPEmulator = kill_suite("gcs on gcp-storage-emulator", _gcp_emulator, part=256 << 10)
TestSwift = kill_suite("swift", _swift, part=MIB)
TestOSS = kill_suite("oss", _oss, part=5 * MIB)
