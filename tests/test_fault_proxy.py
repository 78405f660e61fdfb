"""The fault proxy does what its rules say, before SeaweedFS, with clients that do not retry."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.exceptions import ClientError, ReadTimeoutError

from storagedriver.testsuites.faults.actions import Answer, CutReply, CutRequest, Delay, Hang, LoseReply, Pass
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.servers.s3 import S3Server, s3_client

StartProxy = Callable[[str], FaultProxy]
PART = b"p" * (5 << 20)


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def proxy(fault_proxy: StartProxy, seaweedfs: S3Server) -> FaultProxy:
    return fault_proxy(seaweedfs.endpoint)


def test_signed_requests_pass_untouched(fault_proxy: StartProxy, s3_server: S3Server, rootdirectory: str) -> None:
    proxy = fault_proxy(s3_server.endpoint)
    where = {"Bucket": s3_server.bucket, "Key": f"{rootdirectory}/a"}
    with s3_server.client(endpoint=proxy.endpoint) as client:
        client.put_object(**where, Body=PART)
        assert client.get_object(**where, Range="bytes=5-9")["Body"].read() == PART[5:10]
        assert client.head_object(**where)["ContentLength"] == len(PART)
        client.delete_object(**where)
    seen = [(request.method, request.status, request.sent, request.received) for request in proxy.requests]
    assert seen == [
        ("PUT", 200, len(PART), 0),
        ("GET", 206, 0, 5),
        ("HEAD", 200, 0, 0),
        ("DELETE", 204, 0, 0),
    ]
    assert proxy.requests[1].headers["range"] == "bytes=5-9"
    assert proxy.requests[1].headers["host"] == urlsplit(proxy.endpoint).netloc
    assert proxy.peak == 1


def test_a_chunked_body_passes(proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    with seaweedfs.client(endpoint=proxy.endpoint) as client:
        url = client.generate_presigned_url("put_object", Params=where)
        with urllib3.PoolManager() as pool:
            pieces = iter([b"one ", b"two"])
            answer = pool.request("PUT", url, body=pieces, headers={"Transfer-Encoding": "chunked"})
            assert answer.status == 200
        assert client.get_object(**where)["Body"].read() == b"one two"


def test_answers_as_often_as_told(proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    body = b"<Error><Code>SlowDown</Code></Error>"
    rule = proxy.add(Answer(503, body, {"Retry-After": "7"}), method="PUT", path="/a", skip=1, times=2)
    with seaweedfs.client(endpoint=proxy.endpoint) as client:
        client.put_object(**where, Body=b"1")
        for _ in range(2):
            with pytest.raises(ClientError) as error:
                client.put_object(**where, Body=PART)
            assert code(error) == "SlowDown"
            assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
        assert client.get_object(**where)["Body"].read() == b"1"
        client.put_object(**where, Body=b"2")
    assert rule.hits == 2
    assert [request.status for request in proxy.matching("PUT")] == [200, 503, 503, 200]


def test_an_earlier_rule_is_an_exception_to_a_later(proxy: FaultProxy) -> None:
    proxy.add(Pass(), query="list-type=2", times=None)
    proxy.add(Answer(500), method="GET", times=None)
    with urllib3.PoolManager(retries=False) as pool:
        assert pool.request("GET", f"{proxy.endpoint}/run?list-type=2").status == 403
        assert pool.request("GET", f"{proxy.endpoint}/run?uploads").status == 500


def test_cuts_a_reply(proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    with seaweedfs.client(endpoint=proxy.endpoint) as client, urllib3.PoolManager(retries=False) as pool:
        client.put_object(**where, Body=PART)
        proxy.add(CutReply(after=100_000), method="GET")
        answer = pool.request("GET", client.generate_presigned_url("get_object", Params=where), preload_content=False)
        pieces = answer.stream(1 << 14)
        read = b"".join(itertools.islice(pieces, 6))
        with pytest.raises(urllib3.exceptions.ProtocolError):
            next(pieces)
        answer.close()
    assert answer.headers["content-length"] == str(len(PART))
    assert read == PART[: 6 << 14]
    assert proxy.requests[-1].received == 100_000


@pytest.mark.parametrize("reset", [False, True])
def test_loses_the_reply_of_what_was_done(
    proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str, reset: bool
) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    proxy.add(LoseReply(reset=reset), method="PUT")
    with seaweedfs.client(endpoint=proxy.endpoint) as client:
        url = client.generate_presigned_url("put_object", Params=where)
        with urllib3.PoolManager(retries=False) as pool, pytest.raises(urllib3.exceptions.ProtocolError):
            pool.request("PUT", url, body=b"done")
        assert client.get_object(**where)["Body"].read() == b"done"
    assert proxy.requests[0].status is None


@pytest.mark.parametrize("after", [0, 1 << 20])
def test_cuts_a_request(proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str, after: int) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    proxy.add(CutRequest(after), method="PUT")
    with seaweedfs.client(endpoint=proxy.endpoint) as client:
        url = client.generate_presigned_url("put_object", Params=where)
        with urllib3.PoolManager(retries=False) as pool, pytest.raises(urllib3.exceptions.ProtocolError):
            pool.request("PUT", url, body=PART)
        with pytest.raises(ClientError) as error:
            client.get_object(**where)
        assert code(error) == "NoSuchKey"
    assert proxy.requests[0].sent == after


def test_hangs_before_and_within_an_answer(proxy: FaultProxy, seaweedfs: S3Server, rootdirectory: str) -> None:
    where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
    with seaweedfs.client() as direct:
        direct.put_object(**where, Body=PART)
    proxy.add(Hang())
    proxy.add(Hang(after=10))
    with closing(
        s3_client(proxy.endpoint, seaweedfs.access_key, seaweedfs.secret_key, seaweedfs.region, read_timeout=0.3)
    ) as client:
        with pytest.raises(ReadTimeoutError):
            client.get_object(**where)
        with closing(client.get_object(**where)["Body"]) as body:
            assert body.read(10) == PART[:10]
            with pytest.raises(ReadTimeoutError):
                body.read(10)


def test_delays_an_answer(proxy: FaultProxy, seaweedfs: S3Server) -> None:
    proxy.add(Delay(0.4))
    with seaweedfs.client(endpoint=proxy.endpoint) as client:
        begun = time.monotonic()
        client.list_buckets()
        assert time.monotonic() - begun >= 0.4


def test_a_refusal_reaches_the_client_before_its_body(proxy: FaultProxy, seaweedfs: S3Server) -> None:
    with (
        seaweedfs.client("readonly", endpoint=proxy.endpoint) as client,
        pytest.raises(ClientError) as error,
    ):
        client.put_object(Bucket=seaweedfs.bucket, Key="refused", Body=PART * 4)
    assert code(error) == "AccessDenied"


def test_closing_it_ends_its_connections(seaweedfs: S3Server) -> None:
    with FaultProxy(seaweedfs.endpoint) as proxy:
        proxy.add(Hang())
        address = urlsplit(proxy.endpoint)
        idle = socket.create_connection((address.hostname, address.port), timeout=10)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not proxy.requests:
            time.sleep(0.01)
    with idle:
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=10)
