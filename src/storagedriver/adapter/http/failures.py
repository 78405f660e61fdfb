"""What an exception of a store that speaks HTTP means, in one order for all of them."""

from __future__ import annotations

from collections.abc import Callable

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.client import classify
from storagedriver.adapter.http.strangers import advised
from storagedriver.adapter.store import Failure
from storagedriver.errors import StorageDriverError

__all__ = ["classified", "line"]


def classified(
    error: BaseException,
    answered: Callable[[AnswerError], Failure],
    unanswered: Callable[[BaseException], Failure | None] = lambda _: None,
) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`.

    Parameters
    ----------
    error : BaseException
        The exception.
    answered : callable
        Says what an answer of the store means that is a failure.
    unanswered : callable
        Says what an exception of the credentials or the settings means; None
        for any other.
    """
    if isinstance(error, StorageDriverError):
        return Failure(type(error), error.detail, error.hint)
    if isinstance(error, DeleteError):
        return error.failure
    if isinstance(error, AnswerError):
        return advised(error, answered(error))
    failure = unanswered(error)
    if failure is None and isinstance(error, Exception):
        failure = classify(error)
    return failure or Failure(StorageDriverError, f"{type(error).__name__}: {line(error)}")


def line(error: BaseException) -> str:
    """The text of an exception in one line."""
    return " ".join(str(error).split()) or type(error).__name__
