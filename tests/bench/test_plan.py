"""Who takes part in which case of `python -m benchmarks`."""

from __future__ import annotations

from benchmarks.plan import GIB, PLANS, Plan


def test_variants_and_slow_peers_take_part_where_that_is_said() -> None:
    plan = Plan(["go"], slow=frozenset({"go"}), variants={"otherwise": {}})
    cases = plan.cases(quick=False)
    large = [case for case in cases if case.task.size == GIB]
    assert {case.without for case in large} == {frozenset({"go"})}
    assert {case.without for case in cases if case not in large} == {frozenset({"otherwise"})}


def test_variants_are_not_named_like_peers() -> None:
    for plan in PLANS.values():
        assert not {*plan.variants} & {*plan.peers}
