"""What is measured: the cases of a benchmark, and what each needs to find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from storagedriver.bench.tasks import Task

__all__ = ["MIB", "Case", "small_cases", "stream_cases"]

MIB = 1 << 20
_SMALL = 1 << 10
_KEEPERS = 8


@dataclass(frozen=True)
class Case:
    """One row of the results.

    Attributes
    ----------
    name : str
        Its name in tables, and how it is chosen.
    task : Task
        What is measured. Its paths are relative to a directory of the case.
    before : sequence of Task
        What makes the objects that it needs.
    uses_up : bool
        Whether these are gone after each sample, and have to be made anew for the next.
    without : frozenset of str
        The subjects that take no part.
    """

    STREAMS: ClassVar = ("write", "read")

    name: str
    task: Task
    before: Sequence[Task] = ()
    uses_up: bool = False
    without: frozenset[str] = frozenset()

    def below(self, directory: str) -> Case:
        """The same in a directory."""

        def move(task: Task) -> Task:
            return replace(task, path=directory + task.path, dest=directory + task.dest if task.dest else "")

        return replace(self, task=move(self.task), before=[move(task) for task in self.before])


def stream_cases(sizes: Sequence[int], pieces: Sequence[int], concurrencies: Sequence[int]) -> Iterator[Case]:
    """Writing and reading streams of every size, in pieces of every size, so many at a time."""
    for size in sizes:
        for concurrency in concurrencies:
            for piece in pieces:
                if piece > size and piece != min(pieces):
                    continue
                what = f"{_bytes(size)} by {_bytes(piece)}" + (f" x {concurrency}" if concurrency > 1 else "")
                stream = Task("write", "/stream", size=size, piece=piece, count=concurrency, concurrency=concurrency)
                yield Case(f"write {what}", stream)
                yield Case(
                    f"read {what}",
                    replace(stream, operation="read", path="/content"),
                    before=[replace(stream, path="/content", piece=MIB)],
                )


def small_cases(files: int, repeat: int) -> Iterator[Case]:
    """Operations on small objects, on listings, and on a tree.

    Parameters
    ----------
    files : int
        The objects of the tree, ten in a directory.
    repeat : int
        How many operations are one sample.
    """
    puts = Task("put", "/small", size=_SMALL, count=repeat)
    kept = replace(puts, path="/kept", concurrency=_KEEPERS)
    tree = Task("tree", "/tree", size=_SMALL, count=files, concurrency=_KEEPERS)
    yield Case("put 1 KiB", puts)
    yield Case("get 1 KiB", replace(kept, operation="get", concurrency=1), before=[kept])
    yield Case("stat", replace(kept, operation="stat", concurrency=1), before=[kept])
    for entries in (50, 1000):
        listed = replace(kept, path=f"/list{entries}", count=entries)
        yield Case(f"list {entries}", Task("list", f"/list{entries}", count=10), before=[listed])
    large = Task("write", "/large", size=64 * MIB)
    yield Case("move 64 MiB", Task("move", "/large", dest="/moved", size=64 * MIB), before=[large], uses_up=True)
    yield Case(f"walk {files} files", Task("walk", "/tree"), before=[tree])
    yield Case(f"delete {files} files", Task("delete", "/tree"), before=[tree], uses_up=True)


def _bytes(size: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"
