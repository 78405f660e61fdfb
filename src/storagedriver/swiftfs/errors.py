"""What an exception of a request means: for the contract, and for users of fsspec."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.failures import names_of
from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.connection import TLSError
from storagedriver.adapter.http.failures import classified, line
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["Options", "classify", "for_fsspec", "status"]

_NOT_FOUND = 404


@dataclass(frozen=True)
class Options:
    """What the user calls the options that an error advises to look at; by default as `SwiftFileSystem` does.

    Attributes
    ----------
    url, version : str
        Of the identity service.
    region, interface : str
        Of the object store in its catalog.
    unverified : str
        What has any certificate trusted.
    """

    url: str = "auth_url"
    version: str = "version"
    region: str = "region"
    interface: str = "interface"
    unverified: str = "verify=False"


_OPTIONS = Options()


def status(error: BaseException) -> int:
    """The HTTP status that the store answered with, 0 if it did not."""
    return error.answer.status if isinstance(error, AnswerError) else 0


def classify(error: BaseException, options: Options = _OPTIONS) -> Failure:
    """Say what the exception means, and what the user can do. When in doubt: `StorageDriverError`."""
    return classified(error, _answered, lambda unanswered: _unanswered(unanswered, options))


def _unanswered(error: BaseException, options: Options) -> Failure | None:
    if isinstance(error, TLSError):
        hint = f"{http.TRUST}, or set {options.unverified}" if error.hint == http.TRUST else error.hint
        return Failure(StorageDriverError, f"TLS failed: {error.text}", hint)
    names = names_of(error, "keystoneauth1")
    return _not_authenticated(error, names, options) if names else None


def _answered(error: AnswerError) -> Failure:
    failure = http.classify(error)
    assert failure is not None
    code = error.answer.status
    if code == 413:  # noqa: PLR2004 - Swift's answer over a quota, too
        return Failure(StorageDriverError, f"{error}: too large, or over a quota")
    if code == 422:  # noqa: PLR2004 - Swift's answer to a content that has not the ETag of the request
        return Failure(IntegrityError, f"{error}: the store has received other bytes than were sent")
    if code == 498:  # noqa: PLR2004 - Swift's rate limit, while it still lets the client wait
        return Failure(UnavailableError, str(error))
    return failure


def _not_authenticated(error: BaseException, names: AbstractSet[str], options: Options) -> Failure:
    """A failure of keystoneauth1, whose class has these names."""
    detail = f"authentication failed: {line(error)}"
    misled = Failure(ParameterError, f"{detail}; check {options.url} and {options.version}")
    if "SSLError" in names:
        trust = f"{http.TRUST}, or set {options.unverified}"
        speaks_tls = "WRONG_VERSION_NUMBER" not in detail
        hint = trust if speaks_tls else f"the server speaks no TLS there: begin {options.url} with http://"
        return Failure(StorageDriverError, detail, hint)
    if "ConnectionError" in names:
        return Failure(UnavailableError, detail)
    if "HttpError" in names:
        code = getattr(error, "http_status", None) or 0
        if code >= 500 or code in (408, 429):  # noqa: PLR2004 - HTTP
            return Failure(UnavailableError, detail)
        if code == _NOT_FOUND:
            return misled
        return Failure(PermissionDeniedError, detail)
    if "CatalogException" in names:
        return Failure(ParameterError, f"{detail}; check {options.region} and {options.interface}")
    if names & {"DiscoveryFailure", "InvalidResponse"}:
        return misled
    return Failure(PermissionDeniedError, detail)


@contextmanager
def for_fsspec(path: str) -> Iterator[None]:
    """Turn what a request raises into the builtin exceptions that users of fsspec catch."""
    try:
        yield
    except OSError as error:
        is_builtin = isinstance(error, (FileNotFoundError, PermissionError))
        if isinstance(error, BucketNotFoundError) or (isinstance(error, StorageDriverError) and not is_builtin):
            raise _builtin(error, path) from error
        raise
    except Exception as error:
        if not _is_ours(error):
            raise
        raise _builtin(error, path) from error


def _is_ours(error: Exception) -> bool:
    return isinstance(error, DeleteError) or http.classify(error) is not None or bool(names_of(error, "keystoneauth1"))


def _builtin(error: Exception, path: str) -> OSError:
    code = status(error)
    failure = classify(error)
    if code == _NOT_FOUND or issubclass(failure.kind, (PathNotFoundError, BucketNotFoundError)):
        return FileNotFoundError(errno.ENOENT, "no such object or container", path)
    if failure.kind is PermissionDeniedError:
        return PermissionError(errno.EACCES, failure.detail, path)
    if failure.kind is UnavailableError:
        return ConnectionError(errno.EAGAIN, failure.detail, path)
    if failure.kind is ConflictError:
        return OSError(errno.EBUSY, failure.detail or "it was changed by another writer", path)
    return OSError(errno.EIO, failure.detail, path)
