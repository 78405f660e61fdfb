"""What a process under measurement is asked for, and what it answers: one JSON object a line.

The first line a process reads is its set-up (see `worker.serve`); each line
after it is a `Task`, and the answer to it a `Sample`, or ``{"error": "…"}``.
Any program that speaks this can be measured beside the drivers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["OPERATIONS", "Sample", "Task"]

#: Everything a task can ask for; `tree` only prepares.
OPERATIONS = ("write", "read", "put", "get", "stat", "list", "walk", "move", "delete", "tree")


@dataclass(frozen=True)
class Task:
    """One measured piece of work.

    Attributes
    ----------
    operation : str
        One of `OPERATIONS`. ``write`` and ``read`` stream `count` objects of
        `size` bytes; ``put``, ``get`` and ``stat`` take `count` objects of
        `size` bytes; ``list`` lists `path` `count` times; ``walk`` goes through
        all below `path`; ``move`` moves `count` objects from below `path` to
        below `dest`; ``delete`` removes `path` with all below it; ``tree``
        puts `count` objects, ten in a directory.
    path : str
        An absolute path. Object number i is at ``path/i``, in a tree at
        ``path/d<i // 10>/<i % 10>``.
    dest : str
        Where ``move`` moves to.
    size : int
        The bytes of an object.
    piece : int
        The bytes that a stream is given or asked for at a time.
    count : int
        How many objects, or how many times.
    concurrency : int
        How many of them at a time.
    """

    operation: str
    path: str
    dest: str = ""
    size: int = 0
    piece: int = 1 << 20
    count: int = 1
    concurrency: int = 1

    def objects(self) -> list[str]:
        """The paths of the objects."""
        if self.operation == "tree":
            return [f"{self.path}/d{number // 10}/{number % 10}" for number in range(self.count)]
        return [f"{self.path}/{number}" for number in range(self.count)]

    def to_json(self) -> dict[str, Any]:
        """As it is sent."""
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """What one task took.

    Attributes
    ----------
    seconds : float
        From its begin to its end.
    cpu : float
        Seconds of CPU, user and system, of the process and its children.
    memory : int or None
        The bytes by which the peak of resident memory was over what was there
        before; None where the system does not tell.
    size : int
        The bytes that were moved.
    count : int
        How many operations it was; for ``list`` and ``walk`` see `found`.
    found : int
        How many entries a ``list`` or ``walk`` gave.
    """

    seconds: float
    cpu: float
    memory: int | None = None
    size: int = 0
    count: int = 1
    found: int = 0
