"""The limit on requests, and what a process keeps for itself."""

from __future__ import annotations

import os
import threading

import pytest

from storagedriver.adapter.limits import Limit, PerProcess


def test_no_more_than_the_slots_run_at_a_time() -> None:
    limit = Limit(2)
    lock, now, most = threading.Lock(), [0], [0]

    def work() -> None:
        for _ in range(50):
            with limit.slot():
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                with lock:
                    now[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 2


def test_a_slot_is_given_back_when_the_call_fails() -> None:
    limit = Limit(1)
    for _ in range(3):
        with pytest.raises(RuntimeError), limit.slot():
            raise RuntimeError
    with limit.slot():
        pass


def test_a_value_is_made_once_a_process() -> None:
    value = PerProcess(object)
    assert value.peek() is None
    mine = value.get()
    assert value.get() is mine
    assert value.peek() is mine


def test_a_slot_that_another_thread_holds_is_free_after_a_fork() -> None:
    limit = Limit(1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with limit.slot():
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    code = 1
    pid = _fork()
    if pid == 0:
        with limit.slot():
            code = 0
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


def _fork() -> int:
    import warnings  # noqa: PLC0415 - only here

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        return os.fork()
