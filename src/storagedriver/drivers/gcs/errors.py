"""What went wrong, decided by the HTTP status and the store's reason, once.

The statuses and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

import json
from typing import Any

from storagedriver.adapter.failures import names_of
from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.failures import classified, line
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    PermissionDeniedError,
    UnavailableError,
)

__all__ = [
    "GONE",
    "NOT_FOUND",
    "OK_DELETED",
    "PRECONDITION_FAILED",
    "FinishedEarlyError",
    "SessionExpiredError",
    "classify",
    "has_status",
    "is_own",
    "is_passing",
    "says_missing_bucket",
    "says_missing_object",
]

NOT_FOUND = 404
PRECONDITION_FAILED = 412
#: What a delete may be answered: an object that is gone already is no error.
OK_DELETED = frozenset({200, 204, NOT_FOUND})
#: The statuses of a session that is over: unknown, expired, cancelled.
GONE = frozenset({404, 410, 499})

#: Refusals with status 403 that are about how much is asked, not about who asks.
_BUSY = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
#: What is said of a body that was damaged on its way.
_DAMAGED = "doesn't match calculated"
_NO_CREDENTIALS = (
    "set keyfile or credentials, the variable GOOGLE_APPLICATION_CREDENTIALS, or a service account of the machine"
)


class SessionExpiredError(ConflictError):
    """The session of an upload is over, and what it held is lost."""


class FinishedEarlyError(ConflictError):
    """The session of an upload was published, though there was more to come."""


def classify(error: Exception) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    return classified(error, _answered, _unanswered)


def _unanswered(error: BaseException) -> Failure | None:
    is_about_a_token = "HttpError" in names_of(error, "gcsfs") or "GoogleAuthError" in names_of(error, "google.auth")
    return _without_token(error) if is_about_a_token else None


def has_status(error: BaseException, *statuses: int) -> bool:
    """Whether it is an answer with one of these statuses."""
    return isinstance(error, AnswerError) and error.answer.status in statuses


def is_own(answer: Answer) -> bool:
    """Whether a refusal can be the store's: JSON, plain text, or nothing from an emulator, and no page of a proxy."""
    return not answer.content.lstrip().startswith(b"<")


def says_missing_bucket(answer: Answer) -> bool:
    """Whether the store's own words say that the bucket is missing. An emulator may say nothing."""
    return "bucket does not exist" in _message(answer).lower()


def says_missing_object(answer: Answer) -> bool:
    """Whether they say that the object is missing, and not the bucket."""
    return "no such object" in _message(answer).lower()


def _answered(error: AnswerError) -> Failure:
    answer = error.answer
    message = _message(answer)
    detail = f"{error}: {message}" if message else str(error)
    if says_missing_bucket(answer):
        return Failure(BucketNotFoundError, message)
    if _DAMAGED in message.lower():
        return Failure(IntegrityError, detail)
    if answer.status == 403 and _reasons(answer) & _BUSY:  # noqa: PLR2004 - HTTP
        return Failure(UnavailableError, detail)
    return Failure(http.kind_of(answer.status), detail)


def is_passing(answer: Answer) -> bool:
    """Whether the same request may succeed a little later, though it failed now."""
    busy = answer.status == 403 and bool(_reasons(answer) & _BUSY)  # noqa: PLR2004 - HTTP
    return busy or http.kind_of(answer.status) is UnavailableError or _DAMAGED in _message(answer).lower()


def _without_token(error: BaseException) -> Failure:
    """There was no token for the request: gcsfs says 401 for whatever google-auth says."""
    cause = error.__cause__
    reason = cause if cause is not None and "GoogleAuthError" in names_of(cause, "google.auth") else error
    names = names_of(reason, "google.auth")
    if "DefaultCredentialsError" in names:
        return Failure(PermissionDeniedError, "there are no credentials", _NO_CREDENTIALS)
    detail = f"the token cannot be had: {line(reason)}"
    passing = "TransportError" in names or getattr(reason, "retryable", False)
    return Failure(UnavailableError if passing else PermissionDeniedError, detail)


def _body(answer: Answer) -> dict[str, Any]:
    try:
        error = json.loads(answer.content)["error"]
    except (ValueError, TypeError, KeyError):
        return {}
    return error if isinstance(error, dict) else {"message": str(error)}


def _message(answer: Answer) -> str:
    message = str(_body(answer).get("message") or "")
    if not message and not answer.content.lstrip().startswith((b"{", b"<")):
        message = answer.content[:200].decode(errors="replace")
    return " ".join(message.split())


def _reasons(answer: Answer) -> set[str]:
    errors = _body(answer).get("errors")
    if not isinstance(errors, list):
        return set()
    return {str(item.get("reason")) for item in errors if isinstance(item, dict)}
