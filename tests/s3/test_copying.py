"""Copies: at once or in parts, and what is left when one fails."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, Gather, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

MIB = 1 << 20
Start = Callable[..., tuple[FsspecDriver, FaultProxy]]


@pytest.fixture
def start(make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy) -> Start:
    """A driver that copies everything over 5 MiB in parts of 5 MiB, and the proxy before it."""

    def make(**parameters: Any) -> tuple[FsspecDriver, FaultProxy]:
        proxy = fault_proxy(s3_server.endpoint)
        small = {"multipartcopythresholdsize": 5 * MIB, "multipartcopychunksize": 5 * MIB, **parameters}
        return make_s3(s3_server, root, regionendpoint=proxy.endpoint, **small), proxy

    return make


def part_copies(proxy: FaultProxy) -> list[str]:
    return sorted(request.headers["x-amz-copy-source-range"] for request in proxy.matching("PUT", query="partNumber"))


def test_large_object_is_copied_in_parts(start: Start) -> None:
    driver, proxy = start(multipartcopymaxconcurrency=3)
    content = os.urandom(17 * MIB)
    driver.put_content("/a", content)
    proxy.reset()
    proxy.add(Gather(2), method="PUT", query="partNumber", times=None)
    driver.copy("/a", "/b")
    assert driver.stat("/b").size == len(content)
    bounds = [17 * MIB * number // 3 for number in range(4)]
    assert part_copies(proxy) == sorted(f"bytes={first}-{end - 1}" for first, end in itertools.pairwise(bounds))
    assert 1 < proxy.peak <= 3
    with driver.reader("/b") as reader:
        assert reader.readall() == content
    assert list(driver.uploads()) == []


@pytest.mark.parametrize("size", [0, 1, 5 * MIB])
def test_up_to_the_threshold_an_object_is_copied_at_once(start: Start, size: int) -> None:
    driver, proxy = start()
    driver.put_content("/a", b"x" * size)
    driver.copy("/a", "/b")
    assert driver.get_content("/b") == b"x" * size
    assert part_copies(proxy) == []


def test_threshold_of_nothing_copies_empty_objects_too(start: Start) -> None:
    driver, proxy = start(multipartcopythresholdsize=0)
    driver.put_content("/a", b"")
    driver.put_content("/c", b"x")
    driver.copy("/a", "/b")
    driver.move("/c", "/d")
    assert driver.get_content("/b") == b""
    assert driver.get_content("/d") == b"x"
    assert part_copies(proxy) == ["bytes=0-0"]


def test_missing_source(start: Start) -> None:
    driver, _ = start()
    driver.put_content("/dir/file", b"x")
    for call in (driver.copy, driver.move):
        for source in ("/missing", "/dir"):
            with pytest.raises(PathNotFoundError):
                call(source, "/b")


def test_failed_copy_leaves_neither_an_upload_nor_the_old_content_damaged(start: Start) -> None:
    driver, proxy = start()
    driver.put_content("/a", b"x" * 17 * MIB)
    driver.put_content("/b", b"old")
    proxy.add(Answer(403), method="PUT", query="partNumber=3", times=None)
    with pytest.raises(StorageDriverError):
        driver.move("/a", "/b")
    assert list(driver.uploads()) == []
    assert driver.get_content("/b") == b"old"
    assert driver.stat("/a").size == 17 * MIB


def test_source_that_changes_under_a_copy_in_parts(start: Start) -> None:
    driver, proxy = start(multipartcopymaxconcurrency=1)
    driver.put_content("/a", b"1" * 12 * MIB)
    proxy.add(Answer(412, b"<Error><Code>PreconditionFailed</Code></Error>"), method="PUT", query="partNumber=2")
    with pytest.raises(ConflictError):
        driver.copy("/a", "/b")
    matches = {request.headers["x-amz-copy-source-if-match"] for request in proxy.matching("PUT", query="partNumber")}
    assert len(matches) == 1
    assert not driver.exists("/b")


@pytest.mark.parametrize("query", ["", "partNumber=2"])
def test_failure_in_an_answer_that_began_with_200(start: Start, query: str) -> None:
    driver, proxy = start()
    driver.put_content("/a", b"x" * (12 * MIB if query else 1))
    failure = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>of a test</Message></Error>"
    once = proxy.add(Answer(200, failure), method="PUT", query=query, path="/b")
    driver.copy("/a", "/b")
    assert once.hits == 1
    driver.delete("/b")
    proxy.add(Answer(200, failure), method="PUT", query=query, path="/b", times=None)
    with pytest.raises(UnavailableError):
        driver.copy("/a", "/b")
    assert not driver.exists("/b")
    assert list(driver.uploads()) == []


def test_lost_reply_of_the_end_of_a_copy_is_success(start: Start) -> None:
    driver, proxy = start()
    driver.put_content("/a", b"x" * 12 * MIB)
    rule = proxy.add(LoseReply(), method="POST", query="uploadId")
    driver.copy("/a", "/b")
    assert rule.hits == 1
    assert driver.stat("/b").size == 12 * MIB
