"""A real registry on the same container: what it has written we read, and the other way round."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.testsuites.helpers import MIB, pattern, upload
from tests.registry import skopeo
from tests.registry.image import LARGE, Image
from tests.registry.tree import TOP, expected_links, read_tree
from tests.servers.docker_registry import Registry
from tests.servers.plugin import StartRegistry
from tests.servers.swift import SwiftServer

REPOSITORY = "foo/bar"


@pytest.fixture
def parameters(swift: SwiftServer, container_name: str) -> dict[str, Any]:
    # A number for the registry, whose Go takes no text for one.
    return swift.parameters(container_name, prefix="reg", chunksize=2 * MIB)


@pytest.fixture
def registry_of(registry: StartRegistry, parameters: dict[str, Any]) -> Registry:
    return registry({"swift": parameters})


def test_what_the_registry_stored_is_read(registry_of: Registry, parameters: dict[str, Any], tmp_path: Path) -> None:
    image = Image.build(tmp_path / "image", "v1")
    skopeo.push(image.layout, "v1", registry_of.address, REPOSITORY)
    with factory.create("swift", parameters) as driver:
        tree = read_tree(driver)
        assert max(tree.blobs.values()) > LARGE
        assert tree.blobs == image.blobs
        assert tree.links == expected_links(REPOSITORY, "v1", image.manifest, image.blobs)
        assert tree.others == ()
        assert list(driver.uploads()) == [], "the registry's moved segments are no orphans"
        assert {info.path: info.size for info in driver.files()} == {
            path: info.size for path, info in tree.entries.items() if not info.is_dir
        }
        driver.delete(f"{TOP}/repositories/{REPOSITORY}")
        driver.delete(f"{TOP}/blobs")
        assert driver.filesystem.fs.find(f"{parameters['container']}/reg") == []


def test_what_we_stored_is_pulled_from_the_registry(
    registry: StartRegistry, registry_of: Registry, parameters: dict[str, Any], tmp_path: Path
) -> None:
    image = Image.build(tmp_path / "image", "v1")
    skopeo.push(image.layout, "v1", registry_of.address, REPOSITORY)
    carried = {**parameters, "prefix": "carried"}
    with factory.create("swift", parameters) as here, factory.create("swift", carried) as there:
        for info in here.files():
            # Uploaded to one path and moved to another, as a registry does it.
            upload(there, "/uploads/data", here.get_content(info.path))
            there.move("/uploads/data", info.path)
    skopeo.pull(registry({"swift": carried}).address, REPOSITORY, "v1", tmp_path / "pulled")
    pulled = Image.read(tmp_path / "pulled")
    assert pulled.manifest == image.manifest
    assert pulled.blobs == image.blobs


def test_upload_of_ours_is_finished_by_the_registry(registry_of: Registry, parameters: dict[str, Any]) -> None:
    content = pattern(5 * MIB, 7)
    where = str(uuid.uuid4())
    directory = f"{TOP}/repositories/{REPOSITORY}/_uploads/{where}"
    started = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with factory.create("swift", parameters) as driver:
        driver.put_content(f"{directory}/startedat", started.encode())
        upload(driver, f"{directory}/data", content[: 3 * MIB], end="close")
        state = {"Name": REPOSITORY, "UUID": where, "Offset": 3 * MIB, "StartedAt": started}
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        _finish(registry_of, where, _signed(registry_of, state), content[3 * MIB :], digest)
        _check(driver, digest, content)


def _signed(registry: Registry, state: dict[str, Any]) -> str:
    """The state of an upload as the registry signs it."""
    content = json.dumps(state).encode()
    mac = hmac.new(registry.secret.encode(), content, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac + content).decode()


def _finish(registry: Registry, where: str, state: str, rest: bytes, digest: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"{registry.endpoint}/v2/{REPOSITORY}/blobs/uploads/{where}?_state={state}"
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, rest, headers, method="PATCH")
    with opener.open(request, timeout=60) as answer:
        url = f"{answer.headers['Location']}&digest={digest}"
    with opener.open(urllib.request.Request(url, b"", headers, method="PUT"), timeout=60) as answer:
        assert answer.status == 201


def _check(driver: StorageDriver, digest: str, content: bytes) -> None:
    name = digest.partition(":")[2]
    path = f"{TOP}/blobs/sha256/{name[:2]}/{name}/data"
    assert driver.get_content(path) == content
    driver.delete(path)
    assert list(driver.uploads()) == []
