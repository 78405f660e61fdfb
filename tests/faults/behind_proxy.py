"""The remote drivers behind the fault proxy, on each of their servers."""

from __future__ import annotations

from typing import Any

from storagedriver import factory
from storagedriver.driver import StorageDriver
from tests.servers.azurite import AzuriteServer
from tests.servers.gcs import GCSServer
from tests.servers.oss import OSSServer
from tests.servers.s3 import S3Server
from tests.servers.swift import SwiftServer

__all__ = ["MIB", "on_azurite", "on_fake_gcs", "on_gcp_emulator", "on_moto", "on_oss", "on_seaweedfs", "on_swift"]

MIB = 1 << 20


def _s3(endpoint: str, timeout: float, server: S3Server, root: str) -> StorageDriver:
    sizes: dict[str, Any] = {
        "chunksize": 5 * MIB,
        "multipartcopychunksize": 5 * MIB,
        "multipartcopythresholdsize": 5 * MIB,
    }
    return factory.create("s3", server.parameters(root, regionendpoint=endpoint, timeout=timeout, **sizes))


def on_seaweedfs(endpoint: str, timeout: float, seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _s3(endpoint, timeout, seaweedfs, rootdirectory)


def on_moto(endpoint: str, timeout: float, moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _s3(endpoint, timeout, moto_s3, rootdirectory)


def on_azurite(endpoint: str, timeout: float, azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    others = {"serviceurl": f"{endpoint}/{azurite.account}", "timeout": timeout, "chunksize": 64 << 10}
    return factory.create("azure", azurite.parameters(rootdirectory, **others))


def _gcs(endpoint: str, timeout: float, server: GCSServer, root: str) -> StorageDriver:
    return factory.create("gcs", server.parameters(root, endpoint=endpoint, timeout=timeout, chunksize=256 << 10))


def on_fake_gcs(endpoint: str, timeout: float, fake_gcs: GCSServer, rootdirectory: str) -> StorageDriver:
    return _gcs(endpoint, timeout, fake_gcs, rootdirectory)


def on_gcp_emulator(endpoint: str, timeout: float, gcp_emulator: GCSServer, rootdirectory: str) -> StorageDriver:
    return _gcs(endpoint, timeout, gcp_emulator, rootdirectory)


def on_swift(endpoint: str, timeout: float, swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    others = {"prefix": rootdirectory, "authurl": f"{endpoint}/auth/v1.0", "timeout": timeout, "chunksize": MIB}
    return factory.create("swift", swift.parameters("faults", **others))


def on_oss(endpoint: str, timeout: float, oss: OSSServer, rootdirectory: str) -> StorageDriver:
    others: dict[str, Any] = {"endpoint": endpoint, "timeout": timeout, "chunksize": 5 * MIB}
    return factory.create("oss", oss.parameters(rootdirectory, **others))
