"""One run: every case by every subject, in turns, on the same storage."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence

from storagedriver.bench.cases import Case
from storagedriver.bench.results import Result
from storagedriver.bench.subject import Measured, MeasuredError
from storagedriver.bench.tasks import Sample, Task

__all__ = ["Benchmark"]

_WARM = 1 << 20


class Benchmark:
    """Measures subjects in turns.

    What is compared runs within seconds of each other, for as many rounds as
    were asked for, each round beginning with another subject: a machine that
    slows down slows all of them down.

    Parameters
    ----------
    subjects : sequence of Measured
        Who is measured.
    rounds : int
        How many samples there are of each.
    keeper : Measured, optional
        Makes what the cases need, and tidies up. None: every subject has a
        storage of its own, and makes its own.
    tell : callable, optional
        Called with a line before each sample.
    """

    def __init__(
        self,
        subjects: Sequence[Measured],
        rounds: int,
        keeper: Measured | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._subjects = subjects
        self._rounds = rounds
        self._keeper = keeper
        self._tell = tell
        self._directory = f"/storagedriver-bench-{secrets.token_hex(4)}"

    def run(self, cases: Iterable[Case]) -> Iterator[Result]:
        """The results, a case after the other, as soon as they are there."""
        self._warm_up()
        for number, case in enumerate(cases):
            directory = f"{self._directory}/{number}"
            try:
                yield from self._case(case, directory)
            finally:
                self._remove(self._keepers(self._subjects), directory)

    def _warm_up(self) -> None:
        """Let every subject load its code and connect, which belongs to no case."""
        for number, subject in enumerate(self._subjects):
            directory = f"{self._directory}/warm-{number}"
            self._tell(f"warming up: {subject.name}")
            for operation in ("write", "read", "put", "get", "stat", "list", "walk", "delete"):
                if operation in subject.operations:
                    # What fails here fails again where it is measured.
                    with contextlib.suppress(MeasuredError):
                        subject.run(Task(operation, directory, size=_WARM, count=1))
            self._remove(self._keepers([subject]), directory)

    def _case(self, case: Case, directory: str) -> Iterator[Result]:
        taking_part = [
            subject
            for subject in self._subjects
            if case.task.operation in subject.operations and subject.name not in case.without
        ]
        samples: dict[str, list[Sample]] = {subject.name: [] for subject in taking_part}
        errors: dict[str, str] = {}
        if case.before and not case.uses_up and taking_part:
            case = case.below(f"{directory}/kept")
            errors = self._keep(case, taking_part)
        for turn in range(self._rounds):
            first = turn % max(1, len(taking_part))
            for subject in taking_part[first:] + taking_part[:first]:
                if subject.name in errors:
                    continue
                self._tell(f"{case.name}: {subject.name}, {turn + 1} of {self._rounds}")
                try:
                    samples[subject.name].append(self._sample(subject, case, directory, turn))
                except MeasuredError as error:
                    errors[subject.name] = str(error)
        for subject in taking_part:
            failed = errors.get(subject.name, "")
            kept = () if failed else samples[subject.name]
            yield Result(case.name, case.task.operation, subject.name, kept, failed)

    def _keep(self, case: Case, taking_part: Sequence[Measured]) -> dict[str, str]:
        """Make what is there for all rounds; the errors of those who make it for themselves, by their names."""
        errors = {}
        for keeper in self._keepers(taking_part):
            try:
                self._prepare(keeper, case)
            except MeasuredError as error:
                if self._keeper is not None:
                    raise
                errors[keeper.name] = str(error)
        return errors

    def _sample(self, subject: Measured, case: Case, directory: str, turn: int) -> Sample:
        if case.before and not case.uses_up:
            return subject.run(case.task)
        # A place of its own: to write over what is there may be cheaper, or dearer.
        place = f"{directory}/{self._subjects.index(subject)}-{turn}"
        own = case.below(place)
        keepers = self._keepers([subject])
        for keeper in keepers:
            self._prepare(keeper, own)
        try:
            return subject.run(own.task)
        finally:
            self._remove(keepers, place)

    def _keepers(self, subjects: Sequence[Measured]) -> Sequence[Measured]:
        return subjects if self._keeper is None else [self._keeper]

    @staticmethod
    def _prepare(keeper: Measured, case: Case) -> None:
        for task in case.before:
            keeper.run(task)

    @staticmethod
    def _remove(keepers: Sequence[Measured], directory: str) -> None:
        for keeper in keepers:
            # Some cases leave nothing.
            with contextlib.suppress(MeasuredError):
                keeper.run(Task("delete", directory))
