"""What a benchmark found: the samples of each subject in each case, and what they say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storagedriver.bench.cases import Case
from storagedriver.bench.tasks import Sample

__all__ = ["Result", "Spread", "of_case", "ratio"]

_GIB = 1 << 30
_MEGA = 1e6


@dataclass(frozen=True)
class Spread:
    """A median between its extremes."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of values, of which there are some."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Result:
    """The samples of one subject in one case, in the order of the rounds.

    Attributes
    ----------
    case : str
        The name of the case.
    operation : str
        What was done.
    subject : str
        Who did it.
    samples : sequence of Sample
        One a round; none if it failed.
    error : str
        Why it failed.
    """

    case: str
    operation: str
    subject: str
    samples: Sequence[Sample]
    error: str = ""

    @property
    def is_stream(self) -> bool:
        """Whether it is measured in MB/s and CPU seconds per GiB."""
        return self.operation in Case.STREAMS

    @property
    def rates(self) -> list[float]:
        """MB (10^6 bytes) per second of a stream, else operations per second."""
        if self.is_stream:
            return [sample.size / sample.seconds / _MEGA for sample in self.samples]
        return [sample.count / sample.seconds for sample in self.samples]

    @property
    def costs(self) -> list[float]:
        """Seconds of the client's CPU per GiB of a stream, else per operation."""
        if self.is_stream:
            return [sample.cpu * _GIB / sample.size for sample in self.samples]
        return [sample.cpu / sample.count for sample in self.samples]

    @property
    def memories(self) -> list[float]:
        """Bytes over what was resident before, where that is known."""
        return [sample.memory for sample in self.samples if sample.memory is not None]

    def to_json(self) -> dict[str, Any]:
        """The samples, and what they say."""
        record: dict[str, Any] = {"case": self.case, "subject": self.subject}
        if self.error:
            return {**record, "error": self.error}
        return {
            **record,
            "unit": "MB/s" if self.is_stream else "1/s",
            "rate": asdict(Spread.of(self.rates)),
            "cpu_unit": "s/GiB" if self.is_stream else "s",
            "cpu": asdict(Spread.of(self.costs)),
            "memory": asdict(Spread.of(self.memories)) if self.memories else None,
            "samples": [asdict(sample) for sample in self.samples],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Result:
        """What `to_json` made."""
        samples = [Sample(**sample) for sample in record.get("samples", ())]
        return cls(record["case"], record["case"].split()[0], record["subject"], samples, record.get("error", ""))


def of_case(results: Sequence[Result], case: str) -> dict[str, Result]:
    """The results of a case that did not fail, by their subject."""
    return {result.subject: result for result in results if result.case == case and not result.error}


def ratio(ours: Result, theirs: Result, values: Callable[[Result], Sequence[float]]) -> Spread:
    """How often theirs goes into ours, round by round: what slows the machine down slows both."""
    return Spread.of([own / other for own, other in zip(values(ours), values(theirs), strict=True) if other])
