"""The command bench: how fast the storage is, and beside whom."""

from __future__ import annotations

import fnmatch
import json
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storagedriver import __version__
from storagedriver.bench.benchmark import Benchmark
from storagedriver.bench.cases import small_cases, stream_cases
from storagedriver.bench.peers import OWN, PEERS
from storagedriver.bench.process import Process
from storagedriver.bench.report import HEADINGS, rows
from storagedriver.bench.results import Result
from storagedriver.bench.subject import MeasuredError
from storagedriver.bench.summary import summaries
from storagedriver.cli.arguments import COUNT, SIZE
from storagedriver.cli.session import Session, SessionCommand, pass_session

__all__ = ["bench"]

_VS = (*PEERS, "go")


@click.command(cls=SessionCommand)
@click.option(
    "--vs",
    type=click.Choice(_VS),
    multiple=True,
    metavar="PEER",
    help=f"Beside whom: {', '.join(_VS)}. Repeatable.",
)
@click.option("--size", "sizes", type=SIZE, multiple=True, default=["1MiB", "64MiB"], show_default=True)
@click.option("--piece", "pieces", type=SIZE, multiple=True, default=["32KiB", "1MiB"], show_default=True)
@click.option("--concurrency", "concurrencies", type=COUNT, multiple=True, default=[1, 8], show_default=True)
@click.option("--files", type=COUNT, default=200, show_default=True, help="The files of the tree, 10 a directory.")
@click.option("--repeat", type=COUNT, default=100, show_default=True, help="Small operations in one sample.")
@click.option("--rounds", type=COUNT, default=5, show_default=True, help="Samples of each.")
@click.option("--case", "patterns", multiple=True, metavar="PATTERN", help="Only such cases, as 'read*'. Repeatable.")
@click.option("--go", type=click.Path(exists=True), envvar="STORAGEDRIVER_BENCH_GO", help="The program for --vs go.")
@click.option("--output", type=click.Path(dir_okay=False), help="Write all samples into this file, as JSON.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw the streams into this file, a PNG for one.")
@pass_session
def bench(  # noqa: PLR0913 - an option each
    session: Session,
    *,
    vs: Sequence[str],
    sizes: Sequence[int],
    pieces: Sequence[int],
    concurrencies: Sequence[int],
    files: int,
    repeat: int,
    rounds: int,
    patterns: Sequence[str],
    go: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Measure the storage: streams, small objects, listings, and a tree.

    Everything happens below one directory that is removed at the end. Each
    subject runs in a process of its own, and those that are compared run in
    turns. MB are 10^6 bytes; the CPU is that of the client.
    """
    draw = _plotter() if plot else None
    storage = session.configuration.storage
    cases = [
        case
        for case in (*stream_cases(sizes, pieces, concurrencies), *small_cases(files, repeat))
        if not patterns or any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns)
    ]
    if not cases:
        raise click.UsageError("No case is called so; without --case all are shown.")
    if "go" in vs and not go:
        raise click.UsageError("--vs go needs the program, --go FILE; benchmarks/go of the source has it.")
    with ExitStack() as stack:
        try:
            subjects = [
                stack.enter_context(
                    Process(name, storage.name, storage.parameters, [go] if go and name == "go" else None)
                )
                for name in dict.fromkeys((OWN, *vs))
            ]
        except MeasuredError as error:
            raise click.ClickException(str(error)) from error
        shared = session.driver.capabilities.multiprocess
        status = stack.enter_context(Console(stderr=True).status("starting"))
        benchmark = Benchmark(subjects, rounds, subjects[0] if shared else None, status.update)
        results = []
        try:
            for result in benchmark.run(cases):
                results.append(result)
                session.output.show(result.to_json())
        except MeasuredError as error:
            raise click.ClickException(str(error)) from error
    versions = {subject.name: subject.version for subject in subjects}
    if not session.output.json:
        _show(session, results)
    if output:
        Path(output).write_text(json.dumps(_record(storage.name, versions, results), indent=1) + "\n", encoding="utf-8")
    if draw is not None and plot:
        draw(results, storage.name, Path(plot))


def _plotter() -> Any:
    """Ask for matplotlib before an hour of measuring, and not after it."""
    try:
        from storagedriver.bench.plot import plot  # noqa: PLC0415 - only for those who want it
    except ModuleNotFoundError as error:
        raise click.UsageError(f'--plot needs {error.name}: pip install "storagedriver[bench]"') from error
    return plot


def _show(session: Session, results: Sequence[Result]) -> None:
    table = Table(*HEADINGS[1:], box=None, pad_edge=False)
    before = ""
    for case, *row in rows(summaries(results)):
        if case != before:
            table.add_row(Text(case, style="bold"), *[""] * (len(row) - 1))
        table.add_row(f"  {row[0]}", *row[1:])
        before = case
    session.output.console(sys.stdout).print(table)


def _record(driver: str, versions: dict[str, str], results: Sequence[Result]) -> dict[str, Any]:
    return {
        "storagedriver": __version__,
        "driver": driver,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "subjects": versions,
        "results": [result.to_json() for result in results],
    }
