"""Walks that wait for what happens behind them."""

from __future__ import annotations

import time

from storagedriver.adapter.driver import FsspecDriver
from tests.servers.faults import FaultProxy

_PATIENCE = 60.0

__all__ = ["files_seen_ahead"]


def files_seen_ahead(driver: FsspecDriver, proxy: FaultProxy, path: str, size: int, pages: int) -> list[str]:
    """The files below a path, each visited not before the server was asked for the page after its own.

    Parameters
    ----------
    driver : FsspecDriver
        The driver, behind the proxy. It must have spoken to the server before.
    proxy : FaultProxy
        The proxy; what it has seen is forgotten.
    path : str
        The directory.
    size : int
        How many files a page has.
    pages : int
        How many pages there are.
    """
    proxy.reset()
    seen: list[str] = []
    end = time.monotonic() + _PATIENCE
    for number, info in enumerate(driver.files(path)):
        seen.append(info.path)
        while len(proxy.matching("GET")) < min(number // size + 2, pages):
            assert time.monotonic() < end, f"nobody has asked for the page after that of file {number}"
            time.sleep(0.001)
    assert len(proxy.requests) == pages
    return seen
