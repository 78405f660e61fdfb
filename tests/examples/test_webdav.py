"""The example of a named driver: its suite, and its use by name from everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from fsspec.core import url_to_fs

from examples import webdav
from storagedriver import configuration, factory
from storagedriver.cli.app import app
from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import (
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
    StorageDriverWarning,
    UnavailableError,
)
from storagedriver.testsuites import suite
from tests.servers.webdav import WebdavServer, serving
from tests.variants import only

SECRETS = ["secret-of-the-webdav-tests", "wrong-secret-of-a-test"]
CAPABILITIES = Capabilities(
    key_and_prefix=False,
    empty_directories=True,
    conflicts_detected="always",
    server_side_copy=False,
    atomic_replace=False,
)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    factory.register("webdav", webdav.create)
    yield
    factory.unregister("webdav")


@pytest.fixture(scope="module")
def webdav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebdavServer]:
    with serving(tmp_path_factory.mktemp("webdav")) as server:
        yield server


def parameters(server: WebdavServer, rootdirectory: str, **others: Any) -> dict[str, Any]:
    given = {"url": server.url, "username": server.username, "password": server.password}
    return {**given, "rootdirectory": rootdirectory, **others}


def make(webdav_server: WebdavServer, rootdirectory: str) -> StorageDriver:
    return factory.create("webdav", parameters(webdav_server, rootdirectory))


def refused(webdav_server: WebdavServer) -> StorageDriver:
    return factory.create("webdav", parameters(webdav_server, "x", password="wrong-secret-of-a-test"))


def unreachable(refused_endpoint: str) -> StorageDriver:
    return factory.create("webdav", {"url": refused_endpoint, "username": "u", "password": SECRETS[0]})


TestWebdav = suite(
    "webdav",
    make,
    CAPABILITIES,
    areas=only("content", "moving"),
    make_refused=refused,
    make_unreachable=unreachable,
    registered_as="webdav",
    secrets=SECRETS,
)


@pytest.fixture
def config(webdav_server: WebdavServer, rootdirectory: str, tmp_path: Path) -> Path:
    path = tmp_path / "config.yml"
    lines = [f"    {name}: {value}" for name, value in parameters(webdav_server, rootdirectory).items()]
    path.write_text("\n".join(["version: 0.1", "storage:", "  webdav:", *lines]))
    return path


def test_a_configuration_of_a_registry_names_it(config: Path) -> None:
    with configuration.load(config, {}).create_driver() as driver:
        assert driver.name == "webdav"
        driver.put_content("/dir/file", b"content")
        assert [info.path for info in driver.files()] == ["/dir/file"]


def test_the_environment_changes_its_parameters(config: Path) -> None:
    environ = {"REGISTRY_STORAGE_WEBDAV_PASSWORD": "wrong-secret-of-a-test"}
    with configuration.load(config, environ).create_driver() as driver, pytest.raises(PermissionDeniedError):
        driver.list("/")


def test_pandas_and_the_command_use_it(webdav_server: WebdavServer, rootdirectory: str, config: Path) -> None:
    table = pd.DataFrame({"number": [1, 2], "word": ["a", "b"]})
    options = {"driver": "webdav", "parameters": parameters(webdav_server, rootdirectory)}
    table.to_csv("storagedriver://tables/one.csv", index=False, storage_options=options)
    assert pd.read_csv("storagedriver://tables/one.csv", storage_options={"config": str(config)}).equals(table)
    done = CliRunner().invoke(app, ["--config", str(config), "cat", "/tables/one.csv"], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "number,word\n1,a\n2,b\n")


def test_webdav4_alone_reaches_the_same_files(webdav_server: WebdavServer, rootdirectory: str) -> None:
    given = parameters(webdav_server, rootdirectory)
    with factory.create("webdav", given) as driver:
        driver.put_content("/dir/file", b"content")
        url, options = factory.translate("webdav", given)
        assert webdav_server.password not in url
        fs, path = url_to_fs(url, **options)
        assert fs.cat_file(f"{path}/dir/file") == b"content"
        fs.pipe_file(f"{path}/other", b"from there")
        assert driver.get_content("/other") == b"from there"
        fs.client.http.close()


@pytest.mark.parametrize(("given", "named"), [({}, "url"), ({"url": "x", "maxthreads": 0}, "maxthreads")])
def test_bad_parameters_are_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError) as caught:
        factory.create("webdav", given)
    assert (caught.value.driver_name, caught.value.path) == ("webdav", named)


def test_a_mistyped_parameter_is_warned_of() -> None:
    with pytest.warns(
        StorageDriverWarning, match="webdav: unknown parameter 'pasword' is ignored, did you mean 'password'"
    ):
        factory.create("webdav", {"url": "http://127.0.0.1:1", "pasword": "x"})


def test_a_url_that_is_none_is_not_said_to_be_out_of_reach() -> None:
    with factory.create("webdav", {"url": "cloud.example.org"}) as driver:
        with pytest.raises(StorageDriverError, match="http://") as caught:
            driver.list("/")
        assert not isinstance(caught.value, UnavailableError)
