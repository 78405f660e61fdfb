"""Going on with an upload after any one call of the filesystem has failed: no byte is lost and none is invented."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from storagedriver.adapter.store import Upload
from storagedriver.drivers.fsspec import session_file
from storagedriver.drivers.fsspec.store import GenericStore
from storagedriver.errors import ConflictError, StorageDriverError
from tests.generic.failing import FailingLocal, FailingMemory, FailingObjects, InjectedError, Plan

MIB = 1 << 20
KEY = "dir/data"


def content(size: int, seed: int) -> bytes:
    return (bytes(range(seed, seed + 97)) * (size // 97 + 1))[:size]


OLD = content(1000, 100)
SMALL = [content(size, number) for number, size in enumerate([300, MIB + 1, 70])]
LARGE = [content(size, number) for number, size in enumerate([MIB, MIB + 1, MIB + 2, 300])]

Make = Callable[[Path, Plan], GenericStore]


def over_local(root: Path, plan: Plan) -> GenericStore:
    return GenericStore("failing", FailingLocal(plan, skip_instance_cache=True), str(root))


def over_objects(root: Path, plan: Plan) -> GenericStore:  # noqa: ARG001 - it has none
    fs = FailingObjects(plan, skip_instance_cache=True)
    return GenericStore("failing", fs, "/root", directories="implied")


def over_memory(root: Path, plan: Plan) -> GenericStore:  # noqa: ARG001 - it has none
    return GenericStore("failing", FailingMemory(plan, skip_instance_cache=True), "/root")


STORES: dict[str, Make] = {"local": over_local, "objects": over_objects, "memory": over_memory}


#: Which error the call that fails raises, and when.
FAULTS: list[tuple[type[BaseException], str]] = [
    *((InjectedError, moment) for moment in ("before", "half", "after")),
    *((KeyboardInterrupt, moment) for moment in ("half", "after")),
]


@pytest.fixture(autouse=True)
def _little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_file, "_KEPT", 2 * MIB)


def fresh(store: GenericStore, plan: Plan) -> GenericStore:
    """What another process would have."""
    plan.number = 1 << 30
    return GenericStore(
        "fresh", store.files.filesystem, store.files.root, directories="kept" if store.keeps_directories else "implied"
    )


def begin(store: GenericStore, start: str) -> tuple[Upload, bytes]:
    """An upload that is begun, or goes on from content or from another session; and what it has already."""
    if start == "content":
        store.put(KEY, memoryview(OLD))
        return store.resume(KEY), OLD
    if start == "upload":
        upload = store.begin(KEY)
        upload.write(memoryview(OLD))
        upload.suspend()
        return store.resume(KEY), OLD
    return store.begin(KEY), b""


def persevere(upload: Upload, expected: bytes, pieces: list[bytes], end: str) -> bytes:
    """Write and end, each call again until it succeeds; give what must be there."""
    for piece in pieces:
        taken = 0
        while taken < len(piece):
            before = upload.size
            assert before == len(expected)
            try:
                upload.write(memoryview(piece)[taken:])
            except (InjectedError, KeyboardInterrupt):
                prefix = upload.size - before
                assert 0 <= prefix <= len(piece) - taken
            else:
                prefix = len(piece) - taken
            expected += piece[taken : taken + prefix]
            taken += prefix
    for _ in range(3):
        assert upload.size == len(expected)
        assert upload.durable is not None
        assert upload.durable <= len(expected)
        with suppress(InjectedError, KeyboardInterrupt):
            getattr(upload, end)()
            return expected
    raise AssertionError("it fails again and again")


def found(store: GenericStore) -> bytes:
    """What a resume finds, committed."""
    upload = store.resume(KEY)
    size = upload.size
    upload.commit()
    whole = store.get(KEY)
    assert len(whole) == size
    assert list(store.uploads("")) == []
    return whole


@pytest.mark.parametrize(("error", "moment"), FAULTS)
@pytest.mark.parametrize("end", ["commit", "suspend"])
@pytest.mark.parametrize("start", ["nothing", "content", "upload"])
@pytest.mark.parametrize("name", STORES)
def test_a_call_that_failed_is_made_again(
    tmp_path: Path, name: str, start: str, end: str, moment: str, error: type[BaseException]
) -> None:
    for number in range(100):
        plan = Plan(moment=moment, error=error)
        store = STORES[name](tmp_path / str(number), plan)
        upload, expected = begin(store, start)
        plan.number, plan.count = number, 0
        try:
            expected = persevere(upload, expected, SMALL, end)
        except ConflictError:
            # A commit that was published, and then failed, may not know itself again. It is an error all the same.
            assert (plan.done[0] in ("mv", "rm", "cp"), moment) == (True, "after"), plan.done
            expected += b"".join(SMALL)
            store = fresh(store, plan)
            assert store.get(KEY) == expected
            continue
        if end == "commit":
            assert store.get(KEY) == expected, plan.done
            assert list(fresh(store, plan).uploads("")) == [], plan.done
        else:
            assert found(fresh(store, plan)) == expected, plan.done
        if not plan.done:
            assert number > 3
            return
    pytest.fail("it does not come to an end")


@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("name", STORES)
def test_more_than_is_kept_is_lost_with_an_error_or_not_at_all(tmp_path: Path, name: str, moment: str) -> None:
    lost = 0
    for number in range(100):
        plan = Plan(moment=moment)
        store = STORES[name](tmp_path / str(number), plan)
        upload, expected = begin(store, "upload")
        plan.number, plan.count = number, 0
        try:
            expected = persevere(upload, expected, LARGE, "commit")
        except ConflictError:
            assert (plan.done[0] in ("mv", "rm", "cp"), moment) == (True, "after"), plan.done
            continue
        except StorageDriverError as error:
            lost += 1
            assert name != "local", plan.done
            assert {error.durable, upload.durable} == {len(OLD)}  # noqa: PT017 - it is raised by some of the numbers
            for end in (upload.commit, upload.suspend, upload.commit):
                with pytest.raises(StorageDriverError, match="are lost"):
                    end()
            assert found(fresh(store, plan))[: len(OLD)] == OLD
            continue
        assert store.get(KEY) == expected, plan.done
        if not plan.done:
            assert number > 3
            assert lost or name == "local"
            return
    pytest.fail("it does not come to an end")


@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("pieces", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("start", ["content", "upload"])
@pytest.mark.parametrize("name", STORES)
def test_an_upload_is_cancelled_after_any_failure(
    tmp_path: Path, name: str, start: str, pieces: list[bytes], moment: str
) -> None:
    for number in range(100):
        plan = Plan(moment=moment)
        store = STORES[name](tmp_path / str(number), plan)
        upload, _ = begin(store, start)
        plan.number, plan.count = number, 0
        committed = False
        with suppress(OSError):
            for piece in pieces:
                upload.write(memoryview(piece))
            upload.commit()
            committed = True
        if not committed:
            plan.number = 1 << 30
            upload.cancel()
            assert list(store.uploads("")) == [], plan.done
            entry = store.head(KEY)
            if entry is not None:
                assert store.get(KEY) in (OLD, OLD + b"".join(pieces)), plan.done
        else:
            assert number > 3
            return
    pytest.fail("it does not come to an end")


@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("name", STORES)
def test_nothing_of_a_write_that_failed_is_resumed(tmp_path: Path, name: str, moment: str) -> None:
    plan = Plan(moment=moment)
    store = STORES[name](tmp_path, plan)
    upload, expected = begin(store, "upload")
    upload.write(memoryview(SMALL[1]))
    plan.number, plan.count = 0, 0
    with pytest.raises(InjectedError):
        upload.write(memoryview(SMALL[1]))
    upload.suspend()
    assert found(fresh(store, plan)) == expected + SMALL[1]


CALLS: dict[str, Callable[[GenericStore], Any]] = {
    "begin": lambda store: store.begin(KEY),
    "resume": lambda store: store.resume(KEY),
    "resume from content": lambda store: store.resume(KEY),
    "put": lambda store: store.put(KEY, memoryview(b"new")),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("name", STORES)
def test_a_call_that_failed_has_lost_nothing(tmp_path: Path, name: str, moment: str, call: str) -> None:
    for number in range(100):
        plan = Plan(moment=moment)
        store = STORES[name](tmp_path / str(number), plan)
        begin(store, "content" if call in ("resume from content", "put") else "upload")[0].cancel()
        if call in ("begin", "resume"):
            begin(store, "upload")[0].suspend()
        plan.number, plan.count = number, 0
        try:
            CALLS[call](store)
        except (InjectedError, StorageDriverError):
            store = fresh(store, plan)
            if call == "put":
                assert store.get(KEY) in (OLD, b"new"), plan.done
            elif call == "begin":
                # It was to end the older upload, and may have done so.
                sizes = [upload.size for upload in store.uploads(KEY)]
                assert sizes in ([], [0], [len(OLD)], [0, len(OLD)]), plan.done
            else:
                assert store.resume(KEY).size == len(OLD), plan.done
        else:
            if not plan.done:
                return
    pytest.fail("it does not come to an end")


def test_a_write_after_a_commit_that_failed_goes_on(tmp_path: Path) -> None:
    plan = Plan()
    store = over_local(tmp_path, plan)
    upload, expected = begin(store, "upload")
    upload.write(memoryview(SMALL[1]))
    plan.number, plan.count = 2, 0
    with pytest.raises(InjectedError):
        upload.commit()
    assert plan.done == ["ls"]
    upload.write(memoryview(SMALL[0]))
    upload.commit()
    assert store.get(KEY) == expected + SMALL[1] + SMALL[0]


def test_an_fsync_that_fails_has_the_data_written_again_or_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = True
    real = os.fsync

    def fsync(file: int) -> None:
        if failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file)

    for pieces in (SMALL, LARGE):
        failing = False
        store = over_local(tmp_path, Plan())
        upload, expected = begin(store, "upload")
        for piece in pieces:
            upload.write(memoryview(piece))
        monkeypatch.setattr(os, "fsync", fsync)
        failing = True
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output|are lost"):
                upload.commit()
        failing = False
        if pieces is SMALL:
            upload.commit()
            assert store.get(KEY) == expected + b"".join(pieces)
        else:
            with pytest.raises(StorageDriverError, match="are lost"):
                upload.suspend()
            upload.cancel()
            assert list(store.uploads("")) == []
