"""What a transfer deletes at the destination, in which order, and when nothing is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.errors import PermissionDeniedError, UnavailableError
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind, place_of
from storagedriver.transfer import TransferRefusedError, transfer
from tests.transfer.generated import Generated, check_links, check_readable, contents, digest_of
from tests.transfer.watched import WatchedDriver

GONE = "group-1/app-1"


def both() -> tuple[Generated, Generated]:
    """A registry, and the same with a repository and a tag more."""
    less, more = Generated(), Generated()
    less.fill(1, 2)
    more.fill(2, 2)
    more.tag("group-0/app-0", "old", more.image("group-0/app-0", [b"old"], b'{"old": 1}'))
    return less, more


def test_tags_go_first_then_links_then_blobs() -> None:
    less, more = both()
    dest = WatchedDriver(more.files)
    dest.watch = check_links
    report = transfer(WatchedDriver(less.files), dest, delete=True)
    assert report.equal
    assert dest.contents == less.files
    order = [kind for kind, _ in itertools.groupby(place_of(path).kind for _, path in dest.changes)]
    assert order == [Kind.TAG, Kind.TAG_INDEX, Kind.REVISION, Kind.LAYER, Kind.BLOB]
    assert {what for what, _ in dest.changes} == {"delete"}


def test_without_the_option_nothing_is_deleted_and_the_rest_is_counted() -> None:
    less, more = both()
    dest = WatchedDriver(more.files)
    report = transfer(WatchedDriver(less.files), dest)
    assert report.ok
    assert not report.equal
    assert report.extra == len(more.files) - len(less.files)
    assert dest.changes == []


def test_no_directory_is_left_that_a_registry_takes_for_a_tag_or_a_repository(tmp_path: Path) -> None:
    less, more = both()
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as dest:
        more.write(dest)
        assert transfer(WatchedDriver(less.files), dest, delete=True).equal
        assert dest.list(layout.REPOSITORIES) == [layout.repository_directory("group-0")]
        tags = f"{layout.manifests_directory('group-0/app-0')}/tags"
        assert dest.list(tags) == [f"{tags}/{name}" for name in ("all", "v0", "v1")]
        assert dest.list("/") == ["/docker"]
        assert contents(dest) == less.files


@pytest.mark.parametrize("directory", [layout.REPOSITORIES, layout.BLOBS, "/"])
def test_nothing_is_deleted_after_a_listing_that_failed(directory: str) -> None:
    less, more = both()
    source, dest = WatchedDriver(less.files), WatchedDriver(more.files)
    source.broken_walks[directory] = UnavailableError("busy", driver_name="dict", path=directory)
    report = transfer(source, dest, delete=True)
    assert not report.ok
    assert dest.contents == more.files


def test_nothing_is_deleted_if_something_was_not_transferred() -> None:
    less, more = both()
    source, dest = WatchedDriver(less.files), WatchedDriver(more.files)
    # The destination's tag leads to an old manifest, and the new one is held back.
    tag = layout.tag_path("group-0/app-0", "v0")
    dest.contents[tag] = more.files[layout.tag_path("group-0/app-0", "old")]
    source.broken[tag] = PermissionDeniedError(driver_name="dict", path=tag)
    report = transfer(source, dest, delete=True)
    assert not report.ok
    assert "not everything was transferred" in report.findings[-1].reason
    assert not [change for change in dest.changes if change[0] == "delete"]
    check_readable(dest.contents)


def test_blobs_stay_if_a_link_to_them_may_have_stayed() -> None:
    less, more = both()
    dest = WatchedDriver(more.files)
    stays = layout.layer_path("group-0/app-0", digest_of(b"old"))
    dest.broken[stays] = PermissionDeniedError(driver_name="dict", path=stays)
    report = transfer(WatchedDriver(less.files), dest, delete=True)
    assert not report.ok
    assert not [path for what, path in dest.changes if what == "delete" and place_of(path).kind is Kind.BLOB]
    check_links(dest.contents)


def test_a_part_of_a_registry_takes_no_blob_away_from_the_others() -> None:
    less, more = both()
    dest = WatchedDriver(more.files)
    report = transfer(WatchedDriver(less.files), dest, repositories=("group-0/app-0",), delete=True)
    assert report.ok
    assert layout.tag_path("group-0/app-0", "old") not in dest.contents
    assert layout.tag_path(GONE, "v0") in dest.contents
    assert layout.blob_path(digest_of(b"old")) in dest.contents
    check_readable(dest.contents)


def test_a_blob_that_only_the_destination_still_has_stays_where_a_link_leads_to_it() -> None:
    less, _ = both()
    dest = WatchedDriver(less.files)
    lost = layout.blob_path(digest_of(b"lost"))
    less.files[layout.layer_path("group-0/app-0", digest_of(b"lost"))] = digest_of(b"lost").encode()
    dest.contents[lost] = b"lost"
    report = transfer(WatchedDriver(less.files), dest, delete=True)
    assert report.ok
    assert lost in dest.contents


def test_files_of_others_stay_beside_a_registry_and_go_from_a_tree() -> None:
    less, _ = both()
    dest = WatchedDriver(less.files | {"/scheduler.json": b"{}"})
    assert transfer(WatchedDriver(less.files), dest, delete=True).extra == 1
    assert "/scheduler.json" in dest.contents
    tree = WatchedDriver({"/a": b"1", "/b": b"2"})
    assert transfer(WatchedDriver({"/a": b"1"}), tree, delete=True).equal
    assert tree.contents == {"/a": b"1"}


def test_a_file_that_goes_takes_nothing_below_its_path_along() -> None:
    tree = WatchedDriver({"/a": b"1", "/a/b": b"2", "/a/c": b"3", "/a0": b"4"})
    assert transfer(WatchedDriver({"/a/b": b"2", "/a0": b"4"}), tree, delete=True).equal
    assert tree.contents == {"/a/b": b"2", "/a0": b"4"}


def test_a_source_within_the_destination_is_not_deleted(tmp_path: Path) -> None:
    less, _ = both()
    with (
        factory.create("filesystem", {"rootdirectory": str(tmp_path / "in")}) as source,
        factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as dest,
    ):
        less.write(source)
        with pytest.raises(TransferRefusedError, match="within the destination"):
            transfer(source, dest, delete=True)
        assert contents(source) == less.files
