"""Processes that are killed at a random moment, and what they leave."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.faults.journal import entries
from storagedriver.testsuites.faults.judge import look, publish, purge_all
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.states import FaultFoundError

__all__ = ["Round", "Rounds", "one_round"]

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


def one_round(driver: StorageDriver, part: int, seed: int) -> Round:
    """Have a process make random calls, kill it, and look at what it has left.

    Parameters
    ----------
    driver : StorageDriver
        It is pickled for the process; what is left is looked at with the one
        that is given.
    part : int
        The size of a part of an upload, in bytes.
    seed : int
        Chooses the calls and the moment.
    """
    at = f"/{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as directory:
        journal = Path(directory) / "journal"
        try:
            with _process(pickle.dumps((driver, at, part, seed, str(journal)))) as process:
                _wait_for(process, journal, random.Random(seed))
        except FaultFoundError as error:
            return Round(seed, _count(journal), str(error))
        try:
            _look_behind(driver, _replayed(journal, driver, part), at)
        except FaultFoundError as error:
            return Round(seed, _count(journal), str(error))
        return Round(seed, _count(journal))


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


@contextmanager
def _process(task: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """A process that makes calls until the end of the block, and is then killed."""
    process = subprocess.Popen([sys.executable, "-m", _CHILD], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        with process.stdin as stream:
            stream.write(pickle.dumps(sys.path) + task)
        try:
            yield process
        finally:
            process.kill()
    time.sleep(_SETTLING)


def _wait_for(process: subprocess.Popen[bytes], journal: Path, choice: random.Random) -> None:
    """Wait until so many calls were begun, and then for a moment."""
    wanted, deadline = choice.randrange(1, _LONGEST), time.monotonic() + _PATIENCE
    while _count(journal) < wanted and time.monotonic() < deadline:
        if process.poll() is not None:
            if journal.exists():
                # A call that failed says more than the end of the process.
                list(entries(journal))
            assert process.stderr is not None
            raise FaultFoundError(f"the process has ended by itself:\n{process.stderr.read()[-2000:].decode()}")
        time.sleep(0.002)
    time.sleep(choice.random() * choice.choice([0.001, 0.01, 0.05]))


def _count(journal: Path) -> int:
    return journal.read_bytes().count(b'"begun"') if journal.exists() else 0
