"""What the first call of a new driver costs, and what a command does, in seconds of CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from storagedriver.bench.peers import OWN
from storagedriver.bench.results import Result
from storagedriver.bench.tasks import Sample

__all__ = ["FIRST_CALL", "LISTING", "first_calls", "listings"]

FIRST_CALL, LISTING = "first call of a new driver, above one after it", "storagedriver ls"

#: The CPU of a first call of a new driver, above that of the calls after it, once the modules are loaded.
_FIRST = """
import json, sys, time
from storagedriver import factory
parameters = json.loads(sys.argv[1])
def calls(driver):
    begun = time.process_time()
    driver.exists("/a")
    first = time.process_time() - begun
    begun = time.process_time()
    for _ in range(20):
        driver.exists("/a")
    return first, (time.process_time() - begun) / 20
with factory.create("s3", parameters) as driver:
    calls(driver)
found = []
for _ in range(9):
    with factory.create("s3", parameters) as driver:
        first, warm = calls(driver)
        found.append(first - warm)
print(sorted(found)[len(found) // 2])
"""


def first_calls(parameters: Mapping[str, Any], rounds: int) -> Result:
    """By how much the first call of a new s3 driver is dearer than those after it, in some processes."""
    command = [sys.executable, "-c", _FIRST, json.dumps(parameters)]
    costs = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(rounds)]
    return Result(FIRST_CALL, "start", OWN, [Sample(cost, cost, count=1) for cost in costs])


def listings(parameters: Mapping[str, Any], rounds: int) -> Result:
    """What ``storagedriver ls`` on S3 costs with the start of the interpreter. There is byte code, as if installed."""
    options = [argument for name, value in parameters.items() for argument in ("--param", f"{name}={value}")]
    command = [sys.executable, "-m", "storagedriver", "--driver", "s3", *options, "ls", "/"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as cache:
        environment["PYTHONPYCACHEPREFIX"] = cache
        # The first one writes the byte code.
        return Result(LISTING, "start", OWN, [_run(command, environment) for _ in range(rounds + 1)][1:])


def _run(command: Sequence[str], environment: Mapping[str, str]) -> Sample:
    """What a process takes."""
    before = os.times()
    subprocess.run(command, capture_output=True, check=True, env=environment)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Sample(after.elapsed - before.elapsed, cpu, count=1)
