"""The calls that a case makes, recorded so that a failure says which of them did what."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from storagedriver.driver import FileInfo, FileWriter, StorageDriver, Visit
from storagedriver.errors import StorageDriverError

__all__ = ["DEADLINE", "Calls", "RecordedDriver", "recorded", "unhurried", "within", "without_record"]

#: How long a case may take, in seconds.
DEADLINE = 300.0
#: A driver may take the first exception for a failure of its store, and go on.
_AGAIN = 5.0
_UNHURRIED = 3600.0
#: An alarm of another module that is due already comes after this, in seconds.
_SOON = 0.001
#: How many calls are shown.
_SHOWN = 6
_KEPT = 64
_LONGEST = 60
#: More entries than any case makes.
_MOST = 5000

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_DRIVER_CALLS = frozenset(
    {
        *("get_content", "put_content", "reader", "writer", "stat", "list", "move", "delete", "redirect_url", "walk"),
        *("copy", "exists", "files", "uploads", "purge_uploads", "upload_size", "close"),
    }
)
_WRITER_CALLS = frozenset({"write", "commit", "cancel", "close"})


@dataclass
class _Call:
    text: str
    thread: int
    outcome: str = "has not returned"
    error: int = 0

    def __str__(self) -> str:
        return f"{self.text} {self.outcome}"


class Calls:
    """What was called, the last calls of it."""

    def __init__(self) -> None:
        self._calls: deque[_Call] = deque(maxlen=_KEPT)

    @contextmanager
    def call(self, text: str) -> Iterator[None]:
        """Record the block as a call."""
        call = _Call(text, threading.get_ident())
        self._calls.append(call)
        try:
            yield
        except BaseException as error:
            call.outcome = f"raised {type(error).__name__}"
            call.error = id(error)
            raise
        call.outcome = "returned"

    def explain(self, error: BaseException) -> str:
        """Which call raised the error, and what the call before it did; empty if none of them did."""
        calls = list(self._calls)
        found = next((call for call in reversed(calls) if call.error == id(error)), None)
        if found is None:
            return ""
        before = [call for call in calls[: calls.index(found)] if call.thread == found.thread]
        text = f"{found}: {error}"
        return f"{before[-1]}, but {text}" if before else text

    def last(self) -> str:
        """The last calls, one a line."""
        return "\n".join(f"  {call}" for call in list(self._calls)[-_SHOWN:])

    def under_way(self) -> str:
        """The calls that have not returned."""
        return ", ".join(call.text for call in self._calls if call.outcome == "has not returned")


class _Recorded:
    """Stands for an object of the contract, and records the calls of it. Its class is that of the object."""

    _names: frozenset[str]

    def __init__(self, subject: Any, calls: Calls, before: str = "") -> None:
        object.__setattr__(self, "_subject", subject)
        object.__setattr__(self, "_calls", calls)
        object.__setattr__(self, "_before", before)

    @property
    def __class__(self) -> Any:
        return type(object.__getattribute__(self, "_subject"))

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        object.__getattribute__(self, "_subject").__class__ = kind

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._subject, name)
        if name not in self._names:
            return value

        @functools.wraps(value)
        def call(*arguments: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            text = self._before + _shown(name, arguments, named)
            with self._calls.call(text):
                result = value(*self._given(name, text, arguments), **named)
            return self._result(name, text, arguments, result)

        return call

    def _given(self, name: str, text: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:  # noqa: ARG002 - the driver changes them
        return arguments

    def _result(self, name: str, text: str, arguments: tuple[Any, ...], result: Any) -> Any:  # noqa: ARG002 - the same
        return result

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._subject, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._subject, name)

    def __repr__(self) -> str:
        return repr(self._subject)

    def __str__(self) -> str:
        return str(self._subject)

    def __dir__(self) -> list[str]:
        return dir(self._subject)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._subject.__reduce_ex__(protocol)

    def __enter__(self) -> Any:
        entered = self._subject.__enter__()
        return self if entered is self._subject else entered

    def __exit__(self, *details: object) -> Any:
        with self._calls.call(f"{self._before}leaving the block"):
            return self._subject.__exit__(*details)


class RecordedWriter(_Recorded):
    """A writer whose calls are recorded."""

    _names = _WRITER_CALLS


class RecordedDriver(_Recorded):
    """A driver whose calls are recorded, and those of its writers. What it lists must come to an end."""

    _names = _DRIVER_CALLS

    def _given(self, name: str, text: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        if name == "walk" and len(arguments) > 1:
            path, visit, *others = arguments
            return (path, _bounded(visit, text), *others)
        return arguments

    def _result(self, name: str, text: str, arguments: tuple[Any, ...], result: Any) -> Any:
        if name == "writer" and isinstance(result, FileWriter):
            return RecordedWriter(result, self._calls, f"{_shown(name, arguments[:1], {})}.")
        if name in ("files", "uploads") and isinstance(result, Iterator):
            return _ending(result, text)
        return result


def _bounded(visit: Visit, text: str) -> Visit:
    """A visit that fails in a walk that goes on for ever."""
    count = 0

    def visit_or_fail(info: FileInfo) -> None:
        nonlocal count
        count += 1
        assert count <= _MOST, f"{text} does not end: after {_MOST} visits it is at {info.path!r}"
        visit(info)

    return visit_or_fail


def _ending(things: Iterator[T], text: str) -> Iterator[T]:
    """The same things, if they come to an end."""
    for count, thing in enumerate(things):
        assert count < _MOST, f"{text} does not end: after {_MOST} it is at {thing!r}"
        yield thing


def recorded(driver: StorageDriver) -> StorageDriver:
    """The driver, with its calls recorded for the report of a failure."""
    stand_in: Any = RecordedDriver(driver, Calls())
    return stand_in  # type: ignore[no-any-return]


def without_record(driver: StorageDriver) -> StorageDriver:
    """The driver itself."""
    kind: type = type(driver)
    if kind is RecordedDriver:
        subject: StorageDriver = object.__getattribute__(driver, "_subject")
        return subject
    return driver


def within(function: F) -> F:
    """Have a case end within the deadline, and its failure say what was called.

    An error that a case did not expect becomes an assertion that names the
    call and the one before it. To an assertion that failed the last calls are
    added.
    """
    if hasattr(function, "is_within"):
        return function

    @functools.wraps(function)
    def case(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        records = _records(named)
        try:
            with _deadline(function, records):
                return function(*arguments, **named)
        except AssertionError as error:
            if records and all(isinstance(argument, str) for argument in error.args):
                error.args = ("\n".join([*error.args, _last(records)]),)
            raise
        except Exception as error:
            explained = [text for calls in records if (text := calls.explain(error))]
            if records and not explained and isinstance(error, StorageDriverError):
                explained = [f"a stream or an iterator raised {type(error).__name__}: {error}"]
            if not explained:
                raise
            message = f"{explained[0]}\n{_last(records)}"
            raise AssertionError(message) from error

    case.is_within = True  # type: ignore[attr-defined]
    return case  # type: ignore[return-value]


def unhurried(function: F) -> F:
    """Give a case that moves gigabytes more time."""
    function.deadline = _UNHURRIED  # type: ignore[attr-defined]
    return function


def _records(named: Mapping[str, Any]) -> list[Calls]:
    drivers = [value for value in named.values() if type(value) is RecordedDriver]
    return [object.__getattribute__(driver, "_calls") for driver in drivers]


def _last(records: list[Calls]) -> str:
    return "the last calls were:\n" + "\n".join(text for calls in records if (text := calls.last()))


@contextmanager
def _deadline(function: Callable[..., Any], records: list[Calls]) -> Iterator[None]:
    """Raise in the block when it takes too long, unless another alarm is due before that."""
    __tracebackhide__ = True
    deadline = getattr(function, "deadline", DEADLINE)
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    remaining, interval = signal.getitimer(signal.ITIMER_REAL)
    if 0 < remaining <= deadline:
        yield
        return

    def end(*_: Any) -> None:
        waiting = "; ".join(text for calls in records if (text := calls.under_way())) or "no call of the driver"
        name = function.__name__
        raise AssertionError(f"{name} has not ended after {deadline:g} s; under way was: {waiting}")

    begun = time.monotonic()
    handler = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, deadline, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if remaining:
            left = max(remaining - (time.monotonic() - begun), _SOON)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


def _shown(name: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    texts = [_short(argument) for argument in arguments]
    texts += [f"{key}={_short(value)}" for key, value in named.items()]
    return f"{name}({', '.join(texts)})"


def _short(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{memoryview(value).nbytes} bytes"
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
