"""The calls that scripts and histories are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storagedriver.driver import StorageDriver

if TYPE_CHECKING:
    from storagedriver.testsuites.faults.session import Session

__all__ = ["Ask", "Cancel", "Close", "Commit", "Copy", "Delete", "Move", "Open", "Put", "Step", "Write"]


@dataclass(frozen=True)
class Step:
    """A call about a path."""

    path: str

    def perform(self, session: Session) -> None:
        """Make the call."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()} {self.path}"


@dataclass(frozen=True)
class Put(Step):
    """`put_content`."""

    content: bytes

    def perform(self, session: Session) -> None:
        session.driver.put_content(self.path, self.content)

    def __str__(self) -> str:
        return f"put {len(self.content)} bytes to {self.path}"


@dataclass(frozen=True)
class Open(Step):
    """`writer`."""

    append: bool = False

    def perform(self, session: Session) -> None:
        session.writers[self.path] = session.driver.writer(self.path, append=self.append)

    def __str__(self) -> str:
        return f"writer({self.path}, append={self.append})"


@dataclass(frozen=True)
class Write(Step):
    """`write`, with all of the data."""

    data: bytes

    def perform(self, session: Session) -> None:
        session.writers[self.path].write(self.data)

    def __str__(self) -> str:
        return f"write {len(self.data)} bytes"


@dataclass(frozen=True)
class Close(Step):
    """`close` of a writer."""

    def perform(self, session: Session) -> None:
        session.writers[self.path].close()


@dataclass(frozen=True)
class Commit(Step):
    """`commit`."""

    def perform(self, session: Session) -> None:
        session.writers[self.path].commit()


@dataclass(frozen=True)
class Cancel(Step):
    """`cancel`."""

    def perform(self, session: Session) -> None:
        session.writers[self.path].cancel()


@dataclass(frozen=True)
class Move(Step):
    """`move`."""

    dest: str

    def perform(self, session: Session) -> None:
        session.driver.move(self.path, self.dest)

    def __str__(self) -> str:
        return f"move {self.path} to {self.dest}"


@dataclass(frozen=True)
class Copy(Step):
    """`copy`."""

    dest: str

    def perform(self, session: Session) -> None:
        session.driver.copy(self.path, self.dest)

    def __str__(self) -> str:
        return f"copy {self.path} to {self.dest}"


@dataclass(frozen=True)
class Delete(Step):
    """`delete`."""

    def perform(self, session: Session) -> None:
        session.driver.delete(self.path)


@dataclass(frozen=True)
class Ask(Step):
    """A call that changes nothing, and its only right answer."""

    name: str
    call: Callable[[StorageDriver], Any]
    expected: Any

    def perform(self, session: Session) -> None:
        session.check_answer(self, self.call(session.driver))

    def __str__(self) -> str:
        return f"{self.name} {self.path}"
