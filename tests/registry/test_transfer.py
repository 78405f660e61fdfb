"""A registry's storage that is transferred is served by another registry: every tag pulls, every digest is equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from storagedriver.transfer import transfer
from tests.registry import skopeo
from tests.registry.blobs import Blobs
from tests.registry.image import Image
from tests.registry.storages import MakeStorage, as_registry_has_it, opened
from tests.registry.tree import read_tree
from tests.servers.plugin import StartRegistry
from tests.variants import is_slow

IMAGES = [("app/one", "v1"), ("app/one", "v2"), ("two", "v1")]
PAIRS = [
    ("filesystem", "seaweedfs"),
    *(
        pytest.param(*pair, marks=pytest.mark.slow)
        for pair in [("seaweedfs", "filesystem"), ("swift", "seaweedfs"), ("filesystem", "swift")]
    ),
]


@pytest.mark.parametrize(("source", "dest"), PAIRS)
def test_every_tag_is_pulled_from_the_destination(
    registry: StartRegistry, storage: MakeStorage, tmp_path: Path, source: str, dest: str
) -> None:
    sizes = (3000, 13 << 20) if is_slow() else (3000, 200_000)
    images = {name: Image.build(tmp_path / "-".join(name).replace("/", "-"), name[1], sizes) for name in IMAGES}
    before = registry(as_registry_has_it(storage(source)))
    for (repository, tag), image in images.items():
        skopeo.push(image.layout, tag, before.address, repository)
    blobs = Blobs(before, "two")
    blobs.send(blobs.begin(), b"broken off")
    with opened(storage(source)) as here, opened(storage(dest)) as there:
        report = transfer(here, there)
        assert report.equal, report.findings
        assert report.uploads_left == 1
        trees = read_tree(here), read_tree(there)
        assert trees[0].blobs == trees[1].blobs
        assert trees[0].links == trees[1].links
    after = registry(as_registry_has_it(storage(dest)))
    for number, ((repository, tag), image) in enumerate(images.items()):
        layout = tmp_path / f"pulled-{number}"
        skopeo.pull(after.address, repository, tag, layout)
        assert Image.read(layout).blobs == image.blobs
