"""The conformance suite on each server, in a root directory and in a plain bucket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.drivers.s3.parameters import load
from storagedriver.drivers.s3.store import S3Store
from storagedriver.testsuites import Harness, suite
from storagedriver.testsuites.stateful import Stateful
from tests.s3.conftest import empty_bucket
from tests.servers.s3 import S3Server
from tests.variants import only, thinned

CAPABILITIES = S3Store.capabilities
_NO_BUCKET = "no-such-bucket"
# Without a root directory all names of the bucket are the driver's; nothing else differs.
# On another server: what servers do in ways of their own.
_OTHER_SERVER = only("uploads", "unfinished", "listing", "copying", "deleting", "urls")
_OTHER_BUCKET = only("listing", "deleting")
_PLAIN = only("names", "unfinished", "listing", "stat", "deleting", "walk", "urls")


def _make(server: S3Server, rootdirectory: str, **others: str) -> StorageDriver:
    return factory.create("s3", server.parameters(rootdirectory, **others))


def _on_seaweedfs(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(seaweedfs, rootdirectory)


def _in_seaweedfs_bucket(seaweedfs: S3Server) -> StorageDriver:
    return _make(seaweedfs, "", bucket=empty_bucket(seaweedfs))


def _seaweedfs_without_bucket(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(seaweedfs, rootdirectory, bucket=_NO_BUCKET)


def _refused_by_seaweedfs(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(seaweedfs, rootdirectory, secretkey="wrong-secret-of-a-test")


def _on_swift(swift_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(swift_s3, rootdirectory)


def _in_swift_bucket(swift_s3: S3Server) -> StorageDriver:
    return _make(swift_s3, "", bucket=empty_bucket(swift_s3))


def _swift_without_bucket(swift_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(swift_s3, rootdirectory, bucket=_NO_BUCKET)


def _refused_by_swift(swift_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(swift_s3, rootdirectory, secretkey="wrong-secret-of-a-test")


def _on_moto(moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(moto_s3, rootdirectory)


def _in_moto_bucket(moto_s3: S3Server) -> StorageDriver:
    return _make(moto_s3, "", bucket=empty_bucket(moto_s3))


def _moto_without_bucket(moto_s3: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(moto_s3, rootdirectory, bucket=_NO_BUCKET)


def _unreachable(refused_endpoint: str) -> StorageDriver:
    parameters = {"bucket": "any", "accesskey": "any", "secretkey": "any", "regionendpoint": refused_endpoint}
    return factory.create("s3", {**parameters, "timeout": 2})


def _with_any_name(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(seaweedfs, rootdirectory, names="any")


def _in_version_2(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return _make(seaweedfs, rootdirectory, names="any", v4auth="false")


def _beside(seaweedfs: S3Server, rootdirectory: str) -> list[StorageDriver]:
    parent = rootdirectory.rpartition("/")[0]
    return [_make(seaweedfs, root) for root in (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], parent)]


class _OneOrTheOther(S3Store):
    capabilities = replace(CAPABILITIES, key_and_prefix=False)


def _histories_on_seaweedfs(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return FsspecDriver(_OneOrTheOther("s3", load("s3", seaweedfs.parameters(rootdirectory))))


class TestSeaweedFSHistories(Stateful):
    """SeaweedFS completes no upload at a path that others lie below; test_uploads.py has what happens then."""

    harness = Harness("s3 on SeaweedFS", _histories_on_seaweedfs, _OneOrTheOther.capabilities)


class TestSeaweedFS(
    suite(  # type: ignore[misc]
        "s3 on SeaweedFS",
        _on_seaweedfs,
        CAPABILITIES,
        make_missing_bucket=_seaweedfs_without_bucket,
        make_refused=_refused_by_seaweedfs,
        make_unreachable=_unreachable,
        make_neighbours=_beside,
        registered_as="s3",
        secrets=["secret-of-admin", "wrong-secret-of-a-test"],
    )
):
    test_histories_agree_with_a_model = None


class TestSeaweedFSBucket(
    suite("s3 in a bucket of SeaweedFS", _in_seaweedfs_bucket, CAPABILITIES, areas=_PLAIN)  # type: ignore[misc]
):
    test_histories_agree_with_a_model = None
    slow_cases = ("test_more_entries_than_a_page",)


TestSwift = thinned(
    suite(
        "s3 on Swift",
        _on_swift,
        CAPABILITIES,
        make_missing_bucket=_swift_without_bucket,
        make_refused=_refused_by_swift,
        areas=_OTHER_SERVER,
    )
)
TestSwiftBucket = thinned(suite("s3 in a bucket of Swift", _in_swift_bucket, CAPABILITIES, areas=_OTHER_BUCKET))
_MOTO_2010 = "moto says 2010-11-10 of every upload"
TestMoto = suite(
    "s3 on moto",
    _on_moto,
    CAPABILITIES,
    make_missing_bucket=_moto_without_bucket,
    constant_start=_MOTO_2010,
    areas=_OTHER_SERVER,
)
TestMotoBucket = thinned(
    suite("s3 in a bucket of moto", _in_moto_bucket, CAPABILITIES, constant_start=_MOTO_2010, areas=_OTHER_BUCKET)
)
# An ordinary run moves and walks with odd names over the disk, and asks here what the quoting of a name can change.
_ODD = only("anynames", "listing", "deleting")
TestAnyName = thinned(suite("s3 with any name", _with_any_name, CAPABILITIES, names="any", areas=_ODD))
TestAnyNameInVersion2 = pytest.mark.slow(
    suite("s3 with any name, signed in version 2", _in_version_2, CAPABILITIES, names="any", areas=["anynames"])
)
