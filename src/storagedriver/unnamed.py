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
from storagedriver.paths import NameRule, is_valid

__all__ = ["UnnamedKeysError", "note_unnamed", "noting_unnamed", "refusing_unnamed", "report_unnamed"]

#: None: as the driver's parameters want it.
_refused: ContextVar[bool | None] = ContextVar("storagedriver_refused", default=None)
_noted: ContextVar[list[str] | None] = ContextVar("storagedriver_noted", default=None)
_OUTSIDE: dict[NameRule, str] = {
    "registry": "with other characters than A-Z a-z 0-9 . _ - or an empty component",
    "any": "with an empty component, with . or .., without UTF-8, or with a name of our own files",
}


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
        False leaves it to the driver, as without a block.
    """
    token = _refused.set(refused or None)
    try:
        yield
    finally:
        _refused.reset(token)


@contextmanager
def noting_unnamed() -> Iterator[list[str]]:
    """Within the block a listing neither raises nor warns, but notes the keys in the list that this gives."""
    noted: list[str] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def note_unnamed(key: str) -> None:
    """For drivers: note a key that a listing skips, where `noting_unnamed` wants it."""
    noted = _noted.get()
    if noted is not None:
        noted.append(key)


def report_unnamed(
    driver_name: str,
    path: str,
    count: int,
    example: str,
    *,
    names: NameRule = "registry",
    refused: bool = False,
    harmless: bool = False,
    stacklevel: int = 2,
) -> None:
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
    names : {"registry", "any"}
        The driver's rule.
    refused : bool
        Whether it is an error in any case, see `NamingParameters`.
    harmless : bool
        Whether all of them are empty objects that stand for directories, as
        other tools put them: `refusing_unnamed` then refuses nothing.
    stacklevel : int
        As for `warnings.warn`.

    Raises
    ------
    UnnamedKeysError
        If `refused`, and within `refusing_unnamed` unless `harmless`.
    """
    if not count:
        return
    noted = _noted.get()
    if noted is not None:
        if not noted and not harmless:
            # Of a driver that does not note its keys there is the example alone.
            noted.append(example)
        return
    keys = f"{count} {'key' if count == 1 else 'keys'} below"
    remedy = "rename them in the store, or use StorageDriver.filesystem, which can name them"
    if names == "registry" and is_valid("/" + example, "any"):
        remedy = "a driver with the parameter names: any can name them"
    if refused or (_refused.get() and not harmless):
        detail = (
            f"{keys} it, {example!r} for one, {_OUTSIDE[names]}; nothing was changed; {remedy};"
            " StorageDriver.delete removes them with the rest of a tree"
        )
        raise UnnamedKeysError(detail, driver_name=driver_name, path=path)
    are = "is" if count == 1 else "are"
    message = f"{driver_name}: {keys} {path} {are} skipped because no path can name them, {example!r} for one; {remedy}"
    warnings.warn(message, StorageDriverWarning, stacklevel=stacklevel + 1)
