"""The conformance suite on Azurite: in a root directory, in a plain container, and with append blobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.drivers.azure.store import AzureStore
from storagedriver.testsuites import suite
from tests.azure.conftest import empty_container
from tests.servers.azurite import KEY, AzuriteServer
from tests.variants import only, thinned

CAPABILITIES = AzureStore.capabilities
_NO_CONTAINER = "no-such-container"
_WRONG_KEY = "d3Jvbmcgc2VjcmV0IG9mIGEgdGVzdA=="


def _make(server: AzuriteServer, rootdirectory: str, **others: Any) -> StorageDriver:
    return factory.create("azure", server.parameters(rootdirectory, **others))


def _in_a_directory(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory)


def _in_a_container(azurite: AzuriteServer) -> StorageDriver:
    return _make(azurite, "", container=empty_container(azurite))


def _with_append_blobs(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory, uploadblobtype="append")


def _with_legacy_names(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory, trimlegacyrootprefix=False)


def _without_container(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory, container=_NO_CONTAINER)


def _refused(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory, accountkey=_WRONG_KEY)


def _with_any_name(azurite: AzuriteServer, rootdirectory: str) -> StorageDriver:
    return _make(azurite, rootdirectory, names="any")


def _beside(azurite: AzuriteServer, rootdirectory: str) -> list[StorageDriver]:
    parent = rootdirectory.rpartition("/")[0]
    return [_make(azurite, root) for root in (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], parent)]


def _unreachable(refused_endpoint: str) -> StorageDriver:
    parameters = {"accountname": "any", "accountkey": _WRONG_KEY, "container": "any"}
    return factory.create("azure", {**parameters, "serviceurl": f"{refused_endpoint}/any", "timeout": 2})


TestDirectory = suite(
    "azure in a root directory",
    _in_a_directory,
    CAPABILITIES,
    make_missing_bucket=_without_container,
    make_refused=_refused,
    make_unreachable=_unreachable,
    make_neighbours=_beside,
    registered_as="azure",
    secrets=[KEY, _WRONG_KEY],
)
# Without a root directory all names of the container are the driver's.
TestContainer = thinned(
    suite(
        "azure in a plain container",
        _in_a_container,
        CAPABILITIES,
        areas=only("names", "unfinished", "listing", "moving", "copying", "deleting", "urls"),
    )
)
# The slash before each name matters where names are made, listed, signed and copied.
TestLegacyNames = thinned(
    suite(
        "azure with the names of 2.8",
        _with_legacy_names,
        CAPABILITIES,
        areas=only("names", "unfinished", "listing", "moving", "copying", "deleting", "urls"),
    )
)
# Only what writes, reads or replaces an append blob is another code.
TestAppendBlobs = suite(
    "azure with append blobs",
    _with_append_blobs,
    replace(CAPABILITIES, unfinished="shown"),
    areas=only(
        "streams",
        "content",
        "replacing",
        "uploads",
        "unfinished",
        "moving",
        "copying",
        "deleting",
        "concurrency",
        "stateful",
    ),
    secrets=[KEY],
)
_ODD = only("anynames", "listing", "deleting")
TestAnyName = thinned(suite("azure with any name", _with_any_name, CAPABILITIES, names="any", areas=_ODD))
