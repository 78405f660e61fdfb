"""The part engine."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from storagedriver.adapter.parts import PartEngine, growing


class Sink:
    """Takes parts, and counts how many come at a time."""

    def __init__(self, *, fail_at: int = 0, gate: threading.Event | None = None) -> None:
        self.parts: dict[int, bytes] = {}
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._fail_at = fail_at
        self._gate = gate

    def send(self, number: int, data: memoryview) -> int:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            if self._gate is not None:
                assert self._gate.wait(10)
            if number == self._fail_at:
                raise ConnectionError(f"part {number}")
            self.parts[number] = bytes(data)
            return number
        finally:
            with self._lock:
                self._now -= 1


def engine(sink: Sink, **options: Any) -> PartEngine[int]:
    options = {"first": 1, "part_size": lambda _: 10, "concurrency": 3, **options}
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
    writer.join(0.2)
    assert writer.is_alive()
    gate.set()
    writer.join()
    parts.flush()
    assert len(sink.parts) == 6
    assert sink.most == 3


def test_the_first_failure_stops_the_rest_and_reaches_every_later_call() -> None:
    sink = Sink(fail_at=2)
    parts = engine(sink)
    with pytest.raises(ConnectionError, match="part 2"):
        parts.write(memoryview(b"x" * 1000))
    for call in (lambda: parts.write(memoryview(b"x")), parts.flush):
        with pytest.raises(ConnectionError, match="part 2"):
            call()
    assert len(sink.parts) < 10


def test_an_abandoned_engine_sends_nothing_more() -> None:
    gate = threading.Event()
    sink = Sink(gate=gate)
    parts = engine(sink)
    parts.write(memoryview(b"x" * 25))
    parts.abandon()
    gate.set()
    assert parts.buffered == 0


def test_parts_grow_late_and_reach_the_largest_object() -> None:
    mib, gib = 1 << 20, 1 << 30
    size = growing(5 * mib, 5 * gib)
    assert size(1) == size(4000) == 5 * mib
    assert size(4001) == 10 * mib
    assert max(size(number) for number in range(1, 10_001)) <= 5 * gib
    assert sum(size(number) for number in range(1, 10_001)) >= 5 << 40
