"""What an exception of a request means: for the contract, and for users of fsspec."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["classify", "for_fsspec", "status"]

_NOT_FOUND = 404


def status(error: BaseException) -> int:
    """The HTTP status that the store answered with, 0 if it did not."""
    return error.answer.status if isinstance(error, AnswerError) else 0


def classify(error: BaseException) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    if isinstance(error, StorageDriverError):
        return Failure(type(error), error.detail)
    if isinstance(error, DeleteError):
        return error.failure
    if isinstance(error, AnswerError):
        return _answered(error)
    if isinstance(error, Exception) and (failure := http.classify(error)) is not None:
        return failure
    if type(error).__module__.startswith("keystoneauth1."):
        return _not_authenticated(error)
    return Failure(StorageDriverError, f"{type(error).__name__}: {_line(error)}")


def _answered(error: AnswerError) -> Failure:
    failure = http.classify(error)
    assert failure is not None
    code = error.answer.status
    if code == 413:  # noqa: PLR2004 - Swift's answer over a quota, too
        return Failure(StorageDriverError, f"{error}: too large, or over a quota")
    if code == 498:  # noqa: PLR2004 - Swift's rate limit, while it still lets the client wait
        return Failure(UnavailableError, str(error))
    return failure


def _not_authenticated(error: BaseException) -> Failure:
    """A failure of keystoneauth1, which is only loaded where it is used."""
    from keystoneauth1 import exceptions  # noqa: PLC0415 - an extra

    detail = f"authentication failed: {_line(error)}"
    if isinstance(error, exceptions.SSLError):
        return Failure(StorageDriverError, f"{detail}; insecureskipverify trusts any certificate")
    if isinstance(error, exceptions.ConnectionError):
        return Failure(UnavailableError, detail)
    if isinstance(error, exceptions.HttpError):
        code = error.http_status or 0
        if code >= 500 or code in (408, 429):  # noqa: PLR2004 - HTTP
            return Failure(UnavailableError, detail)
        if code == _NOT_FOUND:
            return Failure(ParameterError, f"{detail}; check authurl and authversion")
        return Failure(PermissionDeniedError, detail)
    if isinstance(error, exceptions.CatalogException):
        return Failure(ParameterError, f"{detail}; check region and endpointtype")
    if isinstance(error, (exceptions.DiscoveryFailure, exceptions.InvalidResponse)):
        return Failure(ParameterError, f"{detail}; check authurl and authversion")
    return Failure(PermissionDeniedError, detail)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def for_fsspec(path: str) -> Iterator[None]:
    """Turn what a request raises into the builtin exceptions that users of fsspec catch."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageDriverError) and not isinstance(error, (FileNotFoundError, PermissionError)):
            raise _builtin(error, path) from error
        raise
    except Exception as error:
        if not _is_ours(error):
            raise
        raise _builtin(error, path) from error


def _is_ours(error: Exception) -> bool:
    return (
        isinstance(error, DeleteError)
        or http.classify(error) is not None
        or type(error).__module__.startswith("keystoneauth1.")
    )


def _builtin(error: Exception, path: str) -> OSError:
    code = status(error)
    failure = classify(error)
    if code == _NOT_FOUND or failure.kind in (PathNotFoundError, BucketNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object or container", path)
    if failure.kind is PermissionDeniedError:
        return PermissionError(errno.EACCES, failure.detail, path)
    if failure.kind is UnavailableError:
        return ConnectionError(errno.EAGAIN, failure.detail, path)
    if failure.kind is ConflictError:
        return OSError(errno.EBUSY, failure.detail or "it was changed by somebody else", path)
    return OSError(errno.EIO, failure.detail, path)
