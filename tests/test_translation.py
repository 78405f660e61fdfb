"""`factory.translate`: where a driver's files are for fsspec, and that both ways see the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.core import url_to_fs
from gcsfs.core import GCSFileSystem

from storagedriver import ParameterError, UnsupportedMethodError, factory
from storagedriver.driver import StorageDriver

SECRET = "secret-of-the-translation"
KEY = "c2VjcmV0LW9mLXRoZS1hY2NvdW50"
GIVEN: dict[str, dict[str, Any]] = {
    "filesystem": {"rootdirectory": "/srv/registry"},
    "s3": {"bucket": "b", "region": "eu-west-1", "accesskey": "id", "secretkey": SECRET, "rootdirectory": "/a/b/"},
    "s3aws": {"bucket": "b", "region": "eu-west-1", "accesskey": "id", "secretkey": SECRET},
    "azure": {"accountname": "account", "accountkey": KEY, "container": "box", "rootdirectory": "a"},
    "gcs": {"bucket": "b", "endpoint": "http://127.0.0.1:1"},
    "oss": {"accesskeyid": "id", "accesskeysecret": SECRET, "region": "oss-cn-hangzhou", "bucket": "box"},
    "swift": {"authurl": "http://127.0.0.1:1/v3", "username": "u", "password": SECRET, "container": "c"},
    "fsspec": {"url": f"sftp://user:{SECRET}@host/srv", "rootdirectory": "a/b"},
}
URLS = {
    "filesystem": "file:///srv/registry",
    "s3": "s3://b/a/b",
    "s3aws": "s3://b",
    "azure": "abfs://box/a",
    "gcs": "gs://b",
    "oss": "oss://box",
    "swift": "swift://c/files",
    "fsspec": "sftp://user@host/srv/a/b",
}
GIVEN.update(s3_v2=GIVEN["s3aws"], azure_v2=GIVEN["azure"], gcs_next=GIVEN["gcs"])
URLS.update(s3_v2=URLS["s3aws"], azure_v2=URLS["azure"], gcs_next=URLS["gcs"])


def given(request: pytest.FixtureRequest, name: str, root: str) -> dict[str, Any]:
    """The parameters of a driver on its server."""
    if name == "filesystem":
        return {"rootdirectory": str(request.getfixturevalue("tmp_path") / root)}
    if name == "fsspec":
        options = {"auto_mkdir": True}
        return {
            "url": f"file://{request.getfixturevalue('tmp_path')}",
            "rootdirectory": root,
            "storage_options": options,
        }
    if name == "swift":
        found: dict[str, Any] = request.getfixturevalue("swift").parameters("translation", prefix=root)
        return found
    server = {"s3": "moto_s3", "azure": "azurite", "gcs": "fake_gcs"}.get(name, name)
    parameters: dict[str, Any] = request.getfixturevalue(server).parameters(root)
    return parameters


@pytest.fixture(params=["filesystem", "fsspec", "s3", "azure", "gcs", "oss", "swift"])
def both(request: pytest.FixtureRequest, rootdirectory: str) -> Iterator[tuple[StorageDriver, Any, str]]:
    """A driver, and fsspec's filesystem for the same place, with the path there."""
    parameters = given(request, request.param, rootdirectory)
    url, options = factory.translate(request.param, parameters)
    if request.param == "gcs":
        # The package's default class waits for a gRPC service, which emulators have not.
        fs, path = GCSFileSystem(**options, skip_instance_cache=True), GCSFileSystem._strip_protocol(url)
    else:
        fs, path = url_to_fs(url, **options, skip_instance_cache=True)
    with factory.create(request.param, parameters) as driver:
        yield driver, fs, str(path)


def test_both_ways_see_the_same_files(both: tuple[StorageDriver, Any, str]) -> None:
    driver, fs, path = both
    files = {"/a": b"first", "/dir/b-1.x_y": b"second", "/dir/sub/empty": b""}
    for name, content in files.items():
        driver.put_content(name, content)
    with driver.writer("/dir/large") as writer:
        writer.write(b"x" * (6 << 20))
        writer.commit()
    fs.invalidate_cache()
    found = {name.removeprefix(path): info["size"] for name, info in fs.find(path, detail=True).items()}
    assert found == {**{name: len(content) for name, content in files.items()}, "/dir/large": 6 << 20}
    assert {name: fs.cat_file(path + name) for name in files} == files

    fs.pipe_file(f"{path}/from/there", b"by fsspec")
    with fs.open(f"{path}/from/stream", "wb") as file:
        file.write(b"streamed")
    assert driver.get_content("/from/there") == b"by fsspec"
    assert driver.get_content("/from/stream") == b"streamed"
    assert driver.list("/from") == ["/from/stream", "/from/there"]
    fs.rm_file(f"{path}/from/there")
    assert not driver.exists("/from/there")


@pytest.mark.parametrize("name", GIVEN)
def test_a_translation_is_plain_data_with_the_secrets_among_the_options(name: str) -> None:
    url, options = factory.translate(name, GIVEN[name])
    assert url == URLS[name]
    assert json.loads(json.dumps(options)) == options
    for secret in (SECRET, KEY):
        if secret in json.dumps(GIVEN[name]):
            assert secret in json.dumps(options)


def test_every_driver_is_translated_or_says_that_it_cannot_be() -> None:
    assert {*GIVEN, "inmemory"} == set(factory.names())
    with pytest.raises(UnsupportedMethodError, match="inmemory"):
        factory.translate("inmemory")


@pytest.mark.parametrize("name", [*GIVEN, "inmemory"])
def test_a_user_can_change_what_was_translated(name: str) -> None:
    if name != "inmemory":
        options = factory.translate(name, GIVEN[name])[1]
        expected = json.dumps(options)
        options.clear()
        assert json.dumps(factory.translate(name, GIVEN[name])[1]) == expected


@pytest.mark.parametrize("name", ["s3", "azure", "gcs", "oss", "swift", "fsspec"])
def test_bad_parameters_are_those_of_the_driver(name: str) -> None:
    with pytest.raises(ParameterError) as translated:
        factory.translate(name, {})
    with pytest.raises(ParameterError) as created:
        factory.create(name, {})
    assert str(translated.value) == str(created.value)
    assert translated.value.driver_name == name


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("s3", {"rootdirectory": "a::b"}),
        ("s3", {"rootdirectory": "a//b"}),
        ("gcs", {"rootdirectory": "a#b"}),
        ("filesystem", {"rootdirectory": "/srv/a::b"}),
        ("azure", {"trimlegacyrootprefix": False}),
        ("oss", {"endpoint": "https://files.example.org"}),
        ("fsspec", {"url": f"https://user:{SECRET}@host/x"}),
        ("fsspec", {"url": "sftp://host", "rootdirectory": "a"}),
    ],
)
def test_a_place_that_fsspec_has_no_url_for_is_an_error(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedMethodError) as caught:
        factory.translate(name, {**GIVEN[name], **parameters})
    assert caught.value.driver_name == name
    assert SECRET not in str(caught.value)


def test_a_filesystem_that_was_given_has_no_url() -> None:
    with pytest.raises(UnsupportedMethodError, match="fs"):
        factory.translate("fsspec", {"fs": fsspec.filesystem("memory")})


@pytest.mark.parametrize(
    ("url", "rootdirectory"),
    [("file://{}/x", "r/s"), ("{}/x", ""), ("dir::file://{}/x", "r"), ("dir://y/z/::file://{}", "/r/s/")],
)
def test_the_translation_of_a_url_is_where_the_driver_writes(tmp_path: Path, url: str, rootdirectory: str) -> None:
    parameters = {"url": url.format(tmp_path), "rootdirectory": rootdirectory}
    factory.create("fsspec", parameters).put_content("/a", b"x")
    translated, options = factory.translate("fsspec", parameters)
    first, separator, rest = translated.partition("::")
    with fsspec.open(f"{first}/a{separator}{rest}" if "://" in first else f"{first}/a", "rb", **options) as file:
        assert file.read() == b"x"


def test_what_is_written_is_encrypted_as_the_driver_does_it() -> None:
    _, options = factory.translate("s3", {**GIVEN["s3"], "encrypt": True, "keyid": "k", "storageclass": "STANDARD_IA"})
    assert options["s3_additional_kwargs"] == {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "k",
        "StorageClass": "STANDARD_IA",
    }


def test_the_key_of_gcs_is_read_from_its_file(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - of this test alone
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - the same

    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {"type": "service_account", "client_email": "a@b", "private_key": private.decode()}
    (tmp_path / "key.json").write_text(json.dumps(key))
    url, options = factory.translate("gcs", {"bucket": "b", "keyfile": str(tmp_path / "key.json")})
    assert options["token"] == {**key, "token_uri": "https://oauth2.googleapis.com/token"}
    assert url == "gs://b"
