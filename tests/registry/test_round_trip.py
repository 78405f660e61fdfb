"""Images that a registry stored are read, verified and carried elsewhere through our drivers, and back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from storagedriver.driver import StorageDriver
from tests.registry import skopeo
from tests.registry.image import LARGE, Image
from tests.registry.storages import CHOSEN_S3, SHARED, MakeStorage, Storage, as_registry_has_it, opened
from tests.registry.tree import TOP, Tree, blob_path, carry, expected_links, listed_tree, read_tree
from tests.servers.plugin import StartRegistry

REPOSITORY = "foo/bar"
TAG = "v1"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image.build(tmp_path / "image", TAG)


def push(registry: StartRegistry, storage: Storage, image: Image) -> None:
    skopeo.push(image.layout, TAG, registry(as_registry_has_it(storage)).address, REPOSITORY)


def check_pull(registry: StartRegistry, storage: Storage, image: Image, layout: Path) -> None:
    """What a registry on the storage serves is the image, byte by byte."""
    skopeo.pull(registry(as_registry_has_it(storage)).address, REPOSITORY, TAG, layout)
    pulled = Image.read(layout)
    assert pulled.manifest == image.manifest
    assert pulled.blobs == image.blobs


def checked_tree(driver: StorageDriver, image: Image) -> Tree:
    """What a driver finds: the image and nothing else. Every blob is read and held against its digest."""
    tree = read_tree(driver)
    assert tree.blobs == image.blobs
    assert tree.links == expected_links(REPOSITORY, TAG, image.manifest, image.blobs)
    assert tree.others == ()
    return tree


def pass_around(driver: StorageDriver, path: str) -> None:
    """Move a file away, copy it, and move the copy back to where the file was."""
    size = driver.stat(path).size
    driver.move(path, "/elsewhere/moved")
    assert not driver.exists(path)
    driver.copy("/elsewhere/moved", "/elsewhere/copied")
    assert driver.stat("/elsewhere/moved").size == driver.stat("/elsewhere/copied").size == size
    driver.delete("/elsewhere/moved")
    driver.move("/elsewhere/copied", path)
    assert driver.exists("/elsewhere") == driver.capabilities.empty_directories


@pytest.mark.parametrize("backend", SHARED)
def test_a_pushed_image_is_read_through_the_driver(
    registry: StartRegistry, storage: MakeStorage, image: Image, backend: str
) -> None:
    pushed = storage(backend)
    push(registry, pushed, image)
    with opened(pushed) as driver:
        tree = checked_tree(driver, image)
        assert max(tree.blobs.values()) > LARGE
        assert list(driver.uploads("/")) == []
        assert {path: info.size for path, info in listed_tree(driver).items()} == {
            path: info.size for path, info in tree.entries.items()
        }
        keys = [info.sort_key(driver.walk_order) for info in tree.entries.values()]
        assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("source", "dest"),
    [
        *(("filesystem", server) for server in CHOSEN_S3),
        *((server, "filesystem") for server in CHOSEN_S3),
    ],
)
def test_an_image_that_was_carried_to_another_backend_is_pulled_there(
    registry: StartRegistry, storage: MakeStorage, image: Image, tmp_path: Path, source: str, dest: str
) -> None:
    push(registry, storage(source), image)
    with opened(storage(source)) as here, opened(storage(dest)) as there:
        carry(here, there)
        assert there.list(TOP) == [f"{TOP}/blobs", f"{TOP}/repositories"]
    check_pull(registry, storage(dest), image, tmp_path / "pulled")


@pytest.mark.parametrize(
    "stations",
    [
        ["swift", "azurite", "fake_gcs", "oss", "filesystem", "seaweedfs"],
        ["seaweedfs", "oss", "gcp_emulator", "azurite", "swift"],
    ],
    ids="-".join,
)
def test_an_image_goes_round_all_backends(
    registry: StartRegistry, storage: MakeStorage, image: Image, tmp_path: Path, stations: list[str]
) -> None:
    push(registry, storage(stations[0]), image)
    large = max(image.blobs, key=lambda digest: image.blobs[digest])
    for source, dest in pairwise(stations):
        with opened(storage(source)) as here, opened(storage(dest)) as there:
            # Of a blob that the registry has stored, and of each that we have.
            pass_around(here, blob_path(large))
            carry(here, there)
            pass_around(there, blob_path(large))
            pass_around(there, blob_path(image.manifest))
            checked_tree(there, image)
            assert list(there.uploads()) == []
    check_pull(registry, storage(stations[-1]), image, tmp_path / "pulled")


@pytest.mark.parametrize("backend", SHARED)
def test_what_the_driver_deletes_is_gone_for_the_registry(
    registry: StartRegistry, storage: MakeStorage, image: Image, tmp_path: Path, backend: str
) -> None:
    pushed = storage(backend)
    push(registry, pushed, image)
    with opened(pushed) as driver:
        driver.delete(f"{TOP}/repositories/{REPOSITORY}/_manifests/tags/{TAG}")
    with pytest.raises(AssertionError, match="manifest unknown"):
        skopeo.pull(registry(as_registry_has_it(pushed)).address, REPOSITORY, TAG, tmp_path / "pulled")
