"""An SDK of the test's own, and what has arrived there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from storagedriver.driver import StorageDriver
from storagedriver.telemetry import instrument
from storagedriver.telemetry.driver import InstrumentedDriver

_SHORT = {
    "storagedriver.driver.name": "driver",
    "storagedriver.operation.name": "operation",
    "storagedriver.io.direction": "direction",
    "storagedriver.stream.outcome": "outcome",
    "error.type": "error",
}


class SDK:
    """Spans in the order in which they ended, and the metrics as they are now."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metrics = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._metrics])

    def instrument(self, driver: StorageDriver, **options: Any) -> InstrumentedDriver:
        return instrument(driver, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if span.name.startswith(name)]

    def span(self, name: str) -> dict[str, Any]:
        """The attributes of the one span of this name."""
        (found,) = self.spans(name)
        return dict(found.attributes or {})

    def metrics(self) -> dict[str, Any]:
        """What there is by now, by its name."""
        data = self._metrics.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, metric: str, **attributes: str) -> list[Any]:
        """The points of a metric with these attributes, by their short names."""
        found = self.metrics().get(metric)
        return [
            point
            for point in (found.data.data_points if found else ())
            if attributes.items() <= {_SHORT[name]: value for name, value in point.attributes.items()}.items()
        ]

    def total(self, metric: str, **attributes: str) -> int:
        """The sum of a counter over these points."""
        return sum(point.value for point in self.points(metric, **attributes))

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


@pytest.fixture
def sdk() -> Iterator[SDK]:
    sdk = SDK()
    yield sdk
    sdk.close()
