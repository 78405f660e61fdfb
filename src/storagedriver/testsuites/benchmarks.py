"""The benchmark half: how fast a driver is, for anybody's driver, in the process of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from storagedriver.bench.benchmark import Benchmark
from storagedriver.bench.cases import MIB, Case, small_cases, stream_cases
from storagedriver.bench.peers.driver import DriverSubject
from storagedriver.bench.report import rows
from storagedriver.bench.summary import summaries
from storagedriver.bench.worker import Local
from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.testsuites.calls import without_record
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.harness import Harness, MakeDriver

__all__ = ["BENCHMARKS", "Benchmarks", "benchmark_suite"]

#: What is measured unless other cases are given; `storagedriver.bench.cases` makes more.
BENCHMARKS: Sequence[Case] = (
    *stream_cases([MIB, 64 * MIB], [32 << 10, MIB], [1]),
    *stream_cases([MIB], [MIB], [8]),
    *small_cases(files=200, repeat=50),
)


class Benchmarks(Cases):
    """The cases of `benchmark_suite`, which are no part of the conformance suite."""

    cases: ClassVar[Sequence[Case]]
    rounds: ClassVar[int]

    def test_benchmark(
        self,
        driver: StorageDriver,
        benchmark_case: Case,
        record_property: object,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        subject = Local(self.harness.name, DriverSubject(without_record(driver)))
        (result,) = Benchmark([subject], self.rounds, subject).run([benchmark_case])
        assert not result.error, result.error
        assert callable(record_property)
        record_property("benchmark", result.to_json())
        (row,) = rows(summaries([result], self.harness.name))
        with capsys.disabled():
            print(" ", "  ".join(filter(None, row)), end=" ")  # noqa: T201 - what it is for


def benchmark_suite(
    name: str,
    make_driver: MakeDriver,
    capabilities: Capabilities,
    *,
    cases: Sequence[Case] = BENCHMARKS,
    rounds: int = 5,
) -> type[Cases]:
    """The benchmarks of a driver: ``TestSpeed = benchmark_suite("mine", make_driver, CAPABILITIES)``.

    They assert nothing but that the driver does its work: how fast a machine
    is, is no test. Each case shows a line, and ``--junit-xml`` keeps all
    samples. To compare drivers, or a driver with peers, take ``storagedriver
    bench``, which measures them in processes of their own and in turns.

    Parameters
    ----------
    name, make_driver, capabilities
        As for `storagedriver.testsuites.suite`.
    cases : sequence of Case
        What is measured.
    rounds : int
        How many samples there are of each.

    Returns
    -------
    type
        A class for pytest to collect.
    """
    harness = Harness(name=name, make_driver=make_driver, capabilities=capabilities)
    mark = pytest.mark.parametrize("benchmark_case", cases, ids=lambda case: case.name.replace(" ", "-"))
    attributes = {
        "harness": harness,
        "rounds": rounds,
        "test_benchmark": mark(Benchmarks.test_benchmark),
        "__doc__": f"How fast {name} is.",
        "__module__": __name__,
    }
    return type("TestBenchmarks", (Benchmarks,), attributes)
