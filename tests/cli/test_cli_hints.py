"""The commands that messages name: each is run as it stands there, and does what the message says."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.errors import PermissionDeniedError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer
from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke
from tests.cli.test_cli_strangers import Stranger, stranger
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

__all__ = ["stranger"]

MIB = 1 << 20
SOURCE = bytes(range(256)) * (12 * MIB // 256)


def commands(text: str) -> list[list[str]]:
    """What stands in single quotes, as a shell would take it."""
    return [shlex.split(quoted) for quoted in re.findall(r"'((?:put|purge|rm) [^']*)'", text)]


def options_of(driver: str, parameters: dict[str, Any]) -> tuple[str, ...]:
    pairs = (("--param", f"{name}={value}") for name, value in parameters.items())
    return ("--driver", driver, *(part for pair in pairs for part in pair))


@pytest.fixture
def broken(any_s3_server: S3Server, fault_proxy: StartProxy, tmp_path: Any) -> tuple[Invoke, StorageDriver, str]:
    """The command on a bucket, after a put of `SOURCE` at ``/dir/a`` has broken off; and its message."""
    proxy = fault_proxy(any_s3_server.endpoint)
    given = any_s3_server.parameters(f"hints/{tmp_path.name}", regionendpoint=proxy.endpoint, chunksize=5 * MIB)
    invoke = Invoke(options_of("s3", given))
    rule = proxy.add(Answer(403), method="PUT", query="partNumber=2")
    message = invoke("put", "--no-progress", "-", "/dir/a", stdin=SOURCE, code=4).err
    assert rule.hits
    proxy.reset()
    return invoke, factory.create("s3", given), message


def test_a_put_that_broke_off_is_resumed(broken: tuple[Invoke, StorageDriver, str]) -> None:
    invoke, driver, message = broken
    resume = next(words for words in commands(message) if words[0] == "put")
    with driver:
        invoke(*resume, "-", "/dir/a", stdin=SOURCE)
        assert driver.get_content("/dir/a") == SOURCE


def test_a_put_that_broke_off_is_purged(broken: tuple[Invoke, StorageDriver, str]) -> None:
    invoke, driver, message = broken
    purge = next(words for words in commands(message) if words[0] == "purge")
    with driver:
        assert len(list(driver.uploads())) == 1
        invoke(*purge, "--dry-run")
        assert len(invoke(*purge).lines) == 1
        assert list(driver.uploads()) == []


@pytest.fixture
def shown(store: DictDriver, monkeypatch: pytest.MonkeyPatch) -> DictDriver:
    """A store whose uploads are files at their path."""

    class Shown(DictDriver):
        @property
        def capabilities(self) -> Any:
            return factory.create("inmemory").capabilities

    monkeypatch.setattr(store, "__class__", Shown)
    return store


def test_where_uploads_are_files_a_put_that_broke_off_is_a_file_to_remove(run: Invoke, shown: DictDriver) -> None:
    shown.faults["write"] = UnavailableError("gone", driver_name="dict")
    message = run("put", "-", "/a", stdin=SOURCE[: 2 * MIB], code=6).err
    assert commands(message)[-1] == ["rm", "/a"]


def test_an_append_that_broke_off_is_gone_on_with_by_an_append(run: Invoke, store: DictDriver) -> None:
    store.contents["/a"] = b"old"
    store.faults["write"] = UnavailableError("gone", driver_name="dict")
    message = run("put", "--append", "-", "/a", stdin=b"new", code=6).err
    assert commands(message) == [["put", "--append"], ["purge", "--older-than", "0s", "/a"]]
    del store.faults["write"]
    run("put", "--append", "-", "/a", stdin=b"new")
    assert store.contents["/a"] == b"oldnew"


def test_keys_that_no_path_can_name_are_removed(any_s3_server: S3Server, tmp_path: Any) -> None:
    given = any_s3_server.parameters(f"hints/{tmp_path.name}")
    invoke = Invoke(options_of("s3", given))
    with any_s3_server.client() as client:
        client.put_object(Bucket=given["bucket"], Key=f"{given['rootdirectory']}/dir/a b", Body=b"x")
    message = invoke("rm", "-r", "/dir", code=1).err
    (removal,) = commands(message)
    invoke(*removal, "/dir")
    with any_s3_server.client() as client:
        assert "Contents" not in client.list_objects_v2(Bucket=given["bucket"], Prefix=given["rootdirectory"])


def test_what_a_check_left_behind_is_removed(run: Invoke, store: DictDriver) -> None:
    store.faults["delete"] = PermissionDeniedError(driver_name="dict")
    last = run("check", code=4).lines[-1]
    del store.faults["delete"]
    (removal,) = commands(last)
    run(*removal)
    assert store.contents == {}


def test_a_name_that_is_no_driver_leads_to_the_names() -> None:
    advice = next(
        step["advice"]
        for step in Invoke(("--driver", "nothing"))("check", "--json", code=2).records[0]["steps"]
        if step["advice"]
    )
    assert advice == "'storagedriver drivers' lists the names"
    assert "s3" in Invoke(())("drivers").lines


def test_a_directory_is_removed_as_the_message_says(run: Invoke, store: DictDriver) -> None:
    store.contents["/dir/a"] = b"x"
    assert "-r deletes it with everything below" in run("rm", "/dir", code=2).err
    run("rm", "-r", "/dir")
    assert store.contents == {}


def test_the_help_that_a_message_names_is_there(run: Invoke) -> None:
    message = run("put", "--append", "--resume", "-", "/a", code=2).err
    assert "put --help says more" in message
    assert "--resume" in run("put", "--help").text


def test_an_override_of_a_parameter_of_a_file_is_one(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yml"
    file.write_text("storage: {filesystem: {rootdirectory: /nonexistent}}\n")
    message = Invoke(("--config", str(file), "--param", "rootdirectory=/x"))("ls", code=2).err
    assert "REGISTRY_STORAGE_... overrides a parameter of a file" in message
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").touch()
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tmp_path / "data"))
    assert Invoke(("--config", str(file)))("ls").lines == ["/a"]


def test_the_region_that_an_error_names_is_the_right_one(stranger: Stranger) -> None:
    stranger.status, stranger.headers = 301, {"x-amz-bucket-region": "eu-west-1"}
    given = {
        "bucket": "bucket",
        "region": "us-east-1",
        "regionendpoint": f"http://{stranger.place}",
        "accesskey": "key",
        "secretkey": "of-a-test",
    }
    (record,) = Invoke(options_of("s3", given))("check", "--json", code=2).records
    advice = next(step["advice"] for step in record["steps"] if step["advice"])
    parameter, value = re.fullmatch(r"set (\w+) to '([\w-]+)'", advice).groups()  # type: ignore[union-attr]
    stranger.status, stranger.headers = 200, {}
    stranger.content = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    assert Invoke(options_of("s3", {**given, parameter: value}))("ls").lines == []
