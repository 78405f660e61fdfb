"""What telemetry costs on a get of 1 KiB, in microseconds: with no SDK set, and with one.

::

    python -m benchmarks.telemetry

The driver and the same driver instrumented take turns, in bundles of calls; what
is printed are medians over the bundles. It is CPU of the calling thread for the
local drivers. For S3 the times of whole calls vary by more than telemetry costs:
there, the difference of the CPU is set against the time of a call.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from benchmarks.servers import STORAGES
from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.telemetry import instrument
from tests.servers.run import Run

PATH = "/telemetry/file"
Clock = Callable[[], float]


class _Nowhere(SpanExporter):
    """Takes spans as an exporter does, and sends nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def medians(drivers: Sequence[StorageDriver], clock: Clock, *, bundles: int, calls: int) -> list[float]:
    """The microseconds of a get of each driver, which take turns."""
    taken: list[list[float]] = [[] for _ in drivers]
    for bundle in range(bundles):
        turns = list(zip(drivers, taken, strict=True))
        for driver, samples in turns if bundle % 2 else reversed(turns):
            begun = clock()
            for _ in range(calls):
                driver.get_content(PATH)
            samples.append((clock() - begun) / calls * 1e6)
    return [statistics.median(samples) for samples in taken]


def measure(drivers: Sequence[tuple[str, StorageDriver]], sdk: str) -> None:
    """Print a line for each driver."""
    for name, driver in drivers:
        bundles, calls = (100, 20) if name == "s3" else (400, 100)
        both = [driver, instrument(driver)]
        cpu, more = medians(both, time.thread_time, bundles=bundles, calls=calls)
        whole = medians([driver], time.perf_counter, bundles=bundles, calls=calls)[0] if name == "s3" else cpu
        cost = more - cpu
        print(f"{name:<12}{sdk:<10}{whole:9.2f} us a get, {cost:+8.3f} us with telemetry, {cost / whole:+8.2%}")


def main() -> None:
    """Measure all."""
    run = Run.begin()
    try:
        with TemporaryDirectory() as directory:
            parameters = {
                "inmemory": {},
                "filesystem": {"rootdirectory": directory},
                "s3": STORAGES["s3"](run).parameters,
            }
            drivers = [(name, factory.create(name, given)) for name, given in parameters.items()]
            for _, driver in drivers:
                driver.put_content(PATH, bytes(1024))
            measure(drivers, "no SDK")
            traces = TracerProvider()
            traces.add_span_processor(BatchSpanProcessor(_Nowhere()))
            trace.set_tracer_provider(traces)
            metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
            measure(drivers, "SDK")
            for _, driver in drivers:
                driver.close()
    finally:
        run.end()


if __name__ == "__main__":
    main()
