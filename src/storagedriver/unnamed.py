"""Keys that no path can name: a listing skips them with a warning, or, where that would do harm, refuses.

A registry and its drivers never write such keys, but other tools do: ``year=2024/x.parquet``
has a ``=``. Who is about to change or to copy a whole tree must not do so to a part of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from storagedriver.errors import StorageDriverError, StorageDriverWarning

__all__ = ["UnnamedKeysError", "refusing_unnamed", "report_unnamed"]

_refused: ContextVar[bool] = ContextVar("storagedriver_refused", default=False)


class UnnamedKeysError(StorageDriverError):
    """A tree holds keys that no path can name, so a call that is for all of it was not begun."""

    summary = "keys that no path can name"


@contextmanager
def refusing_unnamed(refused: bool = True) -> Iterator[None]:
    """Within the block, a listing that comes upon keys that no path can name raises instead of warning.

    It holds for this thread, or this task, alone.

    Parameters
    ----------
    refused : bool
        False takes it back, within a block that refuses.
    """
    token = _refused.set(refused)
    try:
        yield
    finally:
        _refused.reset(token)


def report_unnamed(driver_name: str, path: str, count: int, example: str, *, stacklevel: int = 2) -> None:
    """For drivers: say at the end of a listing how many keys were skipped.

    Parameters
    ----------
    driver_name : str
        The driver.
    path : str
        What was listed.
    count : int
        How many keys no path can name; with 0 nothing happens.
    example : str
        One of them.
    stacklevel : int
        As for `warnings.warn`.

    Raises
    ------
    UnnamedKeysError
        Within `refusing_unnamed`.
    """
    if not count:
        return
    if _refused.get():
        detail = (
            f"{count} keys below it, {example!r} for one, have characters other than A-Z a-z 0-9 . _ -;"
            " nothing was changed. Rename them in the store, or use StorageDriver.delete, which removes them too,"
            " or StorageDriver.filesystem, which can name them"
        )
        raise UnnamedKeysError(detail, driver_name=driver_name, path=path)
    message = f"{driver_name}: {count} keys below {path} are skipped because no path can name them, {example!r} for one"
    warnings.warn(message, StorageDriverWarning, stacklevel=stacklevel + 1)
