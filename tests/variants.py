"""What a variant of a driver is asked, which differs from another suite in its root, names, address or signer alone.

An ordinary run asks it what that difference can change. With ``--slow`` it is asked everything.
"""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["EDGE_CASES", "is_slow", "only", "thinned"]

T = TypeVar("T", bound=type)

#: fsspec's own cases of its patterns. They ask the same code again, with five directories more for each.
EDGE_CASES = ("test_copy_glob_edge_cases", "test_get_glob_edge_cases", "test_put_glob_edge_cases")


def is_slow() -> bool:
    """Whether the tests that take long are run, too: with ``--slow``, which `tests.conftest` makes a variable."""
    return os.environ.get("STORAGEDRIVER_SLOW") == "1"


def only(*areas: str) -> tuple[str, ...] | None:
    """The ``areas`` of a suite of a variant: these, or all of them in a slow run."""
    return None if is_slow() else areas


def thinned(suite: T, *cases: str) -> T:
    """A suite of a variant that runs these cases in a slow run only, by default the one of a thousand entries."""
    suite.slow_cases = cases or ("test_more_entries_than_a_page",)  # type: ignore[attr-defined]
    return suite
