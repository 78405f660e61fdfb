"""Deleting a tree: what goes first, what happens at the same time, and what a failure leaves."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.store import Entry, Failure
from storagedriver.driver import UploadInfo
from storagedriver.errors import PathNotFoundError, PermissionDeniedError, UnavailableError
from tests.adapter.generated_store import GeneratedStore

_PATIENCE = 60.0


def uploads(count: int) -> list[UploadInfo]:
    return [UploadInfo(f"/dir/{number}", "id", datetime(2024, 1, 1, tzinfo=timezone.utc)) for number in range(count)]


def test_next_page_is_listed_while_one_is_deleted() -> None:
    store = GeneratedStore(30)
    begun = [threading.Event() for _ in range(3)]
    store.before = lambda page: begun[page].set()
    deleted: list[str] = []

    def on_delete(keys: Sequence[str]) -> None:
        deleted.extend(keys)
        assert begun[min(len(deleted) // 10, 2)].wait(_PATIENCE)

    store.on_delete = on_delete
    FsspecDriver(store).delete("/dir")
    assert deleted.pop() == "dir"
    assert [int(key[-7:]) for key in deleted] == list(range(30))


def test_uploads_go_first_and_the_object_itself_last() -> None:
    store = GeneratedStore(20)
    store.own = Entry("dir", 1)
    store.open = uploads(3)
    FsspecDriver(store).delete("/dir")
    done = [event for event in store.events if not event.startswith("list")]
    assert sorted(done[:3]) == ["abort /dir/0", "abort /dir/1", "abort /dir/2"]
    assert done[3:] == ["delete 10", "delete 10", "delete 1"]


def test_nothing_is_deleted_if_an_upload_cannot_be_aborted() -> None:
    store = GeneratedStore(20)
    store.open = uploads(30)

    def on_abort(upload: UploadInfo) -> None:
        if upload.path == "/dir/1":
            raise ConnectionError("no answer")

    store.on_abort = on_abort
    driver = FsspecDriver(store)
    with pytest.raises(UnavailableError, match="no answer"):
        driver.delete("/dir")
    driver.close()
    assert not [event for event in store.events if event.startswith("delete")]


def test_failure_of_a_page_ends_it() -> None:
    store = GeneratedStore(100)
    failed = {"dir/000001/0000012": Failure(PermissionDeniedError, "no")}

    def on_delete(keys: Sequence[str]) -> None:
        if len([event for event in store.events if event.startswith("delete")]) == 1:
            raise DeleteError(failed, len(keys))

    store.on_delete = on_delete
    store.classify = lambda error: error.failure if isinstance(error, DeleteError) else Failure(UnavailableError)  # type: ignore[method-assign]
    driver = FsspecDriver(store)
    with pytest.raises(PermissionDeniedError, match="1 of 10 keys were not deleted: 'dir/000001/0000012' \\(no\\)"):
        driver.delete("/dir")
    driver.close()
    assert [event for event in store.events if event.startswith("delete")] == ["delete 10"]
    assert len(store.fetched) <= 3


def test_nothing_there_is_not_found_and_nothing_is_deleted() -> None:
    store = GeneratedStore(0)
    with pytest.raises(PathNotFoundError):
        FsspecDriver(store).delete("/dir")
    assert store.events == ["list 0"]


@pytest.mark.parametrize("slots", [None, 1])
def test_uploads_are_purged_several_at_a_time_as_far_as_there_are_slots(slots: int | None) -> None:
    store = GeneratedStore(0, slots=slots)
    store.open = uploads(20)
    lock, running, most = threading.Lock(), 0, 0
    met = threading.Barrier(4, timeout=_PATIENCE)

    def on_abort(_: UploadInfo) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if slots is None:
            met.wait()
        with lock:
            running -= 1

    store.on_abort = on_abort
    assert FsspecDriver(store).purge_uploads("/dir") == store.open
    assert len(store.events) == 20
    assert most <= 1 if slots else most >= 4


def test_upload_that_cannot_be_purged_is_named() -> None:
    store = GeneratedStore(0)
    store.open = uploads(3)

    def on_abort(upload: UploadInfo) -> None:
        if upload.path == "/dir/1":
            raise ConnectionError("no answer")

    store.on_abort = on_abort
    with pytest.raises(UnavailableError, match="/dir/1") as caught:
        FsspecDriver(store).purge_uploads("/dir")
    assert caught.value.path == "/dir/1"
