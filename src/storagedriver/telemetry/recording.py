"""The record of a call: a span, and what is added to the metrics when it ends.

Names and units follow OpenTelemetry's semantic conventions as far as they
reach: https://opentelemetry.io/docs/specs/semconv/general/metrics/ for
instruments, ``error.type`` for failures, ``file.path`` for paths.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode, TracerProvider, set_span_in_context

from storagedriver.__about__ import VERSION
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.traffic import CURRENT, Traffic

__all__ = ["Recorder", "Recording", "is_unset"]

R = TypeVar("R")

_Key = tuple[tuple[str, str], ...]

_SCOPE = "storagedriver"
DRIVER = "storagedriver.driver.name"
OPERATION = "storagedriver.operation.name"
DIRECTION = "storagedriver.io.direction"
OUTCOME = "storagedriver.stream.outcome"
ERROR = "error.type"
#: The bounds of a histogram of seconds, as the conventions advise them for clients of databases.
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
#: Streams live longer.
_STREAM_SECONDS = (*_SECONDS, 30, 60, 300, 1800)

_log = logging.getLogger("storagedriver.telemetry")


def _is_unset() -> bool:
    return trace._TRACER_PROVIDER is None and metrics._internal._METER_PROVIDER is None  # noqa: SLF001


def is_unset() -> Callable[[], bool]:
    """What says whether the program has set no provider up to now.

    The API's own functions say it too, but look into the environment each
    time, which takes longer than the rest of a short call. They are asked
    once here, as the environment may name a provider that is then set.
    """
    trace.get_tracer_provider()
    metrics.get_meter_provider()
    try:
        _is_unset()
    except AttributeError:
        # A version of the API that keeps them elsewhere: a call is recorded, and the API drops it.
        return lambda: False
    return _is_unset


class _Sum:
    """A counter whose sums are kept here and given when they are collected: an addition of the SDK's takes longer.

    Parameters
    ----------
    meter : Meter
        What collects them.
    name, unit, description : str
        Those of the counter.
    """

    def __init__(self, meter: Meter, name: str, unit: str, description: str) -> None:
        self._sums: dict[_Key, int] = {}
        self._lock = PerProcess(threading.Lock)
        meter.create_observable_counter(name, [self._observe], unit, description)

    def add(self, key: _Key, amount: int) -> None:
        """Add to the sum of these attributes."""
        with self._lock.get():
            self._sums[key] = self._sums.get(key, 0) + amount

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock.get():
            sums = list(self._sums.items())
        return [Observation(amount, dict(key)) for key, amount in sums]


class _Instruments:
    """The tracer and the instruments of two providers."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        self.tracer = trace.get_tracer(_SCOPE, VERSION, tracer_provider)
        meter = metrics.get_meter(_SCOPE, VERSION, meter_provider)
        self.duration = meter.create_histogram(
            "storagedriver.operation.duration",
            unit="s",
            description="Duration of calls of a storage driver",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.stream_duration = meter.create_histogram(
            "storagedriver.stream.duration",
            unit="s",
            description="How long readers and writers of a storage driver were open",
            explicit_bucket_boundaries_advisory=_STREAM_SECONDS,
        )
        self.io = _Sum(meter, "storagedriver.io", "By", "Bytes of content that were read and written")
        self.requests = _Sum(
            meter, "storagedriver.requests", "{request}", "HTTP requests sent, those sent again included"
        )
        self.retries = _Sum(
            meter, "storagedriver.retries", "{request}", "HTTP requests sent because an earlier one had failed"
        )


# The API keeps each instrument that is made before a provider is set: one set of them is enough for all drivers.
_instruments = functools.lru_cache(maxsize=16)(_Instruments)


class Recorder:
    """Begins the records of one driver.

    Parameters
    ----------
    driver : str
        The driver's name.
    paths : bool
        Whether spans have paths.
    tracer_provider, meter_provider : optional
        Where spans and metrics go; None: to those that the program sets.
    """

    def __init__(
        self,
        driver: str,
        *,
        paths: bool,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
    ) -> None:
        self._instruments = _instruments(tracer_provider, meter_provider)
        self._driver = driver
        self._paths = paths
        self._operations: dict[str, _Operation] = {}

    def begin(self, operation: str, path: str, dest: str = "", context: Context | None = None) -> Recording:
        """Begin the record of a call.

        Parameters
        ----------
        operation : str
            Its name.
        path, dest : str
            The paths that it is about.
        context : optional
            That of the span that this one is a part of; None: of the current one.
        """
        found = self._operations.get(operation)
        if found is None:
            found = self._operations[operation] = _Operation(self._instruments, operation, self._driver)
        attributes = found.attributes
        if self._paths:
            attributes = {**attributes, "file.path": _text(path)}
            if dest:
                attributes["storagedriver.destination.path"] = _text(dest)
        return Recording(found, attributes, context)


class _Operation:
    """What all records of an operation of a driver have in common."""

    def __init__(self, instruments: _Instruments, name: str, driver: str) -> None:
        self.instruments = instruments
        self.name = name
        self.span_name = f"{name} {driver}"
        self.attributes = {DRIVER: driver, OPERATION: name}
        self.key = tuple(self.attributes.items())
        self.read = (*self.key, (DIRECTION, "read"))
        self.written = (*self.key, (DIRECTION, "write"))


class Recording:
    """The record of one call, or of one stream, from now until it is ended.

    What goes wrong while something is recorded is logged, and does not change
    what the call does.
    """

    __slots__ = ("_operation", "_span", "_start", "_traffic", "context", "read", "written")

    def __init__(self, operation: _Operation, attributes: dict[str, str], context: Context | None) -> None:
        self._operation = operation
        self._traffic = Traffic()
        self.read = 0
        self.written = 0
        try:
            self._span = operation.instruments.tracer.start_span(
                operation.span_name, context, SpanKind.CLIENT, attributes
            )
        except Exception:  # noqa: BLE001 - see the class
            _failed("begun", operation)
            self._span = INVALID_SPAN
        self.context = set_span_in_context(self._span, context)
        self._start = perf_counter()

    def step(self, function: Callable[..., R], *arguments: Any) -> R:
        """Call something that belongs to this record: its requests count here, and spans below become a part of it."""
        token = attach(self.context)
        outer = CURRENT.set(self._traffic)
        try:
            return function(*arguments)
        finally:
            CURRENT.reset(outer)
            detach(token)

    def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """As `step`; if it raises that is the end of the record."""
        try:
            return self.step(function, *arguments)
        except BaseException as error:
            self.end(error)
            raise

    def transferred(self, read: int, written: int) -> None:
        """Add bytes of content."""
        operation = self._operation
        if read:
            self.read += read
            operation.instruments.io.add(operation.read, read)
        if written:
            self.written += written
            operation.instruments.io.add(operation.written, written)

    def measure(self, error: BaseException | None = None) -> None:
        """Record the time from the beginning up to now as that of the operation."""
        seconds = perf_counter() - self._start
        operation = self._operation
        attributes = operation.attributes if error is None else {**operation.attributes, ERROR: _type_of(error)}
        try:
            operation.instruments.duration.record(seconds, attributes, self.context)
        except Exception:  # noqa: BLE001 - see the class
            _failed("measured", operation)

    def end(self, error: BaseException | None = None) -> None:
        """End the record of a call, with the error by which it has failed."""
        self.measure(error)
        self._finish(error, "")

    def end_stream(self, outcome: str, error: BaseException | None) -> None:
        """End the record of a stream.

        Parameters
        ----------
        outcome : str
            What has become of it.
        error : BaseException, optional
            A failure that nothing has made good.
        """
        seconds = perf_counter() - self._start
        operation = self._operation
        try:
            attributes = {**operation.attributes, OUTCOME: outcome}
            operation.instruments.stream_duration.record(seconds, attributes, self.context)
        except Exception:  # noqa: BLE001 - see the class
            _failed("measured", operation)
        self._finish(error, outcome)

    def _finish(self, error: BaseException | None, outcome: str) -> None:
        operation, traffic = self._operation, self._traffic
        if traffic.requests:
            operation.instruments.requests.add(operation.key, traffic.requests)
        if traffic.retries:
            operation.instruments.retries.add(operation.key, traffic.retries)
        try:
            if self._span.is_recording():
                self._describe(error, outcome)
            self._span.end()
        except Exception:  # noqa: BLE001 - see the class
            _failed("ended", operation)

    def _describe(self, error: BaseException | None, outcome: str) -> None:
        """Set the attributes that are known at the end. None is zero: not all stores send requests that are counted."""
        span, traffic = self._span, self._traffic
        if self.read:
            span.set_attribute("storagedriver.read.size", self.read)
        if self.written:
            span.set_attribute("storagedriver.write.size", self.written)
        if traffic.requests:
            span.set_attribute("storagedriver.request_count", traffic.requests)
        if traffic.retries:
            span.set_attribute("storagedriver.retry_count", traffic.retries)
        if outcome:
            span.set_attribute(OUTCOME, outcome)
        if error is not None:
            # Without its text, which has the path.
            span.set_attribute(ERROR, _type_of(error))
            span.set_status(StatusCode.ERROR)


def _text(path: object) -> str:
    """A path as an attribute: an exporter cannot encode every string, and then loses all that it was to send."""
    return str(path).encode("utf-8", "replace").decode()


def _type_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _failed(what: str, operation: _Operation) -> None:
    _log.warning("the record of %s could not be %s", operation.span_name, what, exc_info=True)
