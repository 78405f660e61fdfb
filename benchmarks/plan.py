"""What is measured on each storage: who takes part, and the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storagedriver.bench.cases import MIB, Case, small_cases, stream_cases
from storagedriver.bench.tasks import Task

__all__ = [
    "MANY_GETS",
    "MILLION_PLAN",
    "PACED_PLAN",
    "PLANS",
    "READ_CONCURRENTLY",
    "Plan",
    "million_cases",
    "paced_cases",
]

GIB = 1 << 30
#: The name under which our driver takes part once more, with eight ranges at a time.
READ_CONCURRENTLY = "readconcurrency: 8"


@dataclass(frozen=True)
class Plan:
    """What is measured on the storage of a driver.

    Attributes
    ----------
    peers : sequence of str
        Who takes part beside it.
    chunk, parallelism : int
        The bytes of a part, and how many are sent at a time: by these the
        driver's memory is bounded.
    files : int
        The files of the tree.
    repeat : int
        How many small operations are one sample.
    thorough : bool
        Whether streams are measured in all their sizes, pieces and numbers, or in the sizes alone.
    slow : frozenset of str
        Who takes no part in streams of a GiB, which would take them half an hour.
    variants : mapping
        What our driver is called with other parameters, and those: it takes part
        so in streams of a GiB.
    """

    peers: Sequence[str]
    chunk: int = 0
    parallelism: int = 1
    files: int = 2000
    repeat: int = 100
    thorough: bool = True
    slow: frozenset[str] = frozenset()
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def cases(self, *, quick: bool) -> list[Case]:
        """The cases; quick ones take a minute and say little."""
        if quick:
            return [*stream_cases([MIB], [MIB], [1]), *small_cases(20, 10)]
        others = [
            *stream_cases([MIB, 64 * MIB], [MIB], [1]),
            *(self._further_streams() if self.thorough else ()),
            *small_cases(self.files, self.repeat),
        ]
        return [
            *(replace(case, without=self.slow) for case in stream_cases([GIB], [MIB], [1])),
            *(replace(case, without=frozenset(self.variants)) for case in others),
        ]

    @staticmethod
    def _further_streams() -> Iterator[Case]:
        yield from stream_cases([64 * MIB], [32 << 10], [1])
        yield from stream_cases([MIB, 64 * MIB], [MIB], [8])


PLANS: Mapping[str, Plan] = {
    "s3": Plan(
        ["curl", "go", "obstore", "boto3", "s3fs", "smart_open"],
        10 * MIB,
        4,
        variants={"payloadsigning: never": {"payloadsigning": "never"}},
    ),
    "azure": Plan(["curl", "pages", "obstore", "adlfs", "smart_open"], 8 * MIB, 4, thorough=False),
    "gcs": Plan(["curl", "pages", "obstore", "gcsfs"], 16 * MIB, thorough=False, slow=frozenset({"gcsfs"})),
    "swift": Plan(["curl", "pages", "go"], 20 * MIB, 4, thorough=False),
    "filesystem": Plan(["go", "obstore"]),
    "inmemory": Plan(["go"]),
}

#: Who takes part where one connection is the limit; the cases are `paced_cases`.
PACED_PLAN = Plan(["obstore", "boto3"], variants={READ_CONCURRENTLY: {"readconcurrency": 8}})


#: Who takes part where only a listing is served.
MILLION_PLAN = Plan(["obstore"])

_THREADS = 64
#: Small objects that are read by many threads, each of which waits for the server most of the time.
MANY_GETS = f"get 1 KiB x {_THREADS}"


def paced_cases(*, quick: bool) -> list[Case]:
    """Streams where one connection is the limit, and small objects where the latency is."""
    kept = Task("put", "/kept", size=1 << 10, count=_THREADS * (1 if quick else 20), concurrency=_THREADS)
    return [
        *stream_cases([(16 if quick else 256) * MIB], [MIB], [1]),
        Case(MANY_GETS, replace(kept, operation="get"), before=[kept], without=frozenset({READ_CONCURRENTLY})),
    ]


def million_cases(count: int) -> list[Case]:
    """A walk of everything that is listed."""
    return [Case(f"walk {count} files", Task("walk", "/tree"))]
