"""How often, and for how long, a chunk is sent again."""

from __future__ import annotations

import random
import time

from storagedriver.adapter.traffic import count_retry
from storagedriver.drivers.gcs.errors import has_status
from storagedriver.errors import UnavailableError

__all__ = ["Tries"]

#: How often in a row a chunk is sent without a byte of it arriving.
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2


class Tries:
    """The attempts of one call. The timeout holds for all of them together, from the last progress on."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self.failure: Exception | None = None
        self.renew()

    def renew(self) -> None:
        """There was progress."""
        self._count = 0
        self.deadline = time.monotonic() + self._timeout

    def begin(self, offset: int) -> None:
        """Begin another attempt, after a pause; raise the last failure if there is to be none."""
        if self._count == _ATTEMPTS or not self._pause():
            reason = f"the store does not take the upload any further than {offset} bytes"
            raise self.failure or UnavailableError(reason)
        if self._count:
            count_retry()
        self._count += 1
        self.failure = None

    def raise_failure(self, status: int) -> None:
        """Raise the failure of the last attempt if it was this status."""
        if self.failure is not None and has_status(self.failure, status):
            raise self.failure

    def _pause(self) -> bool:
        if self._count == 0:
            return True
        pause = _FIRST_PAUSE * 2 ** (self._count - 1) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if time.monotonic() + pause >= self.deadline:
            return False
        time.sleep(pause)
        return True
