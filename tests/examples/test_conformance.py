"""The conformance suite against the example, in a root directory and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from examples.tinystore.store import TinyStore
from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.testsuites import suite
from tests.examples.tinystore_server import TinyServer, serving
from tests.variants import thinned

CAPABILITIES = TinyStore.capabilities
_PART = 5 << 20
_WRONG = "wrong-secret-of-a-test"


def make(server: TinyServer, rootdirectory: str = "", **others: Any) -> StorageDriver:
    given = {"url": server.url, "bucket": "registry", "token": server.token, "chunksize": _PART}
    return factory.create("tinystore", {**given, "rootdirectory": rootdirectory, **others})


def _in_a_root(tinystore: TinyServer, rootdirectory: str) -> StorageDriver:
    return make(tinystore, rootdirectory)


def _in_a_bucket() -> Iterator[StorageDriver]:
    with serving("registry") as server, make(server, readconcurrency=3) as driver:
        yield driver


def _without_bucket(tinystore: TinyServer) -> StorageDriver:
    return make(tinystore, bucket="missing")


def _refused(tinystore: TinyServer) -> StorageDriver:
    return make(tinystore, token=_WRONG)


def _unreachable(refused_endpoint: str) -> StorageDriver:
    given = {"url": refused_endpoint, "bucket": "registry", "token": "any-secret", "timeout": 2}
    return factory.create("tinystore", given)


def _beside(tinystore: TinyServer, rootdirectory: str) -> list[StorageDriver]:
    parent = rootdirectory.rpartition("/")[0]
    return [make(tinystore, root) for root in (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], parent)]


TestInARoot = suite(
    "tinystore in a root directory",
    _in_a_root,
    CAPABILITIES,
    make_missing_bucket=_without_bucket,
    make_refused=_refused,
    make_unreachable=_unreachable,
    make_neighbours=_beside,
    registered_as="tinystore",
    secrets=["secret-token-of-a-test", _WRONG, "any-secret"],
)
# The server keeps all it has in memory, which is no place for 5 GiB.
TestInARoot.test_huge_stream = None  # type: ignore[attr-defined]
# Without a root directory all names of the bucket are the driver's. Ranges of a stream are read at the same time.
TestInABucket = thinned(
    suite("tinystore in a bucket", _in_a_bucket, CAPABILITIES, areas=["names", "listing", "walk", "deleting"])
)
