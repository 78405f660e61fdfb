"""What may be at a path, and in its unfinished upload: a set of possible states."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING", "FaultFoundError", "Span", "State", "exactly", "shown"]


class FaultFoundError(AssertionError):
    """A driver did what the contract does not allow."""


@dataclass(frozen=True)
class Span:
    """The beginning of a stream, of at least so many bytes."""

    stream: bytes
    least: int

    def has(self, size: int) -> bool:
        """Whether it can be of this size."""
        return self.least <= size <= len(self.stream)

    def allows(self, content: bytes) -> bool:
        """Whether it can be this content."""
        return self.has(len(content)) and self.stream.startswith(content)

    def __str__(self) -> str:
        if self.least == len(self.stream):
            return shown(self.stream)
        return f"the first {self.least} bytes or more of {shown(self.stream)}"


def exactly(content: bytes) -> Span:
    """All of a content."""
    return Span(content, len(content))


def shown(content: bytes | None) -> str:
    """A content for a report."""
    if content is None:
        return "nothing"
    return f"{len(content)} bytes" + (f" {content[:8]!r}..." if content else "")


@dataclass(frozen=True)
class State:
    """One possible state.

    Attributes
    ----------
    content : Span or None
        What is read at the path; None: there is no file.
    upload : Span or None
        What the unfinished upload holds; None: there is none.
    """

    content: Span | None
    upload: Span | None

    def reads(self, content: bytes | None) -> bool:
        """Whether a reader can find this."""
        if content is None or self.content is None:
            return content is None and self.content is None
        return self.content.allows(content)

    @property
    def resumed(self) -> Span | None:
        """What a resume goes on with."""
        return self.content if self.upload is None else self.upload

    def __str__(self) -> str:
        content = "nothing at the path" if self.content is None else f"{self.content} at the path"
        return content + (", no upload" if self.upload is None else f", an upload of {self.upload}")


NOTHING = State(None, None)
