"""Blobs that are copied by the workers of a dask cluster, in pieces that can be done again."""

from __future__ import annotations

import itertools
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import StorageDriverError, UnavailableError
from storagedriver.transfer.content import Contents
from storagedriver.transfer.crew import Crew, StoppedError
from storagedriver.transfer.failures import Failures
from storagedriver.transfer.files import Files
from storagedriver.transfer.options import WHOLE, Options
from storagedriver.transfer.plan import DONE, FAILED, Item, Plan
from storagedriver.transfer.report import Action, Finding, Report

__all__ = ["Cluster", "MakeDriver", "pickled"]

MakeDriver = Callable[[], StorageDriver]

#: How many small blobs are one task.
_PIECE = 100
_RETRIES = 3
_TICK = 0.25


def pickled(driver: StorageDriver) -> MakeDriver:
    """What makes a driver once more on a worker. Its parameters travel along, secrets too.

    Raises
    ------
    StorageDriverError
        If the store is in this process alone.
    """
    return partial(pickle.loads, pickle.dumps(driver))


@dataclass
class _Outcome:
    """What became of a piece."""

    actions: list[Action] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    size: int = 0
    resumed: int = 0
    gave_up: str = ""


def _copy(
    make_source: MakeDriver, make_dest: MakeDriver, options: Options, items: list[Item], begun: set[str]
) -> _Outcome:
    """Copy some blobs, on a worker. What was copied before is recognised, so that it may be called again."""
    outcome = _Outcome()
    report = Report(on_action=outcome.actions.append, on_finding=outcome.findings.append)
    crew, plan = Crew(lambda: None), Plan()
    failures = Failures(report, crew.stopped)
    try:
        with make_source() as source, make_dest() as dest:
            contents = Contents(source, dest, options, report, crew, begun.__contains__)
            files = Files(plan, contents, options, report)
            for item in items:
                try:
                    files.blob(item)
                except StoppedError:
                    break
                except OSError as error:
                    failures.add(item.path, error)
                else:
                    failures.succeeded()
    finally:
        plan.close()
    outcome.size, outcome.resumed, outcome.gave_up = report.progress.size, report.resumed, report.gave_up
    return outcome


class Cluster:
    """Gives blobs to the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        The cluster's.
    make_source, make_dest : callable
        Called on a worker, without arguments; each gives a driver.
    """

    def __init__(self, client: Any, make_source: MakeDriver, make_dest: MakeDriver) -> None:
        self._client = client
        self._makers = make_source, make_dest

    def copy(
        self,
        plan: Plan,
        items: Iterable[Item],
        options: Options,
        report: Report,
        is_begun: Callable[[str], bool],
        tick: Callable[[], None],
    ) -> None:
        """Copy blobs, and note in the plan and in the report what became of each.

        Raises
        ------
        StoppedError
            If there is no use in going on.
        UnavailableError
            If the cluster does not go on.
        """
        from distributed import TimeoutError as Elapsed  # noqa: PLC0415 - an extra
        from distributed import wait  # noqa: PLC0415 - the same

        threads = max(1, sum(self._client.nthreads().values()))
        shared = replace(options, bandwidth=-(-options.bandwidth // threads))
        failures = Failures(report, threading.Event())
        running: dict[Any, list[Item]] = {}
        pieces = _pieces(items)
        try:
            while True:
                for piece in itertools.islice(pieces, 2 * threads - len(running)):
                    begun = {item.path for item in piece if item.size > WHOLE and is_begun(item.path)}
                    task = self._client.submit(_copy, *self._makers, shared, piece, begun, retries=_RETRIES, pure=False)
                    running[task] = piece
                if not running:
                    return
                try:
                    done = wait(  # type: ignore[no-untyped-call]
                        list(running), timeout=_TICK, return_when="FIRST_COMPLETED"
                    ).done
                except Elapsed:
                    done = set()
                for task in done:
                    self._note(task, running.pop(task), plan, report, failures)
                tick()
                if report.gave_up:
                    raise StoppedError
        except CancelledError as error:
            detail = "the cluster has dropped a task: look for its scheduler and its workers"
            raise UnavailableError(detail, driver_name="dask") from error
        finally:
            for task in running:
                task.cancel()

    def _note(self, task: Any, piece: list[Item], plan: Plan, report: Report, failures: Failures) -> None:
        error = task.exception()
        if error is not None:
            for item in piece:
                plan.set_state(item.path, FAILED)
                failures.add(item.path, StorageDriverError(f"its task failed: {type(error).__name__}: {error}"))
            return
        outcome: _Outcome = task.result()
        report.read(outcome.size)
        for _ in range(outcome.resumed):
            report.resume()
        for action in outcome.actions:
            plan.set_state(action.path, DONE)
            report.act(action.done, action.path, action.size)
        for finding in outcome.findings:
            if finding.path not in {action.path for action in outcome.actions}:
                plan.set_state(finding.path, FAILED)
            report.find(finding.problem, finding.path, finding.reason)
        if outcome.gave_up:
            failures.give_up(outcome.gave_up)


def _pieces(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Large blobs alone, small ones together."""
    piece: list[Item] = []
    for item in items:
        if item.size > WHOLE:
            yield [item]
            continue
        piece.append(item)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
