"""What is measured: a storage driver, or a peer that does the same its own way."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from storagedriver.bench.tasks import Sample, Task

__all__ = ["Measured", "MeasuredError", "Subject"]


class MeasuredError(Exception):
    """A subject could not be made, or could not do what it was asked for."""


class Measured(Protocol):
    """A subject that can be given tasks, in a process of its own or in this one."""

    @property
    def name(self) -> str:
        """Its name in the results."""

    @property
    def operations(self) -> frozenset[str]:
        """What it can do."""

    def run(self, task: Task, /) -> Sample:
        """Have a task done; a `MeasuredError` says why it could not be."""


class Subject(ABC):
    """Storage as one library reaches it, below the root directory of a driver.

    A subject implements the calls that its library has; the others are not
    measured. It is made from the name and the parameters of the driver that
    it stands beside, and reaches the same objects.

    Attributes
    ----------
    drivers : frozenset of str
        The names of the drivers whose storage it can reach.
    version : str
        What is measured, and its version.
    """

    drivers: ClassVar[frozenset[str]] = frozenset()
    version: str

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        self.driver = driver
        self.parameters = parameters

    @classmethod
    def operations(cls) -> frozenset[str]:
        """The calls that it implements."""
        names = ("write", "read", "put", "get", "stat", "list", "walk", "move", "delete")
        return frozenset(name for name in names if getattr(cls, name) is not getattr(Subject, name))

    def prepare(self, operation: str, size: int) -> None:  # noqa: B027 - most need nothing
        """Called before the clock starts, with what comes and the bytes of an object."""

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Stream the pieces into an object."""
        raise NotImplementedError

    def read(self, path: str, piece: int) -> int:
        """Stream an object out, at most `piece` bytes at a time; how many bytes it was."""
        raise NotImplementedError

    def put(self, path: str, content: bytes) -> None:
        """Write a small object at once."""
        raise NotImplementedError

    def get(self, path: str) -> bytes:
        """A small object at once."""
        raise NotImplementedError

    def stat(self, path: str) -> None:
        """Ask for the size of an object."""
        raise NotImplementedError

    def list(self, path: str) -> int:
        """List the direct children of a directory; how many they are."""
        raise NotImplementedError

    def walk(self, path: str) -> int:
        """Go through everything below a directory, sizes included; how many entries there are."""
        raise NotImplementedError

    def move(self, source: str, dest: str) -> None:
        """Move an object."""
        raise NotImplementedError

    def delete(self, path: str) -> None:
        """Delete a directory with everything below it."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what is held."""
