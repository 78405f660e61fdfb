"""The conformance suite, on tempauth, with a prefix and without."""

from __future__ import annotations

import uuid

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.drivers.swift.store import SwiftStore
from storagedriver.testsuites import suite
from tests.servers.swift import SwiftServer
from tests.swift.conftest import TEMP_URL_KEY
from tests.variants import only, thinned

CAPABILITIES = SwiftStore.capabilities
_SHARED = "conformance"


def _with_prefix(swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    driver = factory.create("swift", swift.parameters(_SHARED, prefix=rootdirectory, secretkey=TEMP_URL_KEY))
    # The container is made at the first write, and before it there is nothing that could be listed.
    driver.put_content("/first", b"")
    driver.delete("/first")
    return driver


def _without_prefix(swift: SwiftServer) -> StorageDriver:
    container = f"conformance-{uuid.uuid4().hex}"
    driver = factory.create("swift", swift.parameters(container, secretkey=TEMP_URL_KEY, chunksize=1 << 20))
    driver.put_content("/first", b"")
    driver.delete("/first")
    return driver


def _refused(swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    return factory.create("swift", swift.parameters(_SHARED, prefix=rootdirectory, password="wrong-secret-of-a-test"))


def _with_any_name(swift: SwiftServer, rootdirectory: str) -> StorageDriver:
    parameters = swift.parameters(_SHARED, prefix=rootdirectory, secretkey=TEMP_URL_KEY, names="any")
    driver = factory.create("swift", parameters)
    driver.put_content("/first", b"")
    driver.delete("/first")
    return driver


def _beside(swift: SwiftServer, rootdirectory: str) -> list[StorageDriver]:
    parent = rootdirectory.rpartition("/")[0]
    prefixes = (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], parent)
    return [
        factory.create("swift", swift.parameters(_SHARED, prefix=prefix, secretkey=TEMP_URL_KEY)) for prefix in prefixes
    ]


def _unreachable(refused_endpoint: str) -> StorageDriver:
    parameters = {"container": "any", "username": "any", "password": "any", "authurl": f"{refused_endpoint}/auth/v1.0"}
    return factory.create("swift", {**parameters, "timeout": 2})


# A page of Swift has ten thousand names: those of the case of a thousand are one, which it takes a minute to write.
TestSwift = thinned(
    suite(
        "swift",
        _with_prefix,
        CAPABILITIES,
        make_refused=_refused,
        make_unreachable=_unreachable,
        make_neighbours=_beside,
        registered_as="swift",
        secrets=[TEMP_URL_KEY, "wrong-secret-of-a-test"],
    )
)
# Without a prefix the names begin otherwise, those of the segments too.
TestSwiftContainer = thinned(
    suite(
        "swift in a plain container",
        _without_prefix,
        CAPABILITIES,
        areas=only("names", "unfinished", "listing", "moving", "deleting", "urls"),
    )
)
_ODD = only("anynames", "listing", "deleting")
TestAnyName = thinned(suite("swift with any name", _with_any_name, CAPABILITIES, names="any", areas=_ODD))
