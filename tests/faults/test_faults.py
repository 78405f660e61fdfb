"""The fault matrix of each remote driver, on each of its servers."""

from __future__ import annotations

from storagedriver.drivers.azure.store import AzureStore
from storagedriver.drivers.gcs.store import GCSStore
from storagedriver.drivers.oss.store import OSSStore
from storagedriver.drivers.s3.store import S3Store
from storagedriver.drivers.swift.store import SwiftStore
from storagedriver.testsuites.faults import fault_suite
from tests.faults.behind_proxy import (
    MIB,
    on_azurite,
    on_fake_gcs,
    on_gcp_emulator,
    on_moto,
    on_oss,
    on_seaweedfs,
    on_swift,
)

TestSeaweedFS = fault_suite(
    "s3 on SeaweedFS", on_seaweedfs, S3Store.capabilities, lambda seaweedfs: seaweedfs.endpoint, part=5 * MIB, sample=5
)
TestMoto = fault_suite(
    "s3 on moto", on_moto, S3Store.capabilities, lambda moto_s3: moto_s3.endpoint, part=5 * MIB, sample=4
)
TestAzure = fault_suite("azure", on_azurite, AzureStore.capabilities, lambda azurite: azurite.endpoint, part=64 << 10)
TestFakeGCS = fault_suite(
    "gcs on fake-gcs-server", on_fake_gcs, GCSStore.capabilities, lambda fake_gcs: fake_gcs.endpoint, part=256 << 10
)
TestEmulator = fault_suite(
    "gcs on gcp-storage-emulator",
    on_gcp_emulator,
    GCSStore.capabilities,
    lambda gcp_emulator: gcp_emulator.endpoint,
    part=256 << 10,
)
TestSwift = fault_suite("swift", on_swift, SwiftStore.capabilities, lambda swift: swift.endpoint, part=MIB)
TestOSS = fault_suite("oss", on_oss, OSSStore.capabilities, lambda oss: oss.endpoint, part=5 * MIB, sample=5)
