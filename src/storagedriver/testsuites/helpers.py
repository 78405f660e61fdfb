"""Small things that the cases are written with."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from storagedriver.driver import FileInfo, FileReader, StorageDriver

__all__ = [
    "MIB",
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
    pieces = []
    while data := reader.read(piece):
        assert len(data) <= piece, f"read({piece}) gave {len(data)} bytes"
        pieces.append(data)
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
    """Make calls in threads and give their results in the order of the calls."""
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def is_utc(info: FileInfo) -> bool:
    """Whether the modification time is aware and in UTC."""
    return info.mod_time.utcoffset() == timedelta(0)


def lists_uploads(driver: StorageDriver) -> bool:
    """Whether the driver brings an `uploads` of its own."""
    return type(driver).uploads is not StorageDriver.uploads


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
    task = pickle.dumps(sys.path) + pickle.dumps((function, (driver, *arguments)))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD], input=task, capture_output=True, timeout=_PATIENCE, check=False
    )
    if done.returncode or not done.stdout:
        raise AssertionError(f"the other process failed:\n{done.stderr.decode(errors='replace')}")
    succeeded, result = pickle.loads(done.stdout)
    if not succeeded:
        raise result
    answer: T = result
    return answer


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
