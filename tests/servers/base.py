"""What the servers have in common: free ports, starting, waiting until ready, stopping."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from tests.servers.run import Run, ServerError, ServerMissingError, is_running, stop, tail

HOST = "127.0.0.1"
_ATTEMPTS = 3
#: Below what systems hand out to outgoing connections, which would race us for a port.
_PORTS = range(12000, 32000)

D = TypeVar("D")


class Server(ABC, Generic[D]):
    """A program that is started on free ports, once or many times.

    Attributes
    ----------
    name : str
        The name of its files in the run's directory.
    details : type
        A dataclass of JSON values: what the tests are told of the server.
    not_ready : tuple of exception types
        What `probe` may raise while the server is still starting.
    grace : float
        Seconds between SIGTERM and SIGKILL. Nothing of what it keeps is needed.
    patience : float
        Seconds it may take to get ready.
    """

    name: ClassVar[str]
    details: type[D]
    not_ready: ClassVar[tuple[type[Exception], ...]] = (OSError,)
    grace: ClassVar[float] = 1.0
    patience: ClassVar[float] = 60.0

    def __init__(self, run: Run, name: str) -> None:
        self.run = run
        self.instance = name
        self.directory = run.directory / name
        self.pid = 0

    @abstractmethod
    def prepare(self) -> Sequence[str]:
        """Write the configuration with new ports into the empty `directory`; the command to run.

        Raises
        ------
        ServerMissingError
            If it is not installed.
        """

    @abstractmethod
    def probe(self) -> D:
        """What the tests are told. Raises one of `not_ready` as long as the server does not answer."""

    def environment(self) -> dict[str, str]:
        """Without the settings of clients, which some servers are themselves."""
        return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    def uid(self) -> int:
        """The user to run as."""
        return os.getuid()

    def start(self) -> D:
        """Start it and wait until it is ready.

        Raises
        ------
        ServerError
            If it ends or does not get ready in time.
        ServerMissingError
            If it is not installed.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            self.directory.mkdir()
            try:
                command = self.prepare()
                self.pid = self.run.spawn(self.instance, command, self.environment(), self.grace, self.uid())
                return self._wait()
            except BaseException as error:
                self.stop()
                # It may have lost its port to somebody else in between.
                if not isinstance(error, _EndedError) or attempt == _ATTEMPTS:
                    raise
        raise AssertionError

    def stop(self) -> None:
        if self.pid:
            stop(self.pid)
            self.pid = 0
        shutil.rmtree(self.directory, ignore_errors=True)

    def _wait(self) -> D:
        deadline = time.monotonic() + self.patience
        log = self.run.log(self.instance)
        reason: Exception | None = None
        while time.monotonic() < deadline:
            answer: D | None = None
            try:
                answer = self.probe()
            except self.not_ready as error:
                reason = error
            if not is_running(self.pid):
                raise _EndedError(f"{self.instance} has ended:\n{tail(log)}")
            if answer is not None:
                return answer
            time.sleep(0.05)
        raise ServerError(f"{self.instance} is not ready after {self.patience} s: {reason!r}\n{tail(log)}")


class _EndedError(ServerError):
    pass


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            port = random.choice(_PORTS)
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
        return ports


def program(name: str, missing: str) -> str:
    """Where an installed program is: beside the interpreter, on the path, or where daemons are.

    Raises
    ------
    ServerMissingError
        With `missing`, if it is in none of these.
    """
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise ServerMissingError(f"{name} is not installed: {missing}")
    return found
