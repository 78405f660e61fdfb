"""Registries that are made by a script, and what any registry must hold to be read."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind, place_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Generated:
    """The files of a registry: images with layers of their own and one that all share, and indexes.

    Attributes
    ----------
    files : dict
        The content of each path.
    """

    seed: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    def blob(self, content: bytes) -> str:
        digest = digest_of(content)
        self.files[layout.blob_path(digest)] = content
        return digest

    def layer(self, repository: str, content: bytes, media_type: str = LAYER) -> dict[str, object]:
        digest = self.blob(content)
        self.files[layout.layer_path(repository, digest)] = digest.encode()
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def manifest(self, repository: str, value: dict[str, object]) -> str:
        digest = self.blob(json.dumps(value).encode())
        self.files[layout.revision_path(repository, digest)] = digest.encode()
        return digest

    def image(self, repository: str, layers: Iterable[bytes], config: bytes) -> str:
        return self.manifest(
            repository,
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self.layer(repository, config, CONFIG),
                "layers": [self.layer(repository, content) for content in layers],
            },
        )

    def tag(self, repository: str, tag: str, digest: str) -> None:
        self.files[layout.tag_index_path(repository, tag, digest)] = digest.encode()
        self.files[layout.tag_path(repository, tag)] = digest.encode()

    def fill(self, repositories: int, tags: int, sizes: Iterable[int] = (1000, 70_000)) -> None:
        """Make so many repositories with so many tags, each image with layers of these sizes."""
        chance = random.Random(self.seed)
        shared = chance.randbytes(5000)
        for number in range(repositories):
            repository = f"group-{number % 3}/app-{number}"
            for tag in range(tags):
                layers = [shared, *(chance.randbytes(size) for size in sizes)]
                config = json.dumps({"architecture": "amd64", "n": [number, tag]}).encode()
                self.tag(repository, f"v{tag}", self.image(repository, layers, config))
            images = [self.image(repository, [chance.randbytes(300)], b'{"os": "%d"}' % side) for side in (number, -1)]
            sizes_of = {digest: len(self.files[layout.blob_path(digest)]) for digest in images}
            manifests = [{"mediaType": MANIFEST, "digest": digest, "size": sizes_of[digest]} for digest in images]
            index = self.manifest(repository, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
            self.tag(repository, "all", index)

    def write(self, driver: StorageDriver) -> None:
        for path, content in self.files.items():
            driver.put_content(path, content)


def contents(driver: StorageDriver) -> dict[str, bytes]:
    """All files of a storage."""
    try:
        return {info.path: driver.get_content(info.path) for info in driver.files("/")}
    except PathNotFoundError:
        return {}


def check_links(files: dict[str, bytes]) -> None:
    """What holds whatever of a registry is there: blobs are what they are called, and links lead to them."""
    for path, content in files.items():
        place = place_of(path)
        if place.kind is Kind.BLOB:
            assert digest_of(content) == place.digest, path
        elif place.kind in layout.LINKS:
            assert layout.blob_path(content.decode()) in files, f"{path} leads to nothing"
            if place.kind is Kind.TAG:
                revision = layout.revision_path(place.repository, content.decode())
                assert revision in files, f"{path} leads to no manifest"


def check_readable(files: dict[str, bytes]) -> None:
    """The same, and that every manifest can be pulled with all that it refers to."""
    check_links(files)
    for path, content in files.items():
        place = place_of(path)
        if place.kind is Kind.REVISION:
            _check_manifest(place.repository, json.loads(files[layout.blob_path(content.decode())]), files)


def _check_manifest(repository: str, manifest: dict[str, list[dict[str, str]]], files: dict[str, bytes]) -> None:
    for layer in manifest.get("layers", []):
        assert layout.layer_path(repository, layer["digest"]) in files
        assert layout.blob_path(layer["digest"]) in files
    for child in manifest.get("manifests", []):
        assert layout.revision_path(repository, child["digest"]) in files
