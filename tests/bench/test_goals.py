"""What has to be reached, out of what was measured."""

from __future__ import annotations

from benchmarks.goals import Goal, goals
from storagedriver.bench.results import Result
from storagedriver.bench.summary import summaries
from storagedriver.bench.tasks import Sample

MIB = 1 << 20


def stream(subject: str, seconds: float, cpu: float, memory: int = 0, case: str = "read 1 GiB by 1 MiB") -> Result:
    return Result(case, case.split(maxsplit=1)[0], subject, [Sample(seconds, cpu, memory, 1 << 30)] * 5)


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = list(goals({}))
    assert len(found) > 40
    assert {goal.reached for goal in found} == {None}
    assert len({goal.what for goal in found}) == len(found)


def test_ratios_are_held_to_their_bounds() -> None:
    results = [stream("storagedriver", 1.0, 0.3), stream("curl", 0.8, 0.25), stream("obstore", 1.0, 0.5)]
    found = {goal.what: goal for goal in goals({"s3": summaries(results)})}
    speed = found["s3: read 1 GiB by 1 MiB, speed against curl"]
    assert (speed.reached, speed.bound) == (False, "at least 0.9")
    cpu = found["s3: read 1 GiB by 1 MiB, CPU against curl"]
    assert (cpu.reached, cpu.bound) == (False, "at most 1.1")
    assert found["s3: read 1 GiB by 1 MiB, CPU against obstore"].reached


def test_memory_is_bounded_by_the_parts() -> None:
    case = "write 1 GiB by 1 MiB"
    for memory, reached in ((72 * MIB, True), (73 * MIB, False)):
        found = {goal.what: goal for goal in goals({"s3": summaries([stream("storagedriver", 1, 1, memory, case)])})}
        goal = found["s3: memory of one write"]
        assert (goal.reached, goal.bound) == (reached, "at most 72 MiB")


def test_a_goal_without_a_bound_is_reached() -> None:
    assert Goal("x", 1.0).reached
