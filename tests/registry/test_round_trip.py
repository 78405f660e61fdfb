"""Images that a registry stored are read, verified and carried elsewhere through our drivers, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from tests.registry import skopeo
from tests.registry.image import LARGE, Image
from tests.registry.tree import TOP, carry, expected_links, listed_tree, read_tree
from tests.servers.docker_registry import Registry
from tests.servers.s3 import S3Server

REPOSITORY = "foo/bar"
TAG = "v1"
S3 = ["seaweedfs", "swift_s3", "moto_s3"]

#: A storage as the registry's file has it, and as the factory takes it: a name and its parameters.
Storage = tuple[str, dict[str, Any]]
MakeStorage = Callable[[str], Storage]
StartRegistry = Callable[..., Registry]


@pytest.fixture
def storage(request: pytest.FixtureRequest, rootdirectory: str, tmp_path: Path) -> MakeStorage:
    """An empty storage of the test's own: on a filesystem, or on one of the S3 servers."""

    def make(name: str) -> Storage:
        if name == "filesystem":
            return name, {"rootdirectory": str(tmp_path / "storage")}
        server: S3Server = request.getfixturevalue(name)
        return "s3", server.parameters(rootdirectory)

    return make


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image.build(tmp_path / "image", TAG)


@contextmanager
def opened(storage: Storage) -> Iterator[StorageDriver]:
    with factory.create(*storage) as driver:
        yield driver


def push(registry: StartRegistry, storage: Storage, image: Image) -> None:
    name, parameters = storage
    skopeo.push(image.layout, TAG, registry({name: parameters}).address, REPOSITORY)


@pytest.mark.parametrize("backend", ["filesystem", *S3])
def test_a_pushed_image_is_read_through_the_driver(
    registry: StartRegistry, storage: MakeStorage, image: Image, backend: str
) -> None:
    pushed = storage(backend)
    push(registry, pushed, image)
    with opened(pushed) as driver:
        tree = read_tree(driver)
        assert max(tree.blobs.values()) > LARGE
        assert tree.blobs == image.blobs
        assert tree.links == expected_links(REPOSITORY, TAG, image.manifest, image.blobs)
        assert tree.others == ()
        assert list(driver.uploads("/")) == []
        assert {path: info.size for path, info in listed_tree(driver).items()} == {
            path: info.size for path, info in tree.entries.items()
        }
        keys = [info.sort_key(driver.walk_order) for info in tree.entries.values()]
        assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("source", "dest"),
    [
        *(("filesystem", server) for server in S3),
        *((server, "filesystem") for server in S3),
    ],
)
def test_an_image_that_was_carried_to_another_backend_is_pulled_there(
    registry: StartRegistry, storage: MakeStorage, image: Image, tmp_path: Path, source: str, dest: str
) -> None:
    push(registry, storage(source), image)
    with opened(storage(source)) as here, opened(storage(dest)) as there:
        carry(here, there)
        assert there.list(TOP) == [f"{TOP}/blobs", f"{TOP}/repositories"]
    name, parameters = storage(dest)
    skopeo.pull(registry({name: parameters}).address, REPOSITORY, TAG, tmp_path / "pulled")
    pulled = Image.read(tmp_path / "pulled")
    assert pulled.manifest == image.manifest
    assert pulled.blobs == image.blobs


@pytest.mark.parametrize("backend", ["filesystem", *S3])
def test_what_the_driver_deletes_is_gone_for_the_registry(
    registry: StartRegistry, storage: MakeStorage, image: Image, tmp_path: Path, backend: str
) -> None:
    pushed = storage(backend)
    push(registry, pushed, image)
    with opened(pushed) as driver:
        driver.delete(f"{TOP}/repositories/{REPOSITORY}/_manifests/tags/{TAG}")
    name, parameters = pushed
    with pytest.raises(AssertionError, match="manifest unknown"):
        skopeo.pull(registry({name: parameters}).address, REPOSITORY, TAG, tmp_path / "pulled")
