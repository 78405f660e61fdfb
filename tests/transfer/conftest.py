"""What the tests of transfers share: storages on each server, and processes to kill."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver

Storage = tuple[str, dict[str, Any]]
MakeStorage = Callable[..., Storage]
Open = Callable[[Storage], StorageDriver]

_DRIVERS = {"seaweedfs": "s3", "azurite": "azure", "fake_gcs": "gcs"}
#: The least that these drivers send at once, so that a small blob has several parts.
_CHUNKS = {"seaweedfs": 5 << 20, "azurite": 1 << 20, "fake_gcs": 256 << 10, "swift": 1 << 20}


@pytest.fixture
def storage(request: pytest.FixtureRequest, rootdirectory: str, tmp_path: Path) -> MakeStorage:
    """``storage("seaweedfs", "a")`` gives a storage of the test's own, named by its server and a word."""

    def make(server: str, word: str) -> Storage:
        if server == "filesystem":
            return server, {"rootdirectory": str(tmp_path / word)}
        running, chunks = request.getfixturevalue(server), _CHUNKS[server]
        if server == "swift":
            container = f"{rootdirectory.replace('/', '-')}-{word}"
            return "swift", running.parameters(container, prefix="reg", chunksize=chunks)
        return _DRIVERS[server], running.parameters(f"{rootdirectory}/{word}", chunksize=chunks)

    return make


@pytest.fixture
def opened() -> Iterator[Open]:
    """``opened(storage)`` gives its driver, until the test's end."""
    with ExitStack() as stack:
        yield lambda storage: stack.enter_context(factory.create(*storage))


def killed_after(lines: int, source: Storage, dest: Storage, **options: Any) -> bool:
    """Transfer in a process that is killed after so many lines; whether it had not ended before."""
    command = [sys.executable, "-m", "tests.transfer.child", json.dumps([source, dest, options])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            for number, line in enumerate(process.stdout):
                if line.startswith("ended"):
                    return False
                if number >= lines:
                    return True
        finally:
            process.kill()
    raise AssertionError(f"the transfer failed with {process.returncode}")


def killed_once(happened: Callable[[], bool], source: Storage, dest: Storage, **options: Any) -> None:
    """Transfer in a process that is killed once something has happened at the destination."""
    command = [sys.executable, "-m", "tests.transfer.child", json.dumps([source, dest, options])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            while not happened():
                assert process.poll() is None, "the transfer has ended"
        finally:
            process.kill()


def killed_at_random(
    times: int, most: int, seed: int, source: Storage, dest: Storage, **options: Any
) -> Iterator[None]:
    """Transfer so many times, killed each time; gives the moments to look at what is there."""
    chance = random.Random(seed)
    for _ in range(times):
        if not killed_after(chance.randrange(most), source, dest, **options):
            return
        yield
