"""The fault matrix of each remote driver, on each of its servers."""

from __future__ import annotations

from typing import Any

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.drivers.azure.store import AzureStore
from storagedriver.drivers.gcs.store import GCSStore
from storagedriver.drivers.oss.store import OSSStore
from storagedriver.drivers.s3.store import S3Store
from storagedriver.drivers.swift.store import SwiftStore
from storagedriver.testsuites.faults import fault_suite
from tests.servers.azurite import AzuriteServer
from tests.servers.gcs import GCSServer
from tests.servers.oss import OSSServer
from tests.servers.s3 import S3Server
from tests.servers.swift import SwiftServer

MIB = 1 << 20


def _s3(endpoint: str, timeout: float, server: S3Server, root: str) -> StorageDriver:
    sizes: dict[str, Any] = {
        "chunksize": 5 * MIB,
        "multipartcopychunksize": 5 * MIB,
        "multipartcopythresholdsize": 5 * MIB,
    }
    return factory.create("s3", server.parameters(root, regionendpoint=endpoint, timeout=timeout, **sizes))


def _on_seaweedfs(endpoint: str, timeout: float, seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _s3(endpoint, timeout, seaweedfs, rootdirectory)


def _on_moto(endpoint: str, timeout: float, moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _s3(endpoint, timeout, moto_s3, rootdirectory)


def _azure(endpoint: str, timeout: float, azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    others = {"serviceurl": f"{endpoint}/{azurite.account}", "timeout": timeout, "chunksize": 64 << 10}
    return factory.create("azure", azurite.parameters(rootdirectory, **others))


def _gcs(endpoint: str, timeout: float, server: GCSServer, root: str) -> StorageDriver:
    return factory.create("gcs", server.parameters(root, endpoint=endpoint, timeout=timeout, chunksize=256 << 10))


def _on_fake(endpoint: str, timeout: float, fake_gcs: GCSServer, rootdirectory: str) -> StorageDriver:
    return _gcs(endpoint, timeout, fake_gcs, rootdirectory)


def _on_emulator(endpoint: str, timeout: float, gcp_emulator: GCSServer, rootdirectory: str) -> StorageDriver:
    return _gcs(endpoint, timeout, gcp_emulator, rootdirectory)


def _swift(endpoint: str, timeout: float, swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    others = {"prefix": rootdirectory, "authurl": f"{endpoint}/auth/v1.0", "timeout": timeout, "chunksize": MIB}
    return factory.create("swift", swift.parameters("faults", **others))


def _oss(endpoint: str, timeout: float, oss: OSSServer, rootdirectory: str) -> StorageDriver:
    others: dict[str, Any] = {"endpoint": endpoint, "timeout": timeout, "chunksize": 5 * MIB}
    return factory.create("oss", oss.parameters(rootdirectory, **others))


TestSeaweedFS = fault_suite(
    "s3 on SeaweedFS", _on_seaweedfs, S3Store.capabilities, lambda seaweedfs: seaweedfs.endpoint, part=5 * MIB, sample=5
)
TestMoto = fault_suite(
    "s3 on moto", _on_moto, S3Store.capabilities, lambda moto_s3: moto_s3.endpoint, part=5 * MIB, sample=4
)
TestAzure = fault_suite("azure", _azure, AzureStore.capabilities, lambda azurite: azurite.endpoint, part=64 << 10)
TestFakeGCS = fault_suite(
    "gcs on fake-gcs-server", _on_fake, GCSStore.capabilities, lambda fake_gcs: fake_gcs.endpoint, part=256 << 10
)
TestEmulator = fault_suite(
    "gcs on gcp-storage-emulator",
    _on_emulator,
    GCSStore.capabilities,
    lambda gcp_emulator: gcp_emulator.endpoint,
    part=256 << 10,
)
TestSwift = fault_suite("swift", _swift, SwiftStore.capabilities, lambda swift: swift.endpoint, part=MIB)
TestOSS = fault_suite("oss", _oss, OSSStore.capabilities, lambda oss: oss.endpoint, part=5 * MIB, sample=5)
