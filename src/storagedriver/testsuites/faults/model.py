"""The model: which states of a store the contract allows after calls that returned, raised or never ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storagedriver.driver import Capabilities
from storagedriver.errors import BucketNotFoundError, ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.testsuites.faults.states import NOTHING, FaultFoundError, Span, State, exactly, shown
from storagedriver.testsuites.faults.steps import (
    Ask,
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
from storagedriver.testsuites.faults.upload import Upload, contents_of

__all__ = ["Model", "Place"]


@dataclass
class Place:
    """A path: the states it may be in, and the writer that is open there."""

    states: frozenset[State] = frozenset({NOTHING})
    writer: Upload | None = None

    def also(self, states: Iterable[State]) -> None:
        """Allow further states."""
        self.states |= frozenset(states)

    def must_be(self, *states: State) -> None:
        """Allow only these."""
        self.states = frozenset(states)


class Model:
    """What is known of a store by the calls that were made.

    `begun` is called before each call, and `done` or `failed` after it. A call
    of which only the beginning is known was cut short by the end of its
    process.

    Parameters
    ----------
    capabilities : Capabilities
        Of the driver.
    part : int
        The size of a part of an upload, in bytes. A failed write of at most so
        many bytes takes none of them.
    """

    def __init__(self, capabilities: Capabilities, part: int) -> None:
        self.capabilities = capabilities
        self.part = part
        self.places: dict[str, Place] = {}
        self._moves: list[tuple[str, str]] = []
        #: Where a put, a copy, a cancel or, of files that may be uploads, a delete was cut short: what the store has of
        #: it may be listed until it is purged.
        self._litter: set[str] = set()

    def at(self, path: str) -> Place:
        """What is known of a path."""
        return self.places.setdefault(path, Place())

    def writer(self, path: str) -> Upload:
        """The writer that is open at a path."""
        writer = self.at(path).writer
        if writer is None:
            raise ValueError(f"no writer is open at {path}")
        return writer

    def below(self, path: str) -> list[str]:
        """The known paths that a delete of `path` removes."""
        return [known for known in self.places if known == path or known.startswith(path + "/")]

    def begun(self, step: Step) -> None:
        """A call begins."""
        place = self.at(step.path)
        match step:
            case Put(content=content):
                self._litter.add(step.path)
                place.also(State(exactly(content), upload) for upload in [None, *(s.upload for s in place.states)])
            case Open(append=True):
                whole = [s.content for s in place.states if s.upload is None and s.content is not None]
                place.also(State(content, content) for content in whole)
            case Open():
                place.also(self._emptied(place.states))
            case Move(dest=dest) | Copy(dest=dest):
                self._transfer(step, dest)
            case Delete():
                for path in self.below(step.path):
                    gone = self.at(path)
                    gone.also(State(s.content, None) for s in list(gone.states))
                    gone.also(State(None, s.upload) for s in list(gone.states))
            case Write() | Close() | Commit() | Cancel():
                self._begun_with(self.writer(step.path), step)
                place.also(self.writer(step.path).states())

    def done(self, step: Step, size: int | None = None) -> None:
        """The call has returned; `size` is that of its writer."""
        place = self.at(step.path)
        match step:
            case Put(content=content):
                self._litter.discard(step.path)
                place.also(State(exactly(content), s.upload) for s in list(place.states))
                place.states = frozenset(s for s in place.states if s.content == exactly(content))
            case Open(append=append):
                self._opened(place, step, size or 0, append=append)
            case Move(dest=dest) | Copy(dest=dest):
                sources = [s for s in place.states if s.content is not None]
                self.at(dest).must_be(*(State(s.content, None) for s in sources))
                if isinstance(step, Move):
                    place.must_be(NOTHING)
                self._moves.clear()
            case Delete():
                for path in self.below(step.path):
                    self.at(path).must_be(NOTHING)
            case Write() | Close() | Commit() | Cancel():
                self._done_with(place, self.writer(step.path), step, size)

    def failed(self, step: Step, error: BaseException, size: int | None = None) -> None:
        """The call has raised; `size` is that of its writer, None if that is not to be had."""
        place = self.at(step.path)
        interrupted = not isinstance(error, Exception)
        if not interrupted:
            self._check_error(step, error)
        if isinstance(error, ConflictError):
            # The writer is closed, as the upload is gone.
            place.states, place.writer = self.writer(step.path).gone(), None
            return
        match step:
            case Move(dest=dest) | Copy(dest=dest):
                self._litter.add(dest)
            case Delete() if self.capabilities.unfinished == "shown":
                self._litter.update(self.below(step.path))
            case Write(data=data):
                self.writer(step.path).take(
                    data, size, part=self.part, failed=True, interrupted=interrupted or isinstance(error, ValueError)
                )
            case Close():
                self.writer(step.path).fail_to_keep(getattr(error, "durable", None))
        if isinstance(step, Write | Close | Commit):
            place.states = self.writer(step.path).states()

    def is_met(self, step: Step, error: BaseException) -> bool:
        """Whether a call may fail on a store that works: an earlier attempt has done what there was to do."""
        writer = self.at(step.path).writer
        if isinstance(error, ConflictError):
            return True
        if isinstance(step, Write | Close | Commit) and writer is not None and writer.cancelling:
            # What is left may not be whole: such a writer may refuse everything but cancel.
            return True
        if not isinstance(error, PathNotFoundError):
            return False
        gone = self.below(step.path)
        if isinstance(step, Delete) and all(NOTHING in self.at(path).states for path in gone):
            for path in gone:
                self.at(path).must_be(NOTHING)
            return True
        if isinstance(step, Move) and NOTHING in self.at(step.path).states:
            target = self.at(step.dest)
            target.must_be(*(s for s in target.states if s.content is not None))
            self.at(step.path).must_be(NOTHING)
            return True
        return False

    def killed(self) -> None:
        """The process has ended: no writer is open."""
        for place in self.places.values():
            place.writer = None

    def see(self, path: str, content: bytes | None, how: str = "get_content") -> None:
        """Hold what was read to the model, and learn from it."""
        place = self.at(path)
        left = frozenset(s for s in place.states if s.reads(content))
        if not left:
            raise FaultFoundError(f"{how} of {path} gave {shown(content)}; allowed: {self.describe(path)}")
        place.states = left

    def see_moves(self) -> None:
        """Hold moves that failed to this: the source is there, or the destination has its content."""
        for source, dest in self._moves:
            lost = all(s.content is None for s in self.at(source).states)
            if lost and all(s.content is None for s in self.at(dest).states):
                raise FaultFoundError(f"a move lost the file: it is neither at {source} nor at {dest}")

    def see_upload_size(self, path: str, size: int | None) -> None:
        """Hold an answer of `upload_size` to the model; None: there is nothing."""
        allowed = [s.resumed for s in self.at(path).states]
        if not any(span is None if size is None else span is not None and span.has(size) for span in allowed):
            raise FaultFoundError(f"upload_size of {path} is {size}; allowed: {self.describe(path)}")

    def see_upload(self, path: str, *, listed: bool, complete: bool) -> None:
        """Hold it to the model whether `uploads` shows an upload. Where that is not complete, it may leave one out."""
        states = self.at(path).states
        if listed and path not in self._litter and all(s.upload is None for s in states):
            raise FaultFoundError(f"uploads() shows an upload of {path}; allowed: {self.describe(path)}")
        if complete and not listed and all(s.upload is not None for s in states):
            raise FaultFoundError(f"uploads() does not show the upload of {path}; allowed: {self.describe(path)}")

    def purged(self, path: str) -> None:
        """`purge_uploads` has removed what there was."""
        place = self.at(path)
        left = {State(s.content, None) for s in place.states}
        if self.capabilities.unfinished != "invisible" and any(s.upload for s in place.states):
            left.add(NOTHING)
        place.states = frozenset(left)

    def describe(self, path: str) -> str:
        """The states a path may be in, for a report."""
        return " | ".join(sorted({str(state) for state in self.at(path).states}))

    def _emptied(self, states: frozenset[State]) -> set[State]:
        empty = exactly(b"")
        found = {State(s.content, upload) for s in states for upload in (None, empty)}
        if self.capabilities.unfinished == "shown":
            found |= {State(content, upload) for content in (None, empty) for upload in (None, empty)}
        if self.capabilities.unfinished == "hides":
            found |= {State(None, None)} if any(s.upload for s in states) else set()
        return found

    def _opened(self, place: Place, step: Step, size: int, *, append: bool) -> None:
        if not append:
            if size:
                raise FaultFoundError(f"a new writer has the size {size}")
            before = contents_of(place.states)
            place.writer = Upload(self.capabilities, (b"",), before, resumed=False)
            place.states = place.writer.states()
            return
        left = {s for s in place.states if (span := s.resumed) is not None and span.has(size)}
        if not left:
            allowed = self.describe(step.path)
            raise FaultFoundError(f"the resume of {step.path} has found {size} bytes; allowed: {allowed}")
        bases = {span.stream[:size] for s in left if (span := s.resumed) is not None}
        kept = all(s.upload is not None for s in left)
        place.writer = Upload(
            self.capabilities, tuple(sorted(bases)), contents_of(left), resumed=True, least=size, kept=kept
        )
        place.states = place.writer.states()

    def _begun_with(self, writer: Upload, step: Step) -> None:
        match step:
            case Write(data=data):
                writer.give(data)
            case Close():
                writer.closing = True
            case Commit():
                writer.committed |= set(writer.streams())
            case Cancel():
                self._litter.add(step.path)
                writer.cancelling = True

    def _done_with(self, place: Place, writer: Upload, step: Step, size: int | None) -> None:
        match step:
            case Write(data=data):
                writer.take(data, size, failed=False)
                return
            case Close():
                writer.keep(size)
                place.states = writer.states()
            case Commit():
                place.states = writer.published(size)
            case Cancel():
                self._litter.discard(step.path)
                place.states = writer.cancelled()
        place.writer = None

    def _transfer(self, step: Step, dest: str) -> None:
        source, target = self.at(step.path), self.at(dest)
        contents = [s.content for s in source.states if s.content is not None]
        target.also(State(content, None) for content in contents)
        # A copy in parts is an upload of the store's. If it fails it may stay, until it is purged.
        parts = [Span(content.stream, 0) for content in contents]
        target.also(State(s.content, span) for s in list(target.states) for span in parts)
        if not self.capabilities.atomic_replace:
            target.also([NOTHING])
        if isinstance(step, Move):
            source.also([NOTHING])
            self._moves.append((step.path, dest))

    def _check_error(self, step: Step, error: BaseException) -> None:
        """An error has to be of the contract, and must not say what is not true."""
        if isinstance(error, PathNotFoundError) and not isinstance(step, Ask):
            if isinstance(step, Open) and any(s.resumed is None for s in self.at(step.path).states):
                return
            if not isinstance(step, Open) and any(
                s.content is None for path in (step.path, *self.below(step.path)) for s in self.at(path).states
            ):
                return
            raise FaultFoundError(f"{step} raised PathNotFoundError; there is {self.describe(step.path)}") from error
        if isinstance(error, ConflictError):
            writer = self.at(step.path).writer
            if isinstance(step, Close) and writer is not None and writer.may_be_gone():
                return
            raise FaultFoundError(f"{step} raised ConflictError, and there is no other writer: {error}") from error
        if isinstance(error, PathNotFoundError | BucketNotFoundError) or not isinstance(
            error, StorageDriverError | ValueError
        ):
            raise FaultFoundError(f"{step} raised {type(error).__name__}: {error}") from error
