"""Making the calls of a script with a driver, while the model follows."""

from __future__ import annotations

import warnings
from typing import Any

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import ConflictError, StorageDriverError
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.states import FaultFoundError, shown
from storagedriver.testsuites.faults.steps import Ask, Cancel, Close, Commit, Open, Step, Write

__all__ = ["Session"]

#: How often a call is made on a store that works again, before the driver is said not to recover.
_ATTEMPTS = 4


class Session:
    """A driver, its open writers, and the model of what they do.

    Attributes
    ----------
    driver : StorageDriver
        What the calls are made with.
    model : Model
        What the store may hold.
    writers : dict
        The open writers, by their paths.
    interrupted : bool
        A call was interrupted; the writers may refuse to go on.
    in_call : bool
        A call is being made: an interrupt may raise.
    """

    def __init__(self, driver: StorageDriver, model: Model) -> None:
        self.driver = driver
        self.model = model
        self.writers: dict[str, FileWriter] = {}
        self.interrupted = False
        self.in_call = False

    def run(self, step: Step) -> None:
        """Make one call. What it raises passes, but for what the contract does not allow."""
        self.model.begun(step)
        try:
            self.in_call = True
            step.perform(self)
            self.in_call = False
        except FaultFoundError:
            raise
        except BaseException as error:
            self.in_call = False
            self.interrupted = self.interrupted or isinstance(error, KeyboardInterrupt)
            if isinstance(error, ValueError) and not isinstance(error, StorageDriverError) and not self.interrupted:
                raise FaultFoundError(f"{step} raised {type(error).__name__}: {error}") from error
            self.model.failed(step, error, self.size(step))
            if isinstance(error, ConflictError):
                self.writers.pop(step.path).close()
            raise
        self.model.done(step, self.size(step))
        if isinstance(step, Close | Commit | Cancel):
            writer = self.writers.pop(step.path)
            writer.close()

    def again(self, step: Step) -> None:
        """Make a call until it returns, on a store that works again.

        Raises
        ------
        ValueError
            From a writer that was interrupted and refuses to go on.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self.run(step)
            except StorageDriverError as error:
                if self.model.is_met(step, error):
                    return
                if attempt == _ATTEMPTS:
                    raise FaultFoundError(f"{step} still fails, and nothing is wrong any more: {error!r}") from error
                step = self.rest(step)
            else:
                return

    def rest(self, step: Step) -> Step:
        """What is left to do of a call that has failed: of a write the data that was not taken."""
        writer = self.model.at(step.path).writer
        if isinstance(step, Write) and writer is not None and writer.pending is not None:
            return Write(step.path, writer.pending)
        return step

    def size(self, step: Step) -> int | None:
        """The size of the writer that a call is about; None: it is not to be had."""
        writer = self.writers.get(step.path)
        if writer is None or not isinstance(step, Open | Write | Close | Commit):
            return None
        try:
            return writer.size
        except Exception as error:
            if self.interrupted:
                return None
            raise FaultFoundError(f"size raised {type(error).__name__} after {step}: {error}") from error

    def check_answer(self, step: Ask, answer: Any) -> None:
        """Hold an answer to the only right one."""
        if answer != step.expected:
            raise FaultFoundError(f"{step} gave {_short(answer)} instead of {_short(step.expected)}, and no error")

    def abandon(self) -> None:
        """Drop the writers as the end of the process would."""
        self.model.killed()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            self.writers.clear()


def _short(answer: Any) -> str:
    return shown(answer) if isinstance(answer, bytes) else repr(answer)[:300]
