"""Multipart uploads: their listing on every server, and the uploads that no server can complete."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.http import multipart_requests
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.drivers.s3.parameters import load
from storagedriver.drivers.s3.store import S3Store
from storagedriver.errors import ConflictError, StorageDriverError
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import upload
from tests.s3.conftest import MakeS3
from tests.servers.s3 import S3Server

KEYS = ["a", "a", "a", "a-b", "a/b", "ab", "b"]


@pytest.fixture
def store(s3_server: S3Server, root: str) -> S3Store:
    return S3Store("s3", load("s3", s3_server.parameters(root)))


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_every_page_of_uploads_is_listed_once(store: S3Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart_requests, "_PAGE", size)
    begun = sorted((key, store.create_multipart(key)) for key in KEYS)
    try:
        assert sorted((upload.key, upload.id) for upload in store.list_multiparts("")) == begun
        below = sorted((upload.key, upload.id) for upload in store.list_multiparts("a/"))
        assert below == [upload for upload in begun if upload[0] == "a/b"]
        plain = sorted((upload.key, upload.id) for upload in store.list_multiparts("a"))
        assert plain == [upload for upload in begun if upload[0] != "b"]
    finally:
        for key, upload_id in begun:
            store.abort_multipart(key, upload_id)
    assert list(store.list_multiparts("")) == []
    store.close()


def test_list_of_uploads_that_does_not_go_on_is_an_error(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    page = (
        b"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><Upload><Key>other</Key><UploadId>1</UploadId>"
        b"<Initiated>2024-01-01T00:00:00Z</Initiated></Upload></ListMultipartUploadsResult>"
    )
    rule = proxy.add(Answer(200, page), query="uploads", times=None)
    with pytest.raises(StorageDriverError, match="does not go on"):
        list(driver.uploads())
    assert rule.hits == 2


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_every_page_of_parts_is_listed(store: S3Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart_requests, "_PAGE", size)
    upload_id = store.create_multipart("a")
    for number in (1, 2, 3, 5):
        store.put_part("a", upload_id, number, memoryview(b"x" * number))
    parts = {part.number: part.size for part in store.list_parts("a", upload_id)}
    assert parts == {1: 1, 2: 2, 3: 3, 5: 5}
    store.abort_multipart("a", upload_id)
    store.close()


def test_calls_on_an_upload_that_is_gone(store: S3Store) -> None:
    upload_id = store.create_multipart("a")
    part = store.put_part("a", upload_id, 1, memoryview(b"x"))
    store.abort_multipart("a", upload_id)
    store.abort_multipart("a", upload_id)
    for call in (
        lambda: store.put_part("a", upload_id, 2, memoryview(b"x")),
        lambda: store.list_parts("a", upload_id),
        lambda: store.complete_multipart("a", upload_id, [part]),
    ):
        with pytest.raises(AnswerError) as caught:
            call()
        assert store.is_no_such_upload(caught.value)
        assert store.classify(caught.value).kind is ConflictError
    store.close()


def test_seaweedfs_cannot_complete_an_upload_above_other_files(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root)
    driver.put_content("/a/below", b"x")
    upload(driver, "/a", b"upload", end="close")
    with driver.writer("/a", append=True) as writer:
        with pytest.raises(StorageDriverError, match="a path that others lie below"):
            writer.commit()
        writer.cancel()
    upload(driver, "/a", b"put")
    assert driver.get_content("/a") == b"put"
    assert driver.get_content("/a/below") == b"x"
