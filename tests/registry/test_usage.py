"""Every byte of a storage is accounted for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.registry import layout
from storagedriver.registry.quarantine import delete_garbage, quarantine_garbage
from storagedriver.registry.usage import RepositoryUsage, usage
from tests.registry.generated import Writer, random_registry

SHARED, OWN, OTHER = b"s" * 1000, b"o" * 300, b"x" * 70


@pytest.fixture
def driver() -> Iterator[StorageDriver]:
    with factory.create("inmemory", {}) as driver:
        yield driver


def by_name(driver: StorageDriver) -> dict[str, RepositoryUsage]:
    return {one.repository: one for one in usage(driver).repositories}


@pytest.mark.parametrize("seed", range(10))
def test_the_sum_is_every_byte_and_deleting_frees_what_it_says(driver: StorageDriver, seed: int) -> None:
    writer = Writer(driver)
    random_registry(writer, seed)
    writer.upload("uploading/only", b"12345")
    driver.put_content("/foreign", b"123")
    driver.put_content(f"{layout.TOP}/blobs/sha256/ab/strange", b"1234")
    driver.put_content(f"{layout.QUARANTINE}/x/list.jsonl", b"12")
    found = usage(driver)
    total = found.total
    assert found.doubts == []
    assert (total.foreign, total.quarantine, total.unpublished) == (7, 2, 0)
    parts = total.own + total.shared + total.orphans + total.links + total.uploads + total.foreign + total.quarantine
    assert parts == total.total == sum(info.size for info in driver.files())
    assert sum(one.links for one in found.repositories) == total.links
    assert sum(one.own for one in found.repositories) == total.own
    for one in found.repositories:
        assert one.own + one.shared == one.layers + one.manifests
    list(delete_garbage(driver))
    assert usage(driver).total.orphans == 0
    chosen = found.repositories[seed % len(found.repositories)]
    before = sum(info.size for info in driver.files(layout.TOP))
    driver.delete(layout.repository_directory(chosen.repository))
    list(delete_garbage(driver))
    assert before - sum(info.size for info in driver.files(layout.TOP)) == chosen.frees


def test_a_repository_has_own_and_shared_bytes(driver: StorageDriver) -> None:
    writer = Writer(driver)
    image = writer.image("a", "v1", "v2", layers=(SHARED, OWN))
    untagged = writer.image("a", layers=(OWN,))
    child = writer.image("a", layers=(OTHER,))
    writer.index("a", "multi", children=(child,))
    writer.image("b", "v1", layers=(SHARED,))
    found = by_name(driver)
    one = found["a"]
    assert (one.tags, one.revisions, one.untagged) == (3, 4, 1)
    assert one.shared == len(SHARED) == found["b"].shared
    manifests = sum(writer.sizes[digest] for digest in (image, untagged, child)) + _index_size(writer, "a")
    assert one.manifests == manifests
    assert one.last_push == driver.stat(layout.tag_path("a", "multi")).mod_time


def _index_size(writer: Writer, repository: str) -> int:
    link = writer.driver.get_content(layout.tag_path(repository, "multi")).decode()
    return writer.sizes[link]


def test_what_was_moved_away_is_shown(driver: StorageDriver) -> None:
    writer = Writer(driver)
    writer.image("a", "v1", layers=(SHARED,))
    writer.blob(OWN)
    before = usage(driver).total
    list(quarantine_garbage(driver))
    after = usage(driver).total
    assert (before.orphans, after.orphans) == (len(OWN), 0)
    assert after.quarantine > len(OWN)
    assert after.total - after.quarantine == before.total - before.orphans


def test_an_unfinished_upload_of_the_store_comes_on_top(driver: StorageDriver) -> None:
    Writer(driver).image("a", "v1", layers=(SHARED,))
    with driver.writer("/elsewhere") as writer:
        writer.write(b"x" * 500)
    assert usage(driver).total.unpublished == sum(upload.size or 0 for upload in driver.uploads())


def test_a_table_of_pandas(driver: StorageDriver) -> None:
    pytest.importorskip("pandas")
    Writer(driver).image("a", "v1", layers=(SHARED,))
    Writer(driver).upload("b")
    frame = usage(driver).dataframe()
    assert list(frame.index) == ["a", "b"]
    assert frame["layers"].to_dict() == {one.repository: one.layers for one in usage(driver).repositories}
    assert str(frame["last_push"].dtype).startswith("datetime64")
    assert frame["frees"].sum() == usage(driver).total.total
    driver.delete("/docker/registry/v2/repositories")
    assert usage(driver).dataframe().empty
