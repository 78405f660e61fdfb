"""``python -m benchmarks``: the drivers beside their peers, on servers that are started for it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console

from benchmarks.goals import MANY, MILLION, PACED, STARTS, Goal, goals
from benchmarks.million import Million
from benchmarks.paced import Paced
from benchmarks.plan import MILLION_PLAN, PACED_PLAN, PLANS, Plan, million_cases, paced_cases
from benchmarks.servers import STORAGES, Storage
from benchmarks.starts import first_calls, listings
from storagedriver.__about__ import VERSION
from storagedriver.bench.benchmark import Benchmark
from storagedriver.bench.cases import Case
from storagedriver.bench.peers import OWN
from storagedriver.bench.peers.go import GoMissingError, build
from storagedriver.bench.plot import plot
from storagedriver.bench.process import Process
from storagedriver.bench.report import markdown, number
from storagedriver.bench.results import Result
from tests.servers.run import Run

_GO = Path(__file__).with_name("go")
_RATE = 100e6
_LATENCY = 0.02

_console = Console(stderr=True)


@click.command()
@click.option(
    "--on",
    "chosen",
    type=click.Choice([*PLANS, PACED, MILLION, STARTS]),
    multiple=True,
    help="Only on this storage.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Samples of each.")
@click.option("--quick", is_flag=True, help="Small sizes, to see that it runs.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write results.json, results.md and the plots there; storages that are not measured stay as they are.",
)
def main(chosen: Sequence[str], rounds: int, quick: bool, output: Path | None) -> None:
    """Measure the drivers beside their peers, and print the tables and what has to be reached."""
    record: dict[str, Any] = {}
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        if (output / "results.json").exists():
            record = json.loads((output / "results.json").read_text(encoding="utf-8"))
    text = ""
    measures = {PACED: _paced, MILLION: _million, STARTS: _starts}
    for name in chosen or [*PLANS, *measures]:
        with ExitStack() as stack:
            run = Run.begin()
            stack.callback(run.end)
            measure = measures.get(name, _storage)
            record[name] = {**_circumstances(rounds), **measure(stack, run, name, rounds, quick=quick)}
        text = _page(record)
        if output is not None:
            (output / "results.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            (output / "results.md").write_text(text, encoding="utf-8")
            _plot(record[name], output / f"{name}.png")
    sys.stdout.write(text)


def _storage(stack: ExitStack, run: Run, name: str, rounds: int, *, quick: bool) -> dict[str, Any]:
    plan = PLANS[name]
    storage = STORAGES[name](run)
    subjects = list(_subjects(stack, run, name, storage, plan))
    keeper = None if name == "inmemory" else subjects[0]
    return _measure(storage, subjects, keeper, plan.cases(quick=quick), rounds)


def _paced(stack: ExitStack, run: Run, _: str, rounds: int, *, quick: bool) -> dict[str, Any]:
    """Our driver on S3, as a cloud gives it: by one connection, and by eight."""
    storage = STORAGES["s3"](run)
    backend = urlsplit(storage.parameters["regionendpoint"]).netloc
    paced = stack.enter_context(Paced(backend, rate=_RATE, latency=_LATENCY))
    server = f"{storage.server}, {_RATE / 1e6:.0f} MB/s a connection, {_LATENCY * 1e3:.0f} ms a request"
    slow = Storage({**storage.parameters, "regionendpoint": paced.endpoint}, server)
    subjects = list(_subjects(stack, run, "s3", slow, PACED_PLAN))
    return _measure(slow, subjects, subjects[0], paced_cases(quick=quick), rounds)


def _million(stack: ExitStack, run: Run, _: str, rounds: int, *, quick: bool) -> dict[str, Any]:
    """Our driver on a server that lists a million objects."""
    count = 10_000 if quick else MANY
    storage = Storage(stack.enter_context(Million(count)).parameters, f"a server that lists {count} objects")
    return _measure(
        storage, list(_subjects(stack, run, "s3", storage, MILLION_PLAN)), None, million_cases(count), rounds
    )


def _starts(stack: ExitStack, run: Run, _: str, rounds: int, *, quick: bool) -> dict[str, Any]:
    """What it takes to begin."""
    del stack, quick
    storage = STORAGES["s3"](run)
    results = [first_calls(storage.parameters, rounds), listings(storage.parameters, rounds)]
    return {
        "server": storage.server,
        "subjects": {OWN: f"storagedriver {VERSION}"},
        "results": [result.to_json() for result in results],
    }


def _subjects(stack: ExitStack, run: Run, name: str, storage: Storage, plan: Plan) -> Iterator[Process]:
    for subject in (OWN, *plan.peers):
        try:
            program = [str(build(_GO, run.directory / "go"))] if subject == "go" else None
        except GoMissingError as error:
            _console.print(f"without go: {error}", markup=False)
        else:
            yield stack.enter_context(Process(subject, name, storage.parameters, program))
    for label, changed in plan.variants.items():
        yield stack.enter_context(Process(OWN, name, {**storage.parameters, **changed}, label=label))


def _measure(
    storage: Storage, subjects: Sequence[Process], keeper: Process | None, cases: Sequence[Case], rounds: int
) -> dict[str, Any]:
    with _console.status("starting") as status:
        benchmark = Benchmark(subjects, rounds, keeper, lambda text: status.update(f"{storage.server}: {text}"))
        results = []
        for result in benchmark.run(cases):
            results.append(result)
            storage.tidy()
    return {
        "server": storage.server,
        "subjects": {subject.name: subject.version for subject in subjects},
        "results": [result.to_json() for result in results],
    }


def _circumstances(rounds: int) -> dict[str, Any]:
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
    }


def _results(part: Mapping[str, Any]) -> list[Result]:
    return [Result.from_json(result) for result in part["results"]]


def _plot(part: Mapping[str, Any], target: Path) -> None:
    results = _results(part)
    if any(result.is_stream and not result.error for result in results):
        plot(results, part["server"], target)


def _page(record: Mapping[str, Any]) -> str:
    """All tables, and what has to be reached."""
    found = {name: _results(part) for name, part in record.items()}
    return "\n".join([_goals(list(goals(found))), *_tables(record, found)])


def _tables(record: Mapping[str, Any], found: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    for name, part in record.items():
        yield f"## {name}\n"
        versions = ", ".join(dict.fromkeys(part["subjects"].values()))
        yield (
            f"On {part['server']}, {part['when']}; {part['system']}, Python {part['python']};"
            f" medians of {part['rounds']} rounds. {versions}.\n"
        )
        yield markdown(found[name])


def _goals(all_goals: Sequence[Goal]) -> str:
    words = {True: "yes", False: "**no**", None: "not measured"}
    lines = ["# Results\n", "## What has to be reached\n", "| | must be | is | reached |", "|---|---|--:|---|"]
    for goal in all_goals:
        value = "" if goal.value is None else f"{number(goal.value)}{goal.unit}"
        lines.append(f"| {goal.what} | {goal.bound} | {value} | {words[goal.reached]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
