"""The requests of a call are counted with those that were sent again, whichever threads send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from storagedriver import StorageDriver, factory
from storagedriver.adapter.ranges import RANGE
from storagedriver.testsuites.faults.actions import Answer, CutReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import MIB, drain, pattern
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server
from tests.telemetry.conftest import SDK

PART = 5 * MIB
LARGE = pattern(4 * PART)


@pytest.fixture
def proxy(moto_s3: S3Server, fault_proxy: StartProxy) -> FaultProxy:
    return fault_proxy(moto_s3.endpoint)


@pytest.fixture
def driver(sdk: SDK, moto_s3: S3Server, proxy: FaultProxy, rootdirectory: str) -> Iterator[StorageDriver]:
    parameters = moto_s3.parameters(
        rootdirectory,
        regionendpoint=proxy.endpoint,
        chunksize=PART,
        multipartcopychunksize=PART,
        multipartcopythresholdsize=PART,
        readconcurrency=2,
    )
    with sdk.instrument(factory.create("s3", parameters)) as driver:
        yield driver


def upload(driver: StorageDriver) -> None:
    with driver.writer("/large") as writer:
        writer.write(LARGE)
        writer.commit()


def read(driver: StorageDriver) -> None:
    with driver.reader("/large") as reader:
        assert drain(reader) == LARGE


def begin_two(driver: StorageDriver) -> None:
    for path in ("/first", "/second"):
        with driver.writer(path) as writer:
            writer.write(b"1")


def make_many(driver: StorageDriver) -> None:
    for number in range(3):
        driver.put_content(f"/many/{number}", b"1")


#: What there has to be, the call, and the operations that it is recorded as.
CALLS: dict[str, tuple[Callable[[StorageDriver], None], Callable[[StorageDriver], object], set[str]]] = {
    "get": (lambda driver: driver.put_content("/a", b"1"), lambda driver: driver.get_content("/a"), {"get_content"}),
    "exists": (lambda _: None, lambda driver: driver.exists("/nothing"), {"exists"}),
    "upload in parts": (lambda _: None, upload, {"writer", "writer.commit"}),
    "read in ranges": (upload, read, {"reader"}),
    "copy in parts": (upload, lambda driver: driver.copy("/large", "/other"), {"copy"}),
    "purge of two uploads": (begin_two, lambda driver: driver.purge_uploads("/"), {"purge_uploads"}),
    "delete of a tree": (make_many, lambda driver: driver.delete("/many"), {"delete"}),
}


@pytest.mark.parametrize("what", CALLS)
def test_all_requests_of_a_call_are_counted(what: str, sdk: SDK, driver: StorageDriver, proxy: FaultProxy) -> None:
    prepare, call, operations = CALLS[what]
    prepare(driver)
    driver.list("/") if what != "exists" else driver.exists("/")
    seen, spans = len(proxy.requests), len(sdk.spans())
    before = sum(sdk.total("storagedriver.requests", operation=operation) for operation in operations)
    call(driver)
    sent = len(proxy.requests) - seen
    recorded = sdk.spans()[spans:]
    assert {str(span.name).split()[0] for span in recorded} == operations
    assert sum((span.attributes or {}).get("storagedriver.request_count", 0) for span in recorded) == sent  # type: ignore[misc]
    after = sum(sdk.total("storagedriver.requests", operation=operation) for operation in operations)
    assert after - before == sent
    assert sdk.total("storagedriver.retries") == 0


def test_listings_count_the_pages_that_are_fetched_ahead(
    sdk: SDK, driver: StorageDriver, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storagedriver.drivers.s3.listing._MOST", 2)
    make_many(driver)
    seen = len(proxy.requests)
    assert len(list(driver.files("/many"))) == 3
    sent = len(proxy.requests) - seen
    assert sent >= 2
    assert sdk.span("files")["storagedriver.request_count"] == sent


def test_a_request_that_is_sent_again_is_a_retry(sdk: SDK, driver: StorageDriver, proxy: FaultProxy) -> None:
    driver.put_content("/a", b"1")
    proxy.add(Answer(503), method="GET", times=2)
    assert driver.get_content("/a") == b"1"
    assert sdk.span("get_content")["storagedriver.request_count"] == 3
    assert sdk.span("get_content")["storagedriver.retry_count"] == 2
    assert sdk.total("storagedriver.retries", driver="s3", operation="get_content") == 2


def test_a_part_that_is_sent_again_is_a_retry(sdk: SDK, driver: StorageDriver, proxy: FaultProxy) -> None:
    proxy.add(Answer(503), method="PUT", query="partNumber", times=2)
    upload(driver)
    assert sdk.total("storagedriver.retries") == 2


def test_a_stream_that_is_opened_again_is_a_retry(sdk: SDK, driver: StorageDriver, proxy: FaultProxy) -> None:
    content = pattern(RANGE)
    driver.put_content("/a", content)
    proxy.add(CutReply(MIB), method="GET", times=1)
    with driver.reader("/a") as reader:
        assert drain(reader) == content
    assert sdk.span("reader")["storagedriver.request_count"] == 2
    assert sdk.span("reader")["storagedriver.retry_count"] == 1


def test_two_calls_at_a_time_are_counted_apart(sdk: SDK, driver: StorageDriver) -> None:
    driver.put_content("/a", b"1")
    found: list[bool] = []
    with driver.reader("/a") as reader:
        driver.walk("/", lambda info: found.append(driver.exists(info.path)))
        drain(reader)
    assert sdk.span("reader")["storagedriver.request_count"] == 1
    assert sdk.span("exists")["storagedriver.request_count"] == 1
    assert sdk.span("walk")["storagedriver.request_count"] == 1
