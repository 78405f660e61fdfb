"""What an upload may hold, and what may be at its path, while it is written and after a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from storagedriver.driver import Capabilities
from storagedriver.testsuites.faults.states import FaultFoundError, Span, State, exactly

__all__ = ["Upload"]


@dataclass
class Upload:
    """A writer, as the model knows it.

    Attributes
    ----------
    bases : tuple of bytes
        What was there when it was opened. More than one where the size alone
        does not decide.
    before : set of Span or None
        What may have been at the path.
    resumed : bool
        It went on with an upload or with content.
    tail : bytes
        What the writer has taken,
    tried : bytes
        and what it was given: some of the rest may have reached the store.
    least : int
        How many bytes are durable.
    kept : bool
        The upload itself is durable: a resume finds it.
    closing : bool
        A close was begun.
    cancelling : bool
        A cancel was begun.
    unsure : bool
        The writer does not say what it has taken.
    pending : bytes or None
        What a failed write has left over.
    committed : set of bytes
        What a commit that raised may have published.
    """

    capabilities: Capabilities
    bases: tuple[bytes, ...]
    before: frozenset[Span | None]
    resumed: bool
    least: int = 0
    kept: bool = False
    tail: bytes = b""
    tried: bytes = b""
    closing: bool = False
    cancelling: bool = False
    unsure: bool = False
    pending: bytes | None = None
    committed: set[bytes] = field(default_factory=set)

    @property
    def size(self) -> int:
        """What the writer's size has to be."""
        return len(self.bases[0]) + len(self.tail)

    @property
    def shows(self) -> bool:
        """Whether it can be seen at the path."""
        kind = self.capabilities.unfinished
        return kind == "shown" or (kind == "shown_when_resumed" and self.resumed)

    def streams(self) -> list[bytes]:
        """What it is the beginning of, at most."""
        return [base + self.tail for base in self.bases]

    def give(self, data: bytes) -> None:
        """A write begins."""
        self.pending = data
        given = self.tail + data
        if not self.tried.startswith(given):
            self.tried = given

    def take(self, data: bytes, size: int | None, *, part: int = 0, failed: bool, interrupted: bool = False) -> None:
        """A write has ended; `size` is what the writer says of itself."""
        if size is None:
            self.unsure = True
            return
        taken = size - self.size
        if not failed and taken != len(data):
            raise FaultFoundError(f"write of {len(data)} bytes returned, and size grew by {taken}")
        if not 0 <= taken <= len(data):
            raise FaultFoundError(f"a failed write of {len(data)} bytes made size grow by {taken}")
        if failed and not interrupted and taken and len(data) <= part:
            raise FaultFoundError(f"a failed write of {len(data)} bytes, not more than a part, has taken {taken}")
        self.tail += data[:taken]
        self.pending = data[taken:] if failed else None

    def keep(self, size: int | None) -> None:
        """A close has returned."""
        if size is not None and not self.unsure and size != self.size:
            raise FaultFoundError(f"after close size is {size} and not {self.size}")
        self.kept = True
        if not self.unsure:
            self.tried = self.tail
            self.least = self.size

    def fail_to_keep(self, durable: int | None) -> None:
        """A close has raised, and said that so many bytes are safe."""
        if durable is None:
            return
        if durable > max(len(base) + len(self.tried) for base in self.bases):
            raise FaultFoundError(f"close says that {durable} bytes are durable, and {self.size} were written")
        self.least = max(self.least, durable)
        self.kept = self.kept or durable > 0

    def may_be_gone(self) -> bool:
        """Whether a commit or a cancel that raised may have ended the upload."""
        return bool(self.committed) or self.cancelling

    def gone(self) -> frozenset[State]:
        """What may be found if it was ended so."""
        published = frozenset(State(exactly(content), None) for content in self.committed)
        return published | (self.cancelled() if self.cancelling else frozenset())

    def states(self) -> frozenset[State]:
        """What may be found before a commit or a cancel has returned."""
        found: set[State] = set(self.cancelled()) if self.cancelling else set()
        for base in self.bases:
            span = Span(base + self.tried, min(self.least, len(base) + len(self.tried)))
            found |= self._unfinished(span)
            for content in self.committed:
                found |= {State(exactly(content), None), State(exactly(content), span)}
        return frozenset(found)

    def _unfinished(self, span: Span) -> set[State]:
        kind = self.capabilities.unfinished
        found: set[State] = set()
        if not (kind == "shown" and self.kept):
            found |= {State(content, span) for content in self.before}
        if not self.kept:
            found |= {State(content, None) for content in self.before}
        # Nothing was added to content: that is what a resume finds, and there need not be an upload.
        found |= {State(content, None) for content in self.before if content == exactly(span.stream)}
        if self.shows:
            found |= {State(span, span), State(span, None)}
            if kind == "shown_when_resumed":
                # What was published, to go on, may be older than what is durable.
                found.add(State(Span(span.stream, 0), span))
            if kind == "shown" and not self.kept:
                found |= {State(None, None), State(None, span)}
        if kind == "hides" and (self.closing or self.kept):
            found.add(State(None, span))
        if self.committed and not self.capabilities.atomic_replace:
            found |= {State(None, span), State(None, None)}
        return found

    def published(self, size: int | None) -> frozenset[State]:
        """What may be found after its `commit` has returned; `size` is what the writer says then."""
        if self.unsure:
            return frozenset(State(Span(base + self.tried, self.least), None) for base in self.bases)
        if size is not None and size != self.size:
            raise FaultFoundError(f"after commit size is {size} and not {self.size}")
        return frozenset(State(exactly(stream), None) for stream in self.streams())

    def cancelled(self) -> frozenset[State]:
        """What may be found after its `cancel` has returned."""
        contents: set[Span | None] = {exactly(content) for content in self.committed}
        if self.capabilities.unfinished == "shown":
            contents.add(None)
        else:
            contents |= self.before
            if self.shows or self.capabilities.unfinished == "hides":
                contents.add(None)
        return frozenset(State(content, None) for content in contents)


def contents_of(states: Iterable[State]) -> frozenset[Span | None]:
    """What may be at the path in any of the states."""
    return frozenset(state.content for state in states)
