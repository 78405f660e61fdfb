"""What nothing refers to, beside the registry's own garbage-collect; and its removal."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.registry.garbage import garbage
from storagedriver.registry.layout import Kind, Place, place_of
from storagedriver.registry.quarantine import Action, delete_garbage, quarantine_garbage, quarantined
from storagedriver.registry.usage import usage
from storagedriver.registry.verify import verify
from tests.dict_driver import DictDriver
from tests.registry.generated import (
    INDEX,
    MANIFEST,
    RefusingDriver,
    Writer,
    delete_manifest,
    digest_of,
    random_registry,
)
from tests.registry.storages import CHOSEN_S3, MakeStorage, opened
from tests.servers.base import program
from tests.variants import is_slow

SEEDS = range(50 if is_slow() else 2)
NOW = timedelta(0)
Remove = Callable[..., Iterator[Action]]


@pytest.fixture
def driver() -> Iterator[StorageDriver]:
    with factory.create("inmemory", {}) as driver:
        yield driver


@pytest.fixture
def writer(driver: StorageDriver) -> Writer:
    return Writer(driver)


def collect(root: Path, *options: str, dry_run: bool = True) -> str:
    """What the registry's own garbage-collect says it does, or would do."""
    config = root.parent / "config.yml"
    config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(root)}}}))
    done = subprocess.run(
        [
            program("docker-registry", "apt install docker-registry"),
            "garbage-collect",
            *(["--dry-run"] if dry_run else []),
            *options,
            str(config),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def eligible(shown: str) -> set[str]:
    return set(re.findall(r"^blob eligible for deletion: (\S+)$", shown, re.MULTILINE))


def blobs(driver: StorageDriver, *, untagged: bool = False) -> set[str]:
    return {item.digest for item in garbage(driver, untagged=untagged) if item.kind == "blob"}


def delete_garbage_items(driver: StorageDriver) -> list[Place]:
    return [place_of(action.path) for action in delete_garbage(driver, untagged=True)]


def day_old(root: Path) -> None:
    """Make every file a day older."""
    for path in root.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 86400
            os.utime(path, (then, then))


def damage(driver: StorageDriver) -> list[str]:
    """What is broken; links to layers that were removed are not."""
    return [found.kind for found in verify(driver, digests=True) if found.severity == "damage"]


def digests(driver: StorageDriver) -> set[str]:
    return {place.digest for place in places(driver) if place.kind is Kind.BLOB}


def places(driver: StorageDriver) -> list[layout.Place]:
    return [place_of(info.path) for info in driver.files(layout.TOP)]


@pytest.mark.parametrize("seed", SEEDS)
def test_garbage_is_what_the_registry_would_delete(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "storage"
    with factory.create("filesystem", {"rootdirectory": str(root)}) as driver:
        random_registry(Writer(driver), seed)
        found = blobs(driver)
        assert found == eligible(collect(root))
        assert found
        list(delete_garbage(driver))
        assert eligible(collect(root)) == set()
        assert blobs(driver) == set()


def test_what_an_index_refers_to_stays_though_releases_of_the_registry_drop_it(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    with factory.create("filesystem", {"rootdirectory": str(root)}) as driver:
        writer = Writer(driver)
        first = writer.image("app", layers=(b"amd64",))
        second = writer.image("app", layers=(b"arm64",))
        writer.index("app", "latest", children=(first, second))
        untagged = writer.image("app", layers=(b"of an untagged one",))
        shown = collect(root, "--delete-untagged")
        assert {first, second, untagged} <= set(re.findall(r"manifest eligible for deletion: (\S+)", shown))
        assert [item.digest for item in garbage(driver, untagged=True) if item.kind == "manifest"] == [untagged]
        assert len(blobs(driver, untagged=True)) == 3
        list(delete_garbage(driver, untagged=True))
        assert damage(driver) == []
        assert first in digests(driver)


def test_an_index_in_an_index_and_what_is_about_a_kept_manifest_stay(driver: StorageDriver, writer: Writer) -> None:
    image = writer.image("app", layers=(b"1",))
    inner = writer.index("app", children=(image,))
    writer.index("app", "latest", children=(inner,))
    signature = writer.artifact("app", image)
    writer.artifact("app", signature, content=b"of the signature")
    writer.image("app", layers=(b"about it",), subject=image)
    gone = writer.image("app", layers=(b"2",))
    orphan = writer.artifact("app", gone, content=b"of what is untagged")
    found = list(garbage(driver, untagged=True))
    assert {item.digest for item in found if item.kind == "manifest"} == {gone, orphan}


def test_a_manifest_that_a_tag_stood_for_goes_with_the_entry_in_the_index(
    driver: StorageDriver, writer: Writer
) -> None:
    old = writer.image("app", "latest", layers=(b"1",))
    new = writer.image("app", "latest", layers=(b"2",))
    assert list(garbage(driver)) == []
    list(delete_garbage(driver, untagged=True))
    assert not driver.exists(layout.tag_index_path("app", "latest", old))
    assert driver.exists(layout.tag_index_path("app", "latest", new))
    assert damage(driver) == []


def test_a_tag_whose_link_is_empty_keeps_all_that_it_may_stand_for(driver: StorageDriver, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    writer.image("app", "latest", layers=(b"2",))
    driver.put_content(layout.tag_path("app", "latest"), b"")
    assert list(garbage(driver, untagged=True)) == []


def test_a_link_that_holds_another_digest_than_its_path_keeps_both(driver: StorageDriver, writer: Writer) -> None:
    first = writer.image("app", layers=(b"1",))
    second = writer.image("app", layers=(b"2",))
    driver.delete(layout.revision_path("app", second))
    driver.put_content(layout.revision_path("app", first), second.encode())
    assert list(delete_garbage(driver)) == []
    assert {first, second} <= digests(driver)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"x" * (5 << 20)], ids=len)
def test_nothing_is_removed_while_a_manifest_is_not_understood(
    driver: StorageDriver, writer: Writer, content: bytes
) -> None:
    manifest = writer.image("app", "latest", layers=(b"1",))
    driver.put_content(layout.blob_path(manifest), content)
    before = len(list(driver.files()))
    for remove in (delete_garbage, quarantine_garbage):
        with pytest.raises(ConflictError, match=f"{manifest} of app"):
            list(remove(driver, untagged=True))
    assert len(list(driver.files())) == before


@pytest.mark.parametrize("kind", ["tag", "revision", "manifest"])
def test_nothing_is_removed_while_something_cannot_be_read(kind: str) -> None:
    driver = RefusingDriver()
    writer = Writer(driver)
    manifest = writer.image("app", "latest", layers=(b"1",))
    orphan = writer.blob(b"orphan")
    paths = {
        "tag": layout.tag_path("app", "latest"),
        "revision": layout.revision_path("app", manifest),
        "manifest": layout.blob_path(manifest),
    }
    driver.refused.add(paths[kind])
    for remove in (delete_garbage, quarantine_garbage):
        with pytest.raises(ConflictError, match="not this one"):
            list(remove(driver, untagged=True))
    assert orphan in digests(driver)


def test_no_registry_is_not_an_empty_one(driver: StorageDriver) -> None:
    driver.put_content("/elsewhere", b"")
    with pytest.raises(PathNotFoundError):
        list(garbage(driver))


def test_what_is_younger_is_left(driver: StorageDriver, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    writer.blob(b"orphan")
    assert list(delete_garbage(driver, min_age=timedelta(hours=1))) == []
    assert list(quarantine_garbage(driver, min_age=timedelta(hours=1))) == []


@pytest.mark.parametrize("remove", [delete_garbage, quarantine_garbage])
@pytest.mark.parametrize("by", ["manifest", "index", "link"])
def test_what_younger_manifests_and_links_need_is_left(tmp_path: Path, remove: Remove, by: str) -> None:
    """A build by digest, before its tag or index: the layers are there from an older one, and are not written again."""
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as driver:
        writer = Writer(driver)
        old = writer.image("app", layers=(b"shared",))
        gone = writer.image("app", layers=(b"gone",))
        day_old(tmp_path)
        shared = writer.descriptor(digest_of(b"shared"), "x/y")
        if by == "manifest":
            writer.manifest("app", {"schemaVersion": 2, "mediaType": MANIFEST, "config": shared, "layers": [shared]})
        elif by == "index":
            writer.index("app", children=(old,))
        else:
            writer.link_layer("other", digest_of(b"shared"))
        found = list(remove(driver, untagged=True, min_age=timedelta(hours=1)))
        assert layout.revision_path("app", gone) in {action.path for action in found}
        assert {action.action for action in found} == {"delete" if remove is delete_garbage else "move"}
        assert driver.get_content(layout.blob_path(digest_of(b"shared"))) == b"shared"
        assert damage(driver) == []


def test_a_younger_manifest_gets_back_what_it_needs(tmp_path: Path) -> None:
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as driver:
        writer = Writer(driver)
        old = writer.image("app", layers=(b"shared",))
        list(quarantine_garbage(driver, untagged=True))
        day_old(tmp_path)
        writer.index("app", children=(old,))
        found = list(quarantine_garbage(driver, untagged=True, min_age=timedelta(hours=1), older_than=NOW))
        assert {action.action for action in found} == {"restore"}
        assert damage(driver) == []


@pytest.mark.parametrize(
    "path",
    [
        f"{layout.REPOSITORIES}/No_Name_Of_A_Repository/_manifests/tags/latest/current/link",
        f"{layout.REPOSITORIES}/app/_manifests/revisions/sha224/{'a' * 56}/link",
        f"{layout.REPOSITORIES}/app/_manifests/tags/{'a' * 129}/current/link",
        layout.DATABASE_IN_USE,
    ],
)
def test_nothing_is_removed_while_a_file_may_refer_to_it_in_a_way_that_is_not_understood(
    driver: StorageDriver, writer: Writer, path: str
) -> None:
    writer.image("app", layers=(b"1",))
    orphan = writer.blob(b"orphan")
    driver.put_content(path, b"")
    for remove in (delete_garbage, quarantine_garbage):
        with pytest.raises(ConflictError, match=path):
            list(remove(driver, untagged=True))
    assert orphan in digests(driver)
    assert any(path in doubt for doubt in usage(driver).doubts)


def test_an_index_of_blobs_keeps_them_and_a_manifest_among_them_all_that_it_needs(
    driver: StorageDriver, writer: Writer
) -> None:
    """As BuildKit's cache in a registry is. Of a manifest the index may say another media type."""
    blobs_of_it = [writer.layer("app", content) for content in (b"layer", b"x" * (5 << 20), b'{"layers": []}')]
    image = writer.image("app", layers=(b"1",))
    entries = [writer.descriptor(digest, "application/vnd.oci.image.layer.v1.tar") for digest in [*blobs_of_it, image]]
    writer.link_layer("app", image)
    writer.manifest("app", {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, "cache")
    orphan = writer.blob(b"orphan")
    assert list(verify(driver)) == []
    assert usage(driver).repositories[0].manifests < 2000
    assert [item.digest for item in delete_garbage_items(driver)] == [orphan]
    assert damage(driver) == []


def test_a_dry_run_changes_nothing(driver: StorageDriver, writer: Writer) -> None:
    writer.image("app", layers=(b"1",))
    before = [info.path for info in driver.files()]
    deleted = list(delete_garbage(driver, untagged=True, dry_run=True))
    moved = list(quarantine_garbage(driver, untagged=True, dry_run=True))
    assert [action.path for action in deleted] == [action.path for action in moved]
    assert len(moved) == 4
    assert [info.path for info in driver.files()] == before


def test_what_was_removed_is_listed(driver: StorageDriver, writer: Writer) -> None:
    writer.image("app", layers=(b"1",))
    deleted = [action.path for action in delete_garbage(driver, untagged=True)]
    lists = [info.path for info in driver.files(f"{layout.QUARANTINE}/removed")]
    lines = [json.loads(line) for path in lists for line in driver.get_content(path).splitlines()]
    assert [line["path"] for line in lines if line["action"] == "delete"] == deleted


def test_garbage_goes_by_way_of_the_quarantine(driver: StorageDriver, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    orphan = writer.blob(b"orphan")
    (moved,) = quarantine_garbage(driver)
    assert (moved.action, moved.path) == ("move", layout.blob_path(orphan))
    assert driver.get_content(moved.quarantined) == b"orphan"
    assert list(garbage(driver)) == []
    assert list(quarantine_garbage(driver)) == []
    (gone,) = quarantine_garbage(driver, older_than=NOW)
    assert (gone.action, gone.quarantined) == ("delete", moved.quarantined)
    assert list(quarantined(driver)) == []
    assert damage(driver) == []


def test_what_is_referred_to_again_comes_back(driver: StorageDriver, writer: Writer) -> None:
    """A registry that keeps in memory which blobs it has lets a push refer to one that is in the quarantine."""
    writer.layer("app", b"layer")
    assert [action.action for action in quarantine_garbage(driver)] == ["move"]
    image = writer.image("app", "latest", layers=(b"layer",))
    driver.delete(layout.blob_path(writer.layer("other", b"layer")))
    assert [found.kind for found in verify(driver)] == ["layer_missing", "layer_without_blob"]
    assert [action.action for action in quarantine_garbage(driver, older_than=NOW)] == ["restore"]
    assert damage(driver) == []
    assert image in digests(driver)


def test_what_was_pushed_again_is_dropped_from_the_quarantine(driver: StorageDriver, writer: Writer) -> None:
    writer.layer("app", b"layer")
    list(quarantine_garbage(driver))
    writer.image("app", "latest", layers=(b"layer",))
    assert [action.action for action in quarantine_garbage(driver)] == ["drop"]
    assert damage(driver) == []


@pytest.mark.parametrize("untagged", [True, False])
@pytest.mark.parametrize("by", ["tag", "index", "subject"])
def test_a_manifest_comes_back_with_all_that_it_needs(
    driver: StorageDriver, writer: Writer, by: str, *, untagged: bool
) -> None:
    first = writer.image("app", layers=(b"1",))
    inner = writer.index("app", children=(first,))
    kept = writer.image("app", "kept", layers=(b"kept",))
    about = writer.artifact("app", inner)
    assert {action.action for action in quarantine_garbage(driver, untagged=True)} == {"move"}
    assert inner not in digests(driver)
    if by == "tag":
        writer.tag("app", "again", inner)
    elif by == "index":
        writer.index("app", "again", children=(inner, kept))
    else:
        writer.tag("app", "again", about)
    restored = {action.action for action in quarantine_garbage(driver, untagged=untagged, older_than=timedelta(days=1))}
    assert restored == {"restore"}
    assert damage(driver) == []
    list(quarantine_garbage(driver, untagged=untagged, older_than=NOW))
    assert damage(driver) == []
    assert (about in digests(driver)) is True
    assert (inner in digests(driver)) is (by != "subject")


@pytest.mark.parametrize("untagged", [True, False])
def test_a_manifest_that_is_linked_again_comes_back_with_all_that_it_needs(
    driver: StorageDriver, writer: Writer, *, untagged: bool
) -> None:
    """A registry that keeps in memory which blobs it has writes nothing but the links."""
    image = writer.image("app", layers=(b"1",))
    index = writer.index("app", children=(image,))
    for digest in (index, image):
        delete_manifest(driver, "app", digest)
    list(quarantine_garbage(driver))
    assert len(list(quarantined(driver))) == 4
    for digest in (image, index):
        driver.put_content(layout.revision_path("app", digest), digest.encode())
    writer.tag("app", "latest", index)
    actions = {action.action for action in quarantine_garbage(driver, untagged=untagged, older_than=NOW)}
    assert actions == {"restore"}
    assert damage(driver) == []


@pytest.mark.parametrize("remove", [delete_garbage, quarantine_garbage])
def test_a_manifest_that_is_listed_by_its_link_alone_counts(remove: Remove) -> None:
    """It was pushed after the blobs were listed, or the store shows it in listings only later."""
    driver = Unlisting()
    writer = Writer(driver)
    image = writer.image("app", "latest", layers=(b"1",))
    gone = writer.image("app", "gone", layers=(b"2",))
    driver.unlisted.add(layout.blob_path(image))
    driver.delete(layout.blob_path(gone))
    removed = {place_of(action.path).digest for action in remove(driver)}
    assert len(removed) == 2
    driver.unlisted.clear()
    assert {found.repository for found in verify(driver) if found.severity == "damage"} == {"app"}
    assert [found.digest for found in verify(driver) if found.severity == "damage"] == [gone]


def test_what_is_about_a_manifest_comes_back_though_another_repository_has_it(
    driver: StorageDriver, writer: Writer
) -> None:
    """Its link alone was moved away, and no blob."""
    image = writer.image("app", layers=(b"1",))
    about = writer.artifact("app", image)
    for path in (layout.layer_path("other", digest) for digest in list(writer.sizes)):
        driver.put_content(path, place_of(path).digest.encode())
    for digest in (image, about):
        driver.put_content(layout.revision_path("other", digest), digest.encode())
        writer.tag("other", digest[7:20], digest)
    assert {place_of(action.path).kind for action in quarantine_garbage(driver, untagged=True)} == {Kind.REVISION}
    writer.tag("app", "again", image)
    assert [action.action for action in quarantine_garbage(driver, untagged=True, older_than=NOW)] == ["restore"] * 2
    assert driver.exists(layout.revision_path("app", about))
    assert damage(driver) == []


def test_nothing_is_deleted_while_a_manifest_in_the_quarantine_cannot_be_read() -> None:
    driver = RefusingDriver()
    writer = Writer(driver)
    writer.image("app", "kept", layers=(b"kept",))
    image = writer.image("app", layers=(b"1",))
    list(quarantine_garbage(driver, untagged=True))
    writer.tag("app", "again", image)
    driver.refused = {file.path for file in quarantined(driver) if file.place == Place(Kind.BLOB, digest=image)}
    before = len(list(quarantined(driver)))
    with pytest.raises(ConflictError, match="not this one"):
        list(quarantine_garbage(driver, older_than=NOW))
    assert len(list(quarantined(driver))) == before
    driver.refused = set()
    list(quarantine_garbage(driver, older_than=NOW))
    assert damage(driver) == []


def test_a_push_during_the_move_is_seen_at_its_end(driver: StorageDriver, writer: Writer) -> None:
    """The registry has looked for the layer before it was moved, and writes the manifest after."""
    writer.image("app", "old", layers=(b"old",))
    layer = writer.layer("app", b"layer")
    writer.layer("app", b"another")
    actions = quarantine_garbage(driver)
    next(actions)
    config = writer.layer("app", b"{}")
    tree = {
        "schemaVersion": 2,
        "config": writer.descriptor(config, "x/y"),
        "layers": [writer.descriptor(layer, "x/y")],
    }
    writer.manifest("app", tree, "new")
    assert "restore" in [action.action for action in actions]
    assert damage(driver) == []


class Unlisting(DictDriver):
    """A driver of a store whose listings do not show some files yet."""

    def __init__(self) -> None:
        super().__init__()
        self.unlisted: set[str] = set()

    def walk(self, path: str, visit: Callable[[FileInfo], None], start_after: str = "") -> None:
        super().walk(path, lambda info: None if info.path in self.unlisted else visit(info), start_after)


class Meanwhile(DictDriver):
    """A driver of a store in which something happens before a directory is listed."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: dict[str, Callable[[], object]] = {}

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        self.meanwhile.pop(path, lambda: None)()
        return super().files(path, start_after)


def test_what_another_run_has_moved_meanwhile_is_not_taken_for_what_was_pushed_again() -> None:
    driver = Meanwhile()
    writer = Writer(driver)
    writer.image("app", "old", layers=(b"old",))
    layer = writer.layer("app", b"layer")
    driver.meanwhile[layout.QUARANTINE] = lambda: list(quarantine_garbage(driver))
    assert list(quarantine_garbage(driver)) == []
    assert [file.place.digest for file in quarantined(driver)] == [layer]
    writer.image("app", "new", layers=(b"layer",))
    assert damage(driver) == []


def test_what_another_run_has_restored_meanwhile_is_no_failure() -> None:
    driver = Meanwhile()
    writer = Writer(driver)
    layer = writer.layer("app", b"layer")
    list(quarantine_garbage(driver))
    (moved,) = quarantined(driver)
    writer.image("app", "latest", layers=(b"layer",))
    driver.delete(layout.blob_path(layer))
    actions = quarantine_garbage(driver)
    driver.meanwhile[layout.QUARANTINE] = lambda: driver.copy(moved.path, moved.original)
    assert [(action.action, action.error) for action in actions] == [("restore", None)]
    assert damage(driver) == []
    assert [action.action for action in quarantine_garbage(driver)] == ["drop"]


@pytest.mark.parametrize(
    "name", ["99999999T999999.999999Z-ab/v2/blobs/x", "20200101T000000.000000Z-ab/v2/repositories/No_Name/file"]
)
def test_what_the_quarantine_did_not_get_from_here_stays(driver: StorageDriver, writer: Writer, name: str) -> None:
    writer.image("app", "latest", layers=(b"1",))
    driver.put_content(f"{layout.QUARANTINE}/{name}", b"of another tool")
    assert list(quarantine_garbage(driver, older_than=NOW)) == []
    assert driver.exists(f"{layout.QUARANTINE}/{name}")


def test_another_file_at_the_place_is_not_replaced(driver: StorageDriver, writer: Writer) -> None:
    layer = writer.layer("app", b"layer")
    list(quarantine_garbage(driver))
    writer.image("app", "latest", layers=(b"layer",))
    driver.put_content(layout.blob_path(layer), b"la")
    (action,) = quarantine_garbage(driver)
    assert action.action == "restore"
    assert isinstance(action.error, ConflictError)
    assert [file.place.digest for file in quarantined(driver)] == [layer]


def test_a_deleted_manifest_is_garbage_with_its_layers(driver: StorageDriver, writer: Writer) -> None:
    first = writer.image("app", "v1", layers=(b"shared", b"own"))
    writer.image("app", "v2", layers=(b"shared",))
    assert blobs(driver) == set()
    delete_manifest(driver, "app", first)
    assert len(blobs(driver)) == 3


@pytest.mark.parametrize("server", CHOSEN_S3)
def test_an_object_store(storage: MakeStorage, server: str) -> None:
    with opened(storage(server)) as driver:
        writer = Writer(driver)
        image = writer.image("app", "latest", layers=(b"1",))
        orphan = writer.blob(b"orphan")
        assert blobs(driver) == {orphan}
        (moved,) = quarantine_garbage(driver)
        assert driver.get_content(moved.quarantined) == b"orphan"
        assert list(verify(driver, digests=True)) == []
        assert [action.action for action in quarantine_garbage(driver, older_than=NOW)] == ["delete"]
        driver.delete(layout.revision_path("app", image))
        assert len(list(delete_garbage(driver))) == 3
        assert digests(driver) == set()
        assert [found.kind for found in verify(driver)] == ["tag_dangling", "layer_without_blob", "layer_without_blob"]
