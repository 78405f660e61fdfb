"""Tokens of tempauth, and requests that go wrong."""

from __future__ import annotations

from typing import Any

import pytest

from storagedriver import ParameterError, PermissionDeniedError, UnavailableError
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.swiftfs import SwiftFileSystem, deleting, listing
from storagedriver.swiftfs.auth import Access
from storagedriver.testsuites.faults.actions import Answer, CutHead, CutReply, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import MIB, drain, pattern, together, upload
from tests.servers.plugin import StartProxy
from tests.servers.swift import SwiftServer
from tests.swift.conftest import MakeSwift
from tests.walking import check_batches_run_together, check_pages_are_fetched_ahead


def forget_token(fs: SwiftFileSystem) -> str:
    """Put a token in its place that the server does not know: as after the server forgot the one it gave."""
    plugin = fs.client.account._sessions.get()._plugin
    plugin.auth_ref.auth_token = "AUTH_tk" + "0" * 32
    return str(plugin.auth_ref.auth_token)


def test_token_that_the_server_forgot_is_renewed_once(driver: FsspecDriver) -> None:
    fs = driver.filesystem.fs
    upload(driver, "/data", pattern(3 * MIB))
    with driver.reader("/data") as reader:
        head = reader.read(10)
        forgotten = forget_token(fs)
        assert head + drain(reader) == pattern(3 * MIB)
    assert fs.client.account.access().token != forgotten
    for number in range(4):
        driver.put_content(f"/dir/{number}", b"x")
    forget_token(fs)
    driver.delete("/dir")
    assert driver.list("/") == ["/data"]


def test_many_threads_renew_a_token_once(driver: FsspecDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.put_content("/data", b"x")
    fs = driver.filesystem.fs
    forget_token(fs)
    plugin = fs.client.account._sessions.get()._plugin
    asked = []
    real = type(plugin).get_auth_ref

    def count(*given: Any, **named: Any) -> Any:
        asked.append(1)
        return real(*given, **named)

    monkeypatch.setattr(type(plugin), "get_auth_ref", count)
    assert together([lambda: driver.get_content("/data")] * 8) == [b"x"] * 8
    assert len(asked) == 1


def test_access_shows_no_token() -> None:
    assert "secret" not in repr(Access("secret-token", "http://x"))


def test_given_token_is_used_and_not_renewed(fs: SwiftFileSystem) -> None:
    access = fs.client.account.access()
    other = SwiftFileSystem(token=access.token, storage_url=access.url, skip_instance_cache=True)
    assert isinstance(other.ls(""), list)
    wrong = SwiftFileSystem(token="AUTH_tkwrong", storage_url=access.url, skip_instance_cache=True)
    with pytest.raises(PermissionError):
        wrong.ls("")
    other.client.close()
    wrong.client.close()


def test_auth_url_without_an_identity_service(make_swift: MakeSwift, swift: SwiftServer) -> None:
    driver = make_swift(authurl=f"{swift.endpoint}/nothing/v1.0")
    with pytest.raises((ParameterError, PermissionDeniedError)):
        driver.list("/")


def test_answer_with_a_token_that_breaks_off_anywhere_is_not_believed(
    make_swift: MakeSwift, swift: SwiftServer, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(swift.endpoint)
    url = swift.auth_url.replace(swift.endpoint, proxy.endpoint)
    for after in range(20, 420, 20):
        proxy.reset()
        cut = proxy.add(CutHead(after), when=lambda request: "auth" in request.path)
        driver = make_swift(authurl=url)
        driver.put_content("/a", b"x")
        assert cut.hits == 1
        assert driver.get_content("/a") == b"x"
    proxy.add(CutHead(120), when=lambda request: "auth" in request.path, times=None)
    with pytest.raises(UnavailableError):
        make_swift(authurl=url).get_content("/a")


def test_reader_of_the_account_may_do_nothing(make_swift: MakeSwift, swift: SwiftServer, driver: FsspecDriver) -> None:
    driver.put_content("/a", b"x")
    other = make_swift(prefix="reg", username=swift.reader, password=swift.reader_key)
    for call in (other.get_content, other.reader, other.stat, other.list, other.delete, other.writer):
        with pytest.raises(PermissionDeniedError):
            call("/a")
    with pytest.raises(PermissionDeniedError):
        other.put_content("/a", b"y")
    assert other.redirect_url("/a") is None
    assert driver.get_content("/a") == b"x"


def test_rights_of_a_container_are_enough_to_read(
    make_swift: MakeSwift, swift: SwiftServer, driver: FsspecDriver, container_name: str
) -> None:
    upload(driver, "/dir/a", pattern(2 * MIB))
    rights = {"X-Container-Read": f"{swift.reader},.rlistings"}
    driver.filesystem.fs.client.request("POST", container_name, headers=rights)
    other = make_swift(prefix="reg", username=swift.reader, password=swift.reader_key)
    assert other.get_content("/dir/a") == pattern(2 * MIB)
    assert other.list("/dir") == ["/dir/a"]
    with pytest.raises(PermissionDeniedError):
        other.put_content("/dir/a", b"y")
    with pytest.raises(PermissionDeniedError):
        other.delete("/dir/a")
    assert driver.get_content("/dir/a") == pattern(2 * MIB)


def test_next_page_is_fetched_while_one_is_visited(
    proxied: tuple[FsspecDriver, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 4)
    driver, proxy = proxied
    check_pages_are_fetched_ahead(driver, proxy, 4)


def test_batches_of_a_delete_run_at_the_same_time(
    proxied: tuple[FsspecDriver, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_BATCH", 5)
    driver, proxy = proxied
    check_batches_run_together(driver, proxy, 5, "bulk-delete")
    assert driver.list("/") == ["/first"]


def test_unauthorized_in_the_middle_of_an_upload(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    proxy.add(Answer(401), method="PUT")
    upload(driver, "/data", pattern(3 * MIB))
    assert driver.get_content("/data") == pattern(3 * MIB)


def test_busy_server_is_asked_again(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    for method in ("PUT", "GET", "HEAD"):
        proxy.add(Answer(503), method=method, times=1)
    upload(driver, "/data", pattern(2 * MIB))
    assert driver.get_content("/data") == pattern(2 * MIB)
    assert driver.stat("/data").size == 2 * MIB


def test_server_that_stays_busy_is_unavailable(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    proxy.add(Answer(503), method="GET", times=None)
    with pytest.raises(UnavailableError):
        driver.get_content("/first")


def test_lost_answers_to_a_resumed_upload_are_no_conflict(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    upload(driver, "/data", b"first,", end="close")
    proxy.add(LoseReply(), method="PUT", path="/segments/", times=2)
    upload(driver, "/data", pattern(2 * MIB), append=True)
    assert driver.get_content("/data") == b"first," + pattern(2 * MIB)


def test_lost_answer_to_a_commit_is_no_conflict(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    writer = driver.writer("/data")
    writer.write(pattern(MIB))
    proxy.add(LoseReply(), method="PUT", path="/files/", times=1)
    writer.commit()
    assert driver.get_content("/data") == pattern(MIB)


def test_commit_can_be_tried_again(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    writer = driver.writer("/data")
    writer.write(pattern(2 * MIB))
    proxy.add(Answer(503), method="PUT", path="/files/", times=5)
    with pytest.raises(UnavailableError):
        writer.commit()
    writer.commit()
    assert driver.get_content("/data") == pattern(2 * MIB)


def test_ranges_of_a_large_object_need_one_look_at_its_segments(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    driver._store.read_concurrency = 3
    upload(driver, "/data", pattern(20 * MIB))
    before = len(proxy.requests)
    with driver.reader("/data") as reader:
        assert drain(reader) == pattern(20 * MIB)
    asked = [request for request in proxy.requests[before:] if "/segments/" not in request.path]
    assert [(request.method, "multipart-manifest" in request.query) for request in asked] == [
        ("GET", True),
        ("GET", False),
    ]


@pytest.mark.parametrize("path", ["/small", "/large"])
def test_content_that_breaks_off_is_asked_for_again(proxied: tuple[FsspecDriver, FaultProxy], path: str) -> None:
    driver, proxy = proxied
    driver.put_content("/small", pattern(MIB))
    upload(driver, "/large", pattern(MIB))
    rule = proxy.add(CutReply(after=1000), method="GET", path="/files/small" if path == "/small" else "/segments/")
    assert driver.get_content(path) == pattern(MIB)
    assert rule.hits == 1


def test_416_that_describes_no_object_is_not_taken_for_an_empty_one(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    upload(driver, "/large", pattern(2 * MIB))
    rule = proxy.add(Answer(416, headers={"Content-Range": "bytes */0"}), method="GET", path="/files/large")
    with driver.reader("/large", MIB - 1) as reader:
        assert drain(reader) == pattern(2 * MIB)[MIB - 1 :]
    assert rule.hits == 1


def test_large_content_is_sent_in_segments(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    driver.put_content("/data", b"small")
    before = len(proxy.requests)
    driver.put_content("/data", bytes((64 << 20) + 1))
    assert max(request.sent for request in proxy.requests[before:]) == MIB
    assert driver.stat("/data").size == (64 << 20) + 1


def test_broken_connection_in_a_segment_is_gone_on_with(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    upload(driver, "/data", pattern(3 * MIB))
    proxy.add(CutReply(after=1000), method="GET", path="/segments/", times=2)
    with driver.reader("/data") as reader:
        assert drain(reader) == pattern(3 * MIB)
