"""Interrupting the call that is being made, from another thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from storagedriver.testsuites.faults.session import Session
from storagedriver.testsuites.faults.states import FaultFoundError

__all__ = ["interruptible"]

#: After how long a call of a driver with a short timeout is said never to end, in seconds.
_PATIENCE = 60.0


@contextmanager
def interruptible(session: Session) -> Iterator[Callable[[], None]]:
    """Give what raises KeyboardInterrupt in the session's call, if one is being made, as Ctrl-C does.

    A call that does not end is interrupted, too, with a `FaultFoundError`. The
    block must run in the main thread.
    """
    main = threading.main_thread().ident
    if main is None or threading.current_thread() is not threading.main_thread():
        raise RuntimeError("calls are interrupted by a signal: run this in the main thread")
    overdue, over = threading.Event(), threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if session.in_call and overdue.is_set():
            session.in_call = False
            raise FaultFoundError(f"a call did not end within {_PATIENCE} s")
        if session.in_call:
            session.in_call = False
            raise KeyboardInterrupt

    def interrupt() -> None:
        if not over.is_set():
            signal.pthread_kill(main, signal.SIGINT)

    def end() -> None:
        overdue.set()
        interrupt()

    before = signal.signal(signal.SIGINT, handle)
    timer = threading.Timer(_PATIENCE, end)
    timer.daemon = True
    timer.start()
    try:
        yield interrupt
    finally:
        over.set()
        timer.cancel()
        signal.signal(signal.SIGINT, before)
