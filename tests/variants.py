"""What a variant of a driver is asked, which differs from another suite in its root, names, address or signer alone.

An ordinary run asks it what that difference can change. With ``--slow`` it is asked everything.
"""

from __future__ import annotations

import os

__all__ = ["is_slow", "only"]


def is_slow() -> bool:
    """Whether the tests that take long are run, too: with ``--slow``, which `tests.conftest` makes a variable."""
    return os.environ.get("STORAGEDRIVER_SLOW") == "1"


def only(*areas: str) -> tuple[str, ...] | None:
    """The ``areas`` of a suite of a variant: these, or all of them in a slow run."""
    return None if is_slow() else areas
