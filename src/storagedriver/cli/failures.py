"""What a failure means to the user: its exit code, its one line, and what to mend."""

from __future__ import annotations

from typing import Any

import click

from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    InvalidMiddlewareError,
    InvalidOffsetError,
    InvalidPathError,
    InvalidStorageDriverError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
    UnsupportedMethodError,
)

__all__ = ["EXIT_CODES", "HELP", "advice", "describe", "exit_code"]

#: The first class that fits gives the code.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (BucketNotFoundError, 5),
    (PathNotFoundError, 3),
    (PermissionDeniedError, 4),
    (UnavailableError, 6),
    (ConflictError, 7),
    (UnsupportedMethodError, 8),
    (ParameterError, 2),
    (InvalidPathError, 2),
    (InvalidOffsetError, 2),
    (InvalidStorageDriverError, 2),
    (click.UsageError, 2),
    (click.Abort, 130),
    (KeyboardInterrupt, 130),
    (BrokenPipeError, 141),
)

HELP = """\b
Exit codes:
  0    done
  1    another error
  2    the command line, the configuration or a parameter is wrong,
       or a package is missing
  3    path not found
  4    permission denied
  5    bucket not found
  6    the store cannot be reached or is busy
  7    conflict: another writer changed the object or the upload
  8    the store cannot do this
  9    verify has found damage
  130  interrupted
  141  the reader of the output has gone
"""

_ADVICE: tuple[tuple[type[BaseException], str], ...] = (
    (ParameterError, "mend this parameter in the configuration, in REGISTRY_* or in --param"),
    (InvalidMiddlewareError, "mend this name below middleware.storage, or install the package that brings it"),
    (InvalidStorageDriverError, "'storagedriver drivers' lists the names"),
    (
        UnavailableError,
        "check the endpoint and the region, DNS, proxy and firewall; else the store is down or busy: try again later",
    ),
    (BucketNotFoundError, "make the bucket, or mend its name, its region or the endpoint"),
    (
        PermissionDeniedError,
        "check the access key and its secret, and the clock; then allow these credentials to {action}",
    ),
    (ConflictError, "another process writes here: look for a second writer of these paths"),
    (PathNotFoundError, "what was written is not there: look for a rule or a process that removes or renames objects"),
    (UnsupportedMethodError, "the store cannot {action}: use another endpoint or another store"),
)


def exit_code(error: BaseException) -> int:
    """The exit code that stands for `error`."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def _is_expected(error: BaseException) -> bool:
    """Whether a user may meet `error`. Anything else is a fault of this package."""
    return isinstance(error, (OSError, click.ClickException, click.Abort, KeyboardInterrupt))


def _message(error: BaseException) -> str:
    """What went wrong, for one line."""
    if isinstance(error, click.UsageError):
        help_path = error.ctx.command_path if error.ctx else "storagedriver"
        return f"{error.format_message()} ({help_path} --help says more)"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return "interrupted"
    if _is_expected(error):
        return str(error)
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"


def describe(error: BaseException) -> dict[str, Any]:
    """The object that ``--json`` shows of an error."""
    known = isinstance(error, StorageDriverError)
    return {
        "type": type(error).__name__,
        "message": _message(error),
        "driver": getattr(error, "driver_name", "") or None if known else None,
        "path": getattr(error, "path", None) if known else None,
        "exit_code": exit_code(error),
    }


def advice(error: BaseException, action: str) -> str:
    """What to mend, given that `action` failed so.

    Parameters
    ----------
    error : BaseException
        The failure.
    action : str
        What was tried, as "list the bucket".
    """
    if isinstance(error, StorageDriverError) and error.hint:
        return error.hint
    found = next((text for kind, text in _ADVICE if isinstance(error, kind)), "--debug shows the cause")
    return found.format(action=action)
