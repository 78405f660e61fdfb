"""Walks and deletes whose requests overlap, on any store behind a proxy."""

from __future__ import annotations

import time
from dataclasses import replace

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.http.bucket_store import BucketStore
from storagedriver.testsuites.faults.actions import Gather
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import put_all

_PATIENCE = 60.0

__all__ = ["check_batches_run_together", "check_pages_are_fetched_ahead", "delete_in_batches"]


def check_pages_are_fetched_ahead(driver: FsspecDriver, proxy: FaultProxy, size: int) -> None:
    """Visit three pages of files, each file not before the server was asked for the page after its own.

    Parameters
    ----------
    driver : FsspecDriver
        The driver, behind the proxy.
    proxy : FaultProxy
        The proxy; what it has seen is forgotten.
    size : int
        How many files a page has.
    """
    pages = 3
    paths = [f"/dir/{number:02}" for number in range(pages * size - 1)]
    put_all(driver, paths)
    proxy.reset()
    seen: list[str] = []
    end = time.monotonic() + _PATIENCE
    for number, info in enumerate(driver.files("/dir")):
        seen.append(info.path)
        while len(proxy.matching("GET")) < min(number // size + 2, pages):
            assert time.monotonic() < end, f"nobody has asked for the page after that of file {number}"
            time.sleep(0.001)
    assert len(proxy.requests) == pages
    assert seen == paths


def delete_in_batches(driver: FsspecDriver, size: int) -> None:
    """Have a driver of a bucket delete so many keys by a request."""
    store = driver._store
    assert isinstance(store, BucketStore)
    store._bulk = replace(store._bulk, batch=size)


def check_batches_run_together(driver: FsspecDriver, proxy: FaultProxy, size: int, query: str) -> None:
    """Delete a directory of four batches, and see three of them at the server at the same time.

    Parameters
    ----------
    driver, proxy
        As for `check_pages_are_fetched_ahead`.
    size : int
        How many files a batch has.
    query : str
        What stands in the query of a bulk delete.
    """
    put_all(driver, [f"/dir/{number:02}" for number in range(4 * size)])
    proxy.reset()
    proxy.add(Gather(3), method="POST", query=query, times=None)
    driver.delete("/dir")
    assert len(proxy.matching("POST", query=query)) == 4
    assert proxy.peak >= 3
