"""Connections that break and servers that are busy: what is sent again, and what must not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.errors import ConflictError, PermissionDeniedError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, CutReply, CutRequest, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import drain, pattern, same_bytes, upload
from tests.killed import kill
from tests.oss.conftest import MakeOSS

_MIB = 1 << 20
Proxied = tuple[FsspecDriver, FaultProxy]

_CALLS: dict[str, Callable[[FsspecDriver], object]] = {
    "get_content": lambda driver: driver.get_content("/dir/file"),
    "put_content": lambda driver: driver.put_content("/dir/other", b"x"),
    "reader": lambda driver: driver.reader("/dir/file").close(),
    "stat": lambda driver: driver.stat("/dir/file"),
    "list": lambda driver: driver.list("/dir"),
    "walk": lambda driver: list(driver.files()),
    "move": lambda driver: driver.move("/dir/file", "/dest"),
    "delete": lambda driver: driver.delete("/dir"),
    "append": lambda driver: upload(driver, "/dir/file", b"more", append=True),
    "uploads": lambda driver: list(driver.uploads()),
}


def _after(change: Callable[[], None]) -> Callable[[Request], bool]:
    """A rule's condition that lets somebody else change something, who must not go through the proxy."""

    def when(_: Request) -> bool:
        change()
        return True

    return when


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_store_is_asked_again(proxied: Proxied, call: str, status: int) -> None:
    driver, proxy = proxied
    driver.put_content("/dir/file", b"content")
    seen: set[tuple[str, str, str]] = set()

    def is_new(request: Request) -> bool:
        """Each request once, but for the one that is not sent twice."""
        known = (request.method, request.path, request.query) in seen
        seen.add((request.method, request.path, request.query))
        return not known and not (request.method == "POST" and request.query == "uploads")

    rule = proxy.add(Answer(status), when=is_new, times=None)
    _CALLS[call](driver)
    assert rule.hits


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("action", [CutRequest(), LoseReply(), LoseReply(reset=True)])
def test_a_lost_connection_is_made_again(proxied: Proxied, call: str, action: CutRequest | LoseReply) -> None:
    driver, proxy = proxied
    driver.put_content("/dir/file", b"content")
    rule = proxy.add(action, when=lambda request: request.query != "uploads")
    _CALLS[call](driver)
    assert rule.hits == 1


def test_connections_are_kept(proxied: Proxied) -> None:
    driver, proxy = proxied
    for number in range(20):
        driver.put_content(f"/dir/{number}", b"content")
        driver.get_content(f"/dir/{number}")
        driver.stat(f"/dir/{number}")
        driver.exists("/missing")
        upload(driver, "/upload", b"x", end="cancel")
        driver.delete(f"/dir/{number}")
    assert len(proxy.requests) > 100
    # One thread of the proxy accepts; the others have a connection each, of which a delete takes three at a time.
    assert len([thread for thread in proxy._threads if thread.is_alive()]) <= 4


def test_a_broken_stream_goes_on_where_it_was(proxied: Proxied) -> None:
    driver, proxy = proxied
    content = pattern(8 * _MIB)
    driver.put_content("/file", content)
    proxy.reset()
    for after in (3 * _MIB, 2 * _MIB, 0):
        proxy.add(CutReply(after=after), method="GET")
    with driver.reader("/file", 5) as reader:
        same_bytes(drain(reader, 100_000), content[5:])
    first, *others = proxy.matching("GET")
    assert "if-match" not in first.headers
    assert len(others) == 3
    assert all(request.headers["if-match"].startswith('"') for request in others)
    assert all(request.headers["x-oss-range-behavior"] == "standard" for request in others)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_broken_stream_never_goes_on_with_another_version(
    proxied: Proxied, make_oss: MakeOSS, root: str, concurrency: int
) -> None:
    plain, proxy = proxied
    plain.put_content("/file", bytes(30 * _MIB))
    driver = make_oss(root, endpoint=proxy.endpoint, readconcurrency=concurrency)
    proxy.add(CutReply(after=_MIB), method="GET")
    with driver.reader("/file") as reader:
        reader.read(1000)
        plain.put_content("/file", b"\1" * (30 * _MIB))
        with pytest.raises(ConflictError):
            drain(reader)


def test_a_broken_range_is_fetched_again(proxied: Proxied, make_oss: MakeOSS, root: str) -> None:
    plain, proxy = proxied
    content = pattern(30 * _MIB)
    plain.put_content("/file", content)
    driver = make_oss(root, endpoint=proxy.endpoint, readconcurrency=3)
    proxy.add(CutReply(after=_MIB), method="GET", times=3)
    with driver.reader("/file") as reader:
        same_bytes(drain(reader, 100_000), content)


def test_a_stream_of_what_was_deleted(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/file", bytes(8 * _MIB))
    proxy.add(CutReply(after=_MIB), method="GET")
    with driver.reader("/file") as reader:
        reader.read(1000)
        driver.delete("/file")
        with pytest.raises(ConflictError, match="deleted"):
            drain(reader)


def test_an_upload_is_not_begun_twice(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(LoseReply(), method="POST", query="uploads")
    writer = driver.writer("/file")
    writer.write(b"more")
    with pytest.raises(UnavailableError):
        writer.close()
    writer.cancel()
    assert len(proxy.matching("POST", query="uploads")) == 1
    upload(driver, "/file", b"content")
    assert driver.get_content("/file") == b"content"
    assert list(driver.uploads()) == []


@pytest.mark.parametrize("sessions", [1, 2])
def test_a_commit_whose_reply_is_lost_is_done(proxied: Proxied, sessions: int) -> None:
    driver, proxy = proxied
    content = pattern(11 * _MIB)
    proxy.add(LoseReply(), method="POST", query="uploadId")
    if sessions == 2:
        upload(driver, "/file", content, end="close")
        upload(driver, "/file", append=True)
    else:
        upload(driver, "/file", content)
    assert len(proxy.matching("POST", query="uploadId")) == 2
    same_bytes(driver.get_content("/file"), content)


def test_a_commit_whose_reply_is_lost_and_that_was_overwritten(proxied: Proxied, make_oss: MakeOSS, root: str) -> None:
    driver, proxy = proxied
    another = make_oss(root)
    proxy.add(LoseReply(), method="POST", query="uploadId")
    proxy.add(
        Answer(503), query="uploadId", method="POST", when=_after(lambda: another.put_content("/file", b"another"))
    )
    upload(driver, "/file", b"content", end="close")
    writer = driver.writer("/file", append=True)
    with pytest.raises(ConflictError):
        writer.commit()
    writer.close()
    assert driver.get_content("/file") == b"another"


@pytest.mark.parametrize("content", [b"content", b""])
def test_a_put_whose_reply_is_lost_is_done(proxied: Proxied, content: bytes) -> None:
    driver, proxy = proxied
    proxy.add(LoseReply(), method="PUT")
    upload(driver, "/file", content)
    assert [request.query for request in proxy.matching("PUT")] == ["", ""]
    assert driver.get_content("/file") == content


@pytest.mark.parametrize("over", [b"", b"old"])
def test_a_put_is_a_conflict_where_another_writer_was_faster(driver: StorageDriver, over: bytes) -> None:
    if over:
        driver.put_content("/file", over)
    writer = driver.writer("/file")
    writer.write(b"content")
    driver.put_content("/file", b"another")
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/file") == b"another"


def test_a_part_that_fails_leaves_an_upload_to_go_on_with(proxied: Proxied, make_oss: MakeOSS, root: str) -> None:
    driver, proxy = proxied
    content = pattern(20 * _MIB)
    proxy.add(Answer(503), query="partNumber=2", times=None)
    writer = driver.writer("/file")
    writer.write(content)
    for end in (writer.commit, writer.close):
        with pytest.raises(UnavailableError):
            end()
    kill(writer)
    proxy.reset()
    with make_oss(root).writer("/file", append=True) as writer:
        assert writer.size == 10 * _MIB
        writer.write(content[writer.size :])
        writer.commit()
    same_bytes(driver.get_content("/file"), content)


def test_a_copy_that_fails_leaves_nothing(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/large", bytes(40 * _MIB))
    driver.put_content("/dest", b"there")
    proxy.add(Answer(403), query="partNumber", times=None)
    with pytest.raises(PermissionDeniedError):
        driver.copy("/large", "/dest")
    assert driver.get_content("/dest") == b"there"
    assert list(driver.uploads()) == []


def test_a_source_that_changes_while_it_is_copied(proxied: Proxied, make_oss: MakeOSS, root: str) -> None:
    driver, proxy = proxied
    another = make_oss(root)
    driver.put_content("/large", bytes(40 * _MIB))
    changed = bytes(39 * _MIB)
    proxy.add(Answer(503), query="partNumber", when=_after(lambda: another.put_content("/large", changed)))
    with pytest.raises(ConflictError):
        driver.copy("/large", "/dest")
    assert not driver.exists("/dest")
    assert list(driver.uploads()) == []


def test_a_batch_delete_whose_reply_is_lost(proxied: Proxied) -> None:
    driver, proxy = proxied
    for number in range(5):
        driver.put_content(f"/dir/{number}", b"")
    proxy.add(LoseReply(), method="POST", query="delete")
    driver.delete("/dir")
    assert driver.list("/") == []
