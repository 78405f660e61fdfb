"""Who is measured, how often, on what, and what is left afterwards."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.bench.benchmark import Benchmark
from storagedriver.bench.cases import MIB, Case, small_cases, stream_cases
from storagedriver.bench.peers import make_subject
from storagedriver.bench.peers.driver import DriverSubject
from storagedriver.bench.plot import means
from storagedriver.bench.process import Process
from storagedriver.bench.report import markdown, rows
from storagedriver.bench.results import Result, Spread, of_case, ratio
from storagedriver.bench.subject import MeasuredError, Subject
from storagedriver.bench.summary import Summary, summaries
from storagedriver.bench.tasks import Sample, Task
from storagedriver.bench.worker import Local, measure, run

SMALL = [*stream_cases([100_000], [30_000], [1, 2]), *small_cases(23, 4)]


class Told:
    """A subject that only notes what it is told."""

    def __init__(self, name: str, notes: list[str], fails: str = "", cannot: Iterable[str] = ()) -> None:
        self.name = name
        self.operations = frozenset({"write", "read", "walk", "delete"} - set(cannot))
        self._notes = notes
        self._fails = fails

    def run(self, task: Task) -> Sample:
        if task.path.count("warm"):
            return Sample(1, 1)
        self._notes.append(f"{self.name} {task.operation}")
        if task.operation == self._fails:
            raise MeasuredError("of a test")
        return Sample(2.0, 1.0, 3 * MIB, task.size, task.count)


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, str]:
    return {"rootdirectory": str(tmp_path)}


def case(operation: str, *before: Task, uses_up: bool = False) -> Case:
    return Case(operation, Task(operation, "/x", size=4), before, uses_up)


def measured(notes: list[str]) -> list[str]:
    return [note for note in notes if not note.endswith("delete")]


def test_subjects_take_turns_and_each_round_begins_with_another() -> None:
    notes: list[str] = []
    subjects = [Told(name, notes) for name in "abc"]
    (_, _, _) = Benchmark(subjects, 3, subjects[0]).run([case("write")])
    assert [note[0] for note in measured(notes)] == list("abcbcacab")


def test_what_a_case_needs_is_made_once_by_the_keeper() -> None:
    notes: list[str] = []
    subjects = [Told(name, notes) for name in "ab"]
    list(Benchmark(subjects, 2, subjects[1]).run([case("read", Task("write", "/x"))]))
    assert measured(notes) == ["b write", "a read", "b read", "b read", "a read"]


def test_what_is_used_up_is_made_anew_for_each_sample() -> None:
    notes: list[str] = []
    subjects = [Told(name, notes) for name in "ab"]
    list(Benchmark(subjects, 2, subjects[0]).run([case("walk", Task("write", "/x"), uses_up=True)]))
    assert measured(notes) == ["a write", "a walk", "a write", "b walk", "a write", "b walk", "a write", "a walk"]


def test_without_a_keeper_each_makes_its_own() -> None:
    notes: list[str] = []
    subjects = [Told(name, notes) for name in "ab"]
    list(Benchmark(subjects, 1).run([case("read", Task("write", "/x"))]))
    assert measured(notes) == ["a write", "b write", "a read", "b read"]


def test_who_cannot_do_it_takes_no_part() -> None:
    notes: list[str] = []
    subjects = [Told("a", notes), Told("b", notes, cannot=["walk"])]
    assert [result.subject for result in Benchmark(subjects, 1, subjects[0]).run([case("walk")])] == ["a"]


def test_who_is_left_out_of_a_case_takes_no_part() -> None:
    subjects = [Told(name, []) for name in "ab"]
    found = Benchmark(subjects, 1, subjects[0]).run([replace(case("walk"), without=frozenset({"b"})), case("walk")])
    assert [result.subject for result in found] == ["a", "a", "b"]


def test_who_fails_is_reported_and_the_others_go_on() -> None:
    notes: list[str] = []
    subjects = [Told("a", notes), Told("b", notes, fails="read")]
    good, bad = Benchmark(subjects, 3, subjects[0]).run([case("read", Task("write", "/x"))])
    assert (len(good.samples), good.error) == (3, "")
    assert (len(bad.samples), bad.error) == (0, "of a test")
    assert notes.count("b read") == 1
    assert [row[2] for row in rows(summaries([good, bad], "a"))] == ["2e-06 MB/s", "failed: of a test"]


def test_a_keeper_that_fails_ends_the_run() -> None:
    subjects = [Told("a", [], fails="write"), Told("b", [])]
    with pytest.raises(MeasuredError):
        list(Benchmark(subjects, 1, subjects[0]).run([case("read", Task("write", "/x"))]))


def test_every_case_works_and_nothing_is_left(stored: dict[str, str]) -> None:
    with factory.create("filesystem", stored) as driver:
        subject = Local("own", DriverSubject(driver))
        results = list(Benchmark([subject], 2, subject).run(SMALL))
        assert [result.case for result in results] == [each.name for each in SMALL]
        assert not any(result.error for result in results)
        assert list(driver.files("/")) == []
    found = {result.case: result.samples[0] for result in results}
    assert found["walk 23 files"].found == 23 + 3
    assert found["list 50"].found == 50
    assert found["write 100000 B by 30000 B x 2"].size == 200_000
    assert all(len(result.samples) == 2 for result in results)


def test_every_case_works_in_processes_of_their_own(stored: dict[str, str]) -> None:
    with Process("storagedriver", "filesystem", stored) as one, Process("storagedriver", "inmemory", {}) as two:
        assert one.version == two.version
        for subject, keeper in ((one, one), (two, None)):
            results = list(Benchmark([subject], 1, keeper).run(SMALL))
            assert [result.error for result in results] == [""] * len(SMALL)
            assert all(sample.cpu > 0 and sample.seconds > 0 for result in results for sample in result.samples)
    with factory.create("filesystem", stored) as driver:
        assert list(driver.files("/")) == []


def test_a_process_says_why_a_subject_cannot_be_made() -> None:
    with pytest.raises(MeasuredError, match="nowhere"):
        Process("storagedriver", "nowhere", {})
    with pytest.raises(MeasuredError, match="there is no such peer, only curl, "):
        Process("nobody", "inmemory", {})
    with pytest.raises(MeasuredError, match="and not of inmemory"):
        Process("boto3", "inmemory", {})


def test_a_process_that_ends_is_an_error() -> None:
    with pytest.raises(MeasuredError, match="its process ended with 3"):
        Process("x", "inmemory", {}, ["sh", "-c", "exit 3"])


def test_a_process_goes_on_after_a_task_that_failed() -> None:
    with Process("storagedriver", "inmemory", {}) as process:
        with pytest.raises(MeasuredError, match="/missing"):
            process.run(Task("get", "/missing", size=1))
        with pytest.raises(MeasuredError, match="there is no operation"):
            process.run(Task("fly", "/missing"))
        assert process.run(Task("put", "/x", size=10, count=3)).size == 30


def test_content_of_another_size_is_an_error() -> None:
    with factory.create("inmemory", {}) as driver:
        subject = DriverSubject(driver)
        driver.put_content("/x/0", b"123")
        for operation in ("get", "read"):
            with pytest.raises(ValueError, match="gave 3 bytes in place of 4"):
                run(subject, Task(operation, "/x", size=4))


def test_the_content_of_streams_cannot_be_compressed_and_is_whole() -> None:
    written: dict[str, bytes] = {}

    class Kept(Subject):
        version = "1"

        def write(self, path: str, pieces: Iterable[bytes]) -> None:
            kept = list(pieces)
            assert [len(piece) for piece in kept] == [30_000, 30_000, 30_000, 10_000]
            written[path] = b"".join(kept)

    subject = Kept("any", {})
    assert subject.operations() == {"write"}
    sample = run(subject, Task("write", "/x", size=100_000, piece=30_000, count=2, concurrency=2))
    assert (sample.size, sample.count) == (200_000, 2)
    assert sorted(written) == ["/x/0", "/x/1"]
    assert {len(content) for content in written.values()} == {100_000}
    assert all(len(set(content)) == 256 for content in written.values())


def test_memory_is_what_came_on_top() -> None:
    def fill() -> mmap.mmap:
        # Memory of its own: what was freed before may still be resident, and is no peak.
        taken = mmap.mmap(-1, 48 * MIB)
        for begin in range(0, len(taken), mmap.PAGESIZE):
            taken[begin] = 1
        return taken

    kept, sample = measure(fill)
    assert len(kept) == 48 * MIB
    assert sample.memory is None or 40 * MIB < sample.memory < 200 * MIB


def results() -> Iterator[Result]:
    for subject, seconds in (("storagedriver", 1.0), ("peer", 2.0)):
        samples = [Sample(seconds * factor, 0.5 * seconds, 5 * MIB, 1 << 30) for factor in (1, 1, 10)]
        yield Result("read 1 GiB by 1 MiB", "read", subject, samples)


def test_rates_and_costs_are_medians_between_their_extremes() -> None:
    own, _ = results()
    spread = Spread.of(own.rates)
    assert (round(spread.median), round(spread.least), round(spread.most)) == (1074, 107, 1074)
    assert Spread.of(own.costs).median == 0.5
    assert of_case([own], "read 1 GiB by 1 MiB") == {"storagedriver": own}


def test_ratios_are_those_of_the_same_round() -> None:
    own, peer = results()
    assert ratio(own, peer, lambda result: result.rates) == Spread(2.0, 2.0, 2.0)


def test_a_summary_has_what_the_samples_say_and_survives_json() -> None:
    own, peer = summaries([*results(), Result("stat", "stat", "peer", [], "of a test")])[:2]
    assert (own.faster, own.dearer) == (None, None)
    assert (peer.faster, peer.dearer) == (2.0, 0.5)
    assert peer.cost == Spread(1.0, 1.0, 1.0)
    assert peer.memory == Spread(5 * MIB, 5 * MIB, 5 * MIB)
    for each in summaries([*results(), Result("stat", "stat", "peer", [], "of a test")]):
        kept = Summary.from_json(json.loads(json.dumps(each.to_json())))
        assert kept.to_json() == each.to_json()
        assert (kept.case, kept.subject, kept.error, kept.rate is None) == (
            each.case,
            each.subject,
            each.error,
            each.rate is None,
        )


def test_the_mean_of_ratios_favours_neither_side() -> None:
    found = [
        Summary("a", "peer", faster=4.0),
        Summary("b", "peer", faster=0.25),
        Summary("c", "peer", faster=9.0),
        Summary("a", "other", faster=2.0),
        Summary("b", "other", error="of a test"),
    ]
    assert means(found, ["a", "b"]) == {"other": 2.0, "peer": 1.0}


def test_results_survive_json() -> None:
    found = list(results())
    assert [Result.from_json(json.loads(json.dumps(result.to_json()))) for result in found] == found
    failed = Result("stat", "stat", "peer", [], "of a test")
    assert Result.from_json(failed.to_json()) == failed


def test_the_table_names_a_case_once() -> None:
    lines = markdown(summaries(list(results()))).splitlines()
    assert lines[2].startswith(
        "| read 1 GiB by 1 MiB | storagedriver | 1074 MB/s | (107 - 1074) | 0.50 s/GiB | 5 MiB |"
    )
    assert lines[3].startswith("|  | peer |")
    assert lines[3].endswith("| 2.00 | 0.50 |")


def test_a_subject_is_made_by_the_parameters_of_the_driver() -> None:
    subject = make_subject("storagedriver", "inmemory", {})
    assert subject.operations() >= {"write", "read", "walk"}
    subject.close()
