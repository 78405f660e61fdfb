"""What the drivers must reach, as ratios of what was measured in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.plan import MANY_GETS, PLANS, READ_CONCURRENTLY
from benchmarks.starts import FIRST_CALL, LISTING
from storagedriver.bench.peers import OWN
from storagedriver.bench.summary import Summary, find

__all__ = ["MANY", "MILLION", "PACED", "STARTS", "Goal", "goals"]

#: The names of what was measured on s3 behind the paced proxy, on a server that lists a million objects, and of
#: what it takes to begin.
PACED, MILLION, STARTS = "paced", "million", "starts"
#: The objects of such a server.
MANY = 1_000_000

_MIB = 1 << 20
_READ, _WRITE = "read 1 GiB by 1 MiB", "write 1 GiB by 1 MiB"
_WRITE_SMALL = "write 1 MiB by 1 MiB"
_SMALL = ("put 1 KiB", "get 1 KiB", "stat")
_REMOTE = ("s3", "azure", "gcs", "swift")
_ALLOWANCE = 32 * _MIB


@dataclass(frozen=True)
class Goal:
    """One comparison.

    Attributes
    ----------
    what : str
        Driver, case, and what is compared.
    least, most : float or None
        The bounds of the value.
    value : float or None
        What was measured; None if that was not.
    unit : str
        What the value is; empty for a ratio.
    """

    what: str
    value: float | None
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether it is; None if it was not measured."""
        if self.value is None:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def bound(self) -> str:
        """The bounds in words."""
        if self.least is not None:
            return f"at least {self.least:.3g}{self.unit}"
        return f"at most {self.most:.3g}{self.unit}"


def goals(found: Mapping[str, Sequence[Summary]]) -> Iterator[Goal]:
    """All goals, with what was measured of them.

    Parameters
    ----------
    found : mapping
        The results of each storage, by the driver's name; `PACED`, `MILLION`
        and `STARTS` for those of s3 that have names of their own.
    """
    for driver in _REMOTE:
        results = found.get(driver, ())
        yield from _streams(driver, results)
        yield from _small(driver, results)
        yield from _trees(driver, results)
        yield from _memory(driver, results)
    eight = find(found.get(PACED, ()), "read 256 MiB by 1 MiB", READ_CONCURRENTLY)
    faster = 1 / eight.faster if eight and eight.faster else None
    yield Goal(f"{PACED}: read 256 MiB, {READ_CONCURRENTLY} against one connection", faster, least=5)
    yield _speed(PACED, found.get(PACED, ()), MANY_GETS, "obstore", least=1)
    yield _cpu(PACED, found.get(PACED, ()), MANY_GETS, "obstore", most=1.2)
    walk = f"walk {MANY} files"
    yield _speed(MILLION, found.get(MILLION, ()), walk, "obstore", least=1 / 1.5)
    yield _cpu(MILLION, found.get(MILLION, ()), walk, "obstore", most=1.5)
    for case, most in ((FIRST_CALL, 3e-3), (LISTING, 0.2)):
        yield _seconds(found.get(STARTS, ()), case, most=most)
    yield _speed("inmemory", found.get("inmemory", ()), _WRITE, "go", least=10)
    yield from _local("inmemory", found, ("list 1000", "walk", "delete"), least=0.5)
    yield from _local("filesystem", found, ("put 1 KiB", "list 1000", "walk", "move 64 MiB"), least=0.8)


def _streams(driver: str, results: Sequence[Summary]) -> Iterator[Goal]:
    peers = PLANS[driver].peers
    yield _speed(driver, results, _READ, "curl", least=0.9)
    yield _cpu(driver, results, _READ, "curl", most=1.3 if driver == "swift" else 1.1)
    if "go" in peers:
        yield _speed(driver, results, _READ, "go", least=5 if driver == "swift" else 1)
    if "obstore" in peers:
        yield _cpu(driver, results, _READ, "obstore", most=0.6)
    yield _speed(driver, results, _WRITE, "go" if driver == "swift" else "curl", least=1)
    if driver in ("s3", "azure"):
        for peer in ("obstore", "boto3"):
            if peer in peers:
                yield _speed(driver, results, _WRITE_SMALL, peer, least=1)
    if driver == "s3":
        yield _cpu(driver, results, _WRITE, "obstore", most=1.1)
        for peer in ("go", "boto3", "s3fs", "smart_open"):
            yield _cpu(driver, results, _WRITE, peer, most=0.5)


def _small(driver: str, results: Sequence[Summary]) -> Iterator[Goal]:
    for case in _SMALL:
        if "go" in PLANS[driver].peers:
            yield _speed(driver, results, case, "go", least=0.8 if driver == "swift" else 1)
        if "obstore" in PLANS[driver].peers:
            yield _speed(driver, results, case, "obstore", least=1)
            yield _cpu(driver, results, case, "obstore", most=1)
        if "s3fs" in PLANS[driver].peers:
            yield _cpu(driver, results, case, "s3fs", most=1 / 3)


def _trees(driver: str, results: Sequence[Summary]) -> Iterator[Goal]:
    plan = PLANS[driver]
    if "pages" in plan.peers:
        yield _speed(driver, results, f"walk {plan.files} files", "pages", least=1 / 3)
    else:
        yield _speed(driver, results, f"walk {plan.files} files", "go", least=1)
    if "go" in plan.peers:
        yield _speed(driver, results, f"delete {plan.files} files", "go", least=2)
    if "obstore" not in plan.peers:
        return
    if driver in ("azure", "gcs"):
        yield _speed(driver, results, f"delete {plan.files} files", "obstore", least=1)
    for case in ("list 1000", f"walk {plan.files} files"):
        yield _speed(driver, results, case, "obstore", least=0.9)
        yield _cpu(driver, results, case, "obstore", most=2)


def _local(
    driver: str, found: Mapping[str, Sequence[Summary]], cases: Sequence[str], *, least: float
) -> Iterator[Goal]:
    """Small operations where no server takes most of the time."""
    for case in cases:
        name = f"{case} {PLANS[driver].files} files" if case in ("walk", "delete") else case
        yield _speed(driver, found.get(driver, ()), name, "go", least=least)


def _speed(driver: str, results: Sequence[Summary], case: str, peer: str, *, least: float) -> Goal:
    measured = find(results, case, peer)
    return Goal(f"{driver}: {case}, speed against {peer}", measured.faster if measured else None, least=least)


def _cpu(driver: str, results: Sequence[Summary], case: str, peer: str, *, most: float) -> Goal:
    measured = find(results, case, peer)
    return Goal(f"{driver}: {case}, CPU against {peer}", measured.dearer if measured else None, most=most)


def _seconds(results: Sequence[Summary], case: str, *, most: float) -> Goal:
    measured = find(results, case, OWN)
    value = measured.cost.median if measured and measured.cost else None
    return Goal(f"s3: {case}, CPU", value, most=most, unit=" s")


def _memory(driver: str, results: Sequence[Summary]) -> Iterator[Goal]:
    """The most memory of any one stream, whose bound is made of its parts."""
    plan = PLANS[driver]
    for operation in ("write", "read"):
        streams = [
            result.memory.median
            for result in results
            if result.operation == operation and result.subject == OWN and result.memory and " x " not in result.case
        ]
        bound = _ALLOWANCE + (plan.chunk * plan.parallelism if operation == "write" else 0)
        yield Goal(
            f"{driver}: memory of one {operation}",
            max(streams) / _MIB if streams else None,
            most=bound / _MIB,
            unit=" MiB",
        )
