"""What manifests refer to, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storagedriver.registry.manifest import Manifest, ManifestError, Reference, parse_manifest
from tests.registry.generated import ARTIFACT, DOCKER, INDEX, LIST, MANIFEST, digest_of

A, B, C = (digest_of(name) for name in (b"a", b"b", b"c"))


def parsed(**tree: Any) -> Manifest:
    return parse_manifest(json.dumps(tree).encode())


def named(digest: str, **others: Any) -> dict[str, Any]:
    return {"mediaType": "x/y", "digest": digest, "size": 3, **others}


@pytest.mark.parametrize("kind", [MANIFEST, DOCKER])
def test_an_image_has_a_config_and_layers_each_once(kind: str) -> None:
    found = parsed(schemaVersion=2, mediaType=kind, config=named(A), layers=[named(B), named(B)])
    assert found == Manifest(kind, (Reference(A, "config", 3), Reference(B, "layer", 3)))


@pytest.mark.parametrize("kind", [INDEX, LIST])
def test_an_index_has_manifests(kind: str) -> None:
    found = parsed(schemaVersion=2, mediaType=kind, manifests=[named(A, mediaType=MANIFEST), named(B, mediaType="")])
    assert found == Manifest(kind, (Reference(A, "manifest", 3), Reference(B, "manifest", 3)))
    assert parsed(mediaType=kind, manifests=[]).references == ()
    with pytest.raises(ManifestError, match="without manifests"):
        parsed(mediaType=kind, layers=[])


def test_what_an_index_names_as_another_media_type_is_a_blob() -> None:
    """BuildKit's cache in a registry is an index of layers."""
    found = parsed(manifests=[named(A), named(B, mediaType=f"{DOCKER.upper()}; charset=utf-8"), named(C, mediaType=[])])
    assert found.references == (Reference(A, "layer", 3), Reference(B, "manifest", 3), Reference(C, "manifest", 3))


def test_a_media_type_is_text_that_can_be_kept() -> None:
    assert parsed(mediaType="\ud800", layers=[]).media_type.encode() == b"?"


def test_the_case_of_names_does_not_count() -> None:
    """A registry that is written in Go reads them so."""
    found = parsed(Config={"Digest": A}, LAYERS=[named(B)], layers=[named(C)])
    assert found.references == (Reference(A, "config"), Reference(C, "layer", 3))
    assert parsed(SchemaVersion=1, FSLayers=[{"blobsum": A}]).references == (Reference(A, "layer"),)


def test_a_subject_may_be_missing() -> None:
    found = parsed(mediaType=ARTIFACT, blobs=[named(A)], subject=named(B))
    assert found.references == (Reference(A, "layer", 3), Reference(B, "subject", 3, optional=True))
    assert found.subject == B
    assert parsed(mediaType=ARTIFACT).references == ()
    assert parsed(config=named(A), layers=[]).subject == ""


def test_a_layer_with_urls_may_be_missing_unless_it_is_named_without_too() -> None:
    foreign = named(A, urls=["https://example.com/a"])
    assert parsed(layers=[foreign]).references == (Reference(A, "layer", 3, optional=True),)
    assert parsed(layers=[foreign, named(A)]).references == (Reference(A, "layer", 3),)
    assert parsed(layers=[named(A), foreign]).references == (Reference(A, "layer", 3),)


def test_schema_1_has_layers_of_unknown_size() -> None:
    found = parsed(schemaVersion=1, fsLayers=[{"blobSum": A}, {"blobSum": B}, {"blobSum": A}], history=[])
    assert found.references == (Reference(A, "layer"), Reference(B, "layer"))


def test_without_a_media_type_it_goes_by_its_members() -> None:
    assert parsed(schemaVersion=2, manifests=[named(A)]).media_type == INDEX
    assert parsed(schemaVersion=2, config=named(A)).media_type == MANIFEST
    both = parsed(schemaVersion=2, layers=[named(A)], manifests=[named(B)])
    assert {entry.digest for entry in both.references} == {A, B}


@pytest.mark.parametrize("size", [-1, "3", 3.5, True, None, 1 << 80])
def test_what_is_no_size_is_not_known(size: object) -> None:
    assert parsed(layers=[named(A, size=size)]).references == (Reference(A, "layer"),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b'"layers"',
        b"{}",
        b"[" * 100_000,
        json.dumps({"layers": {}}).encode(),
        json.dumps({"layers": [A]}).encode(),
        json.dumps({"layers": [{}]}).encode(),
        json.dumps({"layers": [named("sha256:../../x")]}).encode(),
        json.dumps({"layers": [named(A + "\n")]}).encode(),
        json.dumps({"layers": [named(5)]}).encode(),  # type: ignore[arg-type]
        json.dumps({"config": "x"}).encode(),
        json.dumps({"config": named(A), "mediaType": 5}).encode(),
        json.dumps({"schemaVersion": 1, "fsLayers": [5]}).encode(),
        json.dumps({"schemaVersion": 1, "fsLayers": [{}]}).encode(),
        json.dumps({"subject": named(A)}).encode(),
    ],
)
def test_anything_else_is_no_manifest(content: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(content)
