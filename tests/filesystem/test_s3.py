"""On a store whose uploads are multipart: what is sent, what shows and what stays."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import requests

from storagedriver.filesystem import StorageDriverFileSystem
from tests.servers.s3 import S3Server

MIB = 1 << 20
LARGE = bytes(range(256)) * (6 * MIB // 256)


@pytest.fixture
def fs(seaweedfs: S3Server, rootdirectory: str) -> StorageDriverFileSystem:
    # One part at a time: before the second is sent the first has arrived, and with it the upload.
    parameters = seaweedfs.parameters(rootdirectory, chunksize=5 * MIB, uploadconcurrency=1)
    return StorageDriverFileSystem("s3", parameters=parameters, block_size=MIB)


def uploads(fs: StorageDriverFileSystem) -> list[str]:
    return [upload.path for upload in fs.driver.uploads("/")]


def test_a_large_file_is_invisible_until_it_is_closed(fs: StorageDriverFileSystem) -> None:
    with fs.open("/d/x", "wb") as file:
        file.write(LARGE)
        file.write(LARGE)
        assert uploads(fs) == ["/d/x"]
        assert not fs.exists("/d")
    assert uploads(fs) == []
    assert fs.cat_file("/d/x", 6 * MIB - 2, 6 * MIB + 2) == b"\xfe\xff\x00\x01"
    assert fs.size("/d/x") == 12 * MIB


def write_and_raise(fs: StorageDriverFileSystem, mode: str) -> None:
    with fs.open("/x", mode) as file:
        file.write(LARGE)
        raise KeyError


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_block_that_raises_leaves_no_upload(fs: StorageDriverFileSystem, mode: str) -> None:
    fs.pipe_file("/x", b"before")
    with pytest.raises(KeyError):
        write_and_raise(fs, mode)
    assert uploads(fs) == []
    assert fs.cat_file("/x") == b"before"
    assert fs.find("/") == ["/x"]


def drop(fs: StorageDriverFileSystem) -> None:
    file = fs.open("/x", "wb")
    file.write(LARGE + LARGE)
    del file
    gc.collect(1)


def test_a_dropped_file_stays_an_upload_until_the_next_one(fs: StorageDriverFileSystem) -> None:
    with pytest.warns(ResourceWarning):
        drop(fs)
    assert (uploads(fs), fs.exists("/x")) == (["/x"], False)
    with fs.open("/x", "wb") as file:
        file.write(LARGE)
    assert (uploads(fs), fs.size("/x")) == ([], len(LARGE))


@pytest.mark.parametrize("before", [b"small", LARGE], ids=["to small", "to large"])
@pytest.mark.parametrize("content", [b"more", LARGE], ids=["small", "large"])
def test_append(fs: StorageDriverFileSystem, before: bytes, content: bytes) -> None:
    fs.pipe_file("/x", before)
    with fs.open("/x", "ab") as file:
        file.write(content)
        assert fs.cat_file("/x") == before
    assert fs.cat_file("/x") == before + content
    assert uploads(fs) == []


def test_append_does_not_go_on_with_what_somebody_left(fs: StorageDriverFileSystem) -> None:
    fs.pipe_file("/x", b"before")
    with fs.driver.writer("/x") as left:
        left.write(LARGE)
    with fs.open("/x", "ab") as file:
        file.write(LARGE)
    assert fs.cat_file("/x") == b"before" + LARGE


def test_a_transaction_of_large_files(fs: StorageDriverFileSystem) -> None:
    content = LARGE + LARGE
    with fs.transaction:
        fs.pipe({"/a": content, "/b": content, "/c": b"c"})
        assert sorted(uploads(fs)) == ["/a", "/b"]
        assert fs.find("/") == []
    assert fs.du("/", total=False) == {"/a": len(content), "/b": len(content), "/c": 1}


def test_a_signed_url_can_be_fetched(fs: StorageDriverFileSystem) -> None:
    fs.pipe_file("/d/x", b"content")
    assert requests.get(fs.sign("/d/x", 60), timeout=10).content == b"content"


def test_many_ranges_of_a_large_file(fs: StorageDriverFileSystem) -> None:
    fs.pipe_file("/x", LARGE)
    starts: Any = list(range(0, len(LARGE), 300_000))
    ends = [start + 1000 for start in starts]
    assert fs.cat_ranges(["/x"] * len(starts), starts, ends) == [LARGE[start : start + 1000] for start in starts]


def test_a_file_and_a_directory_of_one_name(fs: StorageDriverFileSystem) -> None:
    # This server keeps a tree, but lets a name be both.
    fs.pipe({"/a/b": b"b", "/c": b"c"})
    fs.pipe_file("/a", b"a")
    assert fs.find("/") == ["/a", "/a/b", "/c"]
    fs.rm("/a")
    assert fs.find("/") == ["/a/b", "/c"]
