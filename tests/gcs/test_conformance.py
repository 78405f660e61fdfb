"""The conformance suite on each emulator, in a root directory and in a plain bucket."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.drivers.gcs.store import GCSStore
from storagedriver.testsuites import Cases, suite
from tests.gcs.conftest import empty_bucket
from tests.gcs.tokens import TokenService, key_info, private_key
from tests.servers.gcs import GCSServer
from tests.variants import only, thinned

CAPABILITIES = GCSStore.capabilities
_NO_BUCKET = "no-such-bucket"
_CHUNK = (8 << 20) + 1000


def _make(server: GCSServer, tokens: TokenService, rootdirectory: str, **others: object) -> StorageDriver:
    credentials = key_info(f"{tokens.url}/token")
    return factory.create("gcs", server.parameters(rootdirectory, **{"credentials": credentials, **others}))


def _on_fake(fake_gcs: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    return _make(fake_gcs, token_service, rootdirectory)


def _in_fake_bucket(fake_gcs: GCSServer, token_service: TokenService) -> StorageDriver:
    return _make(fake_gcs, token_service, "", bucket=empty_bucket(fake_gcs))


def _fake_without_bucket(fake_gcs: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    return _make(fake_gcs, token_service, rootdirectory, bucket=_NO_BUCKET)


def _refused(fake_gcs: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    """The emulators refuse nobody, but the token service does."""
    return _make(fake_gcs, token_service, rootdirectory, credentials=key_info(f"{token_service.url}/refused"))


def _on_emulator(gcp_emulator: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    return _make(gcp_emulator, token_service, rootdirectory)


def _in_emulator_bucket(gcp_emulator: GCSServer, token_service: TokenService) -> StorageDriver:
    return _make(gcp_emulator, token_service, "", bucket=empty_bucket(gcp_emulator))


def _emulator_without_bucket(gcp_emulator: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    return _make(gcp_emulator, token_service, rootdirectory, bucket=_NO_BUCKET)


def _with_any_name(fake_gcs: GCSServer, token_service: TokenService, rootdirectory: str) -> StorageDriver:
    return _make(fake_gcs, token_service, rootdirectory, names="any")


def _beside(fake_gcs: GCSServer, token_service: TokenService, rootdirectory: str) -> list[StorageDriver]:
    roots = (f"{rootdirectory}-x", f"{rootdirectory}x", rootdirectory[:-1], rootdirectory.rpartition("/")[0])
    return [_make(fake_gcs, token_service, root) for root in roots]


def _unreachable(refused_endpoint: str) -> StorageDriver:
    return factory.create("gcs", {"bucket": "any", "endpoint": refused_endpoint, "timeout": 2})


_SECRETS = [private_key(), private_key().splitlines()[1], "0123456789abcdef0123456789abcdef"]

_fake = suite(
    "gcs on fake-gcs-server",
    _on_fake,
    CAPABILITIES,
    make_missing_bucket=_fake_without_bucket,
    make_refused=_refused,
    make_unreachable=_unreachable,
    make_neighbours=_beside,
    registered_as="gcs",
    part_size=_CHUNK,
    secrets=_SECRETS,
)
# Without a root directory all names of the bucket are the driver's; nothing else differs.
_PLAIN = only("names", "unfinished", "listing", "stat", "deleting", "walk", "urls")
_fake_bucket = thinned(
    suite("gcs in a bucket of fake-gcs-server", _in_fake_bucket, CAPABILITIES, areas=_PLAIN, secrets=_SECRETS)
)
# On the second server: what servers do in ways of their own.
_emulator = suite(
    "gcs on gcp-storage-emulator",
    _on_emulator,
    CAPABILITIES,
    make_missing_bucket=_emulator_without_bucket,
    areas=only("streams", "uploads", "unfinished", "sessions", "listing", "moving", "deleting", "urls"),
)
_emulator_bucket = suite(
    "gcs in a bucket of gcp-storage-emulator",
    _in_emulator_bucket,
    CAPABILITIES,
    areas=only("listing", "deleting", "urls"),
)


class _Other(Cases):
    """The one emulator knows no HEAD at all, and gives a listing on one page, however long it takes."""

    @pytest.mark.slow
    def test_more_entries_than_a_page(self, driver: StorageDriver) -> None:
        super().test_more_entries_than_a_page(driver)  # type: ignore[misc] # of the class that this one is mixed into

    def test_url_for_head_gives_the_size(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"content")
        url = driver.redirect_url("/data", "HEAD")
        assert url is not None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(urllib.request.Request(url, method="HEAD"), timeout=30)
        with caught.value as answer:
            assert answer.code == 501


class TestFakeGCS(_fake):  # type: ignore[misc,valid-type] # a class that is made
    """In a root directory."""


class TestFakeGCSBucket(_fake_bucket):  # type: ignore[misc,valid-type] # the same
    """In a bucket."""


class TestEmulator(_Other, _emulator):  # type: ignore[misc,valid-type] # the same
    """In a root directory."""


class TestEmulatorBucket(_Other, _emulator_bucket):  # type: ignore[misc,valid-type] # the same
    """In a bucket."""


_ODD = only("anynames", "listing", "deleting")
TestAnyName = thinned(suite("gcs with any name", _with_any_name, CAPABILITIES, names="any", areas=_ODD))
