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
from benchmarks.picture import GROUPS, NAMES, title
from benchmarks.plan import MILLION_PLAN, PACED_PLAN, PLANS, Plan, million_cases, paced_cases
from benchmarks.servers import STORAGES, Storage
from benchmarks.starts import first_calls, listings
from storagedriver.__about__ import VERSION
from storagedriver.bench.benchmark import Benchmark
from storagedriver.bench.cases import Case
from storagedriver.bench.peers import OWN
from storagedriver.bench.peers.go import GoMissingError, build
from storagedriver.bench.plot import compare
from storagedriver.bench.process import Process
from storagedriver.bench.report import markdown, number
from storagedriver.bench.summary import Summary, summaries
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
    help="Write results.json, results.md, the pictures and all samples (samples.json) there; storages that are not"
    " measured stay as they are.",
)
@click.option("--again", is_flag=True, help="Measure nothing: make results.md and the pictures from results.json.")
def main(chosen: Sequence[str], rounds: int, quick: bool, output: Path | None, again: bool) -> None:
    """Measure the drivers beside their peers, and print the tables and what has to be reached."""
    record: dict[str, Any] = {}
    samples: dict[str, Any] = {}
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        record, samples = _kept(output / "results.json"), _kept(output / "samples.json")
    elif again:
        raise click.UsageError("--again needs --output, the directory with results.json.")
    if again:
        names: Sequence[str] = list(record)
    else:
        names = chosen or [*PLANS, *_MEASURES]
    text = ""
    for name in names:
        if not again:
            with ExitStack() as stack:
                run = Run.begin()
                stack.callback(run.end)
                measure = _MEASURES.get(name, _storage)
                found = measure(stack, run, name, rounds, quick=quick)
            results = found.pop("results")
            about = {**_circumstances(rounds), **found}
            record[name] = {**about, "results": [each.to_json() for each in summaries(results)]}
            samples[name] = {**about, "results": [each.to_json() for each in results]}
        text = page(record)
        if output is not None:
            (output / "results.json").write_text(_lines(record), encoding="utf-8")
            (output / "results.md").write_text(text, encoding="utf-8")
            if not again:
                (output / "samples.json").write_text(json.dumps(samples, indent=1) + "\n", encoding="utf-8")
            if name in PLANS:
                compare(_found(record[name]), GROUPS, NAMES, title(name, record[name]), output / f"{name}.png")
    sys.stdout.write(text)


def _kept(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _lines(record: Mapping[str, Any]) -> str:
    """The record as JSON with a line for each result."""
    parts = []
    for name, part in record.items():
        about = {key: value for key, value in part.items() if key != "results"}
        results = ",\n".join(json.dumps(result) for result in part["results"])
        parts.append(f'{json.dumps(name)}: {json.dumps(about)[:-1]}, "results": [\n{results}]}}')
    return "{" + ",\n".join(parts) + "}\n"


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
        "results": results,
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
        "results": results,
    }


def _circumstances(rounds: int) -> dict[str, Any]:
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
    }


def _found(part: Mapping[str, Any]) -> list[Summary]:
    return [Summary.from_json(result) for result in part["results"]]


def page(record: Mapping[str, Any]) -> str:
    """All tables, and what has to be reached."""
    found = {name: _found(part) for name, part in record.items()}
    return "\n".join([_goals(list(goals(found))), *_tables(record, found)])


def _tables(record: Mapping[str, Any], found: Mapping[str, Sequence[Summary]]) -> Iterator[str]:
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


_MEASURES = {PACED: _paced, MILLION: _million, STARTS: _starts}

if __name__ == "__main__":
    main()
