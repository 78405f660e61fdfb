"""What the proxy of the fault matrix does beyond the rules: refusing, halves, interrupts, and healing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import urllib3

from storagedriver.testsuites.faults import FaultProxy
from storagedriver.testsuites.faults.actions import (
    Answer,
    HalfReply,
    HalfRequest,
    Hang,
    Interrupt,
    LoseAndHang,
    Refuse,
)
from tests.faults.http_store import serving

FILE = "/file?path=/a"
BROKEN = (urllib3.exceptions.ProtocolError, urllib3.exceptions.TimeoutError, urllib3.exceptions.NewConnectionError)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with serving() as endpoint, FaultProxy(endpoint) as proxy:
        yield proxy


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=0.3) as pool:
        yield pool


def put(pool: urllib3.PoolManager, proxy: FaultProxy, body: bytes) -> int:
    return pool.request("PUT", proxy.endpoint + FILE, body=body).status


def content(pool: urllib3.PoolManager, proxy: FaultProxy) -> bytes:
    return pool.request("GET", proxy.endpoint + FILE).data[32:]


def test_refuses_until_it_is_healed(pool: urllib3.PoolManager, proxy: FaultProxy) -> None:
    put(pool, proxy, b"one")
    proxy.add(Refuse(), times=None)
    for _ in range(3):
        with pytest.raises(BROKEN):
            put(pool, proxy, b"two")
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        put(pool, proxy, b"two")
    proxy.heal()
    assert content(pool, proxy) == b"one"


def test_halves(pool: urllib3.PoolManager, proxy: FaultProxy) -> None:
    put(pool, proxy, b"one")
    proxy.add(HalfRequest(), method="PUT")
    with pytest.raises(BROKEN):
        put(pool, proxy, b"two+three+four")
    assert [request.sent for request in proxy.matching("PUT")] == [3, 7]
    proxy.add(HalfReply(), method="GET")
    with pytest.raises(BROKEN):
        content(pool, proxy)
    assert proxy.requests[-1].received == (32 + 3) // 2
    assert content(pool, proxy) == b"one"


def test_half_of_an_empty_answer_is_all_of_it(pool: urllib3.PoolManager, proxy: FaultProxy) -> None:
    proxy.add(HalfReply())
    assert put(pool, proxy, b"one") == 200


def test_answer_is_lost_and_the_connection_stays(pool: urllib3.PoolManager, proxy: FaultProxy) -> None:
    proxy.add(LoseAndHang())
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        put(pool, proxy, b"one")
    assert content(pool, proxy) == b"one"


def test_healing_ends_what_hangs(proxy: FaultProxy) -> None:
    proxy.add(Hang(), times=None)
    timer = threading.Timer(0.1, proxy.heal)
    timer.start()
    with urllib3.PoolManager(retries=False) as patient, pytest.raises(urllib3.exceptions.ProtocolError):
        put(patient, proxy, b"one")
    timer.join()


def test_healing_forgets_the_rules(pool: urllib3.PoolManager, proxy: FaultProxy) -> None:
    proxy.add(Answer(503), times=None)
    assert put(pool, proxy, b"one") == 503
    proxy.heal()
    assert put(pool, proxy, b"one") == 200


@pytest.mark.parametrize("effect", [False, True])
def test_interrupts_while_a_request_is_under_way(pool: urllib3.PoolManager, proxy: FaultProxy, effect: bool) -> None:
    called = threading.Event()
    put(pool, proxy, b"one")
    proxy.add(Interrupt(called.set, effect=effect))
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        put(pool, proxy, b"two")
    assert called.is_set()
    assert content(pool, proxy) == (b"two" if effect else b"one")
