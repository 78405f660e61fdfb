from __future__ import annotations

import copy
import functools
import gc
import json
import os
import pickle
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import get_filesystem_class

from storagedriver import (
    InvalidPathError,
    InvalidStorageDriverError,
    ParameterError,
    StorageDriver,
    StorageDriverWarning,
    UnsupportedMethodError,
    factory,
)
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver

SECRET = "ve-ry-se-cret"
S3 = {"bucket": "data", "region": "eu-west-1", "accesskey": "key", "secretkey": SECRET}


@pytest.fixture
def made() -> Iterator[list[Any]]:
    """The parameters that the driver ``counted`` was made with, time after time."""
    parameters: list[Any] = []

    def make(given: Any) -> StorageDriver:
        parameters.append(given)
        return DictionaryDriver()

    factory.register("counted", make)
    yield parameters
    factory.unregister("counted")
    StorageDriverFileSystem.clear_instance_cache()


def test_fsspec_knows_the_protocol() -> None:
    assert get_filesystem_class("storagedriver") is StorageDriverFileSystem
    fs = fsspec.filesystem("storagedriver", driver="inmemory")
    assert isinstance(fs, StorageDriverFileSystem)
    fs, path = fsspec.url_to_fs("storagedriver://a/b", driver="inmemory")
    assert (fs.driver.name, path) == ("inmemory", "/a/b")


def test_the_driver_is_made_at_the_first_use(made: list[Any]) -> None:
    fs = StorageDriverFileSystem("counted", parameters={"a": 1})
    assert made == []
    fs.exists("/a")
    fs.exists("/b")
    assert made == [{"a": 1}]


def test_equal_options_share_a_filesystem_and_a_driver(made: list[Any]) -> None:
    first = fsspec.filesystem("storagedriver", driver="counted", parameters={"a": 1, "b": 2})
    assert fsspec.filesystem("storagedriver", driver="counted", parameters={"a": 1, "b": 2}) is first
    other = StorageDriverFileSystem("counted", parameters={"b": 2, "a": 1}, block_size=5, skip_instance_cache=True)
    assert other.driver is first.driver
    third = StorageDriverFileSystem("counted", parameters={"a": 2})
    assert third.driver is not first.driver
    assert third != first
    assert len(made) == 2


def test_threads_share_a_driver(made: list[Any]) -> None:
    def use() -> None:
        filesystems.append(StorageDriverFileSystem("counted"))
        filesystems[-1].pipe_file(f"/{threading.get_ident()}-{len(filesystems)}", b"")

    filesystems: list[StorageDriverFileSystem] = []
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(filesystems[0].find("/")) == 8


def test_a_driver_goes_with_its_last_filesystem(made: list[Any]) -> None:
    StorageDriverFileSystem("counted", skip_instance_cache=True).exists("/a")
    gc.collect(1)
    StorageDriverFileSystem("counted", skip_instance_cache=True).exists("/a")
    assert len(made) == 2


def test_driver_objects_are_never_taken_for_each_other() -> None:
    with factory.create("inmemory") as one, factory.create("inmemory") as two:
        assert repr(one) == repr(two)
        first, second = StorageDriverFileSystem(one), StorageDriverFileSystem(driver=two)
        assert first != second
        assert hash(first) != hash(second)
        assert first == StorageDriverFileSystem(one)
        first.pipe_file("/a", b"")
        assert (first.exists("/a"), second.exists("/a")) == (True, False)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"driver": "inmemory", "config": "config.yml"},
        {"config": "config.yml", "parameters": {"a": 1}},
        {"parameters": {"a": 1}},
    ],
)
def test_options_that_contradict(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        StorageDriverFileSystem(**options)


def test_parameters_do_not_go_with_a_driver_object(driver: DictionaryDriver) -> None:
    with pytest.raises(ParameterError, match="name of a driver"):
        StorageDriverFileSystem(driver, parameters={"a": 1})


def test_a_parameter_in_the_wrong_place() -> None:
    with pytest.raises(TypeError, match=r"'bucket', 'region'; .* parameters="):
        StorageDriverFileSystem("s3", bucket="data", region="eu-west-1")


def test_an_unknown_driver() -> None:
    with pytest.raises(InvalidStorageDriverError, match="did you mean 's3'"):
        StorageDriverFileSystem("s33").exists("/a")


def test_fsspec_s_own_options_are_taken() -> None:
    StorageDriverFileSystem("inmemory", use_listings_cache=False, listings_expiry_time=5, asynchronous=False)


def test_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml", reason="a configuration is YAML")
    config = f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path / 'root'}\n"
    (tmp_path / "config.yml").write_text(config)
    monkeypatch.chdir(tmp_path)
    fs = fsspec.filesystem("storagedriver", config="config.yml")
    fs.pipe_file("/a", b"1")
    assert (tmp_path / "root" / "a").read_bytes() == b"1"
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(fs))
    assert again.cat_file("/a") == b"1"
    assert "config.yml" in repr(fs)


def test_pickling_by_name(local: StorageDriverFileSystem) -> None:
    local.pipe_file("/a", b"1")
    again = pickle.loads(pickle.dumps(local))
    assert again.cat_file("/a") == b"1"
    assert (again.blocksize, again.cache_type) == (local.blocksize, local.cache_type)
    assert again == pickle.loads(pickle.dumps(local))


def test_pickling_with_a_driver_object(local: StorageDriverFileSystem) -> None:
    fs = StorageDriverFileSystem(local.driver)
    fs.pipe_file("/a", b"1")
    assert pickle.loads(pickle.dumps(fs)).cat_file("/a") == b"1"


def test_what_lives_in_memory_is_not_pickled(fs: StorageDriverFileSystem) -> None:
    for each in (fs, StorageDriverFileSystem("inmemory")):
        with pytest.raises((pickle.PicklingError, TypeError), match="cannot be pickled"):
            pickle.dumps(each)
        with pytest.raises((pickle.PicklingError, TypeError), match="cannot be pickled"):
            copy.copy(each)


def test_secrets_stay_out_of_what_is_shown() -> None:
    fs = StorageDriverFileSystem("s3", parameters=S3)
    with_driver = StorageDriverFileSystem(factory.create("s3", S3))
    assert repr(fs) == repr(with_driver) == str(fs) == "<StorageDriverFileSystem s3>"
    assert SECRET not in fs._fs_token
    assert SECRET not in fs.to_json(include_password=False)
    assert SECRET not in repr(fsspec.core.OpenFile(fs, "/a"))
    with pytest.raises(InvalidPathError) as caught:
        fs.open("/a//b", "wb")
    assert SECRET not in str(caught.value)


def test_json_holds_everything_unless_told_otherwise() -> None:
    fs = StorageDriverFileSystem("s3", parameters=S3)
    assert fsspec.AbstractFileSystem.from_json(fs.to_json()) is fs
    assert json.loads(fs.to_json(include_password=False))["args"] == ["s3"]


def test_a_chain_of_filesystems(local: StorageDriverFileSystem, tmp_path: Path) -> None:
    local.pipe_file("/a", b"12345")
    options = {"driver": "filesystem", "parameters": {"rootdirectory": str(tmp_path / "root")}}
    with fsspec.open(
        "simplecache::storagedriver://a",
        storagedriver=options,
        simplecache={"cache_storage": str(tmp_path / "cache")},
    ) as file:
        assert file.read() == b"12345"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_after_a_fork(local: StorageDriverFileSystem, tmp_path: Path) -> None:
    local.pipe_file("/a", b"1")
    parameters = {"rootdirectory": str(tmp_path / "root")}
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            again = StorageDriverFileSystem("filesystem", parameters=parameters)
            local.pipe_file("/b", local.cat_file("/a"))
            again.pipe_file("/c", again.cat_file("/b"))
            code = 0 if again.driver is not local.driver else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert local.find("/") == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"drivr": "inmemory"}, "'drivr', did you mean 'driver'?"),
        ({"driver": "inmemory", "paramters": {"a": SECRET}}, "'paramters', did you mean 'parameters'?"),
        ({"driver": "inmemory", "blocksize": 5}, "'blocksize', did you mean 'block_size'?"),
        ({"driver": "inmemory", "use_listing_cache": True}, "did you mean 'use_listings_cache'?"),
        ({"config": "config.yml", "accesskey": SECRET}, "'accesskey'; those of the driver belong into parameters="),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_name(options: dict[str, Any], hint: str) -> None:
    for make in (StorageDriverFileSystem, functools.partial(fsspec.filesystem, "storagedriver")):
        with pytest.raises(TypeError, match=re.escape(hint)) as caught:
            make(**options)
        assert SECRET not in str(caught.value)
    with pytest.raises(TypeError, match=re.escape(hint)):
        fsspec.open("storagedriver://a", **options)


def test_unknown_parameters_of_a_driver_stay_a_warning() -> None:
    fs = StorageDriverFileSystem("inmemory", parameters={"maxthread": 5}, skip_instance_cache=True)
    with pytest.warns(StorageDriverWarning, match="'maxthread'"):
        fs.pipe_file("/a", b"")


def plain_filesystem(driver: StorageDriver) -> fsspec.AbstractFileSystem:
    """By its type any driver has the plain filesystem."""
    return driver.filesystem


def test_a_driver_gives_its_plain_filesystem_or_says_that_there_is_none(local: StorageDriverFileSystem) -> None:
    local.pipe_file("/d/a", b"1")
    assert plain_filesystem(local.driver).cat_file("d/a") == b"1"
    with pytest.raises(UnsupportedMethodError, match="dictionary: .*fsspec has no filesystem"):
        plain_filesystem(DictionaryDriver())
