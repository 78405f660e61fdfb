"""Append blobs: those that a registry left, and those that it shall find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.errors import (
    ConflictError,
    PermissionDeniedError,
    StorageDriverError,
    StorageDriverWarning,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.azure.conftest import MakeAzure
from tests.azure.test_copying import ACCEPTED, state
from tests.killed import kill
from tests.servers.azurite import AzuriteServer

CHUNK = 64 << 10
WRONG_TYPE = Answer(409, headers={"x-ms-error-code": "InvalidBlobType"})


@pytest.fixture
def container(azurite: AzuriteServer) -> Iterator[ContainerClient]:
    """What a registry uses."""
    with azurite.client() as client:
        yield client


@pytest.fixture
def appending(make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str) -> FsspecDriver:
    """A driver whose uploads are append blobs, behind the proxy."""
    url = f"{proxy.endpoint}/{azurite.account}"
    return make_azure(root, serviceurl=url, uploadblobtype="append", chunksize=CHUNK)


def write_all(writer: FileWriter, content: bytes) -> None:
    writer.write(content)
    writer.commit()


def begun_by_a_registry(container: ContainerClient, name: str, *pieces: bytes) -> Any:
    blob = container.get_blob_client(name)
    blob.create_append_blob()
    for piece in pieces:
        blob.append_block(piece, appendpos_condition=blob.get_blob_properties().size)
    return blob


def test_upload_of_a_registry_is_resumed(driver: FsspecDriver, container: ContainerClient, root: str) -> None:
    blob = begun_by_a_registry(container, f"{root}/a", b"one,", b"two,")
    with driver.writer("/a", append=True) as writer:
        assert writer.size == 8
        writer.write(b"three")
    assert blob.download_blob().readall() == b"one,two,three"
    upload(driver, "/a", b",four", append=True)
    assert driver.get_content("/a") == b"one,two,three,four"
    assert str(blob.get_blob_properties().blob_type) == "BlobType.APPENDBLOB"


def test_registry_resumes_an_upload_of_ours(appending: FsspecDriver, container: ContainerClient, root: str) -> None:
    content = pattern(3 * CHUNK + 7)
    upload(appending, "/a", content, end="close")
    blob = container.get_blob_client(f"{root}/a")
    assert blob.get_blob_properties().content_settings.content_type == "application/octet-stream"
    blob.append_block(b"more", appendpos_condition=len(content))
    with appending.writer("/a", append=True) as writer:
        assert writer.size == len(content) + 4
        writer.commit()
    same_bytes(appending.get_content("/a"), content + b"more")


def test_two_writers_are_never_merged(driver: FsspecDriver, container: ContainerClient, root: str) -> None:
    blob = begun_by_a_registry(container, f"{root}/a", b"begun,")
    writer = driver.writer("/a", append=True)
    writer.write(b"ours")
    blob.append_block(b"theirs")
    with pytest.raises(ConflictError):
        writer.commit()
    assert blob.download_blob().readall() == b"begun,theirs"


def test_commit_without_a_byte_sees_another_writer(driver: FsspecDriver, container: ContainerClient, root: str) -> None:
    blob = begun_by_a_registry(container, f"{root}/a", b"begun,")
    writer = driver.writer("/a", append=True)
    blob.append_block(b"theirs")
    with pytest.raises(ConflictError):
        writer.commit()


def test_cancel_leaves_what_another_writer_has_made(
    driver: FsspecDriver, container: ContainerClient, root: str
) -> None:
    begun_by_a_registry(container, f"{root}/a", b"begun,")
    writer = driver.writer("/a", append=True)
    begun_by_a_registry(container, f"{root}/a", b"again")
    writer.cancel()
    assert driver.get_content("/a") == b"again"
    driver.writer("/a", append=True).cancel()
    assert not driver.exists("/a")


def test_new_upload_replaces_an_append_blob(driver: FsspecDriver, container: ContainerClient, root: str) -> None:
    begun_by_a_registry(container, f"{root}/a", b"begun,")
    upload(driver, "/a", b"new")
    assert driver.get_content("/a") == b"new"
    begun_by_a_registry(container, f"{root}/b", b"begun,")
    with driver.writer("/b") as writer:
        writer.write(b"new")
    assert not driver.exists("/b"), "no block can wait beside an append blob"
    upload(driver, "/b", append=True)
    assert driver.get_content("/b") == b"new"


def test_lost_reply_to_an_append_is_no_second_append(appending: FsspecDriver, proxy: FaultProxy) -> None:
    content = pattern(4 * CHUNK)
    writer = appending.writer("/a")
    rule = proxy.add(LoseReply(), method="PUT", query="comp=appendblock", skip=1)
    writer.write(content)
    writer.commit()
    assert rule.hits == 1
    same_bytes(appending.get_content("/a"), content)


def test_lost_reply_and_another_writer_is_a_conflict(
    appending: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str
) -> None:
    writer = appending.writer("/a")
    # The first attempt does not arrive, and the other writer's is of the same length.
    proxy.add(Answer(503), method="PUT", query="comp=appendblock")
    container.get_blob_client(f"{root}/a").append_block(b"theirs")
    writer.write(b"ours..")
    with pytest.raises(ConflictError):
        writer.commit()
    assert appending.get_content("/a") == b"theirs"


def test_append_to_a_block_blob_makes_it_an_append_blob(
    appending: FsspecDriver, container: ContainerClient, root: str
) -> None:
    content = pattern(2 * CHUNK + 9)
    container.upload_blob(f"{root}/dir/a", content)
    with appending.writer("/dir/a", append=True) as writer:
        assert writer.size == len(content)
        same_bytes(appending.get_content("/dir/a"), content)
        writer.write(b"more")
    container.get_blob_client(f"{root}/dir/a").append_block(b" and more", appendpos_condition=len(content) + 4)
    same_bytes(appending.get_content("/dir/a"), content + b"more and more")
    assert [blob.name for blob in container.list_blobs(name_starts_with=root)] == [f"{root}/dir/a"]


class TestStoreThatReplacesNoOtherType:
    """What Azure answers, and Azurite does not, where a blob of another type is written over."""

    def test_put(self, proxied: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str) -> None:
        begun_by_a_registry(container, f"{root}/a", b"begun,")
        proxy.add(WRONG_TYPE, method="PUT")
        proxied.put_content("/a", b"put")
        assert [request.method for request in proxy.matching(path="/a")] == ["PUT", "DELETE", "PUT"]
        assert proxied.get_content("/a") == b"put"

    def test_upload(self, appending: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str) -> None:
        container.upload_blob(f"{root}/a", b"put")
        proxy.add(WRONG_TYPE, method="PUT")
        upload(appending, "/a", b"upload")
        assert appending.get_content("/a") == b"upload"

    def test_copy(self, proxied: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str) -> None:
        proxied.put_content("/source", b"source")
        begun_by_a_registry(container, f"{root}/dest", b"begun,")
        proxy.add(WRONG_TYPE, method="PUT")
        proxied.move("/source", "/dest")
        assert proxied.get_content("/dest") == b"source"
        assert not proxied.exists("/source")

    def test_copy_of_nothing_keeps_the_destination(
        self, proxied: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str
    ) -> None:
        begun_by_a_registry(container, f"{root}/dest", b"begun,")
        proxy.add(WRONG_TYPE, method="PUT")
        with pytest.raises(FileNotFoundError):
            proxied.copy("/missing", "/dest")
        assert proxied.get_content("/dest") == b"begun,"


class TestPut:
    """With ``uploadblobtype: append`` a content is an append blob, which a registry can write over."""

    @pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK + 5])
    def test_a_registry_can_write_over_it(
        self, appending: FsspecDriver, container: ContainerClient, root: str, size: int
    ) -> None:
        content = pattern(size)
        appending.put_content("/dir/a", content)
        same_bytes(appending.get_content("/dir/a"), content)
        blob = container.get_blob_client(f"{root}/dir/a")
        assert str(blob.get_blob_properties().blob_type) == "BlobType.APPENDBLOB"
        assert blob.get_blob_properties().content_settings.content_type == "application/octet-stream"
        assert [blob.name for blob in container.list_blobs(name_starts_with=root)] == [f"{root}/dir/a"]
        blob.create_append_blob()
        blob.append_block(b"of a registry")
        assert appending.get_content("/dir/a") == b"of a registry"

    def test_what_is_there_is_replaced_by_one_request(self, appending: FsspecDriver, proxy: FaultProxy) -> None:
        appending.put_content("/a", b"old")
        proxy.reset()
        appending.put_content("/a", b"new")
        assert [request.method for request in proxy.matching(path="/a") if request.path.endswith("/a")] == ["PUT"]
        assert len(proxy.requests) == 4

    def test_more_than_an_upload_would_begin_with_is_staged_as_well(
        self, make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str
    ) -> None:
        url = f"{proxy.endpoint}/{azurite.account}"
        driver = make_azure(root, serviceurl=url, uploadblobtype="append", chunksize=64 << 20)
        driver.put_content("/a", bytes((64 << 20) + 1))
        written = [request for request in proxy.matching("PUT") if request.path.endswith("/a")]
        assert [request.headers["x-ms-copy-source"].rpartition("/")[2][:9] for request in written] == ["a~staged~"]
        assert driver.stat("/a").size == (64 << 20) + 1

    def test_copy_that_is_pending_is_waited_for(self, appending: FsspecDriver, proxy: FaultProxy) -> None:
        proxy.add(ACCEPTED, method="PUT", when=lambda request: "x-ms-copy-source" in request.headers)
        for status in ("pending", "pending", "success"):
            proxy.add(state(status), method="HEAD", path="/dest")
        appending.put_content("/dest", b"content")
        assert [request.method for request in proxy.requests] == ["PUT", "PUT", "PUT", *["HEAD"] * 3, "DELETE"]

    @pytest.mark.parametrize("step", ["create", "append", "copy"])
    def test_a_put_that_fails_leaves_nothing_and_the_old_content(
        self, appending: FsspecDriver, proxy: FaultProxy, container: ContainerClient, root: str, step: str
    ) -> None:
        appending.put_content("/a", b"old")
        skip = ["create", "append", "copy"].index(step)
        proxy.add(Answer(403), method="PUT", skip=skip)
        with pytest.raises(PermissionDeniedError):
            appending.put_content("/a", b"new")
        assert appending.get_content("/a") == b"old"
        assert [blob.name for blob in container.list_blobs(name_starts_with=root)] == [f"{root}/a"]

    def test_what_a_killed_put_has_staged_is_an_upload_to_purge(
        self, appending: FsspecDriver, driver: FsspecDriver, container: ContainerClient, root: str
    ) -> None:
        appending.put_content("/dir/a", b"old")
        for name in ("0123456789abcdef", "0123456789abcdee"):
            begun_by_a_registry(container, f"{root}/dir/a~staged~{name}", b"half")
        assert appending.list("/dir") == driver.list("/dir") == ["/dir/a"]
        assert [info.path for info in appending.files()] == ["/dir/a"]
        for found in (appending.uploads(), appending.uploads("/dir/a"), driver.uploads("/dir")):
            assert [(upload.path, upload.size) for upload in found] == [("/dir/a", 4)] * 2
        (first, *_) = appending.uploads()
        appending._store.abort(first)
        assert len(list(appending.uploads())) == 1
        assert appending.get_content("/dir/a") == b"old"
        appending.delete("/dir/a")
        assert list(container.list_blobs(name_starts_with=root)) == []

    def test_a_block_blob_of_that_name_is_a_file(
        self, driver: FsspecDriver, container: ContainerClient, root: str
    ) -> None:
        container.upload_blob(f"{root}/a~staged~0123456789abcdef", b"x")
        with pytest.warns(StorageDriverWarning, match="no path can name"):
            driver.list("/")
        assert list(driver.uploads()) == []


def test_append_that_is_refused_stays_to_be_resumed(appending: FsspecDriver, proxy: FaultProxy) -> None:
    content = pattern(4 * CHUNK)
    writer = appending.writer("/a")
    proxy.add(Answer(503), method="PUT", query="comp=appendblock", skip=2, times=None)
    with pytest.raises(UnavailableError):
        write_all(writer, content)
    with pytest.raises(StorageDriverError):
        writer.close()
    kill(writer)
    proxy.reset()
    with appending.writer("/a", append=True) as writer:
        assert writer.size == 2 * CHUNK
        writer.write(content[writer.size :])
        writer.commit()
    same_bytes(appending.get_content("/a"), content)
