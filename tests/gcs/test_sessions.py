"""Resumable sessions: what is sent, and what happens when the network or the store fails."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Action, Answer, CutRequest, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from tests.gcs.conftest import CHUNK, MakeGCS
from tests.killed import kill
from tests.servers.gcs import GCSServer

Proxied = tuple[FsspecDriver, FaultProxy]

#: Two chunks and a bit.
CONTENT = bytes(range(256)) * (CHUNK // 128) + b"the tail"
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def ranges(proxy: FaultProxy) -> list[str]:
    return [request.headers["content-range"] for request in proxy.matching("PUT", "/upload/")]


def is_chunk(request: Request) -> bool:
    return _SPAN.fullmatch(request.headers.get("content-range", "")) is not None


def write(driver: FsspecDriver, path: str, content: bytes = CONTENT) -> None:
    with driver.writer(path) as writer:
        writer.write(content)
        writer.commit()


def test_chunks_are_whole_units_and_no_status_is_asked(proxied: Proxied) -> None:
    driver, proxy = proxied
    write(driver, "/data")
    total = len(CONTENT)
    assert ranges(proxy) == [
        f"bytes 0-{CHUNK - 1}/*",
        f"bytes {CHUNK}-{2 * CHUNK - 1}/*",
        f"bytes {2 * CHUNK}-{total - 1}/{total}",
    ]
    assert driver.get_content("/data") == CONTENT


def test_content_that_ends_with_a_chunk(proxied: Proxied) -> None:
    driver, proxy = proxied
    write(driver, "/data", CONTENT[: 2 * CHUNK])
    assert ranges(proxy)[-1] == f"bytes */{2 * CHUNK}"
    assert driver.get_content("/data") == CONTENT[: 2 * CHUNK]


def test_less_than_a_chunk_needs_no_session(proxied: Proxied) -> None:
    driver, proxy = proxied
    write(driver, "/data", CONTENT[: CHUNK - 1])
    assert not proxy.matching("POST", query="uploadType=resumable")
    assert driver.get_content("/data") == CONTENT[: CHUNK - 1]


def test_the_default_chunk_is_not_allocated_for_nothing(make_gcs: MakeGCS, fake_gcs: GCSServer, root: str) -> None:
    import tracemalloc  # noqa: PLC0415 - slows down whatever runs with it

    driver = make_gcs(fake_gcs, root, chunksize=64 << 20)
    write(driver, "/warm", b"")
    tracemalloc.start()
    try:
        driver.put_content("/put", b"")
        write(driver, "/written", b"")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("fault", [Answer(503), Answer(429), LoseReply(), LoseReply(reset=True), CutRequest(1000)])
@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_chunk_goes_on_after_a_failure(proxied: Proxied, fault: Action, chunk: int) -> None:
    """With Google it goes on at the persisted offset; fake-gcs-server publishes on a status query."""
    driver, proxy = proxied
    rule = proxy.add(fault, method="PUT", path="/upload/", when=is_chunk, skip=chunk)
    write(driver, "/data")
    assert rule.hits == 1
    assert driver.get_content("/data") == CONTENT
    assert driver.stat("/data").size == len(CONTENT)
    assert list(driver.uploads()) == []


@pytest.mark.parametrize("fault", [Answer(503), LoseReply()])
def test_publishing_goes_on_after_a_failure(proxied: Proxied, fault: Action) -> None:
    driver, proxy = proxied
    rule = proxy.add(fault, method="PUT", path="/upload/", when=lambda request: not is_chunk(request))
    write(driver, "/data", CONTENT[: 2 * CHUNK])
    assert rule.hits == 1
    assert driver.get_content("/data") == CONTENT[: 2 * CHUNK]


def test_only_what_did_not_arrive_is_sent_again(
    make_gcs: MakeGCS, gcp_emulator: GCSServer, root: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(gcp_emulator.endpoint)
    driver = make_gcs(gcp_emulator, root, endpoint=proxy.endpoint)
    proxy.add(LoseReply(), method="PUT", path="/upload/", when=is_chunk)
    write(driver, "/data")
    total = len(CONTENT)
    assert ranges(proxy) == [
        f"bytes 0-{CHUNK - 1}/*",
        # A chunk of nothing, by which an emulator is told apart that publishes on the next question.
        "bytes 0-0/*",
        "bytes */*",
        f"bytes {CHUNK}-{2 * CHUNK - 1}/*",
        f"bytes {2 * CHUNK}-{total - 1}/{total}",
    ]
    assert driver.get_content("/data") == CONTENT


@pytest.mark.parametrize(("persisted", "following"), [(CHUNK, CHUNK), (0, 0)])
def test_a_chunk_that_is_taken_in_part_is_completed(
    make_gcs: MakeGCS,
    gcp_emulator: GCSServer,
    root: str,
    fault_proxy: Callable[[str], FaultProxy],
    persisted: int,
    following: int,
) -> None:
    """As Google may do it; no emulator does."""
    proxy = fault_proxy(gcp_emulator.endpoint)
    driver = make_gcs(gcp_emulator, root, endpoint=proxy.endpoint, chunksize=2 * CHUNK)
    headers = {"Range": f"bytes=0-{persisted - 1}"} if persisted else {}
    proxy.add(Answer(308, headers=headers), method="PUT", path="/upload/")
    if persisted:
        proxy.add(Answer(308, headers={"Range": f"bytes=0-{2 * CHUNK - 1}"}), method="PUT", path="/upload/")
    with driver.writer("/data") as writer:
        writer.write(CONTENT[: 2 * CHUNK])
        writer.write(b"x")
        writer.cancel()
    assert ranges(proxy)[1].startswith(f"bytes {following}-{2 * CHUNK - 1}/")


def test_a_session_that_takes_nothing_is_given_up(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(Answer(308), method="PUT", path="/upload/", times=None)
    writer = driver.writer("/data")
    writer.write(CONTENT[:CHUNK])
    with pytest.raises(UnavailableError, match="any further"):
        writer.commit()
    assert len(ranges(proxy)) < 12
    writer.cancel()


def test_a_store_that_stays_busy_is_unavailable(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(Answer(503), method="PUT", path="/upload/", times=None)
    writer = driver.writer("/data")
    with pytest.raises(UnavailableError, match="503"):
        writer.write(CONTENT)
    assert writer.size == CHUNK
    writer.cancel()


def test_what_the_session_has_survives_a_failure(
    make_gcs: MakeGCS, gcp_emulator: GCSServer, root: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(gcp_emulator.endpoint)
    driver = make_gcs(gcp_emulator, root, endpoint=proxy.endpoint)
    proxy.add(Answer(503), method="PUT", path="/upload/", skip=1, times=None)
    writer = driver.writer("/data")
    writer.write(CONTENT)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            writer.commit()
    with pytest.raises(UnavailableError) as caught:
        writer.close()
    assert caught.value.durable == CHUNK
    assert not driver.exists("/data"), "a failed upload was published"
    kill(writer)
    proxy.reset()
    with driver.writer("/data", append=True) as writer:
        assert writer.size == CHUNK
        writer.write(CONTENT[CHUNK:])
        writer.commit()
    assert driver.get_content("/data") == CONTENT


def test_a_failed_commit_can_be_tried_again(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(Answer(403), method="PUT", path="/upload/", skip=2)
    writer = driver.writer("/data")
    writer.write(CONTENT)
    with pytest.raises(StorageDriverError, match="403"):
        writer.commit()
    writer.commit()
    assert driver.get_content("/data") == CONTENT


def test_a_failed_commit_can_be_closed_and_resumed(proxied: Proxied) -> None:
    driver, proxy = proxied
    proxy.add(Answer(403), method="PUT", path="/upload/", skip=2)
    writer = driver.writer("/data")
    writer.write(CONTENT)
    with pytest.raises(StorageDriverError, match="403"):
        writer.commit()
    writer.close()
    with driver.writer("/data", append=True) as writer:
        assert writer.size == len(CONTENT)
        writer.commit()
    assert driver.get_content("/data") == CONTENT


@pytest.mark.parametrize("status", [404, 410])
def test_an_expired_session_says_so(proxied: Proxied, status: int) -> None:
    driver, proxy = proxied
    with driver.writer("/data") as writer:
        writer.write(CONTENT)
    proxy.add(Answer(status), method="PUT", path="/upload/", times=None)
    with pytest.raises(ConflictError, match="has expired") as caught:
        driver.writer("/data", append=True)
    assert not isinstance(caught.value, PathNotFoundError)
    assert "upload_id=" not in str(caught.value) + caught.value.cause_text
    proxy.reset()
    write(driver, "/data")
    assert driver.get_content("/data") == CONTENT


def test_cancel_deletes_the_session_and_then_the_state(proxied: Proxied) -> None:
    driver, proxy = proxied
    with driver.writer("/data") as writer:
        writer.write(CONTENT)
    with driver.writer("/data", append=True) as writer:
        proxy.reset()
        writer.cancel()
    paths = [request.path for request in proxy.matching("DELETE")]
    assert [path.startswith("/upload/") for path in paths] == [True, False]
    assert list(driver.uploads()) == []


def test_starting_over_deletes_the_older_session(proxied: Proxied) -> None:
    driver, proxy = proxied
    with driver.writer("/data") as writer:
        writer.write(CONTENT)
    proxy.reset()
    write(driver, "/data", b"new")
    assert [request.path.startswith("/upload/") for request in proxy.matching("DELETE")] == [True, False]
    assert driver.get_content("/data") == b"new"


def test_old_content_is_brought_into_the_session(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/data", CONTENT)
    proxy.reset()
    with driver.writer("/data", append=True) as writer:
        assert not proxy.matching("POST"), "nothing is sent before there is something to append"
        writer.write(b"more")
    assert ranges(proxy) == [f"bytes 0-{CHUNK - 1}/*", f"bytes {CHUNK}-{2 * CHUNK - 1}/*"]
    with driver.writer("/data", append=True) as writer:
        assert writer.size == len(CONTENT) + 4
        writer.commit()
    assert driver.get_content("/data") == CONTENT + b"more"


def test_old_content_is_read_on_after_a_broken_connection(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/data", CONTENT)
    rule = proxy.add(LoseReply(), method="GET", path="/download/")
    with driver.writer("/data", append=True) as writer:
        writer.write(b"more")
        writer.commit()
    assert rule.hits == 1
    assert driver.get_content("/data") == CONTENT + b"more"


def test_old_content_stays_when_it_cannot_be_brought_along(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/data", CONTENT)
    proxy.add(Answer(403), method="PUT", path="/upload/", times=None)
    writer = driver.writer("/data", append=True)
    with pytest.raises(StorageDriverError, match="403"):
        writer.write(b"more" * CHUNK)
    writer.close()
    assert driver.get_content("/data") == CONTENT


def test_a_put_whose_answer_was_lost_is_no_conflict(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/data", b"old")
    writer = driver.writer("/data")
    writer.write(b"new")
    rule = proxy.add(LoseReply(), method="POST", path="/upload/")
    writer.commit()
    assert rule.hits == 1
    assert driver.get_content("/data") == b"new"


@pytest.mark.parametrize("content", [b"new", CONTENT])
def test_a_precondition_goes_along_where_it_can(proxied: Proxied, content: bytes) -> None:
    """The emulators ignore it, so here the answer is the proxy's; Google's would be the same."""
    driver, proxy = proxied
    writer = driver.writer("/data")
    writer.write(b"new")
    proxy.add(Answer(412), method="POST", query="ifGenerationMatch=0")
    with pytest.raises(ConflictError, match="another writer"):
        writer.commit()
    assert not driver.exists("/data")
    with driver.writer("/data") as writer:
        writer.write(content)
    assert proxy.matching("POST", query="ifGenerationMatch=0")


def test_a_closed_writer_does_not_hide_what_another_one_has_committed(driver: FsspecDriver) -> None:
    older = driver.writer("/data")
    older.write(b"older")
    write(driver, "/data", b"newer")
    with pytest.raises(ConflictError):
        older.close()
    assert driver.get_content("/data") == b"newer"


def test_a_writer_of_chunks_loses_to_one_that_has_committed(driver: FsspecDriver) -> None:
    older = driver.writer("/data")
    older.write(CONTENT)
    write(driver, "/data", b"newer")
    with pytest.raises(ConflictError):
        older.commit()
    assert driver.get_content("/data") == b"newer"
