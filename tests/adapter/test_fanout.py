"""Calls that are made several at a time."""

from __future__ import annotations

import threading
import time

import pytest

from storagedriver.adapter.fanout import both, fan_out

_PATIENCE = 60.0


def test_results_come_in_the_order_of_the_items() -> None:
    turns = [threading.Event() for _ in range(4)]

    def call(number: int) -> int:
        # The last one ends first.
        if number < 3:
            assert turns[number + 1].wait(_PATIENCE)
        turns[number].set()
        return number * number

    assert fan_out(call, range(4), threads=4) == [0, 1, 4, 9]


@pytest.mark.parametrize("items", [[], [1]])
def test_one_item_needs_no_thread(items: list[int]) -> None:
    assert fan_out(lambda _: threading.get_ident(), items) == [threading.get_ident()] * len(items)


def test_first_failure_is_raised_and_what_has_not_begun_is_left_out() -> None:
    called: list[int] = []

    def call(number: int) -> None:
        called.append(number)
        if number < 2:
            raise ValueError(f"of {number}")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="of 0"):
        fan_out(call, range(1000), threads=2)
    assert len(called) < 1000


def test_calls_that_run_are_waited_for_after_a_failure() -> None:
    begun, failed, ended = threading.Event(), threading.Event(), threading.Event()

    def call(number: int) -> None:
        if number == 0:
            assert begun.wait(_PATIENCE)
            failed.set()
            raise ValueError("of the first")
        begun.set()
        assert failed.wait(_PATIENCE)
        ended.set()

    with pytest.raises(ValueError, match="of the first"):
        fan_out(call, range(2), threads=2)
    assert ended.is_set()


def test_both_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=_PATIENCE)
    first, second = both(lambda: (met.wait(), "first")[1], lambda: (met.wait(), "second")[1])
    assert (first, second) == ("first", "second")


@pytest.mark.parametrize("failing", [{"first"}, {"second"}, {"first", "second"}])
def test_failure_of_either_is_raised(failing: set[str]) -> None:
    def call(name: str) -> None:
        if name in failing:
            raise ValueError(name)

    with pytest.raises(ValueError, match=max(failing)):
        both(lambda: call("first"), lambda: call("second"))
