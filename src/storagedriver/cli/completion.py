"""Completing paths of the store in a shell."""

from __future__ import annotations

import warnings
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from storagedriver.cli.session import Session
from storagedriver.driver import FileInfo, SkipDir, StopWalk, StorageDriver

__all__ = ["complete"]

#: More than a person looks at.
_MOST = 1000


def complete(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The paths that begin so. Without a storage, or one that answers, there are none.

    Parameters
    ----------
    ctx : click.Context
        Of the command whose argument it is.
    incomplete : str
        What was typed of the path. A directory is completed with a ``/``.
    """
    options = ctx.find_root().params
    session = Session(
        config=None if options.get("driver") else options.get("config"),
        driver_name=options.get("driver"),
        parameters=options.get("params") or (),
    )
    if not incomplete.startswith("/"):
        return [] if incomplete else [CompletionItem("/")]
    # A shell has no place for an error.
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = _beginning(session.driver, incomplete)
            if len(found) == 1 and found[0].is_dir:
                # With what is in it there is more than one, so that a shell puts no space behind the directory.
                found += _beginning(session.driver, found[0].path + "/")
            return [CompletionItem(info.path + "/" if info.is_dir else info.path) for info in found]
        finally:
            session.close()
    return []


def _beginning(driver: StorageDriver, incomplete: str) -> list[FileInfo]:
    """The entries of a directory whose paths begin so."""
    found: list[FileInfo] = []

    def visit(info: FileInfo) -> None:
        if info.path.startswith(incomplete):
            found.append(info)
        if len(found) == _MOST:
            raise StopWalk
        if info.is_dir:
            raise SkipDir

    driver.walk(incomplete.rpartition("/")[0] or "/", visit)
    return found
