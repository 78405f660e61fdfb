"""What a manifest refers to: Docker's schemas 1 and 2, and OCI's manifest, index and artifact.

The formats are those of github.com/opencontainers/image-spec and of
docs/spec/manifest-v2-1.md and manifest-v2-2.md in distribution.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from storagedriver.registry.layout import is_digest

__all__ = ["LARGEST_MANIFEST", "Manifest", "ManifestError", "Reference", "Role", "parse_manifest"]

#: The registry takes no larger one (maxManifestBodySize in registry/handlers/manifests.go), in bytes.
LARGEST_MANIFEST = 4 << 20

#: What a manifest refers to something as.
Role = Literal["config", "layer", "manifest", "subject"]

_INDEXES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
#: What an index names by another media type is a blob: the caches of BuildKit are indexes of layers.
_MANIFESTS = _INDEXES | {
    _ARTIFACT,
    _SCHEMA1,
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "",
}
#: A size is less, in bytes.
_SIZES = 1 << 63
#: What a config, layers, manifests and blobs are each as.
_LISTS: tuple[tuple[str, Role], ...] = (("layers", "layer"), ("blobs", "layer"), ("manifests", "manifest"))


class ManifestError(ValueError):
    """A content is no manifest. The message says why."""


@dataclass(frozen=True)
class Reference:
    """What a manifest names.

    Attributes
    ----------
    digest : str
        The digest of it.
    role : {"config", "layer", "manifest", "subject"}
        What it is to the manifest.
    size : int or None
        Its size in bytes, as the manifest says; schema 1 says none.
    optional : bool
        The manifest is complete without it: clients fetch it elsewhere.
    """

    digest: str
    role: Role
    size: int | None = None
    optional: bool = False


@dataclass(frozen=True)
class Manifest:
    """A manifest, as far as it concerns the storage.

    Attributes
    ----------
    media_type : str
        Its media type.
    references : tuple of Reference
        What it names, the subject included; each digest once a role.
    """

    media_type: str
    references: tuple[Reference, ...]

    @property
    def subject(self) -> str:
        """The digest of the manifest that it is about; empty for most."""
        return next((found.digest for found in self.references if found.role == "subject"), "")


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    content : bytes
        The content of its blob.

    Returns
    -------
    Manifest
        What it is and refers to.

    Raises
    ------
    ManifestError
        If it is none, or names something by what is no digest.
    """
    try:
        tree = json.loads(content, object_pairs_hook=_folded)
    except (ValueError, RecursionError) as error:
        raise ManifestError("it is no JSON") from error
    if not isinstance(tree, dict):
        raise ManifestError("it is no JSON object")
    if tree.get("schemaversion") == 1:
        return Manifest(_SCHEMA1, _unique(_schema1(tree)))
    media_type = tree.get("mediatype") or ""
    if not isinstance(media_type, str):
        raise ManifestError("its media type is no text")
    # JSON can have half of a character, which no file and no database takes.
    media_type = media_type.encode("utf-8", "replace").decode()
    if media_type != _ARTIFACT and not any(name in tree for name in ("config", "layers", "blobs", "manifests")):
        raise ManifestError("it has no config, layers, blobs or manifests")
    if media_type in _INDEXES and "manifests" not in tree:
        raise ManifestError("it is an index without manifests")
    if not media_type:
        kind = "index" if "manifests" in tree else "manifest"
        media_type = f"application/vnd.oci.image.{kind}.v1+json"
    return Manifest(media_type, _unique(_references(tree)))


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON as Go's encoding/json reads it: the case of a name does not count, and the last one wins."""
    return {name.casefold(): value for name, value in pairs}


def _references(tree: Mapping[str, Any]) -> Iterator[Reference]:
    if tree.get("config") is not None:
        yield _reference(tree["config"], "config")
    for name, role in _LISTS:
        for descriptor in _list(tree, name):
            yield _reference(descriptor, role)
    if tree.get("subject") is not None:
        yield _reference(tree["subject"], "subject")


def _schema1(tree: Mapping[str, Any]) -> Iterator[Reference]:
    for layer in _list(tree, "fslayers"):
        if not isinstance(layer, dict):
            raise ManifestError("one of its layers is no JSON object")
        yield Reference(_digest(layer.get("blobsum")), "layer")


def _reference(descriptor: Any, role: Role) -> Reference:
    if not isinstance(descriptor, dict):
        raise ManifestError(f"a {role} is no JSON object")
    if role == "manifest" and _plain(descriptor.get("mediatype")) not in _MANIFESTS:
        role = "layer"
    size = descriptor.get("size")
    # Layers that may not be distributed: the registry takes manifests with them, without the blob.
    optional = role == "subject" or (role == "layer" and bool(descriptor.get("urls")))
    known = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < _SIZES else None
    return Reference(_digest(descriptor.get("digest")), role, known, optional)


def _plain(media_type: Any) -> str:
    """A media type without its parameters; empty for what is none."""
    return media_type.partition(";")[0].strip().lower() if isinstance(media_type, str) else ""


def _list(tree: Mapping[str, Any], name: str) -> list[Any]:
    found = tree.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ManifestError(f"its {name} are no list")
    return found


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not is_digest(value):
        raise ManifestError("it refers to something without a digest")
    return value


def _unique(references: Iterator[Reference]) -> tuple[Reference, ...]:
    """Each digest once a role. Of one that is named twice, one that has to be there counts."""
    found: dict[tuple[str, str], Reference] = {}
    for reference in references:
        known = found.get((reference.digest, reference.role))
        if known is None or (known.optional and not reference.optional):
            found[reference.digest, reference.role] = reference
    return tuple(found.values())
