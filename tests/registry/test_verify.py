"""Damage is found with its right name, and nothing else; what may be mended is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.driver import FileReader, StorageDriver, Visit
from storagedriver.errors import ParameterError, PathNotFoundError
from storagedriver.registry import layout
from storagedriver.registry.findings import KINDS, Finding
from storagedriver.registry.repair import repair
from storagedriver.registry.verify import verify
from tests.dict_driver import DictDriver
from tests.registry.generated import UUID, RefusingDriver, Writer, digest_of
from tests.variants import is_slow

APP = "library/app"
LAYER, LIB, OTHER = b"layer one", b"layer two", b"another"
EMPTY = digest_of(b"")


class Healthy:
    """A registry with an image, one of Docker's, an index, a signature, an old manifest and a tag that was moved."""

    def __init__(self, driver: StorageDriver) -> None:
        self.driver = driver
        writer = self.writer = Writer(driver)
        self.first = writer.image(APP, "v1", "stable", layers=(LAYER, LIB))
        self.second = writer.image(APP, layers=(LAYER, b""))
        self.index = writer.index(APP, "multi", children=(self.first, self.second))
        self.signature = writer.artifact(APP, self.index)
        self.old = writer.schema1("old", "1", layers=(OTHER, LAYER))
        writer.image(APP, "moved", layers=(LIB,))
        self.moved = writer.image(APP, "moved", layers=(LIB, OTHER))
        foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 5}
        config = writer.descriptor(writer.layer("windows", b"{}"), "application/vnd.docker.container.image.v1+json")
        layer = {**foreign, "digest": digest_of(b"windows"), "urls": ["https://example.com/layer"]}
        writer.manifest("windows", {"schemaVersion": 2, "config": config, "layers": [layer]}, "latest")
        driver.put_content("/other/file", b"of another program")

    def put(self, path: str, content: bytes) -> None:
        self.driver.put_content(path, content)

    def delete(self, path: str) -> str:
        self.driver.delete(path)
        return path

    def layer(self, content: bytes = LAYER) -> str:
        return layout.blob_path(digest_of(content))


def tag(name: str) -> str:
    return layout.tag_path(APP, name)


def link(content: bytes = LIB) -> str:
    return layout.layer_path(APP, digest_of(content))


def revision(digest: str) -> str:
    return layout.revision_path(APP, digest)


def signed(it: Healthy) -> None:
    """The link of a signature to what is not there."""
    directory = revision(it.first).removesuffix("/link")
    it.put(f"{directory}/signatures/{digest_of(b'gone').replace(':', '/')}/link", digest_of(b"gone").encode())


Plant = Callable[[Healthy], object]
#: What is done to a healthy registry, and all that is to be found: each kind with how often it is.
DAMAGE: dict[str, tuple[Plant, list[str]]] = {
    "a blob of size 0": (lambda it: it.put(it.layer(), b""), ["blob_empty"]),
    "a manifest of size 0": (lambda it: it.put(layout.blob_path(it.first), b""), ["blob_empty"]),
    "an orphan of size 0": (lambda it: it.put(it.layer(b"orphan"), b""), ["blob_empty"]),
    "a blob cut short": (lambda it: it.put(it.layer(LIB), b"lay"), ["blob_wrong_size"]),
    "a manifest of other content": (
        lambda it: it.put(layout.blob_path(it.moved), it.driver.get_content(layout.blob_path(it.moved)) + b"\n"),
        ["blob_corrupt"],
    ),
    "a manifest that names something else": (
        lambda it: it.put(
            layout.blob_path(it.moved),
            it.driver.get_content(layout.blob_path(it.moved)).replace(
                digest_of(LIB).encode(), digest_of(b"?").encode()
            ),
        ),
        ["blob_corrupt"],
    ),
    "a manifest cut short": (
        lambda it: it.put(layout.blob_path(it.moved), it.driver.get_content(layout.blob_path(it.moved))[:-9]),
        ["blob_corrupt"],
    ),
    "what is no manifest": (lambda it: it.writer.manifest(APP, {"a": 1}), ["manifest_invalid"]),
    "a manifest without digests": (
        lambda it: it.writer.manifest(APP, {"schemaVersion": 2, "layers": [{"digest": "sha256:1"}]}),
        ["manifest_invalid"],
    ),
    "a missing layer": (lambda it: it.delete(it.layer(LIB).rpartition("/")[0]), ["layer_missing"] * 3),
    "a missing layer of schema 1": (
        lambda it: (it.writer.schema1("b", layers=(b"x",)), it.delete(it.layer(b"x").rpartition("/")[0])),
        ["layer_missing"],
    ),
    "a missing blob of an artifact": (
        lambda it: it.delete(it.layer(b"signature").rpartition("/")[0]),
        ["layer_missing"],
    ),
    "a missing manifest": (
        lambda it: it.delete(layout.blob_path(it.moved).rpartition("/")[0]),
        ["manifest_missing"],
    ),
    "a missing manifest of an index": (
        lambda it: it.delete(layout.blob_path(it.second).rpartition("/")[0]),
        ["manifest_missing"],
    ),
    "a manifest of an index that is nowhere": (
        lambda it: (it.delete(layout.blob_path(it.second).rpartition("/")[0]), it.delete(revision(it.second))),
        ["child_missing"],
    ),
    "a manifest of an index that the repository lost": (lambda it: it.delete(revision(it.second)), ["child_unlinked"]),
    "a layer that the repository lost": (lambda it: it.delete(link(OTHER)), ["layer_unlinked"]),
    "an empty link to a layer": (lambda it: it.put(link(), b""), ["link_empty"]),
    "a link of zeros": (lambda it: it.put(link(), b"\0" * 71), ["link_empty"]),
    "an empty link to a manifest": (lambda it: it.put(revision(it.first), b""), ["link_empty"]),
    "an empty tag": (lambda it: it.put(tag("v1"), b""), ["link_empty"]),
    "an empty entry of a tag": (lambda it: it.put(layout.tag_index_path(APP, "v1", it.first), b""), ["link_empty"]),
    "a link without a digest": (lambda it: it.put(link(), b"layer"), ["link_invalid"]),
    "a link with an end of line": (lambda it: it.put(link(), digest_of(LIB).encode() + b"\n"), ["link_invalid"]),
    "a tag without a digest": (lambda it: it.put(tag("v1"), b"sha256:12"), ["link_invalid"]),
    "a link to another layer": (lambda it: it.put(link(), digest_of(LAYER).encode()), ["link_wrong"]),
    "a link to another manifest": (lambda it: it.put(revision(it.signature), it.first.encode()), ["link_wrong"]),
    "a tag that leads nowhere": (lambda it: it.put(tag("v1"), digest_of(b"?").encode()), ["tag_dangling"]),
    "a tag of a manifest that the repository lost": (lambda it: it.delete(revision(it.moved)), ["tag_dangling"]),
    "a tag without its link": (lambda it: it.delete(tag("v1")), ["tag_without_current"]),
    "a link to a layer that is not there": (
        lambda it: it.writer.link_layer(APP, digest_of(b"gone")),
        ["layer_without_blob"],
    ),
    "a link to a signature that is not there": (signed, ["signature_without_blob"]),
    "an entry of a manifest that was deleted": (
        lambda it: it.put(layout.tag_index_path(APP, "v1", digest_of(b"?")), digest_of(b"?").encode()),
        ["tag_index_stale"],
    ),
    "an upload": (lambda it: it.writer.upload(APP), ["upload_unfinished"]),
    "an upload that just began": (
        lambda it: it.put(f"{layout.upload_directory(APP, UUID)}/startedat", b"2024-05-06T07:08:09Z"),
        ["upload_unfinished"],
    ),
}


@pytest.fixture(params=["inmemory", "filesystem"] if is_slow() else ["inmemory"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageDriver]:
    parameters = {"rootdirectory": str(tmp_path / "storage")} if request.param == "filesystem" else {}
    with factory.create(request.param, parameters) as driver:
        yield driver


@pytest.fixture
def healthy(driver: StorageDriver) -> Healthy:
    return Healthy(driver)


def kinds(driver: StorageDriver, path: str = layout.TOP) -> list[str]:
    return [found.kind for found in verify(driver, path)]


def test_a_healthy_registry_gives_nothing(healthy: Healthy) -> None:
    assert list(verify(healthy.driver, digests=True)) == []
    assert kinds(healthy.driver, "/") == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_with_its_name_and_nothing_else(healthy: Healthy, damage: str) -> None:
    plant, expected = DAMAGE[damage]
    plant(healthy)
    assert kinds(healthy.driver) == expected


def test_every_kind_is_planted() -> None:
    elsewhere = {"blob_without_data", "blob_directory_empty", "blob_unreadable", "link_unreadable"}
    assert {kind for _, found in DAMAGE.values() for kind in found} | elsewhere == set(KINDS)


def test_a_blob_without_data(tmp_path: Path) -> None:
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as driver:
        it = Healthy(driver)
        it.delete(it.layer(LIB))
        assert kinds(driver) == ["blob_without_data"]
        it.put(it.layer(LIB), LIB)
        it.writer.blob(b"orphan")
        it.delete(it.layer(b"orphan"))
        assert kinds(driver) == ["blob_directory_empty"]


def test_what_the_store_does_not_give() -> None:
    driver = RefusingDriver()
    it = Healthy(driver)
    for path, kind in (
        (link(), "link_unreadable"),
        (tag("v1"), "link_unreadable"),
        (revision(it.first), "link_unreadable"),
        (layout.blob_path(it.first), "blob_unreadable"),
    ):
        driver.refused = {path}
        assert [(found.kind, found.path) for found in verify(driver)] == [(kind, path)]
    driver.refused = {it.layer()}
    assert kinds(driver) == []
    assert [found.kind for found in verify(driver, digests=True)] == ["blob_unreadable"]


def test_content_of_the_right_size_is_wrong_by_its_digest_alone(healthy: Healthy) -> None:
    healthy.put(healthy.layer(LIB), LIB[::-1])
    assert kinds(healthy.driver) == []
    (found,) = verify(healthy.driver, digests=True)
    assert (found.kind, found.digest, found.path) == ("blob_corrupt", digest_of(LIB), healthy.layer(LIB))
    assert f"needed by {APP}" in found.detail
    healthy.put(healthy.layer(LIB), b"short")
    assert [found.kind for found in verify(healthy.driver, digests=True)] == ["blob_corrupt"]


def test_what_was_read_once_is_not_read_again(tmp_path: Path) -> None:
    driver = RefusingDriver()
    it = Healthy(driver)
    state = tmp_path / "verified"
    assert list(verify(driver, digests=True, state=state)) == []
    driver.refused = {it.layer(LIB)}
    assert list(verify(driver, digests=True, state=state)) == []
    driver.refused = set()
    it.put(it.layer(LIB), LIB[::-1])
    assert [found.kind for found in verify(driver, digests=True, state=state)] == ["blob_corrupt"]
    assert [found.kind for found in verify(driver, digests=True, state=state)] == ["blob_corrupt"]


class CountingDriver(DictDriver):
    """Notes which files are streamed."""

    def __init__(self) -> None:
        super().__init__()
        self.streamed: list[str] = []

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        self.streamed.append(path)
        return super().reader(path, offset, length)

    def blobs(self) -> list[str]:
        found = [path for path in self.streamed if path.startswith(layout.BLOBS)]
        self.streamed.clear()
        return found


def test_a_run_that_broke_off_goes_on(tmp_path: Path) -> None:
    driver = CountingDriver()
    Healthy(driver)
    state = tmp_path / "verified"
    done: list[int] = []

    def interrupted(what: str, count: int) -> None:
        if what == "bytes":
            done.append(count)
            if len(done) == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(verify(driver, digests=True, state=state, show=interrupted))
    driver.streamed.clear()
    assert list(verify(driver, digests=True, state=state)) == []
    rest = driver.blobs()
    assert list(verify(driver, digests=True)) == []
    blobs = driver.blobs()
    assert set(rest) < set(blobs)
    assert len(rest) == len(blobs) - 3


def test_a_state_that_is_none_is_refused(healthy: Healthy, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("no database " * 100)
    with pytest.raises(ParameterError, match="cannot be used"):
        list(verify(healthy.driver, digests=True, state=state))
    assert state.read_text() == "no database " * 100


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{layout.REPOSITORIES}/{APP}", ["blob_empty", "link_empty"]),
        (f"{layout.REPOSITORIES}/library", ["blob_empty", "link_empty"]),
        (f"{layout.REPOSITORIES}/{APP}/_manifests/tags/v1", ["blob_empty", "link_empty"]),
        (f"{layout.REPOSITORIES}/{APP}/_layers", ["blob_empty"]),
        (f"{layout.REPOSITORIES}/windows", []),
        (layout.BLOBS, ["blob_empty"]),
        (layout.blob_path(digest_of(LIB)), ["blob_empty"]),
        (layout.blob_path(digest_of(LAYER)), []),
    ],
)
def test_a_part_of_a_registry(healthy: Healthy, path: str, expected: list[str]) -> None:
    healthy.put(healthy.layer(LIB), b"")
    healthy.put(tag("v1"), b"")
    assert kinds(healthy.driver, path) == expected
    assert [found.kind for found in verify(healthy.driver, path, digests=True)] == expected


def test_what_is_not_there_cannot_be_verified(healthy: Healthy) -> None:
    for path in (f"{layout.REPOSITORIES}/nothing", f"{layout.REPOSITORIES}/{APP}/deeper"):
        with pytest.raises(PathNotFoundError):
            list(verify(healthy.driver, path))
    for path in ("/other", "/docker/registry/v1", "/docker/registry/v2x"):
        with pytest.raises(ValueError, match="not in a registry's directory"):
            list(verify(healthy.driver, path))
    with factory.create("inmemory", {}) as empty, pytest.raises(PathNotFoundError):
        list(verify(empty))


MENDED = {
    "an empty link to a layer",
    "a link of zeros",
    "an empty link to a manifest",
    "an empty tag",
    "an empty entry of a tag",
    "a tag without its link",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_only_what_cannot_lose_anything_is_mended(healthy: Healthy, damage: str) -> None:
    before = {info.path: healthy.driver.get_content(info.path) for info in healthy.driver.files()}
    DAMAGE[damage][0](healthy)
    planted = {info.path: healthy.driver.get_content(info.path) for info in healthy.driver.files()}
    written = [repair(healthy.driver, found) for found in verify(healthy.driver)]
    after = {info.path: healthy.driver.get_content(info.path) for info in healthy.driver.files()}
    if damage in MENDED:
        assert all(written)
        assert after == before
    else:
        assert not any(written)
        assert after == planted


def test_a_tag_of_two_manifests_is_not_mended(healthy: Healthy) -> None:
    healthy.put(tag("moved"), b"")
    (found,) = verify(healthy.driver)
    assert not found.repair
    assert not repair(healthy.driver, found)


def test_a_tag_of_a_manifest_that_the_repository_does_not_have_is_not_mended(healthy: Healthy) -> None:
    healthy.delete(revision(healthy.index))
    healthy.put(tag("multi"), b"")
    assert [found.repair for found in verify(healthy.driver) if found.kind == "link_empty"] == [""]


def test_what_was_mended_meanwhile_is_left(healthy: Healthy) -> None:
    healthy.put(tag("v1"), b"")
    (found,) = verify(healthy.driver)
    healthy.put(tag("v1"), healthy.second.encode())
    assert not repair(healthy.driver, found)
    assert healthy.driver.get_content(tag("v1")).decode() == healthy.second


def test_a_finding_says_what_it_means(healthy: Healthy) -> None:
    healthy.delete(revision(healthy.moved))
    (found,) = verify(healthy.driver)
    assert isinstance(found, Finding)
    assert found.record() == {
        "kind": "tag_dangling",
        "severity": "damage",
        "repository": APP,
        "path": tag("moved"),
        "digest": healthy.moved,
        "tag": "moved",
        "age": None,
        "detail": f"it stands for {healthy.moved}",
        "meaning": KINDS["tag_dangling"].meaning,
        "mend": KINDS["tag_dangling"].mend,
        "repairable": False,
    }


class MendingDriver(DictDriver):
    """A store in which another program writes what is missing, just after it was listed."""

    missing_files: Mapping[str, bytes] = {}

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        super().walk(path, visit, start_after)
        for written, content in self.missing_files.items():
            self.put_content(written, content)


def test_what_appears_while_it_is_looked_for_is_not_reported() -> None:
    driver = MendingDriver()
    it = Healthy(driver)
    it.delete(it.layer(LIB))
    it.delete(link(OTHER))
    it.delete(revision(it.moved))
    it.put(tag("v1"), b"")
    it.put(it.layer(), b"")
    assert kinds(driver) == ["blob_empty", "link_empty", "layer_missing", "layer_missing", "tag_dangling"]
    driver.missing_files = {
        it.layer(LIB): LIB,
        it.layer(): LAYER,
        link(OTHER): digest_of(OTHER).encode(),
        revision(it.moved): it.moved.encode(),
        tag("v1"): it.first.encode(),
    }
    assert kinds(driver) == []
