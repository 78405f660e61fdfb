"""An OCI image laid out in a directory, and what is in one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Over the registry's chunk size of 10 MiB, so that S3 takes it in parts.
LARGE = 13 << 20
SMALL = 3000

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_REFERENCE = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Image:
    """An image in an OCI layout.

    Attributes
    ----------
    layout : Path
        The directory.
    manifest : str
        The digest of its manifest.
    blobs : mapping
        The size of each blob by its digest: layers, config and manifest.
    """

    layout: Path
    manifest: str
    blobs: Mapping[str, int]

    @classmethod
    def build(cls, layout: Path, tag: str, sizes: tuple[int, ...] = (SMALL, LARGE, 0)) -> Image:
        """Make an image of layers with files of these sizes, full of random bytes."""
        (layout / "blobs" / "sha256").mkdir(parents=True)
        tars = [_tar(f"layer-{number}", os.urandom(size)) for number, size in enumerate(sizes)]
        layers = [_add(layout, gzip.compress(tar, 1, mtime=0), _LAYER) for tar in tars]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _add(layout, _json(config), _CONFIG),
            "layers": layers,
        }
        entry = {**_add(layout, _json(manifest), _MANIFEST), "annotations": {_REFERENCE: tag}}
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry]}
        (layout / "index.json").write_bytes(_json(index))
        (layout / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
        return cls.read(layout)

    @classmethod
    def read(cls, layout: Path) -> Image:
        """Look into a layout of one image. Each blob is held against its name."""
        (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
        blobs = {}
        for file in (layout / "blobs" / "sha256").iterdir():
            content = file.read_bytes()
            if _digest(content) != f"sha256:{file.name}":
                raise AssertionError(f"{file} is not what its name says")
            blobs[_digest(content)] = len(content)
        return cls(layout, entry["digest"], blobs)


def _add(layout: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = _digest(content)
    (layout / "blobs" / digest.replace(":", "/")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _tar(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
