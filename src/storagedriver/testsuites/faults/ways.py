"""The ways in which a request can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storagedriver.testsuites.faults.actions import (
    Action,
    Answer,
    CutHead,
    CutRequest,
    HalfReply,
    HalfRequest,
    Hang,
    Interrupt,
    LoseAndHang,
    LoseReply,
    Refuse,
    WithoutLength,
)
from storagedriver.testsuites.faults.proxy import FaultProxy, Request

__all__ = ["WAYS", "Way"]


#: What a proxy or a portal sends in the place of a store.
_PAGE = b"<html><body>please log in</body></html>"


def _any_request(_: Request) -> bool:
    return True


@dataclass(frozen=True)
class Way:
    """How the n-th request of a script fails.

    Attributes
    ----------
    name : str
        What reports call it.
    action : callable
        Makes the proxy's action. It gets what interrupts the test.
    lasts : bool
        Every later request fails so, too, until the proxy is healed. Else it
        is this one alone.
    interrupts : bool
        It raises KeyboardInterrupt in the test.
    applies : callable
        Whether a request can fail so: what was seen of it when nothing failed.
    """

    name: str
    action: Callable[[Callable[[], object]], Action]
    lasts: bool = False
    interrupts: bool = False
    applies: Callable[[Request], bool] = _any_request

    def plant(self, proxy: FaultProxy, number: int, interrupt: Callable[[], object]) -> None:
        """Have the request of this number fail, counted from 0."""
        proxy.add(self.action(interrupt), skip=number, times=None if self.lasts else 1)


WAYS: tuple[Way, ...] = (
    Way("refused", lambda _: Refuse(), lasts=True),
    Way("reset before", lambda _: CutRequest(reset=True)),
    Way("reset after", lambda _: LoseReply(reset=True)),
    Way("reset after, each time", lambda _: LoseReply(reset=True), lasts=True),
    Way("503 once", lambda _: Answer(503)),
    Way("503 each time", lambda _: Answer(503), lasts=True),
    Way("403", lambda _: Answer(403)),
    Way("request cut", lambda _: HalfRequest(), applies=lambda request: request.sent > 1),
    Way("head of the reply cut", lambda _: CutHead()),
    Way("reply cut", lambda _: HalfReply(), applies=lambda request: request.received > 1),
    Way("a page in its place", lambda _: Answer(200, _PAGE)),
    Way("a page in its place, each time", lambda _: Answer(200, _PAGE), lasts=True),
    Way("reply without a length", lambda _: WithoutLength(chunked=True), applies=lambda request: request.received > 1),
    Way("stall before", lambda _: Hang(), lasts=True),
    Way("stall after", lambda _: LoseAndHang(), lasts=True),
    Way("interrupt before", lambda call: Interrupt(call, effect=False), interrupts=True),
    Way("interrupt after", lambda call: Interrupt(call, effect=True), interrupts=True),
)
