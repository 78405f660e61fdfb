"""docs/telemetry.md: its example is run and scraped, and what it names is what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from storagedriver import factory
from storagedriver.telemetry import recording
from storagedriver.testsuites.faults.actions import Answer
from tests.servers.base import free_ports
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server
from tests.telemetry.conftest import SDK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")

_SCRAPE = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:PORT/metrics").read().decode())
"""


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def scraped() -> str:
    """What Prometheus gets of the example."""
    (block,) = re.findall(r"```python\n(.*?)```", section("Prometheus"), re.DOTALL)
    (port,) = free_ports(1)
    assert block.count("9464") == 1
    program = block.replace("9464", str(port)) + _SCRAPE.replace("PORT", str(port))
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_gives_prometheus_what_the_queries_ask_for() -> None:
    found = scraped()
    samples = dict(re.findall(r"^(storagedriver_\w+)\{(.*)\} ", found, re.MULTILINE))
    for name, selector in re.findall(r"(storagedriver_\w+(?:bucket|count|total))(\{[^}]*\})?", section("Prometheus")):
        assert name in samples
        for label in re.findall(r"(storagedriver\w+)=", selector):
            assert f'{label}="' in samples[name]
    assert 'storagedriver_io_direction="write"' in found
    assert 'le="0.005"' in found


def test_metrics_and_their_units_are_those_of_the_page(sdk: SDK, moto_s3: S3Server, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(moto_s3.endpoint)
    proxy.add(Answer(503), method="PUT")
    with sdk.instrument(factory.create("s3", moto_s3.parameters("telemetry", regionendpoint=proxy.endpoint))) as driver:
        driver.put_content("/a", b"1")
        driver.reader("/a").close()
    rows = dict(re.findall(r"^\| `(storagedriver\.[a-z.]+)` \| [a-z]+, `(.*?)` \|", section("Metrics"), re.MULTILINE))
    assert {name: metric.unit for name, metric in sdk.metrics().items()} == rows


def test_attributes_of_spans_are_those_of_the_page() -> None:
    source = Path(recording.__file__).read_text(encoding="utf-8")
    set_here = set(re.findall(r'"((?:storagedriver|error|file)\.[a-z_.]+)"', source))
    rows = re.findall(r"^\| (`.*?) \| ", section("Spans"), re.MULTILINE)
    named = set(re.findall(r"`([a-z_.]+)`", " ".join(rows)))
    metrics = set(re.findall(r"^\| `([a-z.]+)`", section("Metrics"), re.MULTILINE))
    assert named == set_here - metrics - {"storagedriver.io.direction", "storagedriver.telemetry"}


def test_loggers_are_those_of_the_page() -> None:
    found = set()
    for path in (ROOT / "src" / "storagedriver").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for name in re.findall(r"getLogger\((.*?)\)", path.read_text(encoding="utf-8")):
            found.add(module if name == "__name__" else name.strip('"'))
    rows = re.findall(r"^\| (`.*?) \| ", section("Logging"), re.MULTILINE)
    assert set(re.findall(r"`(storagedriver\.[a-z.0-9]+)`", " ".join(rows))) == found
