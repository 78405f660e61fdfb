"""Append blobs: those that a registry left, and those that it shall find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.errors import ConflictError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.azure.conftest import MakeAzure
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
    appending.put_content("/dir/a", content)
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

    def test_upload(self, appending: FsspecDriver, proxy: FaultProxy) -> None:
        appending.put_content("/a", b"put")
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
