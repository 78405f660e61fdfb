"""What docs/writing-a-backend.md says of the example, beside the suites."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.tinystore import create
from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.errors import (
    InvalidAnswerError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer, CutReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, pattern, upload
from tests.examples.test_conformance import make
from tests.examples.tinystore_server import TinyServer

_GIVEN = {"url": "http://127.0.0.1:9", "bucket": "registry", "token": "very-secret"}
_CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "get": lambda driver: driver.get_content("/dir/file"),
    "reader": lambda driver: driver.reader("/dir/file").close(),
    "stat": lambda driver: driver.stat("/dir/file"),
    "list": lambda driver: driver.list("/dir"),
    "put": lambda driver: driver.put_content("/dir/other", b"x"),
    "delete": lambda driver: driver.delete("/dir"),
}
Proxied = tuple[StorageDriver, FaultProxy]


@pytest.fixture
def proxied(tinystore: TinyServer, rootdirectory: str) -> Iterator[Proxied]:
    with FaultProxy(tinystore.url) as proxy, make(tinystore, rootdirectory, url=proxy.endpoint) as driver:
        driver.put_content("/dir/file", b"content")
        yield driver, proxy


def test_the_driver_is_found_by_its_name() -> None:
    assert "tinystore" in factory.names()
    with factory.create("tinystore", _GIVEN) as driver:
        assert driver.name == "tinystore"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "127.0.0.1:9"),
        ("url", "ftp://127.0.0.1"),
        ("url", "http://user:very-secret@127.0.0.1"),
        ("url", "http://127.0.0.1/path"),
        ("url", "http://["),
        ("url", "http://127.0.0.1?sig=very-secret"),
        ("bucket", "a/b"),
        ("bucket", None),
        ("token", ["very-secret"]),
        ("chunksize", 1000),
    ],
)
def test_a_parameter_that_cannot_be_is_named_without_secrets(name: str, value: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        create({**_GIVEN, name: value})
    assert caught.value.path == name
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("call", _CALLS)
def test_a_404_without_the_stores_code_is_not_path_not_found(proxied: Proxied, call: str) -> None:
    driver, proxy = proxied
    proxy.add(Answer(404, b"<html>not here</html>"), times=None)
    with pytest.raises(StorageDriverError) as caught:
        _CALLS[call](driver)
    assert not isinstance(caught.value, PathNotFoundError)


@pytest.mark.parametrize("call", _CALLS)
def test_a_redirect_is_not_followed(proxied: Proxied, call: str) -> None:
    driver, proxy = proxied
    proxy.reset()
    proxy.add(Answer(307, headers={"Location": "http://127.0.0.1:9/"}), times=None)
    with pytest.raises(StorageDriverError, match="307"):
        _CALLS[call](driver)


@pytest.mark.parametrize("call", _CALLS)
def test_a_busy_store_is_asked_again(proxied: Proxied, call: str) -> None:
    driver, proxy = proxied
    rule = proxy.add(Answer(503))
    _CALLS[call](driver)
    assert rule.hits == 1


def test_an_upload_is_not_begun_twice(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(Answer(500), method="POST", query="key", times=None)
    writer = driver.writer("/upload")
    writer.write(b"more")
    with pytest.raises(UnavailableError):
        writer.close()
    assert len(proxy.matching("POST", query="key")) == 1
    writer.cancel()


@pytest.mark.parametrize(
    "page",
    [
        b'{"objects": [], "prefixes": []}',
        b'{"objects": [], "next": null}',
        b'{"objects": [{"key": "a"}], "prefixes": [], "next": null}',
        b'{"objects": [], "prefixes": [], "next": 1}',
    ],
)
def test_a_page_that_lacks_something_is_no_listing(proxied: Proxied, page: bytes) -> None:
    driver, proxy = proxied
    proxy.add(Answer(200, page), method="GET", query="prefix", times=None)
    with pytest.raises(InvalidAnswerError):
        driver.list("/dir")


def test_damaged_content_is_read_again(proxied: Proxied) -> None:
    driver, proxy = proxied
    etag = driver.stat("/dir/file").version
    rule = proxy.add(Answer(200, b"changed", {"ETag": etag}), method="GET")
    assert driver.get_content("/dir/file") == b"content"
    assert rule.hits == 1


def test_a_broken_stream_goes_on_where_it_was(proxied: Proxied) -> None:
    driver, proxy = proxied
    content = pattern(4 << 20)
    driver.put_content("/file", content)
    proxy.reset()
    proxy.add(CutReply(after=1 << 20), method="GET")
    with driver.reader("/file") as reader:
        assert drain(reader) == content
    first, second = proxy.matching("GET")
    assert "range" not in first.headers
    assert second.headers["range"].startswith("bytes=")
    assert second.headers["if-match"] == driver.stat("/file").version


def test_the_token_is_in_no_log_and_no_error(
    tinystore: TinyServer, rootdirectory: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "wrong-secret-of-a-test"
    with make(tinystore, rootdirectory, token=token) as driver, pytest.raises(PermissionDeniedError) as caught:
        upload(driver, "/dir/file", b"x")
    assert token not in str(caught.value) + caught.value.cause_text + caplog.text + repr(driver)
    assert "GET http://127.0.0.1" in caplog.text
