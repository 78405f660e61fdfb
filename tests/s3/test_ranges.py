"""Streams that are read in several ranges at a time."""

from __future__ import annotations

import hashlib
import os

import pytest

from storagedriver.errors import ConflictError, PermissionDeniedError
from storagedriver.testsuites.faults.actions import Answer, CutReply
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

MIB = 1 << 20
CONTENT = os.urandom(MIB) * 30


@pytest.mark.parametrize(("offset", "length"), [(0, None), (3, None), (5 * MIB, 20 * MIB), (1, 8 * MIB)])
def test_ranges_come_in_order_several_at_a_time(
    make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy, offset: int, length: int | None
) -> None:
    proxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint, readconcurrency=3)
    driver.put_content("/a", CONTENT)
    proxy.reset()
    expected = CONTENT[offset : None if length is None else offset + length]
    with driver.reader("/a", offset, length) as reader:
        assert reader.size == len(CONTENT)
        assert hashlib.sha256(reader.readall()).digest() == hashlib.sha256(expected).digest()
    assert len(proxy.requests) == -(-len(expected) // (8 * MIB))


def test_a_range_that_breaks_off_is_asked_for_again(
    make_s3: MakeS3, seaweedfs: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(seaweedfs.endpoint)
    driver = make_s3(seaweedfs, root, regionendpoint=proxy.endpoint, readconcurrency=4)
    driver.put_content("/a", CONTENT)
    rule = proxy.add(CutReply(MIB), method="GET", skip=2, times=2)
    with driver.reader("/a") as reader:
        assert reader.readall() == CONTENT
    assert rule.hits == 2


def test_all_ranges_are_of_one_version(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root, readconcurrency=2)
    driver.put_content("/a", CONTENT)
    with driver.reader("/a") as reader:
        reader.read(10)
        driver.put_content("/a", CONTENT[::-1])
        with pytest.raises(ConflictError):
            reader.readall()


def test_stream_goes_on_at_its_position_after_a_range_that_was_refused(
    make_s3: MakeS3, seaweedfs: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(seaweedfs.endpoint)
    driver = make_s3(seaweedfs, root, regionendpoint=proxy.endpoint, readconcurrency=3)
    driver.put_content("/a", CONTENT)
    refusal = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    proxy.add(refusal, when=lambda request: request.headers.get("range", "").startswith(f"bytes={16 * MIB}-"))
    pieces, refused = [], 0
    with driver.reader("/a") as reader:
        while True:
            try:
                piece = reader.read(MIB)
            except PermissionDeniedError:
                refused += 1
                continue
            if not piece:
                break
            pieces.append(piece)
    assert refused == 1
    assert b"".join(pieces) == CONTENT
