"""The part engine."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from storagedriver.adapter.parts import PartEngine, growing

CONCURRENCY = 3


class Sink:
    """Takes parts, and counts how many come at a time. It fails at one number, or at all for -1."""

    def __init__(self, *, fail_at: int = 0, gate: threading.Event | None = None) -> None:
        self.parts: dict[int, bytes] = {}
        self.most = 0
        self.full = threading.Event()
        self._now = 0
        self._lock = threading.Lock()
        self.fail_at = fail_at
        self._gate = gate

    def send(self, number: int, data: memoryview) -> int:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == CONCURRENCY:
                self.full.set()
        try:
            if self._gate is not None:
                assert self._gate.wait(10)
            if self.fail_at in (number, -1):
                raise ConnectionError(f"part {number}")
            self.parts[number] = bytes(data)
            return number
        finally:
            with self._lock:
                self._now -= 1

    def content(self) -> bytes:
        return b"".join(self.parts[number] for number in sorted(self.parts))


def engine(sink: Sink, **options: Any) -> PartEngine[int]:
    options = {"first": 1, "part_size": lambda _: 10, "concurrency": CONCURRENCY, **options}
    return PartEngine(sink.send, **options)


def test_parts_have_their_size_and_are_returned_in_order() -> None:
    sink = Sink()
    parts = engine(sink)
    for piece in (b"0123", b"456789abcdef", b"g" * 30, b"rest"):
        parts.write(memoryview(piece))
    assert parts.flush() == [1, 2, 3, 4, 5]
    assert b"".join(sink.parts[number] for number in range(1, 6)) == b"0123456789abcdef" + b"g" * 30 + b"rest"
    assert [len(sink.parts[number]) for number in range(1, 6)] == [10, 10, 10, 10, 10]


def test_numbers_go_on_and_sizes_follow_the_number() -> None:
    sink = Sink()
    parts = engine(sink, first=4, part_size=lambda number: number)
    parts.write(memoryview(b"x" * 20))
    assert parts.flush() == [4, 5, 6, 7]
    assert {number: len(data) for number, data in sink.parts.items()} == {4: 4, 5: 5, 6: 6, 7: 5}


def test_what_the_caller_does_with_its_buffer_afterwards_changes_nothing() -> None:
    sink = Sink()
    parts = engine(sink)
    piece = bytearray(b"0123456789abc")
    parts.write(memoryview(piece))
    piece[:] = b"-" * 13
    parts.flush()
    assert b"".join(sink.parts.values()) == b"0123456789abc"


def test_writing_waits_while_enough_parts_are_on_their_way() -> None:
    gate = threading.Event()
    sink = Sink(gate=gate)
    parts = engine(sink)
    writer = threading.Thread(target=parts.write, args=(memoryview(b"x" * 60),))
    writer.start()
    assert sink.full.wait(10)
    writer.join(0.1)
    assert writer.is_alive()
    gate.set()
    writer.join()
    parts.flush()
    assert len(sink.parts) == 6
    assert sink.most == 3


def test_failed_write_takes_nothing_of_at_most_one_part_and_is_made_again() -> None:
    sink = Sink(fail_at=1)
    parts = engine(sink, concurrency=1)
    parts.write(memoryview(b"0123456789"))
    with pytest.raises(ConnectionError, match="part 1"):
        parts.write(memoryview(b"abcdefghij"))
    assert parts.size == 10
    sink.fail_at = 0
    parts.write(memoryview(b"abcdefghij"))
    assert parts.flush() == [1, 2]
    assert sink.content() == b"0123456789abcdefghij"


def test_failed_write_takes_a_prefix_that_the_size_counts() -> None:
    sink = Sink(fail_at=2)
    parts = engine(sink)
    data = bytes(range(200))
    with pytest.raises(ConnectionError, match="part 2"):
        parts.write(memoryview(data))
    assert 0 < parts.size < len(data)
    sink.fail_at = 0
    parts.write(memoryview(data)[parts.size :])
    parts.flush()
    assert sink.content() == data


def test_failed_flush_keeps_what_has_not_arrived() -> None:
    sink = Sink(fail_at=1)
    parts = engine(sink)
    parts.write(memoryview(b"short"))
    for _ in range(2):
        with pytest.raises(ConnectionError, match="part 1"):
            parts.flush()
    assert (parts.size, parts.acknowledged) == (5, 0)
    sink.fail_at = 0
    assert parts.flush() == [1]
    assert (sink.content(), parts.acknowledged) == (b"short", 5)


def test_one_failure_is_raised_once_whatever_else_failed_with_it() -> None:
    gate = threading.Event()
    sink = Sink(fail_at=-1, gate=gate)
    parts = engine(sink)
    parts.write(memoryview(b"x" * 25))
    gate.set()
    with pytest.raises(ConnectionError):
        parts.flush()
    sink.fail_at = 0
    parts.flush()
    assert sink.content() == b"x" * 25


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_writing_goes_on_after_a_flush(grows: bool, fails: bool) -> None:
    sink = Sink(fail_at=2 if fails else 0)
    parts = engine(sink, tail_grows=grows)
    parts.write(memoryview(b"0123456789abc"))
    try:
        parts.flush()
    except ConnectionError:
        assert fails
    sink.fail_at = 0
    parts.write(memoryview(b"defghijklm"))
    assert parts.size == 23
    assert parts.flush() == [1, 2, 3]
    assert sink.content() == b"0123456789abcdefghijklm"
    assert len(sink.parts[2]) == (10 if grows else 3)


def test_first_part_may_have_to_arrive_before_others_are_sent() -> None:
    sink = Sink(fail_at=1)
    parts = engine(sink, first_alone=True)
    with pytest.raises(ConnectionError, match="part 1"):
        parts.write(memoryview(b"x" * 100))
    assert sink.parts == {}
    sink.fail_at = 0
    parts.write(memoryview(b"x" * (100 - parts.size)))
    parts.flush()
    assert sink.content() == b"x" * 100


def test_an_abandoned_engine_sends_nothing_more() -> None:
    gate = threading.Event()
    sink = Sink(gate=gate)
    parts = engine(sink, concurrency=1)
    parts.write(memoryview(b"x" * 19))
    parts.abandon()
    gate.set()
    parts.drain()
    assert set(sink.parts) <= {1}


def test_parts_grow_late_and_reach_the_largest_object() -> None:
    mib, gib = 1 << 20, 1 << 30
    size = growing(5 * mib, 5 * gib)
    assert size(1) == size(4000) == 5 * mib
    assert size(4001) == 10 * mib
    assert max(size(number) for number in range(1, 10_001)) <= 5 * gib
    assert sum(size(number) for number in range(1, 10_001)) >= 5 << 40
