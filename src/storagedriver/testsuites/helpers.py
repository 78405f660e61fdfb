"""Small things that the cases are written with."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from storagedriver.driver import FileInfo, FileReader, StorageDriver
from storagedriver.testsuites.calls import without_record

__all__ = [
    "MIB",
    "TOGETHER",
    "chosen_seed",
    "die_in_another_process",
    "drain",
    "in_a_fork",
    "in_another_process",
    "is_picklable",
    "is_utc",
    "lists_uploads",
    "pattern",
    "put_all",
    "same_bytes",
    "together",
    "upload",
    "walked",
]

T = TypeVar("T")

MIB = 1 << 20
#: Up to how many files are put one by one.
_FEW = 8
#: How long the calls of `together` may take, in seconds.
TOGETHER = 120.0
_NAME = 40
#: How long another process may take, in seconds.
_PATIENCE = 120.0

_CHILD = """
import os, pickle, sys
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.path[:] = pickle.load(sys.stdin.buffer)
function, arguments = pickle.load(sys.stdin.buffer)
try:
    outcome = (True, function(*arguments))
except Exception as error:
    outcome = (False, error)
pickle.dump(outcome, answer)
answer.close()
"""

#: What comes back from the function is still open when the process ends.
_KILLED = 77
_VICTIM = f"""
import os, pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
function, arguments = pickle.load(sys.stdin.buffer)
open_still = function(*arguments)
os._exit({_KILLED})
"""


def pattern(size: int, seed: int = 0) -> bytes:
    """`size` bytes that do not repeat, other ones for each seed."""
    return random.Random(seed).randbytes(size)


def same_bytes(actual: bytes, expected: bytes, what: str = "the content") -> None:
    """Compare without printing megabytes."""
    __tracebackhide__ = True
    if actual == expected:
        return
    common = min(len(actual), len(expected))
    at = next((index for index in range(common) if actual[index] != expected[index]), common)
    shown = f"{actual[at : at + 16]!r} instead of {expected[at : at + 16]!r}"
    raise AssertionError(
        f"{what} is wrong: {len(actual)} bytes instead of {len(expected)}, from byte {at} on {shown} ..."
    )


def drain(reader: FileReader, piece: int = 64 << 10) -> bytes:
    """All that is left in a stream, which may give less than it is asked for."""
    pieces, count = [], 0
    while data := reader.read(piece):
        assert len(data) <= piece, f"read({piece}) gave {len(data)} bytes"
        pieces.append(data)
        count += len(data)
        assert count <= reader.size, f"a stream has given {count} bytes of a file of {reader.size}, and goes on"
    return b"".join(pieces)


def upload(
    driver: StorageDriver,
    path: str,
    *pieces: bytes,
    append: bool = False,
    end: Literal["commit", "cancel", "close"] = "commit",
) -> None:
    """One session of an upload."""
    with driver.writer(path, append=append) as writer:
        for piece in pieces:
            assert writer.write(piece) == len(piece), "write did not take all of the data"
        if end == "commit":
            writer.commit()
        elif end == "cancel":
            writer.cancel()


def walked(driver: StorageDriver, path: str, start_after: str = "") -> list[FileInfo]:
    """Everything that a walk visits, in its order."""
    visited: list[FileInfo] = []
    driver.walk(path, visited.append, start_after)
    return visited


def put_all(driver: StorageDriver, paths: Iterable[str]) -> None:
    """Put a file at each of the paths whose content is its path."""
    files = list(paths)
    if len(files) > _FEW:
        together(partial(driver.put_content, path, path.encode()) for path in files)
        return
    for path in files:
        driver.put_content(path, path.encode())


def together(calls: Iterable[Callable[[], T]], threads: int = 8) -> list[T]:
    """Make calls in threads and give their results in the order of the calls.

    The threads are daemons, and a call that does not return in time is a
    failure that names it: nothing waits for it any longer.
    """
    __tracebackhide__ = True
    waiting = list(enumerate(calls))
    names = [_name_of(call) for _, call in waiting]
    # Each is [a result], or the error.
    outcomes: dict[int, list[T] | BaseException] = {}
    under_way: set[int] = set()
    ended = threading.Condition()

    def work() -> None:
        while True:
            with ended:
                if not waiting:
                    return
                number, call = waiting.pop(0)
                under_way.add(number)
            outcome: list[T] | BaseException
            try:
                outcome = [call()]
            except BaseException as error:  # noqa: BLE001 - it is raised where the results are given
                outcome = error
            with ended:
                outcomes[number] = outcome
                under_way.discard(number)
                ended.notify_all()

    for number in range(min(threads, len(names))):
        threading.Thread(target=work, name=f"together-{number}", daemon=True).start()
    with ended:
        in_time = ended.wait_for(lambda: len(outcomes) == len(names), TOGETHER)
        hung = ", ".join(names[number] for number in sorted(under_way))
        waiting.clear()
    # What failed may be why others wait.
    for number in sorted(outcomes):
        outcome = outcomes[number]
        if isinstance(outcome, BaseException):
            raise outcome
    assert in_time, f"after {TOGETHER:g} s these calls have not returned: {hung}"
    results = [outcomes[number] for number in range(len(names))]
    return [result[0] for result in results if isinstance(result, list)]


def _name_of(call: Callable[[], object]) -> str:
    if isinstance(call, partial):
        arguments = ", ".join(repr(argument)[:_NAME] for argument in call.args)
        return f"{_name_of(call.func)}({arguments})"
    return getattr(call, "__name__", repr(call))


def is_utc(info: FileInfo) -> bool:
    """Whether the modification time is aware and in UTC."""
    return info.mod_time.utcoffset() == timedelta(0)


def lists_uploads(driver: StorageDriver) -> bool:
    """Whether the driver brings an `uploads` of its own."""
    return type(without_record(driver)).uploads is not StorageDriver.uploads


def is_picklable(thing: object) -> bool:
    """Whether pickling it raises nothing, of whatever class."""
    try:
        pickle.dumps(thing)
    except Exception:  # noqa: BLE001 - the contract leaves open what is raised
        return False
    return True


def in_another_process(function: Callable[..., T], driver: StorageDriver, *arguments: Any) -> T:
    """What ``function(driver, *arguments)`` gives or raises in a new process.

    The function has to be one of a module; the driver is pickled.
    """
    done = _run(_CHILD, function, driver, *arguments)
    if done.returncode or not done.stdout:
        raise AssertionError(f"the other process failed:\n{done.stderr.decode(errors='replace')}")
    succeeded, result = pickle.loads(done.stdout)
    if not succeeded:
        raise result
    answer: T = result
    return answer


def die_in_another_process(function: Callable[..., object], driver: StorageDriver, *arguments: Any) -> None:
    """Call ``function(driver, *arguments)`` in a new process, which then ends as one that is killed.

    The function has to be one of a module; the driver is pickled.
    """
    done = _run(_VICTIM, function, driver, *arguments)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == _KILLED, f"the other process failed before it was killed:\n{said}"


def _run(program: str, function: Callable[..., object], *arguments: Any) -> subprocess.CompletedProcess[bytes]:
    task = pickle.dumps(sys.path) + pickle.dumps((function, arguments))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, input=task, capture_output=True, timeout=_PATIENCE, check=False)


def in_a_fork(function: Callable[[], object]) -> None:
    """Call the function in a forked child, and fail as it fails."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of forking with threads. The child only uses the driver.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        report = b""
        try:
            function()
        except BaseException:  # noqa: BLE001 - it must not get out of the child
            report = traceback.format_exc().encode()[-8000:] or b"?"
        finally:
            os.write(writing, report)
            os._exit(1 if report else 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        ready, _, _ = select.select([answer], [], [], _PATIENCE)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        report = answer.read()
    _, status = os.waitpid(pid, 0)
    assert ready, "the child of a fork did not come to an end"
    assert not status, f"the driver failed in the child of a fork:\n{report.decode()}"


def chosen_seed(variable: str) -> int:
    """The seed that an environment variable gives. It is the same in each run, so that a failure is of the change."""
    given = os.environ.get(variable) or "1"
    return random.SystemRandom().randrange(10**6) if given == "random" else int(given)
