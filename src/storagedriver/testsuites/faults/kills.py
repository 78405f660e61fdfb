"""Processes that are killed at a random moment, and what they leave."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.faults.journal import entries
from storagedriver.testsuites.faults.judge import look, publish, purge_all
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.states import FaultFoundError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Round", "Rounds", "Victims", "one_round"]

_CHILD = "storagedriver.testsuites.faults.history"
#: How long a process may take to make its first calls, in seconds.
_PATIENCE = 60.0
#: How long the server may still be busy with what a killed process has sent, in seconds.
_SETTLING = 0.3
_LONGEST = 40


@dataclass(frozen=True)
class Round:
    """What one process did before it was killed.

    Attributes
    ----------
    seed : int
        What chose its calls, and the moment.
    operations : int
        How many calls it had begun.
    loss : str
        What was wrong afterwards; ``""``: nothing.
    """

    seed: int
    operations: int
    loss: str = ""


@dataclass
class Rounds:
    """Some rounds on one store."""

    store: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def losses(self) -> list[Round]:
        """The rounds after which something was wrong."""
        return [one for one in self.rounds if one.loss]

    @property
    def row(self) -> tuple[str, int, int, int]:
        """The store, rounds, operations and losses: a line of the table."""
        return self.store, len(self.rounds), sum(one.operations for one in self.rounds), len(self.losses)


class Victims:
    """Processes that make random calls, one after the other, from entering the block to leaving it.

    Parameters
    ----------
    driver : StorageDriver
        What they make the calls with. It is pickled.
    """

    def __init__(self, driver: StorageDriver) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the block of this
        self._template = subprocess.Popen(
            [sys.executable, "-m", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        self._send(pickle.dumps(sys.path) + pickle.dumps(driver))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._log, self._template:
            self._template.kill()

    def start(self, at: str, part: int, seed: int, journal: Path) -> int:
        """Start one, and give its process id."""
        self._send(pickle.dumps((at, part, seed, str(journal))))
        return self._answer()

    def kill(self, pid: int) -> None:
        """Kill it, and wait until it has ended."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._answer()
        time.sleep(_SETTLING)

    def log(self) -> str:
        """The end of what was written to the standard error."""
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace")

    def _send(self, task: bytes) -> None:
        assert self._template.stdin is not None
        self._template.stdin.write(task)
        self._template.stdin.flush()

    def _answer(self) -> int:
        assert self._template.stdout is not None
        line = self._template.stdout.readline()
        if not line:
            raise AssertionError(f"the process that starts the others has ended:\n{self.log()}")
        return int(line)


def one_round(victims: Victims, driver: StorageDriver, part: int, seed: int) -> Round:
    """Have a process make random calls, kill it, and look at what it has left.

    Parameters
    ----------
    victims : Victims
        Where the process comes from.
    driver : StorageDriver
        What is left is looked at with it.
    part : int
        The size of a part of an upload, in bytes.
    seed : int
        Chooses the calls and the moment.
    """
    at, choice, loss = f"/{uuid.uuid4().hex}", random.Random(seed), ""
    with tempfile.TemporaryDirectory() as directory:
        journal = Path(directory) / "journal"
        pid = victims.start(at, part, seed, journal)
        try:
            _wait_for(journal, choice)
        finally:
            victims.kill(pid)
        try:
            _look_behind(driver, _replayed(journal, driver, part), at)
        except FaultFoundError as error:
            loss = str(error)
        return Round(seed, _count(journal), loss)


def _wait_for(journal: Path, choice: random.Random) -> None:
    """Wait until so many calls were begun, or one has failed, and then for a moment."""
    wanted, deadline = choice.randrange(1, _LONGEST), time.monotonic() + _PATIENCE
    while _count(journal) < wanted and not _has_failed(journal) and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(choice.random() * choice.choice([0.001, 0.01, 0.05]))


def _has_failed(journal: Path) -> bool:
    return journal.exists() and b'"phase": "failed"' in journal.read_bytes()


def _look_behind(driver: StorageDriver, model: Model, at: str) -> None:
    look(driver, model, at)
    for number, path in enumerate(list(model.places)):
        if "/uploads/" in path and number % 2:
            publish(driver, model, path)
    purge_all(driver, model, at)
    look(driver, model, at)
    with suppress(PathNotFoundError):
        driver.delete(at)


def _replayed(journal: Path, driver: StorageDriver, part: int) -> Model:
    """What the journal says may be there."""
    model = Model(driver.capabilities, part)
    for entry, step in entries(journal):
        if entry["phase"] == "begun":
            model.begun(step)
        else:
            model.done(step, entry["size"])
    model.killed()
    return model


def _count(journal: Path) -> int:
    return journal.read_bytes().count(b'"begun"') if journal.exists() else 0
