"""What is kept of results: medians with their extremes, and how the driver compares with each peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storagedriver.bench.cases import Case
from storagedriver.bench.results import Result, Spread, of_case, ratio

__all__ = ["Summary", "find", "summaries"]

#: The digits that are kept of a number.
_DIGITS = 6


@dataclass(frozen=True)
class Summary:
    """What the samples of one subject in one case say.

    Attributes
    ----------
    case : str
        The name of the case.
    subject : str
        Who did it.
    rate : Spread or None
        MB (10^6 bytes) per second of a stream, else operations per second; None if it failed.
    cost : Spread or None
        Seconds of the client's CPU per GiB of a stream, else per operation; None if it failed.
    memory : Spread or None
        Bytes over what was resident before, where that is known.
    faster, dearer : float or None
        How many times as fast the driver is as this subject, and how many times
        the CPU it takes: medians of the ratios of each round. None of the
        driver itself, and where either of them failed.
    error : str
        Why it failed.
    """

    case: str
    subject: str
    rate: Spread | None = None
    cost: Spread | None = None
    memory: Spread | None = None
    faster: float | None = None
    dearer: float | None = None
    error: str = ""

    @property
    def operation(self) -> str:
        """What was done."""
        return self.case.split()[0]

    @property
    def is_stream(self) -> bool:
        """Whether it is measured in MB/s and CPU seconds per GiB."""
        return self.operation in Case.STREAMS

    def to_json(self) -> dict[str, Any]:
        """The numbers, each spread as a list of median, least and most."""
        if self.error:
            return {"case": self.case, "subject": self.subject, "error": self.error}
        record: dict[str, Any] = {"case": self.case, "subject": self.subject}
        for name in ("rate", "cost", "memory"):
            spread = getattr(self, name)
            if spread is not None:
                record[name] = [_short(value) for value in (spread.median, spread.least, spread.most)]
        for name in ("faster", "dearer"):
            if getattr(self, name) is not None:
                record[name] = _short(getattr(self, name))
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Summary:
        """What `to_json` made."""
        fields: dict[str, Any] = dict(record)
        for name in ("rate", "cost", "memory"):
            if name in fields:
                fields[name] = Spread(*fields[name])
        return cls(**fields)


def summaries(results: Sequence[Result], own: str = "storagedriver") -> list[Summary]:
    """The summaries of results, in their order.

    Parameters
    ----------
    results : sequence of Result
        All results of one storage.
    own : str
        The subject that the others are compared with.
    """
    found = []
    for result in results:
        if result.error:
            found.append(Summary(result.case, result.subject, error=result.error))
            continue
        ours = of_case(results, result.case).get(own)
        faster = dearer = None
        if ours is not None and ours is not result:
            faster = ratio(ours, result, lambda each: each.rates).median
            dearer = ratio(ours, result, lambda each: each.costs).median
        memory = Spread.of(result.memories) if result.memories else None
        rate, cost = Spread.of(result.rates), Spread.of(result.costs)
        found.append(Summary(result.case, result.subject, rate, cost, memory, faster, dearer))
    return found


def find(found: Sequence[Summary], case: str, subject: str) -> Summary | None:
    """The summary of a subject in a case; None if it was not measured, or failed."""
    for summary in found:
        if (summary.case, summary.subject) == (case, subject) and not summary.error:
            return summary
    return None


def _short(value: float) -> float:
    """The value with the digits that count; whole numbers stay whole."""
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")
