"""What a path of a registry's storage says, and the paths that are made."""

from __future__ import annotations

import pytest

from storagedriver.registry import layout
from storagedriver.registry.layout import Kind, Place, place_of

HEX = "0123456789abcdef" * 4
OTHER = "f" * 64
DIGEST = f"sha256:{HEX}"
LONG = "sha512:" + "ab" * 64
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
REPOSITORY = "/docker/registry/v2/repositories/library/my_app"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"/docker/registry/v2/blobs/sha256/01/{HEX}/data", Place(Kind.BLOB, digest=DIGEST)),
        (layout.blob_path(LONG), Place(Kind.BLOB, digest=LONG)),
        (f"{REPOSITORY}/_layers/sha256/{HEX}/link", Place(Kind.LAYER, "library/my_app", DIGEST)),
        (f"{REPOSITORY}/_manifests/revisions/sha256/{HEX}/link", Place(Kind.REVISION, "library/my_app", DIGEST)),
        (
            f"{REPOSITORY}/_manifests/revisions/sha256/{HEX}/signatures/sha256/{OTHER}/link",
            Place(Kind.SIGNATURE, "library/my_app", DIGEST, state=f"sha256:{OTHER}"),
        ),
        (f"{REPOSITORY}/_manifests/tags/current/current/link", Place(Kind.TAG, "library/my_app", tag="current")),
        (
            f"{REPOSITORY}/_manifests/tags/_v.1/index/sha256/{HEX}/link",
            Place(Kind.TAG_INDEX, "library/my_app", DIGEST, tag="_v.1"),
        ),
        (f"{REPOSITORY}/_uploads/{UUID}/data", Place(Kind.UPLOAD_DATA, "library/my_app", upload=UUID)),
        (f"{REPOSITORY}/_uploads/{UUID}/startedat", Place(Kind.UPLOAD_STARTED, "library/my_app", upload=UUID)),
        (
            f"{REPOSITORY}/_uploads/{UUID}/hashstates/sha256/77",
            Place(Kind.UPLOAD_STATE, "library/my_app", upload=UUID, state="sha256/77"),
        ),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_path_says_what_its_file_is(path: str, place: Place) -> None:
    assert place_of(path) == place


@pytest.mark.parametrize("name", ["app", "a/b/c", "Example.COM/app", "a__b", "a--b/c.d", "x" * 255])
def test_the_paths_that_are_made_are_read_back(name: str) -> None:
    for digest in (DIGEST, LONG):
        assert place_of(layout.blob_path(digest)) == Place(Kind.BLOB, digest=digest)
        assert place_of(layout.layer_path(name, digest)) == Place(Kind.LAYER, name, digest)
        assert place_of(layout.revision_path(name, digest)) == Place(Kind.REVISION, name, digest)
        assert place_of(layout.tag_index_path(name, "1.0", digest)) == Place(Kind.TAG_INDEX, name, digest, "1.0")
    assert place_of(layout.tag_path(name, "1.0")) == Place(Kind.TAG, name, tag="1.0")
    data = f"{layout.upload_directory(name, UUID)}/data"
    assert place_of(data) == Place(Kind.UPLOAD_DATA, name, upload=UUID)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docker/registry/v2",
        "/docker/registry/v1/blobs",
        f"/docker/registry/v2/blobs/sha256/02/{HEX}/data",
        f"/docker/registry/v2/blobs/sha256/01/{HEX.upper()}/data",
        f"/docker/registry/v2/blobs/sha256/01/{HEX[1:]}/data",
        f"/docker/registry/v2/blobs/sha256/01/{HEX}/data/x",
        f"/docker/registry/v2/blobs/sha256/01/{HEX}/link",
        f"/docker/registry/v2/blobs/md5/01/{HEX}/data",
        f"/docker/registry/v2/blobs/sha512/01/{HEX}/data",
        f"/x/docker/registry/v2/blobs/sha256/01/{HEX}/data",
        f"/docker/registry/v2/repositories/_layers/sha256/{HEX}/link",
        f"/docker/registry/v2/repositories/a/UPPER/_layers/sha256/{HEX}/link",
        f"/docker/registry/v2/repositories/{'x' * 256}/_layers/sha256/{HEX}/link",
        f"{REPOSITORY}/_layers/sha256/{HEX}/data",
        f"{REPOSITORY}/_layers/sha256/{HEX}/link/link",
        f"{REPOSITORY}/_layers/sha256/{HEX}",
        f"{REPOSITORY}/_layers/sha256:{HEX}/link",
        f"{REPOSITORY}/_manifests/tags/-a/current/link",
        f"{REPOSITORY}/_manifests/tags/{'a' * 129}/current/link",
        f"{REPOSITORY}/_manifests/tags/a/index/link",
        f"{REPOSITORY}/_uploads/latest/data",
        f"{REPOSITORY}/_uploads/{UUID}/other",
        f"{REPOSITORY}/_other/_layers/sha256/{HEX}/link",
    ],
)
def test_what_no_registry_makes_is_foreign(path: str) -> None:
    assert place_of(path) == Place(Kind.FOREIGN)


def test_no_path_is_made_of_what_could_lead_elsewhere() -> None:
    for digest in ("", HEX, f"sha256:{HEX}\n", f"sha256/{HEX}", "sha256:../../x", f"md5:{HEX}", f"sha512:{HEX}"):
        with pytest.raises(ValueError, match="is no digest"):
            layout.blob_path(digest)
    for name in ("", "..", "a/../b", "/a", "a/", "a/_layers", "a\n"):
        with pytest.raises(ValueError, match="is no name of a repository"):
            layout.layer_path(name, DIGEST)
    for tag in ("", ".", "..", "a/b", "a\n"):
        with pytest.raises(ValueError, match="is no tag"):
            layout.tag_path("a", tag)
    with pytest.raises(ValueError, match="is no identifier of an upload"):
        layout.upload_directory("a", "..")


def test_kinds_stand_in_the_order_in_which_files_are_written() -> None:
    order = list(Kind)
    assert order.index(Kind.BLOB) < min(order.index(kind) for kind in layout.LINKS)
    assert order.index(Kind.TAG) == max(order.index(kind) for kind in layout.LINKS)
