"""Registries that are written file by file, as a registry writes them."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import PermissionDeniedError
from storagedriver.registry import layout
from tests.dict_driver import DictDriver

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class RefusingDriver(DictDriver):
    """A driver of a store that lists some files and does not give their content."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def data(self, path: str) -> bytes:
        if path in self.refused:
            raise PermissionDeniedError("not this one", driver_name=self.name, path=path)
        return super().data(path)


@dataclass
class Writer:
    """Writes a registry's files by a driver."""

    driver: StorageDriver
    sizes: dict[str, int] = field(default_factory=dict)

    def blob(self, content: bytes) -> str:
        digest = digest_of(content)
        self.driver.put_content(layout.blob_path(digest), content)
        self.sizes[digest] = len(content)
        return digest

    def layer(self, repository: str, content: bytes) -> str:
        digest = self.blob(content)
        self.link_layer(repository, digest)
        return digest

    def link_layer(self, repository: str, digest: str) -> None:
        self.driver.put_content(layout.layer_path(repository, digest), digest.encode())

    def descriptor(self, digest: str, media_type: str, **others: Any) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": self.sizes[digest], **others}

    def manifest(self, repository: str, tree: dict[str, Any], *tags: str) -> str:
        digest = self.blob(json.dumps(tree).encode())
        self.driver.put_content(layout.revision_path(repository, digest), digest.encode())
        for tag in tags:
            self.tag(repository, tag, digest)
        return digest

    def tag(self, repository: str, tag: str, digest: str) -> None:
        self.driver.put_content(layout.tag_index_path(repository, tag, digest), digest.encode())
        self.driver.put_content(layout.tag_path(repository, tag), digest.encode())

    def image(
        self, repository: str, *tags: str, layers: tuple[bytes, ...], kind: str = MANIFEST, subject: str = ""
    ) -> str:
        config = self.layer(repository, b'{"of":' + json.dumps([layer.hex()[:20] for layer in layers]).encode() + b"}")
        tree = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": self.descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [
                self.descriptor(self.layer(repository, layer), "application/vnd.oci.image.layer.v1.tar+gzip")
                for layer in layers
            ],
        }
        if subject:
            tree["subject"] = self.descriptor(subject, MANIFEST)
        return self.manifest(repository, tree, *tags)

    def index(self, repository: str, *tags: str, children: tuple[str, ...], kind: str = INDEX) -> str:
        manifests = [self.descriptor(child, MANIFEST) for child in children]
        return self.manifest(repository, {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}, *tags)

    def artifact(self, repository: str, subject: str, *tags: str, content: bytes = b"signature") -> str:
        blob = self.descriptor(self.layer(repository, content), "application/octet-stream")
        tree = {
            "mediaType": ARTIFACT,
            "artifactType": "x/y",
            "blobs": [blob],
            "subject": self.descriptor(subject, INDEX),
        }
        return self.manifest(repository, tree, *tags)

    def schema1(self, repository: str, *tags: str, layers: tuple[bytes, ...]) -> str:
        sums = [{"blobSum": self.layer(repository, layer)} for layer in layers]
        return self.manifest(repository, {"schemaVersion": 1, "name": repository, "fsLayers": sums}, *tags)

    def upload(self, repository: str, content: bytes = b"part", started: str = "2024-05-06T07:08:09Z") -> str:
        directory = layout.upload_directory(repository, UUID)
        self.driver.put_content(f"{directory}/startedat", started.encode())
        self.driver.put_content(f"{directory}/data", content)
        self.driver.put_content(f"{directory}/hashstates/sha256/0", b"state")
        return directory


def random_registry(writer: Writer, seed: int) -> None:
    """Repositories that share layers, with indexes, tags that were moved, manifests that were deleted, broken pushes.

    It has nothing that makes the registry's own garbage-collect fail.
    """
    choose = random.Random(seed)
    pool = [choose.randbytes(choose.randint(1, 400)) for _ in range(12)]
    for number in range(choose.randint(1, 6)):
        repository = f"group{number % 2}/app{number}" if choose.random() < 0.7 else f"app{number}"
        made: list[str] = []
        for _ in range(choose.randint(1, 6)):
            layers = tuple(choose.sample(pool, choose.randint(0, 4)))
            kind = choose.choice([MANIFEST, DOCKER])
            made.append(writer.image(repository, *_tags(choose), layers=layers, kind=kind))
            if len(made) > 1 and choose.random() < 0.3:
                children = tuple(choose.sample(made, 2))
                made.append(
                    writer.index(repository, *_tags(choose), children=children, kind=choose.choice([INDEX, LIST]))
                )
        for digest in made:
            if choose.random() < 0.25 and writer.driver.exists(layout.revision_path(repository, digest)):
                delete_manifest(writer.driver, repository, digest)
        for _ in range(choose.randint(0, 2)):
            writer.layer(repository, choose.randbytes(50))
        if choose.random() < 0.3:
            writer.upload(repository)
    writer.blob(choose.randbytes(30))


def delete_manifest(driver: StorageDriver, repository: str, digest: str) -> None:
    """As the registry does: the link goes, and the tags that stand for it."""
    driver.delete(layout.revision_path(repository, digest))
    tags = f"{layout.manifests_directory(repository)}/tags"
    for directory in driver.list(tags) if driver.exists(tags) else []:
        if driver.get_content(f"{directory}/current/link").decode() == digest:
            driver.delete(directory)


def _tags(choose: random.Random) -> list[str]:
    return choose.sample(["latest", "v1", "v2", "v3"], choose.randint(0, 2))
