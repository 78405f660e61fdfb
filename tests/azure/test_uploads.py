"""Uploads as uncommitted blocks: what the store holds of them, and what others do to them."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import pytest
from azure.storage.blob import BlobBlock, BlobClient

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.drivers.azure.blocks import BlockName, block_sizes
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, CutRequest, Gather, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.azure.conftest import MakeAzure
from tests.killed import kill
from tests.servers.azurite import AzuriteServer

KIB = 1 << 10
CHUNK = 64 * KIB


@pytest.fixture
def behind(azurite: AzuriteServer, root: str) -> Any:
    """``behind("/a")`` gives the SDK's client of a blob."""
    with azurite.client() as container:
        yield lambda path: container.get_blob_client(f"{root}{path}")


def write_all(writer: FileWriter, content: bytes) -> None:
    for start in range(0, len(content), CHUNK):
        writer.write(content[start : start + CHUNK])
    writer.commit()


def names(blob: BlobClient, kind: str = "uncommitted") -> list[str]:
    committed, uncommitted = blob.get_block_list("all")
    return [block.id for block in (uncommitted if kind == "uncommitted" else committed)]


def ordinal(request: Request) -> int:
    """The ordinal of the block that is sent, -1 if none is."""
    name = BlockName.parse("".join(parse_qs(request.query).get("blockid", [])))
    return -1 if name is None else name.ordinal


def encoded(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


def test_upload_is_blocks_and_has_a_marker_while_it_is_empty(driver: FsspecDriver, behind: Any) -> None:
    driver.writer("/a").close()
    assert [len(name) for name in names(behind("/a"))] == [54]
    upload(driver, "/a", b"content", append=True, end="close")
    marker, first = (BlockName.parse(encoded(name)) for name in sorted(names(behind("/a"))))
    assert marker is not None
    assert first is not None
    assert (marker.ordinal, first.ordinal) == (0, 1)
    assert (first.start, first.session) == (marker.start, 1)
    assert abs(marker.started - datetime.now(timezone.utc)) < timedelta(minutes=1)
    upload(driver, "/a", append=True)
    assert names(behind("/a"), "committed") == [base64.b64decode(first.id).decode()]
    assert names(behind("/a")) == []
    properties = behind("/a").get_blob_properties()
    assert properties.content_settings.content_type == "application/octet-stream"


def test_blocks_are_sent_several_at_a_time(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str
) -> None:
    driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", chunksize=CHUNK, uploadconcurrency=3)
    content = pattern(20 * CHUNK + 5)
    with driver.writer("/a") as writer:
        proxy.reset()
        proxy.add(Gather(2), method="PUT", query="comp=block&", times=None)
        writer.write(content)
        writer.commit()
    assert len(proxy.matching("PUT", query="comp=block&")) == 21
    assert 1 < proxy.peak <= 3
    same_bytes(driver.get_content("/a"), content)


def test_uploads_tell_start_and_size(driver: FsspecDriver) -> None:
    before = datetime.now(timezone.utc)
    upload(driver, "/a", b"12345", end="close")
    upload(driver, "/a", b"678", append=True, end="close")
    (info,) = driver.uploads()
    assert (info.path, info.size) == ("/a", 8)
    assert before - timedelta(seconds=1) < info.started <= datetime.now(timezone.utc)
    assert driver.purge_uploads(older_than=timedelta(minutes=5)) == []
    assert driver.purge_uploads() == [info]


def test_upload_over_content_is_found_at_its_own_path(driver: FsspecDriver) -> None:
    driver.put_content("/dir/a", b"old")
    upload(driver, "/dir/a", b"new", end="close")
    assert [info.path for info in driver.uploads("/dir/a")] == ["/dir/a"]
    driver.delete("/dir")
    assert list(driver.uploads()) == []
    with pytest.raises(PathNotFoundError):
        driver.writer("/dir/a", append=True)


def test_lost_block_takes_those_behind_it_along(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, behind: Any
) -> None:
    through = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", chunksize=CHUNK)
    proxy.add(Answer(403), method="PUT", when=lambda request: ordinal(request) == 3, times=None)
    content = pattern(8 * CHUNK)
    writer = through.writer("/a")
    with pytest.raises(PermissionError):
        write_all(writer, content)
    with pytest.raises(PermissionError) as caught:
        writer.close()
    assert isinstance(caught.value, StorageDriverError)
    assert caught.value.durable == 2 * CHUNK
    assert not writer.closed
    kill(writer)
    proxy.reset()
    assert len(names(behind("/a"))) >= 3
    with through.writer("/a", append=True) as writer:
        assert writer.size == 2 * CHUNK
        writer.write(content[writer.size :])
        writer.commit()
    same_bytes(through.get_content("/a"), content)


def test_second_resumer_is_never_merged(driver: FsspecDriver) -> None:
    upload(driver, "/a", b"begun,", end="close")
    one, other = driver.writer("/a", append=True), driver.writer("/a", append=True)
    one.write(b"one")
    other.write(b"another")
    other.commit()
    with pytest.raises(ConflictError):
        one.commit()
    one.close()
    assert driver.get_content("/a") == b"begun,another"


def test_commit_over_content_that_was_put_meanwhile_is_a_conflict(driver: FsspecDriver) -> None:
    for begun in (False, True):
        if begun:
            driver.put_content("/a", b"old")
        writer = driver.writer("/a")
        writer.write(b"upload")
        driver.put_content("/a", b"put")
        with pytest.raises(ConflictError):
            writer.commit()
        assert driver.get_content("/a") == b"put"


def test_empty_upload_over_content_that_was_put_meanwhile_is_a_conflict(driver: FsspecDriver) -> None:
    writer = driver.writer("/a")
    driver.put_content("/a", b"put")
    with pytest.raises(ConflictError):
        writer.commit()


def test_cancel_of_the_older_upload_leaves_the_newer_one(driver: FsspecDriver) -> None:
    older = driver.writer("/a")
    older.write(b"older")
    upload(driver, "/a", b"newer", end="close")
    older.cancel()
    upload(driver, "/a", append=True)
    assert driver.get_content("/a") == b"newer"


class TestForeignBlocks:
    """Blocks of other programs, which keep every other length of name from a blob for a week."""

    def test_are_cleared_where_nothing_is_committed(self, driver: FsspecDriver, behind: Any) -> None:
        behind("/a").stage_block("of-another-program", b"x")
        with pytest.raises(PathNotFoundError):
            driver.writer("/a", append=True)
        assert not driver.exists("/a")
        upload(driver, "/a", b"ours", end="close")
        assert not driver.exists("/a")
        upload(driver, "/a", append=True)
        assert driver.get_content("/a") == b"ours"

    def test_are_cleared_over_content(self, driver: FsspecDriver, behind: Any) -> None:
        blob = behind("/a")
        blob.stage_block("b1", b"theirs")
        blob.commit_block_list([BlobBlock("b1")], metadata={"kept": "yes"})
        blob.stage_block("of-another-program", b"x")
        with driver.writer("/a") as writer:
            writer.write(b"ours")
            assert driver.get_content("/a") == b"theirs"
            assert blob.get_blob_properties().metadata == {"kept": "yes"}
            writer.commit()
        assert driver.get_content("/a") == b"ours"

    def test_of_our_length_are_passed_over(self, driver: FsspecDriver, behind: Any) -> None:
        behind("/a").stage_block("x" * 54, b"x")
        upload(driver, "/a", b"ours", end="close")
        upload(driver, "/a", append=True)
        assert driver.get_content("/a") == b"ours"

    def test_are_no_upload(self, driver: FsspecDriver, behind: Any) -> None:
        behind("/a").stage_block("x" * 54, b"x")
        assert list(driver.uploads()) == []
        assert driver.list("/") == []


class TestAppendToContent:
    """`writer(path, append=True)` where nothing waits but something is committed."""

    def test_blocks_of_ours_stay_where_they_are(
        self, make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, behind: Any
    ) -> None:
        driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", chunksize=CHUNK)
        content = pattern(3 * CHUNK)
        upload(driver, "/a", content)
        before = names(behind("/a"), "committed")
        proxy.reset()
        upload(driver, "/a", b"more", append=True, end="close")
        with driver.writer("/a", append=True) as writer:
            assert writer.size == len(content) + 4
            writer.write(b"and more")
            writer.commit()
        assert names(behind("/a"), "committed")[:3] == before
        assert sum(request.sent for request in proxy.requests) < CHUNK, "the content was sent again"
        same_bytes(driver.get_content("/a"), content + b"moreand more")

    def test_upload_that_was_begun_so_is_listed_with_its_whole_size(self, driver: FsspecDriver) -> None:
        upload(driver, "/a", b"12345")
        upload(driver, "/a", b"678", append=True, end="close")
        assert [info.size for info in driver.uploads("/a")] == [8]

    @pytest.mark.parametrize("block_ids", [[], [b"b1", b"b2"], [b"\xff\xfe", b"\xff\xfd"]])
    def test_content_of_others_is_sent_again(
        self, make_azure: MakeAzure, root: str, behind: Any, block_ids: list[bytes]
    ) -> None:
        driver = make_azure(root, chunksize=CHUNK)
        content, blob = pattern(2 * CHUNK + 100), behind("/a")
        if block_ids:
            halves = [content[:1000], content[1000:]]
            raw = driver._store
            for block_id, half in zip(block_ids, halves, strict=True):
                query = {"comp": "block", "blockid": base64.b64encode(block_id).decode()}
                raw._client.send("PUT", "a", query, body=half)  # type: ignore[attr-defined]
            body = "".join(f"<Latest>{base64.b64encode(block_id).decode()}</Latest>" for block_id in block_ids)
            raw._client.send(  # type: ignore[attr-defined]
                "PUT", "a", {"comp": "blocklist"}, body=f"<BlockList>{body}</BlockList>".encode()
            )
        else:
            blob.upload_blob(content)
        with driver.writer("/a", append=True) as writer:
            assert writer.size == len(content)
            writer.write(b"more")
            same_bytes(driver.get_content("/a"), content, "before commit, the content")
        upload(driver, "/a", b" and more", append=True)
        same_bytes(driver.get_content("/a"), content + b"more and more")

    def test_content_that_was_not_sent_again_as_a_whole_is_no_upload(
        self, make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str
    ) -> None:
        driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", chunksize=CHUNK)
        content = pattern(4 * CHUNK)
        driver.put_content("/a", content)
        proxy.add(Answer(403), method="PUT", query="comp=block&", skip=1)
        writer = driver.writer("/a", append=True)
        with pytest.raises(PermissionError):
            writer.write(b"more")
        writer.close()
        with driver.writer("/a", append=True) as writer:
            assert writer.size == len(content)
            writer.cancel()
        same_bytes(driver.get_content("/a"), content)


def test_cancel_keeps_type_and_metadata_of_the_content(driver: FsspecDriver, behind: Any) -> None:
    upload(driver, "/blocks", b"content")
    driver.put_content("/whole", b"content")
    for path in ("/blocks", "/whole"):
        behind(path).set_blob_metadata({"kept": "yes"})
        upload(driver, path, b"upload", end="cancel")
        properties = behind(path).get_blob_properties()
        assert properties.metadata == {"kept": "yes"}
        assert properties.content_settings.content_type == "application/octet-stream"
        assert driver.get_content(path) == b"content"
        assert list(driver.uploads(path)) == []


@pytest.mark.parametrize("content", [b"content", b""])
@pytest.mark.parametrize("query", ["comp=blocklist", ""])
def test_commit_whose_reply_is_lost_is_done(
    proxied: FsspecDriver, proxy: FaultProxy, content: bytes, query: str
) -> None:
    """It was by a list of blocks, or by one request for the whole blob."""
    if query:
        upload(proxied, "/a", content, end="close")
    lost = proxy.add(LoseReply(), method="PUT", query=query)
    upload(proxied, "/a", *([] if query else [content]), append=bool(query))
    assert lost.hits == 1
    assert proxied.get_content("/a") == content


def test_a_stream_within_its_first_block_is_one_put(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    for path, content in (("/a", b"content"), ("/empty", b"")):
        seen = len(proxy.requests)
        upload(proxied, path, content)
        assert [request.method for request in proxy.requests[seen:]] == ["HEAD", "PUT"]


@pytest.mark.parametrize("size", [7, 9 << 20])
@pytest.mark.parametrize("over", [b"", b"old"])
def test_content_that_another_writer_put_in_the_meantime_is_not_replaced(
    driver: FsspecDriver, size: int, over: bytes
) -> None:
    if over:
        driver.put_content("/a", over)
    writer = driver.writer("/a")
    driver.put_content("/a", b"new")
    writer.write(pattern(size))
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/a") == b"new"
    assert list(driver.uploads("/a")) == []


@pytest.mark.parametrize("more", [7, 9 << 20])
def test_more_is_written_after_a_put_whose_answers_were_lost(
    proxied: FsspecDriver, proxy: FaultProxy, more: int
) -> None:
    writer = proxied.writer("/a")
    writer.write(b"content")
    proxy.add(LoseReply(), method="PUT")
    proxy.add(CutRequest(), method="PUT", times=None)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    writer.write(pattern(more))
    writer.commit()
    same_bytes(proxied.get_content("/a"), b"content" + pattern(more))


def test_cancel_of_a_writer_that_sent_nothing_drops_the_older_upload(driver: FsspecDriver) -> None:
    upload(driver, "/a", b"older", end="close")
    driver.writer("/a").cancel()
    assert list(driver.uploads()) == []
    writer = driver.writer("/a")
    upload(driver, "/a", b"newer", end="close")
    writer.cancel()
    assert driver.upload_size("/a") == len(b"newer")


def test_cancel_whose_replies_are_lost_leaves_nothing(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    upload(proxied, "/a", b"content", end="close")
    writer = proxied.writer("/a", append=True)
    lost = [proxy.add(LoseReply(), method="PUT", query="comp=blocklist"), proxy.add(LoseReply(), method="DELETE")]
    writer.cancel()
    assert [rule.hits for rule in lost] == [1, 1]
    assert not proxied.exists("/a")
    assert list(proxied.uploads()) == []


def test_block_whose_reply_is_lost_counts_once(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    lost = proxy.add(LoseReply(), method="PUT", query="comp=block&")
    upload(proxied, "/a", b"content", end="close")
    assert lost.hits == 1
    upload(proxied, "/a", append=True)
    assert proxied.get_content("/a") == b"content"


def test_dropped_blocks_are_a_conflict_at_commit(driver: FsspecDriver, behind: Any) -> None:
    writer = driver.writer("/a")
    writer.write(b"content")
    writer.close()
    writer = driver.writer("/a", append=True)
    behind("/a").commit_block_list([])
    behind("/a").delete_blob()
    with pytest.raises(ConflictError, match="ended by another writer"):
        writer.commit()
    assert not driver.exists("/a")


def test_blocks_grow_to_reach_terabytes_and_stay_in_the_stores_bounds() -> None:
    part_size = block_sizes(8 << 20)
    sizes = [part_size(number) for number in range(1, 50_001)]
    assert sizes[0] == sizes[9_999] == 8 << 20
    assert sum(sizes) > 18 << 40
    assert block_sizes(1 << 30)(50_000) == 4000 << 20


def test_store_takes_a_later_upload_after_many_sessions(driver: FsspecDriver) -> None:
    content = [bytes([number]) for number in range(20)]
    for number, piece in enumerate(content):
        upload(driver, "/a", piece, append=number > 0, end="close")
    upload(driver, "/a", append=True)
    assert driver.get_content("/a") == b"".join(content)
    upload(driver, "/a", b"over")
    assert driver.get_content("/a") == b"over"


def test_clearing_that_broke_off_is_no_file_and_can_be_purged(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str
) -> None:
    driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", max_retries=1)
    driver.put_content("/dir/other", b"x")
    for again in (False, True):
        upload(driver, "/dir/a", b"begun", end="close")
        writer = driver.writer("/dir/a", append=True)
        rule = proxy.add(Answer(403), method="DELETE", times=None)
        with pytest.raises(PermissionError):
            writer.cancel()
        assert rule.hits
        proxy.reset()
        assert not driver.exists("/dir/a")
        assert driver.list("/dir") == ["/dir/other"]
        for call in (driver.get_content, driver.reader, lambda path: driver.writer(path, append=True)):
            with pytest.raises(PathNotFoundError):
                call("/dir/a")
        assert [info.path for info in driver.uploads()] == ["/dir/a"]
        if again:
            writer.cancel()
        else:
            kill(writer)
            assert [info.path for info in driver.purge_uploads()] == ["/dir/a"]
        assert list(driver.uploads("/dir/a")) == []
    upload(driver, "/dir/a", b"new")
    assert driver.get_content("/dir/a") == b"new"


@pytest.mark.parametrize("way", ["commit", "close", "write"])
def test_put_over_an_append_blob_that_failed_after_its_deletion(
    azurite: AzuriteServer, proxied: FsspecDriver, proxy: FaultProxy, root: str, way: str
) -> None:
    with azurite.client() as container:
        blob = container.get_blob_client(f"{root}/a")
        blob.create_append_blob()
        blob.append_block(b"old")
    writer = proxied.writer("/a")
    writer.write(b"new")
    refusal = b"<Error><Code>InvalidBlobType</Code></Error>"
    proxy.add(Answer(409, refusal, {"x-ms-error-code": "InvalidBlobType"}), method="PUT")
    proxy.add(Answer(503), method="PUT", times=None)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    if way == "write":
        writer.write(b"more")
        writer.commit()
    else:
        getattr(writer, way)()
    upload(proxied, "/a", append=True)
    assert proxied.get_content("/a") == (b"newmore" if way == "write" else b"new")
