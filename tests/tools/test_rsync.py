"""``fsspec.generic``, which calls each filesystem on fsspec's event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.generic import GenericFileSystem, rsync

from storagedriver.filesystem import StorageDriverFileSystem
from tests.servers.s3 import S3Server
from tests.tools.conftest import Options

TREE = {"a": b"1", "d/b": b"22", "d/e/c": b"333" * 1000}


class Place:
    """A directory of another filesystem."""

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self.fs, self.path = fsspec.url_to_fs(url, **options)

    def write(self, name: str, content: bytes) -> None:
        path = f"{self.path}/{name}"
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(path, content)

    def remove(self, name: str) -> None:
        self.fs.rm_file(f"{self.path}/{name}")

    def content(self) -> dict[str, bytes]:
        self.fs.invalidate_cache()
        names = [name for name in self.fs.find(self.path) if not name.endswith("/")]
        return {name[len(self.path) + 1 :]: self.fs.cat_file(name) for name in names}


@pytest.fixture(params=["file", "memory", "s3"])
def other(request: pytest.FixtureRequest, tmp_path: Path, rootdirectory: str) -> Iterator[Place]:
    if request.param == "file":
        yield Place(f"file://{tmp_path}/other", {"auto_mkdir": True})
    elif request.param == "memory":
        place = Place(f"memory://{rootdirectory}", {})
        yield place
        place.fs.rm(place.path, recursive=True)
    else:
        server: S3Server = request.getfixturevalue("seaweedfs")
        given = {"key": server.access_key, "secret": server.secret_key, "endpoint_url": server.endpoint}
        yield Place(f"s3://{server.bucket}/{rootdirectory}", {**given, "client_kwargs": {"region_name": server.region}})


@pytest.fixture
def ours(options: Options) -> Place:
    return Place("storagedriver://t", options)


def given(*places: Place) -> dict[str, Any]:
    storages = {place.url.partition(":")[0]: place.options for place in places}
    return {"default_method": "options", "storage_options": storages}


@pytest.mark.parametrize("to_us", [True, False], ids=["to us", "from us"])
def test_a_tree(ours: Place, other: Place, to_us: bool) -> None:
    source, target = (other, ours) if to_us else (ours, other)
    for name, content in TREE.items():
        source.write(name, content)
    rsync(source.url, target.url, inst_kwargs=given(ours, other))
    assert target.content() == TREE
    source.write("d/b", b"other")
    source.write("d/new", b"")
    source.remove("a")
    target.write("d/beside", b"")
    rsync(source.url, target.url, delete_missing=True, inst_kwargs=given(ours, other))
    assert target.content() == source.content() == {"d/b": b"other", "d/new": b"", "d/e/c": TREE["d/e/c"]}


def test_a_tree_within_a_driver(ours: Place) -> None:
    for name, content in TREE.items():
        ours.write(name, content)
    rsync("storagedriver://t", "storagedriver://copy", inst_kwargs=given(ours))
    assert Place("storagedriver://copy", ours.options).content() == TREE


def test_a_generic_filesystem(ours: Place) -> None:
    fs = GenericFileSystem(**given(ours))
    for name, content in TREE.items():
        fs.pipe_file(f"{ours.url}/{name}", content)
    assert fs.find(ours.url) == [f"{ours.url}/{name}" for name in sorted(TREE)]
    assert fs.cat_file(f"{ours.url}/d/b") == b"22"
    assert (fs.isdir(f"{ours.url}/d"), fs.exists(f"{ours.url}/none")) == (True, False)
    assert fs.glob(f"{ours.url}/d/*") == [f"{ours.url}/d/b", f"{ours.url}/d/e"]
    fs.cp(f"{ours.url}/a", f"{ours.url}/f")
    fs.mv(f"{ours.url}/f", f"{ours.url}/g")
    assert sorted(ours.content()) == ["a", "d/b", "d/e/c", "g"]
    fs.rm(ours.url, recursive=True)
    assert StorageDriverFileSystem(**ours.options).find("/") == []
