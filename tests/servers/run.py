"""One test run and the servers that belong to it.

The process that begins the run (with pytest-xdist the controller) makes a
directory, and hands its name to the workers. A server that the whole run
shares is started by whoever asks for it first, under a file lock; its process
id and its addresses stand in a JSON file for the others. Every server is the
child of a guard, which ends it with the run: see `guard`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tests.servers.base import Server

_GUARD = Path(__file__).with_name("guard.py")
_END_PATIENCE = 15.0

D = TypeVar("D")


class Run:
    """The run's directory: ``alive``, ``guards/``, and ``NAME/``, ``NAME.log``, ``NAME.json`` of each server."""

    def __init__(self, directory: Path, alive: IO[bytes] | None = None) -> None:
        self.directory = directory
        self.logs: set[Path] = set()
        self._alive = alive

    @classmethod
    def begin(cls) -> Run:
        """In the process that lives as long as the run."""
        directory = Path(tempfile.mkdtemp(prefix="servers-"))
        # sshd runs as another user and must get at its own directory.
        directory.chmod(0o711)
        (directory / "guards").mkdir()
        alive = (directory / "alive").open("wb")
        # A POSIX lock: a child forked by a test does not hold it.
        fcntl.lockf(alive, fcntl.LOCK_EX)
        return cls(directory, alive)

    def end(self) -> None:
        """Stop all servers. Does nothing in a process that did not begin the run."""
        if self._alive is None:
            return
        self._alive.close()
        self._alive = None
        deadline = time.monotonic() + _END_PATIENCE
        while any((self.directory / "guards").glob("*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        with (self.directory / f"{name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def shared(self, kind: type[Server[D]]) -> D:
        """What is to be known of a server that the whole run shares. It is started if it is not yet."""
        state_file = self.directory / f"{kind.name}.json"
        with self.locked(kind.name):
            if state_file.exists():
                state = json.loads(state_file.read_text())
            else:
                state = _start(kind(self, kind.name))
                state_file.write_text(json.dumps(state))
        log = self.log(kind.name)
        if "failure" in state:
            raise ServerError(state["failure"])
        if not is_running(state["pid"]):
            raise ServerError(f"{kind.name} has ended by itself:\n{tail(log)}")
        return kind.details(**state["details"])

    def log(self, name: str) -> Path:
        """The log of a server, which from now on is shown when a test fails."""
        log = self.directory / f"{name}.log"
        self.logs.add(log)
        return log

    def spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str], grace: float, uid: int) -> int:
        """Start a server's guard, and return the guard's process id."""
        guard = [sys.executable, "-I", "-S", str(_GUARD), str(self.directory), str(self.directory / name)]
        argv = [*guard, str(grace), str(uid), "--", *command]
        log = self.log(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        redirections = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # Not subprocess: its objects complain when the process outlives them, as these do.
        return os.posix_spawn(sys.executable, argv, dict(environment), file_actions=redirections)


class ServerError(Exception):
    """A server did not start, or did not stay; with the end of its log."""


class ServerMissingError(Exception):
    """The program of a server is not installed."""


def _start(server: Server[Any]) -> dict[str, Any]:
    try:
        details = server.start()
    except ServerError as error:
        # Kept, so that the other workers need not try for themselves.
        return {"failure": str(error)}
    return {"pid": server.pid, "details": asdict(details)}


def is_running(pid: int) -> bool:
    """Whether a process runs. A child of ours that has ended is collected here."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def stop(pid: int) -> None:
    """Stop a guard that this process started, and with it its server."""
    if not is_running(pid):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_PATIENCE
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)


def tail(log: Path, start: int = 0, size: int = 2000) -> str:
    """The end of a log, of what was written after `start`, as far as there is one."""
    try:
        with log.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(start, end - size))
            return stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
