"""A stream that ends within its first segment is published by one request for a plain object."""

from __future__ import annotations

from itertools import count

import pytest

from storagedriver import ConflictError, StorageDriverError, UnavailableError
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.swiftfs.container import Container
from storagedriver.testsuites.faults.actions import Answer, CutRequest, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import MIB, pattern, same_bytes, upload
from tests.swift.conftest import MakeSwift, names

Proxied = tuple[FsspecDriver, FaultProxy]
SMALL = pattern(1000)


def is_put(request: Request) -> bool:
    return request.method == "PUT" and "/files/" in request.path


def lose_all_puts(proxy: FaultProxy) -> None:
    """The first PUT is carried out, and its answer and all other attempts are lost."""
    proxy.add(LoseReply(), when=is_put)
    proxy.add(CutRequest(), when=is_put, times=None)


def committed_without_answer(driver: FsspecDriver, proxy: FaultProxy, path: str) -> FileWriter:
    """A writer of a small content, whose commit was carried out and raised."""
    writer = driver.writer(path)
    writer.write(SMALL)
    lose_all_puts(proxy)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    return writer


def test_small_stream_is_one_put(proxied: Proxied, container: Container) -> None:
    driver, proxy = proxied
    for methods in (["HEAD", "PUT"], ["HEAD", "HEAD", "PUT"]):
        seen = len(proxy.requests)
        upload(driver, "/data", SMALL)
        assert [request.method for request in proxy.requests[seen:]] == methods
    assert names(container) == {"reg/files/data": 1000, "reg/files/first": 0}
    info = container.head("reg/files/data", raw=True)
    assert info is not None
    assert not info.is_large
    assert info.content_type == "application/octet-stream"
    same_bytes(driver.get_content("/data"), SMALL)


def test_stream_of_a_whole_segment_is_a_large_object(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/data", pattern(MIB))
    info = container.head("reg/files/data", raw=True)
    assert info is not None
    assert info.manifest
    same_bytes(driver.get_content("/data"), pattern(MIB))


def test_small_stream_makes_the_container(make_swift: MakeSwift) -> None:
    driver = make_swift()
    upload(driver, "/data", SMALL)
    same_bytes(driver.get_content("/data"), SMALL)


def test_close_makes_a_segment_and_a_manifest(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/data", SMALL, end="close")
    info = container.head("reg/files/data", raw=True)
    assert info is not None
    assert info.manifest
    upload(driver, "/data", b"more", append=True)
    same_bytes(driver.get_content("/data"), SMALL + b"more")


def test_segments_of_what_was_replaced_go(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/data", pattern(2 * MIB))
    upload(driver, "/data", SMALL)
    assert names(container) == {"reg/files/data": 1000}


def test_small_stream_can_be_gone_on_with(driver: FsspecDriver) -> None:
    upload(driver, "/data", SMALL)
    with driver.writer("/data", append=True) as writer:
        assert writer.size == 1000
        writer.write(b"more")
        writer.commit()
    same_bytes(driver.get_content("/data"), SMALL + b"more")


@pytest.mark.parametrize("size", [1000, 2 * MIB])
@pytest.mark.parametrize("over", ["nothing", "content", "large object"])
def test_what_another_writer_put_in_the_meantime_is_not_replaced(driver: FsspecDriver, size: int, over: str) -> None:
    if over != "nothing":
        upload(driver, "/data", pattern(2 * MIB if over == "large object" else 500, 3))
    writer = driver.writer("/data")
    upload(driver, "/data", b"new")
    writer.write(pattern(size))
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/data") == b"new"
    assert list(driver.uploads()) == []


@pytest.mark.parametrize("over", [b"", b"old"])
def test_same_content_of_another_writer_is_a_conflict_too(driver: FsspecDriver, over: bytes) -> None:
    if over:
        driver.put_content("/data", over)
    one, two = driver.writer("/data"), driver.writer("/data")
    one.write(SMALL)
    two.write(SMALL)
    one.commit()
    with pytest.raises(ConflictError):
        two.commit()


def test_what_was_deleted_in_the_meantime_is_no_conflict(driver: FsspecDriver) -> None:
    driver.put_content("/data", b"old")
    writer = driver.writer("/data")
    driver.delete("/data")
    writer.write(SMALL)
    writer.commit()
    same_bytes(driver.get_content("/data"), SMALL)


@pytest.mark.parametrize("over", [b"", b"old"])
def test_repeated_put_that_finds_its_own_content_is_a_success(proxied: Proxied, over: bytes) -> None:
    driver, proxy = proxied
    if over:
        driver.put_content("/data", over)
    lost = proxy.add(LoseReply(), when=is_put)
    upload(driver, "/data", SMALL)
    assert lost.hits == 1
    same_bytes(driver.get_content("/data"), SMALL)


def test_repeated_put_that_finds_another_content_is_a_conflict(proxied: Proxied, make_swift: MakeSwift) -> None:
    driver, proxy = proxied
    other = make_swift(prefix="reg")
    writer = driver.writer("/data")
    writer.write(SMALL)

    def overtaken(request: Request) -> bool:
        if is_put(request):
            other.put_content("/data", b"other")
        return is_put(request)

    proxy.add(CutRequest(), when=overtaken)
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/data") == b"other"


@pytest.mark.parametrize("over", [b"", b"old"])
def test_commit_whose_answers_were_lost_is_a_success_when_it_is_made_again(proxied: Proxied, over: bytes) -> None:
    driver, proxy = proxied
    if over:
        driver.put_content("/data", over)
    writer = committed_without_answer(driver, proxy, "/data")
    seen = len(proxy.requests)
    writer.commit()
    assert len(proxy.requests) - seen <= 2
    same_bytes(driver.get_content("/data"), SMALL)


@pytest.mark.parametrize("more", [500, 3 * MIB])
@pytest.mark.parametrize("over", ["nothing", "large object"])
@pytest.mark.parametrize("end", ["commit", "close"])
def test_more_is_written_after_a_commit_whose_answers_were_lost(
    proxied: Proxied, container: Container, more: int, over: str, end: str
) -> None:
    driver, proxy = proxied
    if over != "nothing":
        upload(driver, "/data", pattern(2 * MIB, 3))
    writer = committed_without_answer(driver, proxy, "/data")
    writer.write(pattern(more, 2))
    assert writer.size == 1000 + more
    getattr(writer, end)()
    same_bytes(driver.get_content("/data"), SMALL + pattern(more, 2))
    segments = names(container, "reg/segments/")
    assert sum(segments.values()) == (0 if end == "commit" and more == 500 else 1000 + more)


@pytest.mark.parametrize("busy", [1, 2])
def test_more_is_written_after_commits_that_were_refused(proxied: Proxied, busy: int) -> None:
    driver, proxy = proxied
    writer = driver.writer("/data")
    written = b""
    for number in range(busy):
        piece = pattern(1000, number)
        writer.write(piece)
        written += piece
        proxy.add(Answer(503), when=is_put, times=None)
        with pytest.raises(UnavailableError):
            writer.commit()
        proxy.reset()
    writer.write(b"more")
    writer.commit()
    same_bytes(driver.get_content("/data"), written + b"more")


def test_write_that_cannot_find_out_what_became_of_the_commit_takes_nothing(proxied: Proxied) -> None:
    driver, proxy = proxied
    writer = committed_without_answer(driver, proxy, "/data")
    proxy.add(Answer(503), method="HEAD", times=None)
    with pytest.raises(UnavailableError):
        writer.write(b"more")
    assert writer.size == 1000
    proxy.reset()
    writer.write(b"more")
    writer.commit()
    same_bytes(driver.get_content("/data"), SMALL + b"more")


def test_close_after_a_commit_whose_answers_were_lost_loses_nothing(proxied: Proxied) -> None:
    driver, proxy = proxied
    committed_without_answer(driver, proxy, "/data").close()
    same_bytes(driver.get_content("/data"), SMALL)
    upload(driver, "/data", b"more", append=True)
    same_bytes(driver.get_content("/data"), SMALL + b"more")


def test_close_after_a_commit_that_was_refused_makes_a_manifest(proxied: Proxied, container: Container) -> None:
    driver, proxy = proxied
    writer = driver.writer("/data")
    writer.write(SMALL)
    proxy.add(Answer(503), when=is_put, times=5)
    with pytest.raises(UnavailableError):
        writer.commit()
    writer.close()
    info = container.head("reg/files/data", raw=True)
    assert info is not None
    assert info.manifest
    same_bytes(driver.get_content("/data"), SMALL)


def test_content_that_another_writer_put_after_a_lost_commit_is_not_replaced(
    proxied: Proxied, make_swift: MakeSwift
) -> None:
    driver, proxy = proxied
    writer = committed_without_answer(driver, proxy, "/data")
    make_swift(prefix="reg").put_content("/data", b"other")
    writer.write(b"more")
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/data") == b"other"


def test_cancel_before_a_commit_leaves_nothing(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/data", SMALL, end="cancel")
    assert names(container) == {}


def test_cancel_after_a_commit_whose_answers_were_lost_leaves_nothing(proxied: Proxied, container: Container) -> None:
    driver, proxy = proxied
    committed_without_answer(driver, proxy, "/data").cancel()
    assert names(container) == {"reg/files/first": 0}


def test_cancel_after_a_lost_commit_leaves_what_another_writer_put(
    proxied: Proxied, make_swift: MakeSwift, container: Container
) -> None:
    driver, proxy = proxied
    writer = committed_without_answer(driver, proxy, "/data")
    make_swift(prefix="reg").put_content("/data", b"other")
    writer.cancel()
    assert names(container) == {"reg/files/data": 5, "reg/files/first": 0}


@pytest.mark.parametrize("failing", range(5))
def test_cancel_that_failed_anywhere_can_be_made_again(proxied: Proxied, container: Container, failing: int) -> None:
    driver, proxy = proxied
    upload(driver, "/data", pattern(3 * MIB), end="close")
    writer = driver.writer("/data", append=True)
    numbers = count()
    proxy.add(Answer(403), when=lambda _: next(numbers) == failing)
    try:
        writer.cancel()
    except StorageDriverError:
        writer.cancel()
    proxy.reset()
    assert names(container) == {"reg/files/first": 0}
