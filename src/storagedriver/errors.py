"""The errors of the contract.

Every error carries the name of the driver it comes from, is also the builtin
exception that a Python user would catch (`FileNotFoundError`, `ValueError`,
...), and survives pickling, where the cause goes along as text.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "BucketNotFoundError",
    "BucketNotMadeError",
    "ConflictError",
    "IntegrityError",
    "InvalidAnswerError",
    "InvalidMiddlewareError",
    "InvalidOffsetError",
    "InvalidPathError",
    "InvalidStorageDriverError",
    "MissingExtraError",
    "ParameterError",
    "PathNotFoundError",
    "PermissionDeniedError",
    "ReadOnlyError",
    "StorageDriverError",
    "StorageDriverWarning",
    "UnavailableError",
    "UnsupportedMethodError",
    "hint_of",
    "importing_extra",
    "needing_extra",
]


class StorageDriverWarning(UserWarning):
    """Something was passed over that the user may want to know of."""


class StorageDriverError(OSError):
    """An operation of a storage driver failed.

    Parameters
    ----------
    detail : str
        What went wrong, in one line and without secrets. It may be empty
        where `path` says all there is to say.
    driver_name : str
        The registered name of the driver.
    path : str, optional
        The path or the name that the operation was about.

    Attributes
    ----------
    durable : int or None
        Of an error of `FileWriter.close`: how many bytes of the upload are
        known to be safe, which is what a resume finds at least. None: not known.
    errno : int or None
        The system's number of the failure, where it has one: ``ENOSPC`` of a
        full disk for example. Some errors have one of their own.
    hint : str
        What a user can do about it, in one line; empty if there is nothing
        better to say than what the error's type says. It is a part of the text.
    cause_text : str
        The text of the exception that caused this one. It is kept when the
        error is pickled, which drops ``__cause__``.
    """

    summary = "operation failed"
    code: int | None = None

    def __init__(self, detail: str = "", *, driver_name: str = "", path: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.driver_name = driver_name
        self.path = path
        self.durable: int | None = None
        self.hint = ""
        if self.code is not None:
            self.errno = self.code
        self._cause_text = ""

    @property
    def cause_text(self) -> str:
        """The text of the cause, as ``Type: message``; empty if there is none."""
        # What came out of a pickle counts before the chain: some make one up again (distributed does).
        cause = self.__cause__
        if self._cause_text or cause is None:
            return self._cause_text
        return f"{type(cause).__name__}: {cause}"

    def set_cause_text(self, text: str) -> None:
        """Keep the text of a cause that is not chained."""
        self._cause_text = text

    @property
    def message(self) -> str:
        """The text without the hint."""
        head = f"{self.driver_name}: {self.summary}" if self.driver_name else self.summary
        path = self.path
        if path and not path.isprintable():
            # A name may have the end of a line in it, and a message is one line.
            path = repr(path)
        return ": ".join(part for part in (head, path, self.detail) if part)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self)!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _restore,
            (type(self), self.detail, self.driver_name, self.path, self.cause_text),
            {"durable": self.durable, "errno": self.errno, "hint": self.hint},
        )


def _restore(
    cls: type[StorageDriverError], detail: str, driver_name: str, path: str | None, cause_text: str
) -> StorageDriverError:
    error = cls(detail, driver_name=driver_name, path=path)
    error.set_cause_text(cause_text)
    return error


class PathNotFoundError(StorageDriverError, FileNotFoundError):
    """There is nothing at the path. Only the store's own "no such key" becomes this."""

    summary = "path not found"
    code = errno.ENOENT


class BucketNotFoundError(StorageDriverError):
    """The bucket, the container or the root that the driver was given does not exist."""

    summary = "bucket not found"


class BucketNotMadeError(BucketNotFoundError, PathNotFoundError):
    """The bucket or the container does not exist yet: the first write makes it.

    Until then there is nothing at any path, so this is a `PathNotFoundError`, too.
    """


class InvalidPathError(StorageDriverError, ValueError):
    """The path does not follow the path rule of the contract."""

    summary = "invalid path"
    code = errno.EINVAL


class InvalidOffsetError(StorageDriverError, ValueError):
    """The offset or the length of a read is negative."""

    summary = "invalid offset"
    code = errno.EINVAL


class UnsupportedMethodError(StorageDriverError):
    """The driver does not support this operation, or this HTTP method in a signed URL."""

    summary = "unsupported method"
    code = errno.ENOTSUP


class ReadOnlyError(UnsupportedMethodError, PermissionError):
    """The store can only be read, with any credentials."""

    summary = "read only"
    code = errno.EROFS


class PermissionDeniedError(StorageDriverError, PermissionError):
    """The store refused the credentials, or refused them this one action."""

    summary = "permission denied"
    code = errno.EACCES


class ConflictError(StorageDriverError):
    """The object or the upload was changed by another writer in the meantime."""

    summary = "conflict"


class UnavailableError(StorageDriverError):
    """The store did not answer, or answered 429 or 5xx: try again later."""

    summary = "unavailable"
    code = errno.EAGAIN


class InvalidAnswerError(StorageDriverError):
    """The store answered, and it is not an answer of its protocol.

    A page of a proxy in place of a listing is one, or a listing that is cut
    and does not say how it goes on. What was asked for may or may not have
    been done.
    """

    summary = "invalid answer"
    code = errno.EPROTO


class IntegrityError(StorageDriverError):
    """The bytes that were read or written do not agree with the store's checksum of them."""

    summary = "checksum does not match"
    code = errno.EIO


class ParameterError(StorageDriverError, ValueError):
    """A parameter has a value that the driver does not allow."""

    summary = "invalid parameter"
    code = errno.EINVAL


class InvalidStorageDriverError(StorageDriverError, ValueError):
    """No driver of this name is registered, or it cannot be loaded."""

    summary = "invalid storage driver"
    code = errno.EINVAL


class InvalidMiddlewareError(InvalidStorageDriverError):
    """No storage middleware of this name is registered, or it cannot be loaded."""

    summary = "invalid storage middleware"


@contextmanager
def needing_extra(driver_name: str, extra: str) -> Iterator[None]:
    """For the making of a driver: say which extra brings a package that is not installed.

    Parameters
    ----------
    driver_name : str
        The driver that is made.
    extra : str
        The extra of this package that brings what it needs.

    Raises
    ------
    MissingExtraError
        If a package of others cannot be found.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        raise MissingExtraError(hint_of(error, extra), driver_name=driver_name) from error


@contextmanager
def importing_extra(extra: str) -> Iterator[None]:
    """For the imports of a module: as `needing_extra`, and it stays a `ModuleNotFoundError`.

    Parameters
    ----------
    extra : str
        The extra of this package that brings what is imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        raise ModuleNotFoundError(hint_of(error, extra), name=error.name, path=error.path) from error


def hint_of(error: ModuleNotFoundError, extra: str) -> str:
    """What is needed, and how it is had; an empty `extra` is not known."""
    if not extra:
        return f"{error.name} is needed, and not installed"
    return f'{error.name} is needed: pip install "storagedriver[{extra}]"'


def _is_ours(error: ModuleNotFoundError) -> bool:
    return (error.name or "").partition(".")[0] == __package__


class MissingExtraError(InvalidStorageDriverError):
    """The driver needs a package that is not installed; the message says which extra brings it."""

    summary = "missing dependency"
