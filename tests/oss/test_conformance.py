"""The conformance suite, with the bucket in the path and at a host of its own, in a root directory and without."""

from __future__ import annotations

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.drivers.oss.store import OSSStore
from storagedriver.testsuites import suite
from tests.oss.conftest import empty_bucket
from tests.servers.oss import OSSServer
from tests.variants import only, thinned

CAPABILITIES = OSSStore.capabilities
_NO_BUCKET = "no-such-bucket"
_WRONG_SECRET = "wrong-secret-of-a-test"


def _make(server: OSSServer, rootdirectory: str, **others: str) -> StorageDriver:
    return factory.create("oss", server.parameters(rootdirectory, **others))


def _in_path(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory)


def _in_path_of_a_bucket(oss: OSSServer) -> StorageDriver:
    return _make(oss, "", bucket=empty_bucket(oss))


def _at_own_host(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, endpoint=oss.own_endpoint, addressing="cname")


def _at_own_host_of_a_bucket(own_oss: OSSServer) -> StorageDriver:
    empty_bucket(own_oss, own_oss.bucket)
    return _make(own_oss, "", endpoint=own_oss.own_endpoint, addressing="cname")


def _without_bucket(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, bucket=_NO_BUCKET)


def _refused(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, accesskeysecret=_WRONG_SECRET)


def _refused_at_own_host(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    own = {"endpoint": oss.own_endpoint, "addressing": "cname"}
    return _make(oss, rootdirectory, accesskeysecret=_WRONG_SECRET, **own)


def _signed_in_version_4(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, signatureversion="v4")


def _refused_in_version_4(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, signatureversion="v4", accesskeysecret=_WRONG_SECRET)


def _with_any_name(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, names="any")


def _any_in_version_4(oss: OSSServer, rootdirectory: str) -> StorageDriver:
    return _make(oss, rootdirectory, names="any", signatureversion="v4")


def _beside(oss: OSSServer, rootdirectory: str) -> list[StorageDriver]:
    parent = rootdirectory.rpartition("/")[0]
    return [_make(oss, root) for root in (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], parent)]


def _unreachable(refused_endpoint: str) -> StorageDriver:
    parameters = {"bucket": "any", "accesskeyid": "any", "accesskeysecret": "any-secret", "region": "any"}
    return factory.create("oss", {**parameters, "endpoint": refused_endpoint, "timeout": 2})


TestInPath = suite(
    "oss with the bucket in the path",
    _in_path,
    CAPABILITIES,
    make_missing_bucket=_without_bucket,
    make_refused=_refused,
    make_unreachable=_unreachable,
    make_neighbours=_beside,
    registered_as="oss",
    secrets=["secret-of-admin", _WRONG_SECRET, "any-secret"],
)
# Without a root directory all names of the bucket are the driver's; nothing else differs.
_PLAIN = only("names", "unfinished", "listing", "stat", "deleting", "walk", "urls")
# Where a request goes and how it is signed depends on its key and its query: each kind of request is in these.
_REQUESTS = only("content", "names", "unfinished", "listing", "copying", "deleting", "urls")
TestInPathOfABucket = thinned(
    suite("oss in a bucket", _in_path_of_a_bucket, CAPABILITIES, areas=_PLAIN, secrets=["secret-of-admin"])
)
TestAtOwnHost = thinned(
    suite(
        "oss with the bucket as the host",
        _at_own_host,
        CAPABILITIES,
        areas=_REQUESTS,
        make_refused=_refused_at_own_host,
        secrets=["secret-of-admin", _WRONG_SECRET],
    )
)
TestSignedInVersion4 = thinned(
    suite(
        "oss with signatures of version 4",
        _signed_in_version_4,
        CAPABILITIES,
        areas=_REQUESTS,
        make_refused=_refused_in_version_4,
        secrets=["secret-of-admin", _WRONG_SECRET],
    )
)
TestAtOwnHostOfABucket = thinned(
    suite(
        "oss in a bucket that is the host",
        _at_own_host_of_a_bucket,
        CAPABILITIES,
        areas=only("unfinished", "listing", "deleting"),
        secrets=["secret-of-admin"],
    )
)
_ODD = only("anynames", "listing", "deleting")
TestAnyName = thinned(suite("oss with any name", _with_any_name, CAPABILITIES, names="any", areas=_ODD))
TestAnyNameInVersion4 = pytest.mark.slow(
    suite("oss with any name, signed in version 4", _any_in_version_4, CAPABILITIES, names="any", areas=["anynames"])
)
