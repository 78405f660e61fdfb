"""Pages that are fetched before they are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from storagedriver.adapter import prefetch
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.store import Entry
from storagedriver.driver import FileInfo, SkipDir, StopWalk
from storagedriver.errors import StorageDriverError, UnavailableError
from tests.adapter.generated_store import GeneratedStore

_PATIENCE = 60.0


class _VisitError(Exception):
    pass


@pytest.fixture
def freed() -> Iterator[threading.Event]:
    """What a page may wait for; set at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def wait_for(event: threading.Event) -> None:
    assert event.wait(_PATIENCE), "it did not happen"


def page_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "storagedriver-page"]


def test_next_page_is_being_fetched_while_one_is_visited() -> None:
    store = GeneratedStore(30)
    begun = [threading.Event() for _ in range(3)]
    store.before = lambda page: begun[page].set()
    seen = 0
    for seen, _ in enumerate(FsspecDriver(store).files(), 1):
        wait_for(begun[min((seen - 1) // 10 + 1, 2)])
    assert seen == 30


def test_no_more_than_one_page_is_fetched_ahead() -> None:
    store = GeneratedStore(200)
    last = threading.Event()
    store.before = lambda page: last.set() if page == 19 else None
    for number, _ in enumerate(FsspecDriver(store).files()):
        assert len(store.fetched) <= number // 10 + 2
    assert store.fetched == list(range(0, 200, 10))


def test_listing_of_one_page_takes_no_thread() -> None:
    store = GeneratedStore(10)
    driver = FsspecDriver(store)
    assert len(list(driver.files())) == 10
    assert len(driver.list("/")) == 10
    driver.walk("/", lambda _: None)
    assert driver.stat("/dir").is_dir
    assert store.threads == {threading.get_ident()}


def test_listing_of_so_many_wanted_takes_no_thread() -> None:
    store = GeneratedStore(1000)
    for wanted in (1, 7, 10):
        pages = store.prefetcher.pages(store.pages("", recursive=True, limit=wanted, skipped=set()))
        assert sum(map(len, pages)) == wanted
    assert store.threads == {threading.get_ident()}


def test_wanted_entries_come_from_as_many_pages_as_need_be() -> None:
    store = GeneratedStore(1000)
    listing = store.pages("", recursive=True, limit=25, skipped=set())
    assert [len(page) for page in listing] == [10, 10, 5]
    assert store.fetched == [0, 10, 20]


def test_error_of_a_page_comes_when_the_page_is_asked_for() -> None:
    store = GeneratedStore(30)
    failed = threading.Event()

    def before(page: int) -> None:
        if page == 2:
            failed.set()
            raise ConnectionError("no answer")

    store.before = before
    seen: list[str] = []

    def visit(info: FileInfo) -> None:
        if not info.is_dir:
            seen.append(info.path)
        if len(seen) == 15:
            wait_for(failed)

    with pytest.raises(UnavailableError, match="no answer") as caught:
        FsspecDriver(store).walk("/dir", visit)
    assert len(seen) == 20
    assert caught.value.path == "/dir"
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("how", ["stop", "error", "break", "close"])
def test_walk_that_is_left_early_fetches_nothing_more(how: str, freed: threading.Event) -> None:
    store = GeneratedStore(100)
    store.before = lambda page: wait_for(freed) if page else None
    driver = FsspecDriver(store)

    def visit(_: FileInfo) -> None:
        raise StopWalk if how == "stop" else _VisitError

    if how == "stop":
        driver.walk("/", visit)
    elif how == "error":
        with pytest.raises(_VisitError):
            driver.walk("/", visit)
    elif how == "break":
        for _ in driver.files():
            break
    else:
        files = driver.files()
        next(files)
        files.close()  # type: ignore[attr-defined] # it is a generator
    freed.set()
    driver.close()
    assert len(store.fetched) <= 2
    assert not page_threads()


def test_close_does_not_wait_for_a_page_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch, freed: threading.Event
) -> None:
    monkeypatch.setattr(prefetch, "_PATIENCE", 0.01)
    store = GeneratedStore(100)
    store.before = lambda page: wait_for(freed) if page else None
    driver = FsspecDriver(store)
    for _ in driver.files():
        break
    driver.close()
    assert store.fetched == [0]


def test_page_that_waits_for_a_slot_is_not_fetched_after_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "_PATIENCE", 0.01)
    store = GeneratedStore(100, slots=1)
    with store.limit.slot():
        pages = store.prefetcher.pages(store.pages("", recursive=True, skipped=set()), store.limit.slot, early=True)
        store.prefetcher.close()
    for thread in page_threads():
        thread.join()
    assert store.fetched == []
    assert sum(map(len, pages)) == 100, "an iterator that is still held goes on by itself"


def test_walk_in_a_walk_with_one_slot() -> None:
    store = GeneratedStore(30, slots=1)
    driver = FsspecDriver(store)
    pairs = [(one.path, other.path) for one in driver.files() for other in driver.files()]
    assert len(pairs) == 900


def test_no_more_requests_than_slots() -> None:
    store = GeneratedStore(400, slots=2)
    lock, running, most = threading.Lock(), 0, 0

    def before(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    store.before = before
    driver = FsspecDriver(store)
    threads = [threading.Thread(target=lambda: sum(1 for _ in driver.files())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    assert len(store.fetched) == 6 * 40


def test_skipped_directory_is_jumped_over_a_page_later() -> None:
    store = GeneratedStore(100, size=4)
    visited: list[str] = []

    def visit(info: FileInfo) -> None:
        visited.append(info.path)
        if info.is_dir and info.path != "/dir":
            raise SkipDir

    FsspecDriver(store).walk("/", visit)
    assert visited == ["/dir", *(f"/dir/{number:06}" for number in range(10))]
    assert len(store.fetched) <= 21


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_walk_goes_on_in_a_fork(freed: threading.Event) -> None:
    store = GeneratedStore(100, slots=1)
    parent = os.getpid()
    store.before = lambda page: wait_for(freed) if page and os.getpid() == parent else None
    driver = FsspecDriver(store)
    files = driver.files()
    first = next(files).path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            rest = [info.path for info in files]
            driver.close()
            code = 0 if len(rest) == 99 and sorted(rest) == rest and first < rest[0] else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    freed.set()
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(list(files)) == 99


def test_interpreter_ends_while_a_page_is_being_fetched() -> None:
    program = """
from tests.adapter.generated_store import GeneratedStore
from storagedriver.adapter.driver import FsspecDriver
import threading

store = GeneratedStore(100)
store.before = lambda page: threading.Event().wait() if page else None
files = FsspecDriver(store).files()
print(next(files).path)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "/dir/000000/0000000\n", "")


def test_pages_are_fetched_without_threads_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    store = GeneratedStore(100)
    assert len(list(FsspecDriver(store).files())) == 100
    assert store.threads == {threading.get_ident()}


def test_listing_that_does_not_go_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    store = GeneratedStore(0)
    page = [Entry("dir/file", 1)]
    monkeypatch.setattr(store, "pages", lambda *_, **__: Listing(lambda where, _: (page, max(1, where)), 0))
    with pytest.raises(StorageDriverError, match="does not go on") as caught:
        list(FsspecDriver(store).files("/dir"))
    assert (caught.value.driver_name, caught.value.path) == ("generated", "/dir")


def test_walk_holds_a_few_pages_at_a_time() -> None:
    store = GeneratedStore(100_000, 1000)
    assert sum(1 for _ in FsspecDriver(store).files()) == 100_000
    assert store.most_alive <= 3


def test_memory_of_a_walk_does_not_grow_with_the_store() -> None:
    def peak(count: int) -> int:
        driver = FsspecDriver(GeneratedStore(count, 1000))
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        driver.walk("/", lambda _: None)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        few, many = peak(5000), peak(100_000)
    finally:
        tracemalloc.stop()
    assert many < 1.5 * few, f"{few} bytes for 5000 keys, {many} for 100,000"
