"""Servers start once a run, and none outlives it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.base import HOST, Server, free_ports
from tests.servers.plugin import or_skip
from tests.servers.run import Run, ServerError, ServerMissingError, is_running, stop

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Address:
    port: int


class Listener(Server[Address]):
    name = "listener"
    details = Address
    program = "import socket, sys, time; s = socket.create_server((sys.argv[1], int(sys.argv[2]))); time.sleep(600)"

    def prepare(self) -> list[str]:
        (self.port,) = free_ports(1)
        return [sys.executable, "-c", self.program, HOST, str(self.port)]

    def probe(self) -> Address:
        socket.create_connection((HOST, self.port), timeout=5).close()
        return Address(self.port)


class Broken(Listener):
    name = "broken"
    program = "raise SystemExit('it has no licence')"


class Stubborn(Listener):
    name = "stubborn"
    grace = 0.1
    program = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {Listener.program}"


class Missing(Listener):
    def prepare(self) -> list[str]:
        raise ServerMissingError("listener is not installed: write one")


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run.begin()
    yield run
    run.end()


def await_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def refuses(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_shared_server_starts_once(run: Run) -> None:
    workers = [Run(run.directory) for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        addresses = set(pool.map(lambda worker: worker.shared(Listener), workers))
    assert len(addresses) == 1
    assert len(list((run.directory / "guards").iterdir())) == 1


def test_the_end_of_a_run_stops_its_servers(run: Run) -> None:
    address = run.shared(Listener)
    run.end()
    assert refuses(address.port)
    assert not run.directory.exists()


def test_a_server_that_ignores_sigterm_is_killed(run: Run) -> None:
    server = Stubborn(run, "stubborn")
    address = server.start()
    server.stop()
    assert refuses(address.port)


def test_a_killed_run_leaves_no_server() -> None:
    program = (
        "import os, signal; from tests.servers.run import Run; from tests.test_run import Listener\n"
        "run = Run.begin(); server = Listener(run, 'listener'); address = server.start()\n"
        "print(run.directory, server.pid, address.port, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    directory, guard, port = done.stdout.split()
    assert await_true(lambda: not is_running(int(guard)))
    assert refuses(int(port))
    assert not Path(directory).exists()


def test_a_server_that_does_not_start_fails_with_its_log_for_all(run: Run) -> None:
    for worker in (run, Run(run.directory)):
        with pytest.raises(ServerError, match="it has no licence"):
            worker.shared(Broken)


def test_a_server_that_has_ended_is_noticed(run: Run) -> None:
    run.shared(Listener)
    (guard,) = (run.directory / "guards").iterdir()
    stop(int(guard.name))
    with pytest.raises(ServerError, match="has ended by itself"):
        run.shared(Listener)


@pytest.mark.parametrize(
    ("setting", "outcome"),
    [("", pytest.skip.Exception), ("false", pytest.skip.Exception), ("true", pytest.fail.Exception)],
)
def test_a_missing_server_fails_in_ci_and_skips_elsewhere(
    run: Run, monkeypatch: pytest.MonkeyPatch, setting: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", setting)
    with pytest.raises(outcome, match="listener is not installed: write one"):
        or_skip(lambda: run.shared(Missing))
