"""How many requests a call sends: counted for those who ask, and at no cost for all others."""

from __future__ import annotations

import threading
from contextvars import ContextVar

__all__ = ["CURRENT", "Traffic", "count_request", "count_retry"]


class Traffic:
    """The requests of one call, whichever threads send them.

    Attributes
    ----------
    requests : int
        How many requests were sent, those that were sent again included.
    retries : int
        How many of them were sent because an earlier one had failed.
    """

    __slots__ = ("_lock", "requests", "retries")

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self._lock = threading.Lock()

    def add(self, requests: int, retries: int) -> None:
        """Add what was sent."""
        with self._lock:
            self.requests += requests
            self.retries += retries


#: What counts the requests of the call that is being made. Threads that work for a call have its context.
CURRENT: ContextVar[Traffic | None] = ContextVar("storagedriver_traffic", default=None)


def count_request(*, is_repeated: bool) -> None:
    """Count a request that is about to be sent."""
    traffic = CURRENT.get()
    if traffic is not None:
        traffic.add(1, int(is_repeated))


def count_retry() -> None:
    """Count that a request which is counted by itself is made because an earlier one had failed."""
    traffic = CURRENT.get()
    if traffic is not None:
        traffic.add(0, 1)
