"""What lies in the bucket: keys, headers, and what is not ours."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.http import multipart_requests
from storagedriver.driver import FileInfo, SkipDir
from storagedriver.drivers.oss import listing
from storagedriver.drivers.oss.store import COPIED, OSSStore
from storagedriver.errors import IntegrityError, StorageDriverWarning
from storagedriver.testsuites.faults.actions import Rewrite
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.oss.conftest import MakeOSS
from tests.servers.oss import OSSServer
from tests.walking import check_batches_run_together, check_pages_are_fetched_ahead, delete_in_batches


def _write_in_every_way(driver: FsspecDriver) -> list[str]:
    driver.put_content("/put", b"content")
    upload(driver, "/upload", b"content")
    upload(driver, "/empty")
    upload(driver, "/resumed", b"content", end="close")
    upload(driver, "/resumed", b" and more", append=True)
    driver.put_content("/large", bytes(COPIED + 1))
    driver.copy("/put", "/copy")
    driver.copy("/large", "/copied-in-parts")
    driver.move("/copy", "/moved")
    return ["put", "upload", "empty", "resumed", "moved", "copied-in-parts"]


@pytest.mark.parametrize("encrypt", [False, True])
def test_what_every_object_carries(make_oss: MakeOSS, oss: OSSServer, root: str, encrypt: bool) -> None:
    driver = make_oss(root, encrypt=encrypt)
    with oss.client() as client:
        for name in _write_in_every_way(driver):
            key = f"{root}/{name}"
            headers = client.head_object(key).headers
            assert headers["Content-Type"] == "application/octet-stream", name
            assert headers.get("x-oss-server-side-encryption") == ("AES256" if encrypt else None), name
            assert client.get_object_acl(key).acl == "private", name


@pytest.mark.parametrize(
    ("rootdirectory", "prefix"),
    [("{}", "{}/"), ("/{}/", "{}/"), ("{}/docker/", "{}/docker/")],
)
def test_keys(make_oss: MakeOSS, oss: OSSServer, root: str, rootdirectory: str, prefix: str) -> None:
    driver = make_oss(rootdirectory.format(root))
    driver.put_content("/a/b", b"content")
    with oss.client() as client:
        assert client.get_object(prefix.format(root) + "a/b").read() == b"content"


def test_a_large_copy_is_made_of_parts(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    content = pattern(2 * COPIED + 12345)
    driver.put_content("/large", content)
    proxy.reset()
    driver.copy("/large", "/copy")
    parts = proxy.matching("PUT", query="partNumber")
    assert len(parts) == 2
    for part in parts:
        assert part.sent == 0
        assert part.headers["x-oss-copy-source-if-match"].startswith('"')
    assert not list(driver.uploads())
    same_bytes(driver.get_content("/copy"), content)


def test_a_small_copy_is_one_request(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    driver.put_content("/small", b"content")
    proxy.reset()
    driver.move("/small", "/moved")
    assert [request.method for request in proxy.requests] == ["HEAD", "PUT", "DELETE"]
    assert driver.get_content("/moved") == b"content"


_NAMELESS = ["dir/a b", "dir/x/", "dir//y", "dir/ä", "dir/a+b&c=%2F?d", "dir/\x01\r\n", "dir/.", "dir/../z", 'dir/<&">']


def test_what_no_path_can_name_is_skipped_and_deleted(driver: FsspecDriver, oss: OSSServer, root: str) -> None:
    driver.put_content("/dir/file", b"content")
    driver.put_content("/directory", b"content")
    with oss.client() as client:
        for name in _NAMELESS:
            if "." not in name:
                client.put_object(f"{root}/{name}", b"x")
    with pytest.warns(StorageDriverWarning, match="no path can name"):
        found = [info.path for info in driver.files()]
    assert found == ["/dir/file", "/directory"]
    driver.delete("/dir")
    assert driver.list("/") == ["/directory"]


def test_names_of_dots_can_be_deleted_one_by_one(driver: FsspecDriver, oss: OSSServer, root: str) -> None:
    # The SDK's own client would make a step up of them, so they are written and looked for by ours.
    store = driver._store
    names = [name for name in _NAMELESS if "." in name]
    for name in names:
        store.put(name, memoryview(b"x"))
        assert store.get(name) == b"x"
    with oss.client() as client:
        listed = [found.key for found in client.list_objects_v2(prefix=f"{root}/").object_list]
    assert listed == sorted(f"{root}/{name}" for name in names)
    for name in names:
        store.delete([name])
    assert driver.list("/") == []


def test_more_than_a_page(driver: FsspecDriver, oss: OSSServer, root: str) -> None:
    names = [f"{number:04d}" for number in range(1050)]
    with oss.client() as client:
        for name in names:
            client.put_object(f"{root}/many/{name}", b"")
        uploads = [client.init_multipart_upload(f"{root}/up/{name}").upload_id for name in names[:1010]]
    assert driver.list("/many") == [f"/many/{name}" for name in names]
    assert [info.path for info in driver.files("/many", "/many/1020")] == [f"/many/{name}" for name in names[1021:]]
    assert sorted(upload.id for upload in driver.uploads("/up")) == sorted(uploads)
    driver.delete("/many")
    assert driver.list("/") == []


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_every_page_of_parts_and_of_uploads_is_listed(
    driver: FsspecDriver, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_requests, "_PAGE", size)
    store = driver._store
    assert isinstance(store, OSSStore)
    begun = sorted((key, store.create_multipart(key)) for key in ("a", "a", "a+ä b", "a/b", "b"))
    assert sorted((upload.key, upload.id) for upload in store.list_multiparts("a")) == begun[:-1]
    upload_id = begun[0][1]
    sent = [store.put_part("a", upload_id, number, memoryview(b"x" * number)) for number in (1, 2, 3, 5)]
    listed = store.list_parts("a", upload_id)
    assert [replace(part, mod_time=None) for part in listed] == sent
    for key, each in begun:
        store.abort_multipart(key, each)
    assert list(store.list_multiparts("")) == []


def test_a_whole_that_is_not_that_of_its_parts_is_an_error(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    change = Rewrite(lambda head, body: re.sub(rb"(?i)(x-oss-hash-crc64ecma: )[0-9]+", rb"\g<1>1", head) + body)
    proxy.add(change, method="POST", query="uploadId")
    upload(driver, "/file", b"content", end="close")
    with driver.writer("/file", append=True) as writer, pytest.raises(IntegrityError, match="something else"):
        writer.commit()


def test_a_skipped_directory_is_not_listed(
    proxied: tuple[FsspecDriver, FaultProxy], oss: OSSServer, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 100)
    driver, proxy = proxied
    with oss.client() as client:
        for number in range(450):
            client.put_object(f"{root}/a/{number}", b"")
        client.put_object(f"{root}/b", b"")
    visited: list[str] = []

    def visit(info: FileInfo) -> None:
        visited.append(info.path)
        if info.path == "/a":
            raise SkipDir

    driver.walk("/", visit)
    assert visited == ["/a", "/b"]
    assert len(proxy.matching("GET")) == 3


def test_next_page_is_fetched_while_one_is_visited(
    proxied: tuple[FsspecDriver, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 4)
    driver, proxy = proxied
    check_pages_are_fetched_ahead(driver, proxy, 4)


def test_batches_of_a_delete_run_at_the_same_time(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    delete_in_batches(driver, 5)
    check_batches_run_together(driver, proxy, 5, "delete")
    assert driver.list("/") == []
