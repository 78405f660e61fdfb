"""What went wrong with one file, and whether it will go wrong with every other one."""

from __future__ import annotations

import errno
import threading

from storagedriver.errors import BucketNotFoundError, StorageDriverError, UnavailableError
from storagedriver.transfer.report import Report

__all__ = ["Failures", "HeldError", "WrongContentError"]

#: So many files in succession that a store has no answer for end a transfer.
_SILENT = 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


class WrongContentError(StorageDriverError):
    """A file of the source is not what its name says."""

    summary = "wrong content"


class HeldError(StorageDriverError):
    """A link is not written, since what it leads to is not at the destination."""

    summary = "held back"


class Failures:
    """Notes what failed in a report, and says when there is no use in going on.

    Parameters
    ----------
    report : Report
        Where findings go, and `Report.gave_up`.
    stopped : threading.Event
        Is set when the transfer is to end.
    """

    def __init__(self, report: Report, stopped: threading.Event) -> None:
        self._report = report
        self._stopped = stopped
        self._silent = 0
        self._lock = threading.Lock()

    def add(self, path: str, error: OSError) -> None:
        """Note that a file failed."""
        if isinstance(error, WrongContentError):
            self._report.find("wrong", path, error.detail)
            return
        if isinstance(error, HeldError):
            self._report.find("held", path, error.detail)
            return
        self._report.find("failed", path, str(error))
        with self._lock:
            self._silent = self._silent + 1 if isinstance(error, UnavailableError) else 0
            if isinstance(error, BucketNotFoundError) or error.errno in _FULL or self._silent >= _SILENT:
                self.give_up(str(error))

    def succeeded(self) -> None:
        """Note that a file did not fail."""
        self._silent = 0

    def give_up(self, reason: str) -> None:
        """End the transfer."""
        self._report.gave_up = self._report.gave_up or " ".join(reason.split())
        self._stopped.set()
