"""Listings: SeaweedFS's tree, pages, and keys that are no paths."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timezone
from functools import partial

import pytest

from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.store import EPOCH
from storagedriver.driver import FileInfo, SkipDir
from storagedriver.drivers.s3 import listing
from storagedriver.drivers.s3.parameters import load
from storagedriver.drivers.s3.store import S3Store
from storagedriver.errors import InvalidAnswerError, StorageDriverWarning
from storagedriver.filesystem import StorageDriverFileSystem
from storagedriver.paths import sort_key
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import together, walked
from storagedriver.unnamed import UnnamedKeysError
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server
from tests.walking import check_pages_are_fetched_ahead

FILES = ["/w/a", "/w/a-b", "/w/a.c", "/w/a/x/1", "/w/a/y", "/w/b/1", "/w/b/2", "/w/c", "/w/d/1"]
STARTS = [*FILES, "/w/a/", "/w/a/x", "/w/a-b-", "/w/b", "/w/bb", "/w/d", "/w/~".replace("~", "zz"), "/w/nothing"]


def test_walk_order_is_known_by_the_server(make_s3: MakeS3, s3_server: S3Server, root: str) -> None:
    expected = "tree" if s3_server.name == "seaweedfs" else "bytewise"
    driver = make_s3(s3_server, root)
    assert driver.walk_order == expected
    driver.put_content("/a", b"")
    assert make_s3(s3_server, root).walk_order == expected


def test_walk_order_is_asked_once(make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy) -> None:
    proxy: FaultProxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint)
    assert [driver.walk_order for _ in range(3)] == [driver.walk_order] * 3
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_pages_begin_after_any_key(s3_server: S3Server, root: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST", size)
    store = S3Store("s3", load("s3", s3_server.parameters(root)))
    for path in FILES:
        store.put(path[1:], memoryview(b"x"))
    order = store.walk_order
    assert order == ("tree" if s3_server.name == "seaweedfs" else "bytewise")
    for start in STARTS:
        after = sort_key(start.rstrip("/"), is_dir=start.endswith("/"), order=order)
        expected = {path[1:] for path in FILES if sort_key(path, is_dir=False, order=order) > after}
        pages = store.pages("w/", recursive=True, start_after=start[1:], skipped=set())
        found = [entry.key for page in pages for entry in page]
        assert expected <= set(found), start
        assert found == sorted(found, key=lambda key: sort_key("/" + key, is_dir=False, order=order))
    flat = [entry for page in store.pages("w/", recursive=False, skipped=set()) for entry in page]
    assert sorted((entry.key, entry.is_dir) for entry in flat) == [
        *(("w/a", is_dir) for is_dir in (False, True)),
        ("w/a-b", False),
        ("w/a.c", False),
        ("w/b", True),
        ("w/c", False),
        ("w/d", True),
    ]
    limited = [entry for page in store.pages("w/", recursive=True, limit=3, skipped=set()) for entry in page]
    assert len(limited) == 3
    store.close()


def test_directory_that_was_emptied_is_gone_at_once(make_s3: MakeS3, s3_server: S3Server, root: str) -> None:
    driver = make_s3(s3_server, root)
    for number in range(5):
        driver.put_content(f"/dir/sub{number}/file", b"x")
    driver.delete("/dir/sub1/file")
    driver.delete("/dir/sub3")
    assert driver.list("/dir") == ["/dir/sub0", "/dir/sub2", "/dir/sub4"]
    driver.delete("/dir")
    assert driver.list("/") == []
    assert not driver.exists("/dir")


def test_skipped_directory_is_not_listed_to_its_end(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 5)
    proxy = fault_proxy(moto_s3.endpoint)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint)
    for number in range(40):
        driver.put_content(f"/large/{number:02}", b"")
    for path in ("/a", "/large-", "/largf", "/z"):
        driver.put_content(path, b"")
    seen: list[str] = []

    def visit(info: FileInfo) -> None:
        seen.append(info.path)
        if info.path == "/large":
            raise SkipDir

    proxy.reset()
    driver.walk("/", visit)
    assert seen == ["/a", "/large-", "/large", "/largf", "/z"]
    assert len(proxy.requests) <= 4


def test_next_page_is_fetched_while_one_is_visited(
    make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 4)
    proxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint)
    check_pages_are_fetched_ahead(driver, proxy, 4)


def test_page_that_is_half_an_answer(make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(moto_s3.endpoint)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint)
    proxy.add(Answer(200, b"<html>please log in"), method="GET", times=None)
    with pytest.raises(InvalidAnswerError, match="please log in"):
        driver.list("/")
    proxy.reset()
    # Where it passes, it is asked again.
    proxy.add(Answer(200, b"<html>please log in"), method="GET")
    assert driver.list("/") == []


def test_times_are_read_however_many_digits_they_have() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    assert time_of("2024-05-06T07:08:09Z") == time_of("2024-05-06T07:08:09.000Z") == moment
    assert time_of("2024-05-06T09:08:09+02:00") == time_of("2024-05-06T07:08:09") == moment
    assert time_of("Mon, 06 May 2024 07:08:09 GMT") == moment
    assert time_of("2024-05-06T07:08:09.123456789Z").replace(microsecond=0) == moment
    assert time_of(None) == time_of("") == EPOCH


@pytest.mark.slow
def test_memory_of_a_walk_does_not_grow_with_the_bucket(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root)

    def peak(path: str, count: int) -> int:
        together([partial(driver.put_content, f"{path}/{number:06}", b"") for number in range(count)], 16)
        driver.list("/")
        tracemalloc.start()
        try:
            assert sum(1 for _ in driver.files(path)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak("/few", 4000), peak("/many", 100_000)
    assert many < 1.5 * few, f"{few} bytes for 4000 objects, {many} for 100,000"
    driver.delete("/many")
    assert driver.list("/") == ["/few"]


def test_keys_that_no_path_can_name(make_s3: MakeS3, s3_server: S3Server, root: str) -> None:
    driver = make_s3(s3_server, root)
    odd = ["a b", "a+b", "a%20b", "\u00e9", "lost+found", "slash/"]
    with s3_server.client() as client:
        for name in odd:
            client.put_object(Bucket=s3_server.bucket, Key=f"{root}/odd/{name}", Body=b"x")
    driver.put_content("/odd/plain", b"x")
    with pytest.warns(StorageDriverWarning, match=f"{len(odd) - 1} keys"):
        assert driver.list("/odd") == ["/odd/plain", "/odd/slash"]
    with pytest.warns(StorageDriverWarning, match=f"{len(odd)} keys"):
        assert [info.path for info in driver.files("/odd")] == ["/odd/plain"]
    driver.delete("/odd")
    with s3_server.client() as client:
        assert "Contents" not in client.list_objects_v2(Bucket=s3_server.bucket, Prefix=f"{root}/odd/")


def test_an_empty_object_that_stands_for_a_directory_stops_no_call_on_a_tree(
    make_s3: MakeS3, moto_s3: S3Server, root: str
) -> None:
    driver = make_s3(moto_s3, root)
    fs = StorageDriverFileSystem(driver)
    with moto_s3.client() as client:

        def put(name: str, content: bytes) -> None:
            client.put_object(Bucket=moto_s3.bucket, Key=f"{root}/{name}", Body=content)

        for name in ("d/", "d/sub/", "e/"):
            put(name, b"")
        driver.put_content("/d/sub/file", b"x")
        with pytest.warns(StorageDriverWarning, match="3 keys"):
            assert [info.path for info in walked(driver, "/")] == ["/d", "/d/sub", "/d/sub/file", "/e"]
        with pytest.warns(StorageDriverWarning, match="3 keys"):
            assert fs.find("/") == ["/d/sub/file"]
        assert fs.glob("/**/f*") == ["/d/sub/file"]
        put("x y", b"")
        put("d//below", b"")
        for tree in ("/", "/d"):
            with pytest.raises(UnnamedKeysError):
                fs.find(tree)
        put("e/", b"content")
        with pytest.raises(UnnamedKeysError):
            fs.find("/e")
        driver.delete("/d")
        driver.delete("/e")
        with pytest.warns(StorageDriverWarning, match="1 key"):
            assert list(driver.files("/")) == []


def test_root_directory_with_odd_characters(make_s3: MakeS3, s3_server: S3Server, root: str) -> None:
    driver = make_s3(s3_server, f"/{root}/a b+c%20\u00e9/")
    driver.put_content("/x/y", b"1")
    driver.copy("/x/y", "/x/z")
    with driver.writer("/x/w") as writer:
        writer.write(b"1")
    assert [upload.path for upload in driver.uploads()] == ["/x/w"]
    driver.writer("/x/w", append=True).commit()
    assert [info.path for info in driver.files()] == ["/x/w", "/x/y", "/x/z"]
    driver.delete("/x")
    assert driver.list("/") == []
