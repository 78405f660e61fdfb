"""Answers that are none, to each remote driver on each of its servers."""

from __future__ import annotations

from storagedriver.testsuites.faults import answer_suite
from tests.faults.behind_proxy import (
    on_azurite,
    on_fake_gcs,
    on_gcp_emulator,
    on_oss,
    on_seaweedfs,
    on_swift,
)

TestSeaweedFS = answer_suite("s3 on SeaweedFS", on_seaweedfs, lambda seaweedfs: seaweedfs.endpoint)
TestAzure = answer_suite("azure", on_azurite, lambda azurite: azurite.endpoint)
TestFakeGCS = answer_suite("gcs on fake-gcs-server", on_fake_gcs, lambda fake_gcs: fake_gcs.endpoint)
TestEmulator = answer_suite("gcs on gcp-storage-emulator", on_gcp_emulator, lambda gcp_emulator: gcp_emulator.endpoint)
TestSwift = answer_suite("swift", on_swift, lambda swift: swift.endpoint)
TestOSS = answer_suite("oss", on_oss, lambda oss: oss.endpoint)
