"""What goes wrong between us and a server: what is tried again, what is reported, and how long that takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.errors import (
    ConflictError,
    InvalidAnswerError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer, CutReply, CutRequest, Delay, Hang, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import upload
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

Proxied = tuple[FsspecDriver, FaultProxy]
Call = Callable[[StorageDriver], object]

#: Calls without a large body, by the request they send.
CALLS: dict[str, Call] = {
    "get_content": lambda driver: driver.get_content("/a"),
    "put_content": lambda driver: driver.put_content("/a", b"x"),
    "reader": lambda driver: driver.reader("/a"),
    "stat": lambda driver: driver.stat("/a"),
    "list": lambda driver: driver.list("/"),
    "delete": lambda driver: driver.delete("/a"),
    "copy": lambda driver: driver.copy("/a", "/b"),
    "writer": lambda driver: driver.writer("/a"),
}


def xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>of a test</Message></Error>".encode()


def unreachable(endpoint: str, timeout: float) -> StorageDriver:
    parameters = {"bucket": "any", "accesskey": "any", "secretkey": "any", "regionendpoint": endpoint}
    return factory.create("s3", {**parameters, "timeout": timeout})


@pytest.mark.parametrize("call", CALLS)
def test_busy_server_is_asked_again(answered: Proxied, call: str) -> None:
    driver, proxy = answered
    driver.put_content("/a", b"x")
    proxy.add(Answer(503, xml("SlowDown")), times=2)
    result = CALLS[call](driver)
    if hasattr(result, "close"):
        result.close()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_server_that_stays_broken_is_unavailable(answered: Proxied, status: int) -> None:
    driver, proxy = answered
    rule = proxy.add(Answer(status), times=None)
    with pytest.raises(UnavailableError, match=r"/a"):
        driver.get_content("/a")
    assert rule.hits > 2


def test_garbage_of_a_proxy_is_unavailable(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(503, b"<html><body>try later"), times=None)
    with pytest.raises(UnavailableError):
        driver.get_content("/a")


def test_refusals_are_not_tried_again(answered: Proxied) -> None:
    driver, proxy = answered
    rule = proxy.add(Answer(403, xml("AccessDenied")), times=None)
    with pytest.raises(PermissionDeniedError, match="AccessDenied: of a test"):
        driver.get_content("/a")
    assert rule.hits == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ExpiredToken", PermissionDeniedError),
        (403, "RequestTimeTooSkewed", PermissionDeniedError),
        (403, "InvalidObjectState", StorageDriverError),
        (400, "IncompleteBody", UnavailableError),
        (400, "RequestTimeout", UnavailableError),
        (409, "OperationAborted", ConflictError),
        (412, "PreconditionFailed", ConflictError),
        (501, "NotImplemented", StorageDriverError),
        (400, "InvalidRequest", StorageDriverError),
        (404, "Nothing", StorageDriverError),
        (403, "", PermissionDeniedError),
    ],
)
def test_errors_by_code(answered: Proxied, status: int, code: str, expected: type[StorageDriverError]) -> None:
    driver, proxy = answered
    proxy.add(Answer(status, xml(code) if code else b""), times=None)
    with pytest.raises(StorageDriverError) as caught:
        driver.get_content("/a")
    assert type(caught.value) is expected
    assert not isinstance(caught.value, PathNotFoundError)
    assert code in str(caught.value)


def test_refused_head_is_not_a_missing_path(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(403), method="HEAD", times=None)
    for call in (driver.stat, driver.exists):
        with pytest.raises(PermissionDeniedError):
            call("/a")


def test_wrong_region_is_named(make_s3: MakeS3, swift_s3: S3Server, root: str) -> None:
    driver = make_s3(swift_s3, root, region="eu-west-1")
    for call in CALLS.values():
        with pytest.raises(ParameterError, match="in the region 'us-east-1' .*; set region to 'us-east-1'"):
            call(driver)


def test_redirect_to_the_region_is_named(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(301, headers={"x-amz-bucket-region": "eu-north-1"}), times=None)
    for call in CALLS.values():
        with pytest.raises(ParameterError, match="in the region 'eu-north-1'"):
            call(driver)


@pytest.mark.parametrize("call", CALLS)
def test_endpoint_that_never_answers(black_hole: str, call: str) -> None:
    with unreachable(black_hole, 1.5) as driver:
        start = time.monotonic()
        with pytest.raises(UnavailableError, match=r"did not answer within 1\.5 s|timeout 1\.5 s"):
            CALLS[call](driver)
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("call", CALLS)
def test_endpoint_that_refuses_connections(refused_endpoint: str, call: str) -> None:
    with unreachable(refused_endpoint, 3) as driver:
        start = time.monotonic()
        with pytest.raises(UnavailableError):
            CALLS[call](driver)
        assert time.monotonic() - start < 10


def test_endpoint_without_address() -> None:
    with unreachable("http://no-such-host.invalid", 3) as driver:
        start = time.monotonic()
        with pytest.raises(UnavailableError):
            driver.get_content("/a")
        assert time.monotonic() - start < 10


def test_late_answer_within_the_deadline_counts(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(moto_s3.endpoint)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint, timeout=6)
    driver.put_content("/a", b"x")
    proxy.add(Delay(2))
    assert driver.get_content("/a") == b"x"
    assert len(proxy.matching("GET")) == 1


@pytest.mark.parametrize("lost", [LoseReply(), LoseReply(reset=True), CutRequest(), CutReply()])
@pytest.mark.parametrize("call", ["get_content", "put_content", "stat", "list", "copy"])
def test_lost_connection_is_tried_again(answered: Proxied, call: str, lost: LoseReply) -> None:
    driver, proxy = answered
    driver.put_content("/a", b"x")
    rule = proxy.add(lost)
    CALLS[call](driver)
    assert rule.hits == 1


def test_whole_get_that_breaks_off_is_begun_again(answered: Proxied) -> None:
    driver, proxy = answered
    content = os.urandom(3 << 20)
    driver.put_content("/a", content)
    proxy.add(CutReply(after=1 << 20))
    assert driver.get_content("/a") == content


@pytest.mark.parametrize("reset", [False, True])
def test_stream_that_breaks_off_goes_on(proxied: Proxied, reset: bool) -> None:
    driver, proxy = proxied
    content = os.urandom(6 << 20)
    driver.put_content("/a", content)
    proxy.add(CutReply(after=1 << 20, reset=reset), method="GET", path="/a")
    proxy.add(CutReply(after=1 << 20, reset=reset), method="GET", path="/a")
    with driver.reader("/a") as reader:
        assert reader.readall() == content
    gets = proxy.matching("GET", path="/a")
    assert len(gets) == 3
    assert all(request.headers["if-match"] for request in gets[1:])


def test_stream_does_not_go_on_in_another_version(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/a", b"1" * (6 << 20))
    proxy.add(CutReply(after=1 << 20), method="GET", path="/a")
    with driver.reader("/a") as reader:
        assert reader.read(10) == b"1" * 10
        driver.put_content("/a", b"2" * (6 << 20))
        with pytest.raises(ConflictError):
            reader.readall()


def test_stream_that_stalls_goes_on(make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint, timeout=2)
    content = os.urandom(3 << 20)
    driver.put_content("/a", content)
    proxy.add(Hang(after=1 << 20), method="GET", path="/a")
    with driver.reader("/a") as reader:
        assert reader.readall() == content


def test_part_that_is_refused_or_lost_is_sent_again(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(503, xml("SlowDown")), method="PUT", query="partNumber=1")
    proxy.add(CutRequest(after=1 << 20), method="PUT", query="partNumber=2")
    content = os.urandom(25 << 20)
    with driver.writer("/a") as writer:
        writer.write(content)
        writer.commit()
    with driver.reader("/a") as reader:
        assert reader.readall() == content


@pytest.mark.parametrize("reset", [False, True])
def test_lost_reply_of_complete_is_success(proxied: Proxied, reset: bool) -> None:
    driver, proxy = proxied
    content = os.urandom(11 << 20)
    rule = proxy.add(LoseReply(reset=reset), method="POST", query="uploadId")
    with driver.writer("/a") as writer:
        writer.write(content)
        writer.commit()
    assert rule.hits == 1
    with driver.reader("/a") as reader:
        assert reader.readall() == content
    assert list(driver.uploads()) == []


def test_failure_that_comes_with_status_200_ends_no_upload(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(200, xml("InternalError")), method="POST", query="uploadId")
    upload(driver, "/a", b"content", end="close")
    upload(driver, "/a", append=True)
    assert len(proxy.matching("POST", query="uploadId")) == 2
    assert driver.get_content("/a") == b"content"
    for answer in (xml("InternalError"), b"", b"<html>please log in"):
        upload(driver, "/b", b"content", end="close")
        proxy.add(Answer(200, answer), method="POST", query="uploadId", times=None)
        with driver.writer("/b", append=True) as writer, pytest.raises((UnavailableError, InvalidAnswerError)):
            writer.commit()
        proxy.reset()
        assert not driver.exists("/b")


def test_beginning_of_an_upload_is_not_sent_twice(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(LoseReply(), method="POST", query="uploads")
    writer = driver.writer("/a")
    writer.write(b"content")
    with pytest.raises(UnavailableError):
        writer.close()
    assert len(proxy.matching("POST", query="uploads")) == 1
    proxy.add(Answer(503, xml("SlowDown")), method="POST", query="uploads")
    writer.close()
    assert len(list(driver.uploads())) == 1
    with driver.writer("/a") as writer:
        writer.cancel()
    assert list(driver.uploads()) == []


def test_more_open_streams_than_anybody_has(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root)
    driver.put_content("/a", b"x" * (2 << 20))
    readers = [driver.reader("/a") for _ in range(100)]
    try:
        assert driver.get_content("/a") == b"x" * (2 << 20)
        assert [reader.read(1) for reader in readers] == [b"x"] * 100
    finally:
        for reader in readers:
            reader.close()


def test_stream_of_the_parent_goes_on_in_a_fork(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root)
    content = os.urandom(6 << 20)
    driver.put_content("/a", content)
    with driver.reader("/a") as reader:
        head = reader.read(1 << 20)
        pid = os.fork()
        if not pid:
            status = 1
            try:
                status = 0 if head + reader.readall() == content else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert head + reader.readall() == content
