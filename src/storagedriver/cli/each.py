"""One call for each of many files, several at a time; a file that fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import click

from storagedriver.cli import failures
from storagedriver.cli.session import Session
from storagedriver.transfer.crew import Crew

__all__ = ["each"]

T = TypeVar("T")

_THREADS = 8


def each(session: Session, function: Callable[[T], None], items: Iterable[T], path_of: Callable[[T], str]) -> None:
    """Call a function with each of the items.

    Parameters
    ----------
    session : Session
        Shows each failure.
    function : callable
        Called from several threads.
    items : iterable
        What it is called with.
    path_of : callable
        What to call an item in the message about its failure.

    Raises
    ------
    click.exceptions.Exit
        At the end, if any call failed, with the exit code of the first.
    """
    codes: list[int] = []
    lock = threading.Lock()

    def call(item: T) -> None:
        try:
            function(item)
        except BrokenPipeError:
            # The reader of the output has gone.
            raise
        except (OSError, click.ClickException) as error:
            shown = failures.describe(error)
            with lock:
                codes.append(shown["exit_code"])
                session.output.remark({"failed": path_of(item), **shown}, f"{path_of(item)}: {shown['message']}")

    Crew(lambda: None).run(call, items, _THREADS, "files")
    if codes:
        raise click.exceptions.Exit(codes[0])
