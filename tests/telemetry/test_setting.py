"""Without an SDK calls go straight to the driver; one that is set later is found; nothing else is needed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from storagedriver import configuration, factory
from storagedriver.errors import ParameterError
from storagedriver.telemetry import instrument
from storagedriver.telemetry.driver import InstrumentedDriver
from tests.telemetry.conftest import SDK

_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from storagedriver import configuration, factory, telemetry
from storagedriver.errors import MissingExtraError
for make in (
    lambda: telemetry.instrument(factory.create("inmemory")),
    configuration.load("storage: inmemory\\nmiddleware: {storage: [{name: telemetry}]}", {}).create_driver,
):
    try:
        make()
    except MissingExtraError as error:
        print(error)
factory.create("inmemory").put_content("/a", b"1")
"""

_LATER = """
import sys
from storagedriver import factory
from storagedriver.telemetry import instrument
from storagedriver.telemetry.streams import InstrumentedReader
from opentelemetry import metrics, trace

driver = instrument(factory.create("inmemory"))
driver.put_content("/a", b"1")
assert not isinstance(driver.reader("/a"), InstrumentedReader)
assert not any(name.startswith("opentelemetry.sdk") for name in sys.modules)

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if "traces" in sys.argv:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
if "metrics" in sys.argv:
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
driver.get_content("/a")
if "traces" in sys.argv:
    print([span.name for span in spans.get_finished_spans()])
if "metrics" in sys.argv:
    (resource,) = reader.get_metrics_data().resource_metrics
    print(sorted(metric.name for metric in resource.scope_metrics[0].metrics))
"""


def run(program: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_package_the_message_names_the_extra() -> None:
    line = 'telemetry: missing dependency: opentelemetry is needed: pip install "storagedriver[telemetry]"'
    assert run(_WITHOUT).splitlines() == [line, line]


@pytest.mark.parametrize("what", [("traces",), ("metrics",), ("traces", "metrics")], ids=" and ".join)
def test_a_provider_that_is_set_after_the_driver_was_made_is_used(what: tuple[str, ...]) -> None:
    expected = {
        "traces": "['get_content inmemory']",
        "metrics": "['storagedriver.io', 'storagedriver.operation.duration']",
    }
    assert run(_LATER, *what).splitlines() == [expected[each] for each in what]


def test_a_provider_that_the_environment_names_is_used() -> None:
    program = """
from storagedriver import factory
from storagedriver.telemetry import instrument
from storagedriver.telemetry.streams import InstrumentedReader
driver = instrument(factory.create("inmemory"))
driver.put_content("/a", b"1")
with driver.reader("/a") as reader:
    print(isinstance(reader, InstrumentedReader))
"""
    assert run(program).split() == ["False"]
    assert run(program, OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider").split() == ["True"]


def test_a_configuration_switches_it_on(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(f"storage: {{filesystem: {{rootdirectory: {tmp_path}}}}}\n")
    variables = {
        "REGISTRY_MIDDLEWARE_STORAGE_0_NAME": "telemetry",
        "REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_PATHS": "true",
    }
    for urls in (True, False):
        driver = configuration.load(file, variables).create_driver(urls=urls)
        assert isinstance(driver, InstrumentedDriver)
    with pytest.raises(ParameterError, match="telemetry: .*paths"):
        configuration.load(
            file, {**variables, "REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_PATHS": "perhaps"}
        ).create_driver()


def test_a_driver_is_pickled_without_what_it_records_to(sdk: SDK, tmp_path: Path) -> None:
    driver = sdk.instrument(factory.create("filesystem", {"rootdirectory": str(tmp_path)}), paths=True)
    other = pickle.loads(pickle.dumps(driver))
    other.put_content("/a", b"1")
    assert isinstance(other, InstrumentedDriver)
    assert driver.get_content("/a") == b"1"
    assert [span.name for span in sdk.spans()] == ["get_content filesystem"]


def test_what_the_driver_has_beside_the_contract_is_there(tmp_path: Path) -> None:
    driver = instrument(factory.create("filesystem", {"rootdirectory": str(tmp_path)}))
    driver.put_content("/a", b"1")
    assert driver.filesystem.cat_file("/a") == b"1"
    assert driver.name == "filesystem"
    assert "over <FsspecDriver filesystem>" in repr(driver)
