"""Each call is a span and a duration, with its bytes and its failure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from storagedriver import Capabilities, PathNotFoundError, StorageDriver, factory, middleware
from storagedriver.errors import InvalidPathError, ParameterError
from storagedriver.telemetry import instrument
from storagedriver.testsuites import suite
from tests.telemetry.conftest import SDK


def make_recorded() -> StorageDriver:
    return SDK().instrument(factory.create("inmemory"), paths=True)


TestConformance = suite(
    "telemetry",
    make_recorded,
    Capabilities(unfinished="shown", multiprocess=False, conflicts_detected="always"),
    # What is about the store itself, the suites of the drivers have.
    areas=["content", "uploads", "sizes", "listing", "stat", "moving", "copying", "deleting", "walk", "urls", "errors"],
)


@pytest.fixture
def driver(sdk: SDK) -> Iterator[StorageDriver]:
    with sdk.instrument(factory.create("inmemory")) as driver:
        driver.driver.put_content("/dir/file", b"content")
        yield driver


CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "get_content": lambda driver: driver.get_content("/dir/file"),
    "put_content": lambda driver: driver.put_content("/dir/other", b"1234"),
    "reader": lambda driver: driver.reader("/dir/file").close(),
    "writer": lambda driver: driver.writer("/dir/file").cancel(),
    "stat": lambda driver: driver.stat("/dir/file"),
    "list": lambda driver: driver.list("/dir"),
    "move": lambda driver: driver.move("/dir/file", "/dir/moved"),
    "copy": lambda driver: driver.copy("/dir/file", "/dir/copied"),
    "delete": lambda driver: driver.delete("/dir"),
    "redirect_url": lambda driver: driver.redirect_url("/dir/file", expires=timedelta(minutes=1)),
    "walk": lambda driver: driver.walk("/", lambda _: None),
    "exists": lambda driver: driver.exists("/dir/file"),
    "files": lambda driver: list(driver.files("/dir")),
    "uploads": lambda driver: list(driver.uploads("/dir")),
    "purge_uploads": lambda driver: driver.purge_uploads("/dir"),
    "upload_size": lambda driver: driver.upload_size("/dir/file"),
    "root_report": lambda driver: driver.root_report(),
}


def test_every_call_of_the_contract_is_recorded() -> None:
    unrecorded = {"name", "name_rule", "capabilities", "walk_order", "conflicts_detected", "filesystem", "aio", "close"}
    assert {name for name in vars(StorageDriver) if not name.startswith("_")} - unrecorded == set(CALLS)


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_is_a_span_and_a_duration(operation: str, sdk: SDK, driver: StorageDriver) -> None:
    CALLS[operation](driver)
    (span,) = sdk.spans(f"{operation} inmemory")
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    found = dict(span.attributes or {})
    assert (found["storagedriver.driver.name"], found["storagedriver.operation.name"]) == ("inmemory", operation)
    assert "error.type" not in found
    (point,) = sdk.points("storagedriver.operation.duration", driver="inmemory", operation=operation)
    assert point.count == 1
    assert point.explicit_bounds[0] < 1


@pytest.mark.parametrize(
    "operation", sorted(set(CALLS) - {"put_content", "writer", "walk", "redirect_url", "exists", "root_report"})
)
def test_a_failure_is_in_span_and_duration_by_its_type_alone(operation: str, sdk: SDK, driver: StorageDriver) -> None:
    driver.driver.delete("/dir")  # type: ignore[attr-defined]
    if operation in ("uploads", "purge_uploads", "files"):
        with pytest.raises(InvalidPathError):
            list(getattr(driver, operation)("no/path"))
        kind = "storagedriver.errors.InvalidPathError"
    else:
        with pytest.raises(PathNotFoundError):
            CALLS[operation](driver)
        kind = "storagedriver.errors.PathNotFoundError"
    (span,) = sdk.spans(f"{operation} inmemory")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert not span.events
    assert (span.attributes or {})["error.type"] == kind
    (point,) = sdk.points("storagedriver.operation.duration", operation=operation)
    assert point.attributes["error.type"] == kind


def test_bytes_are_counted_by_direction(sdk: SDK, driver: StorageDriver) -> None:
    driver.put_content("/a", memoryview(b"12345678").cast("H"))
    driver.get_content("/a")
    driver.get_content("/a")
    assert sdk.total("storagedriver.io", operation="put_content", direction="write") == 8
    assert sdk.total("storagedriver.io", operation="get_content", direction="read") == 16
    assert sdk.span("put_content")["storagedriver.write.size"] == 8
    assert [(span.attributes or {})["storagedriver.read.size"] for span in sdk.spans("get_content")] == [8, 8]


def test_paths_are_attributes_of_spans_only_where_they_are_asked_for(sdk: SDK, driver: StorageDriver) -> None:
    driver.move("/dir/file", "/dir/moved")
    assert "/dir" not in str(sdk.spans()[0].to_json())
    named = sdk.instrument(factory.create("inmemory"), paths=True)
    named.put_content("/a", b"1")
    named.move("/a", "/b")
    found = sdk.span("move inmemory") if len(sdk.spans("move")) == 1 else dict(sdk.spans("move")[1].attributes or {})
    assert (found["file.path"], found["storagedriver.destination.path"]) == ("/a", "/b")
    with pytest.raises(ValueError, match="invalid path"):
        named.get_content("/\udc80")
    assert sdk.span("get_content")["file.path"] == "/?"
    for metric in ("storagedriver.operation.duration", "storagedriver.io"):
        assert all(len(point.attributes) <= 3 for point in sdk.points(metric))


def test_neither_contents_nor_secrets_are_recorded(sdk: SDK) -> None:
    secrets = {"accesskey": "AKIDEXAMPLE", "secretkey": "of-the-store"}
    below = factory.create("s3", {"bucket": "registry", "region": "us-east-1", **secrets})
    with sdk.instrument(below, paths=True) as driver:
        assert driver.redirect_url("/a", client_address="192.0.2.7") is not None
    memory = sdk.instrument(factory.create("inmemory"), paths=True)
    memory.put_content("/a", b"a-content")
    memory.get_content("/a")
    text = "".join(span.to_json() for span in sdk.spans())
    for secret in (*secrets.values(), "a-content", "192.0.2.7", "X-Amz"):
        assert secret not in text


def test_what_a_visit_or_a_loop_does_is_not_a_failure_of_the_listing(sdk: SDK, driver: StorageDriver) -> None:
    driver.put_content("/dir/second", b"")
    assert next(iter(driver.files("/dir"))).path == "/dir/file"
    files = driver.files("/dir")
    for info in files:
        assert driver.get_content(info.path) is not None
        assert not get_current_span().get_span_context().is_valid
        break
    files.close()  # type: ignore[attr-defined]
    assert len(sdk.spans("files")) == 2
    assert {span.status.status_code for span in sdk.spans("files")} == {StatusCode.UNSET}


def test_a_call_is_a_part_of_the_span_that_is_open(sdk: SDK, driver: StorageDriver) -> None:
    with sdk.tracer_provider.get_tracer("test").start_as_current_span("request") as request:
        driver.get_content("/dir/file")
    (span,) = sdk.spans("get_content")
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id


def test_what_is_below_is_a_part_of_the_call(sdk: SDK) -> None:
    current = []

    class Below(middleware.MiddlewareDriver):
        def get_content(self, path: str) -> bytes:
            current.append(get_current_span().get_span_context().span_id)
            return super().get_content(path)

    driver = sdk.instrument(Below(factory.create("inmemory")))
    driver.put_content("/a", b"")
    driver.get_content("/a")
    context = sdk.spans("get_content")[0].context
    assert context is not None
    assert current == [context.span_id]
    assert not get_current_span().get_span_context().is_valid


def test_a_failing_sdk_fails_no_call(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002
            if span.name.startswith("put_content"):
                raise RuntimeError("at the beginning")

        def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002
            raise RuntimeError("at the end")

    provider = TracerProvider()
    provider.add_span_processor(Failing())
    driver = instrument(factory.create("inmemory"), tracer_provider=provider)
    with caplog.at_level(logging.WARNING, "storagedriver.telemetry"):
        driver.put_content("/a", b"1")
        assert driver.get_content("/a") == b"1"
    assert [record.message for record in caplog.records if record.name == "storagedriver.telemetry"] == [
        "the record of put_content inmemory could not be begun",
        "the record of get_content inmemory could not be ended",
    ]


def test_many_drivers_share_their_instruments(sdk: SDK, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    for number in range(3):
        sdk.instrument(factory.create("filesystem", {"rootdirectory": str(tmp_path)})).put_content(f"/{number}", b"12")
        sdk.instrument(factory.create("inmemory")).put_content("/a", b"1")
    assert sdk.total("storagedriver.io", driver="filesystem") == 6
    assert sdk.total("storagedriver.io", driver="inmemory") == 3
    assert caplog.records == []


def test_a_driver_is_not_instrumented_twice(sdk: SDK) -> None:
    driver = sdk.instrument(factory.create("inmemory"))
    for again in (driver, middleware.create("rewrite", driver, {})):
        with pytest.raises(ParameterError, match="instrumented already"):
            middleware.create("telemetry", again, {})
