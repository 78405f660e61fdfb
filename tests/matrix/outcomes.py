"""What became of the cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Outcome", "Outcomes", "Result"]

Result = Literal["passed", "failed", "skipped"]
_RANK: dict[Result, int] = {"passed": 0, "skipped": 1, "failed": 2}
#: Skipped for want of time, not because of the store.
_NOT_ASKED_FOR = "slow: "
_PATH = re.compile(r"(?<![\w:/.])/[\w.-]+(?:/[\w.@-]+)+")


@dataclass(frozen=True)
class Outcome:
    """What became of one case, with one set of arguments."""

    suite: tuple[str, str]
    case: str
    result: Result
    reason: str = ""


class Outcomes:
    """The outcomes of a run, from its reports in any order."""

    def __init__(self) -> None:
        self._found: dict[str, Outcome] = {}

    def add(
        self, nodeid: str, suite: tuple[str, str], case: str, result: Result, reason: str = "", when: str = "call"
    ) -> None:
        """Take in the report of a phase of a test: the worst of them counts, and only the call itself can pass."""
        if (result == "passed" and when != "call") or (result == "skipped" and reason.startswith(_NOT_ASKED_FOR)):
            return
        known = self._found.get(nodeid)
        if known is None or _RANK[result] > _RANK[known.result]:
            # A reason may name a directory of the machine, which is nobody's business.
            self._found[nodeid] = Outcome(suite, case, result, _PATH.sub("…", reason))

    def of(self, suite: tuple[str, str]) -> Iterator[Outcome]:
        """The outcomes of a suite."""
        return (outcome for outcome in self._found.values() if outcome.suite == suite)
