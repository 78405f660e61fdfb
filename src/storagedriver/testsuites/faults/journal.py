"""A journal of calls: a line before each, and a line after it, kept through a kill of the process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storagedriver.testsuites.faults.states import FaultFoundError
from storagedriver.testsuites.faults.steps import (
    Cancel,
    Close,
    Commit,
    Copy,
    Delete,
    Move,
    Open,
    Put,
    Step,
    Write,
)
from storagedriver.testsuites.helpers import pattern

__all__ = ["Content", "Entry", "Journal", "entries"]

#: The size of a content, and its seed: a journal holds no contents.
Content = tuple[int, int]
Entry = dict[str, Any]
_KINDS: dict[str, type[Step]] = {
    kind.__name__: kind for kind in (Put, Open, Write, Close, Commit, Cancel, Move, Copy, Delete)
}


def step_of(entry: Entry) -> Step:
    """The call of an entry."""
    kind, path, more = _KINDS[entry["kind"]], entry["path"], entry["more"]
    if kind in (Put, Write):
        return kind(path, pattern(*more))
    return kind(path) if more is None else kind(path, more)  # type: ignore[call-arg]


class Journal:
    """Where a process writes down what it does.

    Parameters
    ----------
    file : Path
        What is written is in the file when a call returns, whatever becomes of
        the process.
    """

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def write(self, phase: str, kind: str, path: str, more: Any = None, **outcome: Any) -> None:
        """Add a line: a call has `begun`, is `done`, or has `failed`."""
        line = json.dumps({"phase": phase, "kind": kind, "path": path, "more": more, **outcome})
        os.write(self._file, line.encode() + b"\n")
        os.fsync(self._file)


def entries(file: Path) -> Iterator[tuple[Entry, Step]]:
    """What a journal says, in its order. Its last line may have been cut short.

    Raises
    ------
    FaultFoundError
        If a call failed, though nothing was wrong with the store.
    """
    for line in file.read_bytes().split(b"\n")[:-1]:
        entry: Entry = json.loads(line)
        step = step_of(entry)
        if entry["phase"] == "failed":
            raise FaultFoundError(f"{step} failed, and nothing was wrong: {entry['error']}")
        yield entry, step
