"""One driver for all filesystems of a process that were made from the same options."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from weakref import WeakValueDictionary

from storagedriver.driver import StorageDriver

__all__ = ["SharedDrivers"]


class SharedDrivers:
    """Drivers by the options they were made from, as long as they are used.

    fsspec caches filesystems for each thread. Without this a pool of threads
    would open a pool of connections each, and threads with an ``inmemory``
    driver would not see each other's files.
    """

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def get(self, key: str, make: Callable[[], StorageDriver]) -> StorageDriver:
        """The driver of a key, made if there is none."""
        with self._lock:
            driver = self._drivers.get(key)
            if driver is None:
                driver = self._drivers[key] = make()
            return driver

    def _reset(self) -> None:
        """Begin anew: in a child process the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()
        self._drivers: WeakValueDictionary[str, StorageDriver] = WeakValueDictionary()
