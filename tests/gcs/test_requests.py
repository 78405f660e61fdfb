"""Tokens, listings, deletes and failures: what goes over the wire, and what an answer means."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileInfo, SkipDir, StorageDriver
from storagedriver.drivers.gcs import listing
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer, CutReply, Gather, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.gcs.conftest import CHUNK, MakeGCS
from tests.gcs.tokens import TokenService, key_info
from tests.servers.gcs import GCSServer
from tests.servers.plugin import StartProxy
from tests.walking import check_pages_are_fetched_ahead

Proxied = tuple[FsspecDriver, FaultProxy]
CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "get": lambda driver: driver.get_content("/file"),
    "put": lambda driver: driver.put_content("/file", b"x"),
    "read": lambda driver: driver.reader("/file").close(),
    "stat": lambda driver: driver.stat("/file"),
    "list": lambda driver: driver.list("/"),
    "walk": lambda driver: list(driver.files()),
    "copy": lambda driver: driver.copy("/file", "/copy"),
    "move": lambda driver: driver.move("/file", "/moved"),
    "delete": lambda driver: driver.delete("/file"),
    "append": lambda driver: driver.writer("/file", append=True).close(),
    "uploads": lambda driver: list(driver.uploads()),
}


def bearer(proxy: FaultProxy) -> list[str]:
    return [request.headers.get("authorization", "") for request in proxy.requests]


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_request_is_never_not_found(answered: Proxied, call: str) -> None:
    driver, proxy = answered
    driver.put_content("/file", b"x")
    body = json.dumps({"error": {"code": 403, "message": "no access for you", "errors": [{"reason": "forbidden"}]}})
    proxy.add(Answer(403, body.encode()), times=None)
    with pytest.raises(PermissionDeniedError, match="no access for you"):
        CALLS[call](driver)


@pytest.mark.parametrize("call", CALLS)
def test_a_busy_store_is_asked_again(answered: Proxied, call: str) -> None:
    driver, proxy = answered
    driver.put_content("/file", b"x")
    rule = proxy.add(Answer(503))
    CALLS[call](driver)
    assert rule.hits == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_lost_answer_is_asked_for_again(proxied: Proxied, call: str) -> None:
    driver, proxy = proxied
    driver.put_content("/file", b"x")
    rule = proxy.add(LoseReply())
    CALLS[call](driver)
    assert rule.hits == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_stays_busy_is_unavailable(answered: Proxied, call: str) -> None:
    driver, proxy = answered
    driver.put_content("/file", b"x")
    proxy.add(Answer(503), times=None)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match="503"):
        CALLS[call](driver)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("call", CALLS)
def test_a_silent_store_is_unavailable_within_the_timeout(black_hole: str, call: str) -> None:
    driver = factory.create("gcs", {"bucket": "b", "endpoint": black_hole, "timeout": 1})
    start = time.monotonic()
    with driver, pytest.raises(UnavailableError):
        CALLS[call](driver)
    assert time.monotonic() - start < 4


def test_a_limit_of_rates_is_no_refusal(answered: Proxied) -> None:
    driver, proxy = answered
    body = json.dumps({"error": {"message": "slow down", "errors": [{"reason": "rateLimitExceeded"}]}}).encode()
    proxy.add(Answer(403, body), times=None)
    with pytest.raises(UnavailableError, match="slow down"):
        driver.get_content("/file")


def test_googles_words_spare_a_listing(answered: Proxied) -> None:
    driver, proxy = answered
    proxy.add(Answer(404, b"No such object: b/file"), path="/download/")
    with pytest.raises(PathNotFoundError):
        driver.get_content("/file")
    assert len(proxy.requests) == 1
    body = json.dumps({"error": {"message": "The specified bucket does not exist."}}).encode()
    proxy.add(Answer(404, body), path="/download/")
    with pytest.raises(BucketNotFoundError):
        driver.get_content("/file")
    assert len(proxy.requests) == 2


def test_requests_carry_a_token_that_is_renewed_once(
    make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, token_service: TokenService
) -> None:
    proxy = fault_proxy(gcs_server.endpoint)
    info = key_info(f"{token_service.url}/token")
    driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, credentials=info, useragent="registry/9")
    driver.put_content("/file", b"x")
    assert driver.list("/") == ["/file"]
    assert len(set(bearer(proxy))) == 1
    assert bearer(proxy)[0].startswith("Bearer token-")
    assert {request.headers["user-agent"] for request in proxy.requests} == {"registry/9"}
    given = token_service.given
    for call in (CALLS["get"], CALLS["list"], CALLS["append"]):
        proxy.reset()
        proxy.add(Answer(401))
        call(driver)
        first, second = bearer(proxy)[:2]
        assert first != second
    assert token_service.given == given + 3
    proxy.reset()
    proxy.add(Answer(401), times=None)
    for call in (CALLS["get"], CALLS["list"]):
        with pytest.raises(PermissionDeniedError):
            call(driver)
    assert len(proxy.requests) == 4


def test_a_token_service_that_is_busy_or_away_is_unavailable(
    make_gcs: MakeGCS, fake_gcs: GCSServer, token_service: TokenService, refused_endpoint: str
) -> None:
    for url in (f"{token_service.url}/busy", f"{refused_endpoint}/token"):
        driver = make_gcs(fake_gcs, credentials=key_info(url))
        with pytest.raises(UnavailableError, match="token"):
            driver.stat("/")


def test_a_silent_token_service_is_unavailable_within_the_timeout(
    make_gcs: MakeGCS, fake_gcs: GCSServer, black_hole: str
) -> None:
    driver = make_gcs(fake_gcs, credentials=key_info(f"{black_hole}/token"), timeout=1)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match="token"):
        driver.stat("/")
    assert time.monotonic() - start < 5


def test_missing_default_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    driver = factory.create("gcs", {"bucket": "b"})
    with pytest.raises(PermissionDeniedError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        driver.stat("/")


def test_no_secret_is_logged_or_shown(
    make_gcs: MakeGCS,
    gcs_server: GCSServer,
    root: str,
    token_service: TokenService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = make_gcs(gcs_server, root, credentials=key_info(f"{token_service.url}/token"))
    # Some SDKs set the level of urllib3's log when they are imported.
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG):
        with driver.writer("/data") as writer:
            writer.write(b"x" * (2 * CHUNK + 5))
            shown = repr(writer) + repr(writer._upload) + repr(writer._upload._session)  # type: ignore[attr-defined]
        shown += "".join(map(repr, driver.uploads()))
        with driver.writer("/data", append=True) as writer:
            writer.commit()
        assert driver.stat("/data").size == 2 * CHUNK + 5
    assert "upload_id=***" in caplog.text
    for text in (caplog.text.replace("upload_id=***", ""), shown):
        assert "upload_id" not in text
        assert f"token-{token_service.given}" not in text


def test_every_key_that_stays_is_reported(answered: Proxied) -> None:
    driver, proxy = answered
    for name in ("a", "b", "c", "d"):
        driver.put_content(f"/dir/{name}", b"x")
    for name in ("b", "d"):
        proxy.add(Answer(403), method="DELETE", path=f"dir%2F{name}", times=None)
    with pytest.raises(PermissionDeniedError, match="2 of 4 keys were not deleted") as caught:
        driver.delete("/dir")
    assert "'dir/b'" in str(caught.value)
    assert "'dir/d'" in str(caught.value)
    assert driver.list("/dir") == ["/dir/b", "/dir/d"]


def test_deletes_run_at_the_same_time(
    make_gcs: MakeGCS, fake_gcs: GCSServer, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(fake_gcs.endpoint)
    driver = make_gcs(fake_gcs, root, endpoint=proxy.endpoint)
    for number in range(40):
        driver.put_content(f"/dir/{number}", b"x")
    proxy.reset()
    proxy.add(Gather(3), method="DELETE", times=None)
    driver.delete("/dir")
    assert proxy.peak > 2
    assert len(proxy.matching("GET")) == 2
    assert not driver.exists("/dir")


def test_name_that_is_file_and_directory_is_deleted_whole(driver: FsspecDriver) -> None:
    driver.put_content("/x", b"file")
    driver.put_content("/x/y", b"below")
    driver.delete("/x")
    assert not driver.exists("/x")
    assert driver.list("/") == []


def test_copies_stay_on_the_server(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/file", b"x" * 100_000)
    proxy.reset()
    driver.copy("/file", "/copy")
    driver.move("/file", "/moved")
    assert all(request.sent < 1000 and request.received < 5000 for request in proxy.requests)
    assert driver.get_content("/copy") == driver.get_content("/moved") == b"x" * 100_000
    assert not driver.exists("/file")


def test_a_long_rewrite_goes_on_until_it_is_done(answered: Proxied) -> None:
    """An emulator is always done at once: the first two answers are the proxy's, as Google gives them."""
    driver, proxy = answered
    driver.put_content("/file", b"x")
    for token in ("one", "two"):
        proxy.add(Answer(200, json.dumps({"done": False, "rewriteToken": token}).encode()), method="POST")
    driver.copy("/file", "/copy")
    queries = [request.query for request in proxy.matching("POST", "/rewriteTo/")]
    assert ["rewriteToken=one" in query for query in queries] == [False, True, False]
    assert "rewriteToken=two" in queries[2]
    assert driver.get_content("/copy") == b"x"


def test_stream_goes_on_after_a_broken_connection(proxied: Proxied) -> None:
    driver, proxy = proxied
    content = bytes(range(256)) * 8192
    driver.put_content("/file", content)
    rule = proxy.add(CutReply(after=300_000), method="GET", path="/download/")
    with driver.reader("/file", 1000) as reader:
        assert reader.readall() == content[1000:]
    assert rule.hits == 1


def test_stream_does_not_go_on_with_another_version(proxied: Proxied) -> None:
    driver, proxy = proxied
    content = bytes(range(256)) * 8192
    driver.put_content("/file", content)
    proxy.add(CutReply(after=300_000), method="GET", path="/download/")
    with driver.reader("/file") as reader:
        reader.read(10)
        driver.put_content("/file", content[::-1])
        with pytest.raises(ConflictError):
            reader.readall()


def test_listing_of_many_pages(make_gcs: MakeGCS, fake_gcs: GCSServer, root: str) -> None:
    """The other emulator has no pages."""
    driver = make_gcs(fake_gcs, root)
    with fake_gcs.client() as client:
        bucket = client.bucket(fake_gcs.bucket)
        for number in range(1100):
            bucket.blob(f"{root}/d{number // 100:02}/{number:04}").upload_from_string(b"")
        for number in range(20):
            blob = bucket.blob(f"{root}/state{number:02}/{number}")
            blob.upload_from_string(b"", content_type="application/x-docker-upload-session")
    assert len(list(driver.files())) == 1100
    assert driver.list("/") == [f"/d{number:02}" for number in range(11)]
    assert [info.path for info in driver.files(start_after="/d10/1097")] == ["/d10/1098", "/d10/1099"]
    for number in (0, 19):
        with pytest.raises(PathNotFoundError):
            driver.stat(f"/state{number:02}")
    assert len(list(driver.uploads())) == 20
    driver.delete("/d03")
    assert len(list(driver.files())) == 1000


def test_walk_leaps_over_what_is_not_wanted(
    make_gcs: MakeGCS, fake_gcs: GCSServer, root: str, fault_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 100)
    proxy = fault_proxy(fake_gcs.endpoint)
    driver = make_gcs(fake_gcs, root, endpoint=proxy.endpoint)
    with fake_gcs.client() as client:
        bucket = client.bucket(fake_gcs.bucket)
        for number in range(450):
            bucket.blob(f"{root}/big/{number:04}").upload_from_string(b"")
        bucket.blob(f"{root}/big-er/x").upload_from_string(b"")
        bucket.blob(f"{root}/last").upload_from_string(b"")
    visited = []

    def visit(info: FileInfo) -> None:
        visited.append(info.path)
        if info.path == "/big":
            raise SkipDir

    driver.walk("/", visit)
    assert visited == ["/big-er", "/big-er/x", "/big", "/last"]
    assert [request for request in proxy.matching("GET") if "startOffset" in request.query]
    assert len(proxy.matching("GET")) <= 3


def test_next_page_is_fetched_while_one_is_visited(
    make_gcs: MakeGCS, fake_gcs: GCSServer, root: str, fault_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 4)
    proxy = fault_proxy(fake_gcs.endpoint)
    driver = make_gcs(fake_gcs, root, endpoint=proxy.endpoint)
    check_pages_are_fetched_ahead(driver, proxy, 4)


def test_modification_times_are_the_stores(driver: FsspecDriver) -> None:
    driver.put_content("/file", b"x")
    assert abs(driver.stat("/file").mod_time.timestamp() - time.time()) < 60
    (info,) = driver.files()
    assert info == driver.stat("/file")


def test_filesystem_is_rooted(driver: FsspecDriver) -> None:
    driver.put_content("/dir/file", b"content")
    assert driver.filesystem.cat_file("dir/file") == b"content"


def test_store_can_be_used_after_close(driver: FsspecDriver) -> None:
    driver.put_content("/file", b"x")
    assert driver.list("/") == ["/file"]
    driver.close()
    assert driver.get_content("/file") == b"x"
    assert driver.list("/") == ["/file"]


def test_errors_of_the_store_have_its_words(proxied: Proxied) -> None:
    driver, proxy = proxied
    body = json.dumps({"error": {"code": 400, "message": "this is wrong"}}).encode()
    proxy.add(Answer(400, body))
    with pytest.raises(StorageDriverError, match="this is wrong"):
        driver.stat("/file")
