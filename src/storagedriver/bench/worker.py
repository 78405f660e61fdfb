"""The process under measurement: it runs tasks on one subject, and says what they took.

A process of its own for each subject, because CPU time and peak memory are
known of processes.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, TypeVar

from storagedriver.bench.peers import make_subject
from storagedriver.bench.subject import MeasuredError, Subject
from storagedriver.bench.tasks import OPERATIONS, Sample, Task
from storagedriver.errors import StorageDriverError

__all__ = ["Local", "main", "measure", "run", "serve"]

T = TypeVar("T")

#: Enough that no two pieces in a row are the same, and that none can be compressed.
_POOL = 4 << 20
_LISTINGS = ("list", "walk")
_WITHOUT_CONTENT = (*_LISTINGS, "stat", "delete")


def pieces(size: int, piece: int) -> Iterator[bytes]:
    """`size` bytes that cannot be compressed, in pieces of `piece` bytes, all made before the first is asked for."""
    content = os.urandom(max(piece, _POOL - _POOL % piece))
    ready = [content[begin : begin + piece] for begin in range(0, len(content), piece)]
    return (ready[number % len(ready)][: size - begin] for number, begin in enumerate(range(0, size, piece)))


def run(subject: Subject, task: Task) -> Sample:
    """Do what a task asks for.

    Raises
    ------
    ValueError
        If what came back is not what was asked for, or if there is no such operation.
    """
    if task.operation not in OPERATIONS:
        raise ValueError(f"there is no operation {task.operation!r}")
    subject.prepare(task.operation, task.size)
    work = _work(subject, task)

    def everything() -> list[Any]:
        if task.concurrency == 1:
            return [work(number) for number in range(task.count)]
        with ThreadPoolExecutor(task.concurrency) as pool:
            return list(pool.map(work, range(task.count)))

    results, sample = measure(everything)
    moved = 0 if task.operation in _WITHOUT_CONTENT else task.size * task.count
    return replace(sample, size=moved, count=task.count, found=results[-1] if task.operation in _LISTINGS else 0)


def _work(subject: Subject, task: Task) -> Callable[[int], Any]:
    """What is done for the object of a number. All content is there before the first is asked for."""
    objects = task.objects()
    if task.operation == "write":
        streams = [pieces(task.size, task.piece) for _ in objects]
        return lambda number: subject.write(objects[number], streams[number])
    if task.operation in ("put", "tree"):
        content = os.urandom(task.size)
        return lambda number: subject.put(objects[number], content)
    works: dict[str, Callable[[int], Any]] = {
        "read": lambda number: _check(task, subject.read(objects[number], task.piece)),
        "get": lambda number: _check(task, len(subject.get(objects[number]))),
        "stat": lambda number: subject.stat(objects[number]),
        "move": lambda number: subject.move(objects[number], f"{task.dest}/{number}"),
        "list": lambda _: subject.list(task.path),
        "walk": lambda _: subject.walk(task.path),
        "delete": lambda _: subject.delete(task.path),
    }
    return works[task.operation]


def measure(work: Callable[[], T]) -> tuple[T, Sample]:
    """What a function returns, and what it took."""
    before = _reset_peak()
    cpu, begun = _cpu(), time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begun
    cpu = _cpu() - cpu
    peak = _memory("VmHWM")
    return result, Sample(seconds, cpu, None if before is None or peak is None else max(0, peak - before))


class Local:
    """A subject that is measured in this very process, in place of a `Process`.

    Parameters
    ----------
    name : str
        Its name in the results.
    subject : Subject
        What is measured.
    """

    def __init__(self, name: str, subject: Subject) -> None:
        self.name = name
        self.operations = subject.operations()
        self._subject = subject

    def run(self, task: Task) -> Sample:
        """Do a task.

        Raises
        ------
        MeasuredError
            If it failed.
        """
        try:
            return run(self._subject, task)
        except (StorageDriverError, ValueError) as error:
            raise MeasuredError(f"{self.name}: {error}") from error


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer tasks until the requests end.

    The first request is ``{"subject": NAME, "driver": NAME, "parameters":
    {…}}``; its answer has the subject's ``version`` and ``operations``.
    """

    def answer(what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    subject: Subject | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if subject is None:
                subject = make_subject(request["subject"], request["driver"], request["parameters"])
                answer({"version": subject.version, "operations": sorted(subject.operations())})
            else:
                answer(asdict(run(subject, Task(**request))))
        except Exception as error:  # noqa: BLE001 - the asking process decides
            # Errors of ours are sentences; of the peers' the type says more than the text.
            clear = isinstance(error, (StorageDriverError, ValueError))
            answer({"error": str(error) if clear else f"{type(error).__name__}: {error}"})
    if subject is not None:
        subject.close()


def main() -> None:
    """Serve on standard input and output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a library prints must not come between the answers.
    os.dup2(2, 1)
    serve(sys.stdin, answers)


def _check(task: Task, size: int) -> None:
    if size != task.size:
        raise ValueError(f"{task.path} gave {size} bytes in place of {task.size}")


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _reset_peak() -> int | None:
    """Let the peak of resident memory begin anew; the bytes that are resident now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _memory("VmRSS")


def _memory(name: str) -> int | None:
    match = re.search(rf"^{name}:\s+([0-9]+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(match[1]) << 10 if match else None


if __name__ == "__main__":
    main()
