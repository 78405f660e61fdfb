"""The model of the fault matrix: what it allows, and what it does not."""

from __future__ import annotations

import pytest

from storagedriver.driver import Capabilities
from storagedriver.errors import ConflictError, PathNotFoundError, UnavailableError
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.states import FaultFoundError, exactly
from storagedriver.testsuites.faults.steps import Cancel, Close, Commit, Move, Open, Put, Step, Write

PART = 10
A, B = "/a", "/b"


def model_after(*steps: Step, capabilities: Capabilities | None = None) -> Model:
    """After calls that all returned."""
    model = Model(capabilities or Capabilities(), PART)
    size = 0
    for step in steps:
        model.begun(step)
        if isinstance(step, Open):
            size = 0
        if isinstance(step, Write):
            size += len(step.data)
        model.done(step, size)
    return model


def allows(model: Model, path: str, content: bytes | None) -> bool:
    return any(state.reads(content) for state in model.at(path).states)


def sizes(model: Model) -> set[int]:
    """Which sizes a resume may find."""
    return {size for size in range(99) for s in model.at(A).states if s.resumed is not None and s.resumed.has(size)}


def test_put_that_never_ended_has_replaced_or_not() -> None:
    model = model_after(Put(A, b"old"))
    model.begun(Put(A, b"newer"))
    assert [allows(model, A, content) for content in (b"old", b"newer", b"new", None)] == [True, True, False, False]


def test_close_that_returned_is_found_whole() -> None:
    model = model_after(Open(A), Write(A, b"12345"), Close(A))
    assert sizes(model) == {5}


def test_what_was_not_closed_may_be_there_in_part_or_not_at_all() -> None:
    model = model_after(Put(A, b"o" * 50), Open(A), Write(A, b"12345"))
    assert sizes(model) == {0, 1, 2, 3, 4, 5, 50}


def test_what_a_failed_close_calls_durable_must_be_found() -> None:
    model = model_after(Open(A), Write(A, b"12345"))
    error = UnavailableError()
    error.durable = 3
    model.begun(Close(A))
    model.failed(Close(A), error, 5)
    assert sizes(model) == {3, 4, 5}
    error.durable = 6
    with pytest.raises(FaultFoundError, match="says that 6 bytes are durable, and 5 were written"):
        model.failed(Close(A), error, 5)


@pytest.mark.parametrize(
    ("length", "size", "message"),
    [(PART, 1, "not more than a part"), (2 * PART, 2 * PART + 1, "made size grow"), (2 * PART, 7, "")],
)
def test_failed_write_has_taken_a_prefix(length: int, size: int, message: str) -> None:
    model = model_after(Open(A))
    step = Write(A, b"x" * length)
    model.begun(step)
    if not message:
        model.failed(step, UnavailableError(), size)
        assert model.writer(A).pending == b"x" * (length - size)
        return
    with pytest.raises(FaultFoundError, match=message):
        model.failed(step, UnavailableError(), size)


def test_resume_of_a_wrong_size_is_found() -> None:
    model = model_after(Open(A), Write(A, b"12345"), Close(A))
    model.begun(Open(A, append=True))
    with pytest.raises(FaultFoundError, match="has found 4 bytes"):
        model.done(Open(A, append=True), 4)


def test_commit_that_raised_may_have_published() -> None:
    model = model_after(Put(A, b"old"), Open(A), Write(A, b"12345"))
    model.begun(Commit(A))
    model.failed(Commit(A), UnavailableError(), 5)
    assert [allows(model, A, content) for content in (b"old", b"12345", b"123", None)] == [True, True, False, False]
    model.begun(Cancel(A))
    model.done(Cancel(A))
    assert [allows(model, A, content) for content in (b"old", b"12345", None)] == [True, True, False]
    assert all(state.upload is None for state in model.at(A).states)


def test_cancel_that_raised_may_have_removed_the_upload() -> None:
    model = model_after(Open(A), Write(A, b"12345"), Close(A))
    model.begun(Open(A, append=True))
    model.done(Open(A, append=True), 5)
    for step in (Cancel(A), Close(A)):
        model.begun(step)
        model.failed(step, UnavailableError(), 5)
        assert {state.resumed for state in model.at(A).states} == {None, exactly(b"12345")}


@pytest.mark.parametrize(
    ("unfinished", "old", "beginning", "nothing"),
    [("invisible", True, False, False), ("shown", False, True, False), ("hides", True, False, True)],
)
def test_what_is_seen_of_a_closed_upload(unfinished: str, old: bool, beginning: bool, nothing: bool) -> None:
    capabilities = Capabilities(unfinished=unfinished)  # type: ignore[arg-type]
    model = model_after(Put(A, b"old"), Open(A), Write(A, b"12345"), Close(A), capabilities=capabilities)
    assert [allows(model, A, content) for content in (b"old", b"12345", None)] == [old, beginning, nothing]


def test_a_move_must_not_lose_the_file() -> None:
    model = model_after(Put(A, b"content"))
    model.begun(Move(A, B))
    model.failed(Move(A, B), UnavailableError())
    model.see(A, None)
    model.see(B, None)
    with pytest.raises(FaultFoundError, match="neither at /a nor at /b"):
        model.see_moves()


@pytest.mark.parametrize("error", [PathNotFoundError(), ConflictError(), RuntimeError()])
def test_errors_that_say_what_is_not_true(error: Exception) -> None:
    model = model_after(Put(A, b"content"), Open(A))
    model.begun(Commit(A))
    with pytest.raises(FaultFoundError):
        model.failed(Commit(A), error, 0)
