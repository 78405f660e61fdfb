"""Requests that fail: what is sent again, how long that takes, and what is told in the end."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer, CutReply, Delay, Hang, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, pattern, put_all, same_bytes, upload
from tests.azure.conftest import MakeAzure
from tests.servers.azurite import AzuriteServer

BUSY = Answer(503, headers={"x-ms-error-code": "ServerBusy"})
MIB = 1 << 20

CALLS: dict[str, Callable[[FsspecDriver], object]] = {
    "get": lambda driver: driver.get_content("/dir/a"),
    "put": lambda driver: driver.put_content("/dir/b", b"x"),
    "stat": lambda driver: driver.stat("/dir/a"),
    "list": lambda driver: driver.list("/dir"),
    "reader": lambda driver: drain(driver.reader("/dir/a")),
    "upload": lambda driver: upload(driver, "/dir/b", b"x"),
    "copy": lambda driver: driver.copy("/dir/a", "/dir/b"),
    "delete": lambda driver: driver.delete("/dir"),
    "uploads": lambda driver: list(driver.uploads()),
}


@pytest.mark.parametrize("call", CALLS)
def test_busy_store_is_asked_again(proxied: FsspecDriver, proxy: FaultProxy, call: str) -> None:
    proxied.put_content("/dir/a", b"content")
    rule = proxy.add(BUSY, times=2)
    CALLS[call](proxied)
    assert rule.hits == 2


@pytest.mark.parametrize("call", CALLS)
def test_lost_reply_is_asked_for_again(proxied: FsspecDriver, proxy: FaultProxy, call: str) -> None:
    proxied.put_content("/dir/a", b"content")
    rule = proxy.add(LoseReply(reset=True))
    CALLS[call](proxied)
    assert rule.hits == 1


@pytest.mark.parametrize(("retries", "attempts"), [(-1, 1), (0, 1), (2, 3), (8, 9)])
def test_max_retries(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, retries: int, attempts: int
) -> None:
    url = f"{proxy.endpoint}/{azurite.account}"
    driver = make_azure(root, serviceurl=url, max_retries=retries, retry_delay="1ms")
    proxy.add(BUSY, times=None)
    for call in ("get", "reader", "copy", "list"):
        proxy.reset()
        proxy.add(BUSY, times=None)
        with pytest.raises(UnavailableError, match="ServerBusy"):
            CALLS[call](driver)
        assert len(proxy.requests) == attempts, call


def test_retry_delay(make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str) -> None:
    driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", retry_delay="1s", max_retries=1)
    proxy.add(BUSY, times=None)
    start = time.monotonic()
    with pytest.raises(UnavailableError):
        driver.get_content("/a")
    assert time.monotonic() - start > 0.5


def test_retry_after_is_kept(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/a", b"content")
    proxy.add(Answer(503, headers={"Retry-After": "1"}))
    start = time.monotonic()
    assert proxied.get_content("/a") == b"content"
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize("call", ["get", "put", "stat", "list", "reader", "upload", "copy", "delete"])
def test_silent_store_is_unavailable_within_the_timeout(black_hole: str, call: str) -> None:
    parameters = {"accountname": "any", "accountkey": "YW55", "container": "any", "serviceurl": f"{black_hole}/any"}
    with factory.create("azure", {**parameters, "timeout": 1}) as driver:
        assert isinstance(driver, FsspecDriver)
        start = time.monotonic()
        with pytest.raises(UnavailableError):
            CALLS[call](driver)
        assert time.monotonic() - start < 5


def test_refused_connection_is_unavailable_and_not_for_long(refused_endpoint: str) -> None:
    parameters = {"accountname": "any", "accountkey": "YW55", "container": "any"}
    with factory.create("azure", {**parameters, "serviceurl": f"{refused_endpoint}/any"}) as driver:
        start = time.monotonic()
        with pytest.raises(UnavailableError):
            driver.stat("/")
        with pytest.raises(UnavailableError):
            driver.copy("/a", "/b")
        assert time.monotonic() - start < 20


def test_late_answer_is_waited_for(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/a", b"content")
    proxy.add(Delay(1.0))
    assert proxied.get_content("/a") == b"content"


@pytest.mark.parametrize("concurrency", [1, 3])
class TestStreams:
    @pytest.fixture
    def driver(
        self, make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, concurrency: int
    ) -> FsspecDriver:
        url = f"{proxy.endpoint}/{azurite.account}"
        return make_azure(root, serviceurl=url, readconcurrency=concurrency)

    def test_read_as_they_were_written(self, driver: FsspecDriver) -> None:
        content = pattern(13 * MIB + 11)
        upload(driver, "/a", content)
        for offset, length in ((0, None), (5 * MIB + 1, None), (3, 9 * MIB), (len(content) - 1, 5), (0, 1)):
            with driver.reader("/a", offset, length) as reader:
                assert reader.size == len(content)
                end = None if length is None else offset + length
                same_bytes(drain(reader, 300_000), content[offset:end])

    @pytest.mark.parametrize("fault", [CutReply(100_000), CutReply(0, reset=True)])
    def test_go_on_where_they_broke(self, driver: FsspecDriver, proxy: FaultProxy, fault: CutReply) -> None:
        content = pattern(9 * MIB)
        upload(driver, "/a", content)
        rule = proxy.add(fault, method="GET", path="/a")
        with driver.reader("/a") as reader:
            same_bytes(drain(reader, MIB), content)
        assert rule.hits == 1
        again = [request for request in proxy.matching("GET", path="/a") if "if-match" in request.headers]
        assert again or proxy.requests[-1].status in (200, 206)

    def test_never_mix_two_versions(self, driver: FsspecDriver, proxy: FaultProxy) -> None:
        upload(driver, "/a", pattern(24 * MIB, 1))
        proxy.add(CutReply(5 * MIB), method="GET", path="/a")
        with driver.reader("/a") as reader:
            assert reader.read(1000)
            driver.put_content("/a", b"another")
            with pytest.raises(ConflictError):
                drain(reader, MIB)

    def test_end_when_they_are_closed_early(self, driver: FsspecDriver) -> None:
        upload(driver, "/a", pattern(9 * MIB))
        for _ in range(3):
            with driver.reader("/a") as reader:
                reader.read(10)
        assert driver.stat("/a").size == 9 * MIB

    def test_deleted_under_a_stream(self, driver: FsspecDriver, proxy: FaultProxy) -> None:
        upload(driver, "/a", pattern(24 * MIB, 1))
        proxy.add(CutReply(5 * MIB), method="GET", path="/a")
        with driver.reader("/a") as reader:
            assert reader.read(1000)
            driver.delete("/a")
            with pytest.raises((ConflictError, PathNotFoundError)):
                drain(reader, MIB)


def test_stream_that_stops_is_opened_again(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str
) -> None:
    driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", timeout=2)
    content = pattern(3 * MIB)
    upload(driver, "/a", content)
    proxy.add(Hang(after=MIB), method="GET", path="/a")
    with driver.reader("/a") as reader:
        same_bytes(drain(reader, MIB), content)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (404, "BlobNotFound", PathNotFoundError),
            (404, "ContainerNotFound", BucketNotFoundError),
            (404, "ResourceNotFound", StorageDriverError),
            (404, "", StorageDriverError),
            (400, "InvalidUri", StorageDriverError),
            (401, "NoAuthenticationInformation", PermissionDeniedError),
            (403, "AuthorizationFailure", PermissionDeniedError),
            (403, "AuthorizationPermissionMismatch", PermissionDeniedError),
            (403, "", PermissionDeniedError),
            (409, "BlobArchived", StorageDriverError),
            (409, "BlobImmutableDueToPolicy", PermissionDeniedError),
            (409, "ContainerBeingDeleted", UnavailableError),
            (409, "", ConflictError),
            (412, "LeaseIdMissing", ConflictError),
            (429, "", UnavailableError),
            (500, "InternalError", UnavailableError),
            (501, "NotImplemented", StorageDriverError),
            (503, "ServerBusy", UnavailableError),
        ],
    )
    @pytest.mark.parametrize("call", ["get", "stat", "reader", "list"])
    def test_mean_what_the_store_says(
        self,
        make_azure: MakeAzure,
        azurite: AzuriteServer,
        proxy: FaultProxy,
        status: int,
        code: str,
        expected: type[StorageDriverError],
        call: str,
    ) -> None:
        driver = make_azure("", serviceurl=f"{proxy.endpoint}/{azurite.account}", max_retries=0)
        headers = {"x-ms-error-code": code} if code else {}
        proxy.add(Answer(status, headers=headers), times=None)
        with pytest.raises(StorageDriverError) as caught:
            CALLS[call](driver)
        assert type(caught.value) is expected
        if code and expected is not PathNotFoundError:
            assert code in str(caught.value)

    def test_of_each_key_of_a_delete_are_told(self, proxied: FsspecDriver, proxy: FaultProxy) -> None:
        put_all(proxied, [f"/dir/{number}" for number in range(20)])
        refused = Answer(403, headers={"x-ms-error-code": "AuthorizationPermissionMismatch"})
        proxy.add(refused, method="DELETE", path="/dir/7", times=None)
        with pytest.raises(PermissionDeniedError, match="1 of 20 keys were not deleted: 'dir/7'") as caught:
            proxied.delete("/dir")
        assert "Storage Blob Data Contributor" in str(caught.value)
        assert proxied.list("/dir") == ["/dir/7"]

    def test_xml_of_the_store_is_told(self, proxied: FsspecDriver, proxy: FaultProxy) -> None:
        body = b"<Error><Code>OutOfRangeInput</Code><Message>One of the inputs\nRequestId:1</Message></Error>"
        proxy.add(Answer(400, body))
        with pytest.raises(StorageDriverError, match="OutOfRangeInput: One of the inputs$"):
            proxied.get_content("/a")


def test_delete_whose_reply_is_lost_was_no_miss(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/a", b"content")
    rule = proxy.add(LoseReply(), method="DELETE")
    proxied.delete("/a")
    assert rule.hits == 1
    with pytest.raises(PathNotFoundError):
        proxied.delete("/a")


def test_refused_delete_of_an_upload_comes_before_anything_is_gone(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/dir/a", b"content")
    upload(proxied, "/dir/upload", b"x", end="close")
    proxy.add(Answer(403), method="PUT", query="comp=blocklist")
    with pytest.raises(PermissionDeniedError):
        proxied.delete("/dir")
    assert proxied.get_content("/dir/a") == b"content"
