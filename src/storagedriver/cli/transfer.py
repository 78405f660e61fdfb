"""The command transfer: move a registry, or any tree, to another storage."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from storagedriver import configuration
from storagedriver.cli.arguments import COUNT, DIRECTORY, SIZE
from storagedriver.cli.output import Output, human_size
from storagedriver.cli.session import Destination, Session, SessionCommand, pass_session, to_options
from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError, UnavailableError
from storagedriver.paths import ROOT
from storagedriver.transfer import Action, Cluster, Finding, Options, Progress, Report, Transfer, pickled

__all__ = ["transfer"]

#: Seconds between two lines of progress where there is no terminal.
_SECONDS = 10.0
_FAILED = 1
#: Seconds until a scheduler must have answered.
_PATIENCE = 15


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@to_options
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. Repeatable.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only paths like this; * matches / too. Repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No paths like this. Repeatable.")
@click.option(
    "--verify",
    type=click.Choice(["digest", "size", "read"]),
    default="digest",
    show_default=True,
    help="What is compared; read reads all blobs back.",
)
@click.option("--delete", is_flag=True, help="Delete at the destination what the source does not have.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--uploads", is_flag=True, help="Carry unfinished uploads of the registry, too.")
@click.option("--copy-wrong", is_flag=True, help="Copy blobs that are not what their digest says, too.")
@click.option("--merge", is_flag=True, help="Write into a destination that holds other files.")
@click.option("--jobs", type=COUNT, default=16, show_default=True, help="Small files at a time.")
@click.option("--large-jobs", type=COUNT, default=4, show_default=True, help="Files of more than 4 MiB at a time.")
@click.option("--bandwidth", type=SIZE, help="Bytes per second at most, as 20MiB.")
@click.option(
    "--resume-from",
    type=SIZE,
    default="128MiB",
    show_default=True,
    help="On S3 and OSS only larger blobs go on in the middle.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Copy blobs on the dask cluster of this scheduler.")
@click.option("-v", "--verbose", is_flag=True, help="Show each file that is written or deleted.")
@click.option("--no-progress", is_flag=True, help="Show no progress.")
@pass_session
def transfer(
    session: Session,
    /,
    *,
    to: Destination,
    scheduler: str | None,
    verbose: bool,
    no_progress: bool,
    bandwidth: int | None,
    **given: Any,
) -> None:
    """Transfer the registry of a storage, or the tree PATH, to another storage.

    Blobs are written first, then links, then tags, and each is verified. What
    broke off goes on when it is run again, and a second run copies what has
    changed.
    """
    output = session.output
    try:
        options = Options(bandwidth=bandwidth or 0, **given)
    except ParameterError as error:
        raise click.UsageError(str(error)) from error
    source, dest = session.driver, session.other(to)
    report = Report(on_finding=lambda finding: _find(output, finding, verbose=verbose))
    if verbose or options.dry_run:
        report.on_action = lambda action: _act(output, action)
    with _cluster(session, to, scheduler) as cluster, _progress(output, shown=not no_progress) as on_progress:
        run = Transfer(source, dest, options, report=report, on_progress=on_progress, cluster=cluster)
        try:
            run.run()
        finally:
            if report.started:
                _show(output, report)
    if not report.ok:
        sys.stdout.flush()
        click.get_current_context().exit(_FAILED)


@contextmanager
def _cluster(session: Session, to: Destination, scheduler: str | None) -> Iterator[Cluster | None]:
    """The cluster of a scheduler. Its workers read the files of the command line, and their own variables."""
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError as error:
        raise click.UsageError('--scheduler needs distributed: pip install "storagedriver[dask]"') from error
    make_source = pickled(session.driver) if session.driver_name else partial(_made, session.config, variables=True)
    make_dest = partial(_made, to.config, variables=False) if to.config else pickled(session.other(to))
    try:
        client = Client(scheduler, timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UnavailableError(f"no scheduler answers there: {error}", path=scheduler) from error
    with client:
        yield Cluster(client, make_source, make_dest)


def _made(config: str | None, *, variables: bool) -> StorageDriver:
    """A driver that a worker makes by itself, so that no secret travels."""
    found = configuration.load(Path(config) if config else None, os.environ if variables else {})
    return found.create_driver(urls=False)


def _act(output: Output, action: Action) -> None:
    if action.done != "present":
        output.show(action.to_json(), f"{action.done:<8}  {human_size(action.size):>10}  {action.path}")


def _find(output: Output, finding: Finding, *, verbose: bool) -> None:
    if finding.problem == "left" and not (verbose or output.json):
        # A registry may have thousands of them. They are counted.
        return
    output.remark(finding.to_json(), f"{finding.problem}: {finding.path}: {finding.reason}")


def _show(output: Output, report: Report) -> None:
    """The outcome, last."""
    output.show({"report": report.to_json()})
    if output.json:
        return
    would = "would be " if report.dry_run else ""
    for done in ("copied", "replaced", "present", "deleted"):
        if report.files(done):
            prefix = "" if done == "present" else would
            output.show({}, f"{report.files(done):>9} files  {human_size(report.size(done)):>10}  {prefix}{done}")
    for problem in ("failed", "wrong", "held"):
        if report.problems(problem):
            output.show({}, f"{report.problems(problem):>9} files              {problem}")
    if report.uploads_left:
        output.show({}, f"{report.uploads_left:>9} unfinished uploads were left")
    output.show({}, output.line(report.summary))


@contextmanager
def _progress(output: Output, *, shown: bool) -> Iterator[Callable[[Progress], None] | None]:
    """What is called with the progress: a bar on a terminal, else a line now and then."""
    if not shown:
        yield None
    elif sys.stderr.isatty() and not output.json:
        with _bar() as update:
            yield update
    else:
        last = time.monotonic()

        def line(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= _SECONDS:
                last = time.monotonic()
                output.remark({"progress": progress.to_json()}, _line(progress))

        yield line


def _line(progress: Progress) -> str:
    sizes = f"{human_size(progress.size)} of {human_size(progress.size_total)}"
    files = f"{progress.files} of {progress.files_total} files"
    left = max(0, progress.size_total - progress.size)
    seconds = f", {left / progress.rate:.0f} s left" if progress.rate and left else ""
    return f"{progress.phase}: {sizes}, {files}, {human_size(round(progress.rate))}/s{seconds}"


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import (  # noqa: PLC0415 - slow to load, and for a terminal only
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415 - the same

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[files]} files", markup=False),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Output.console(sys.stderr), transient=True) as bar:
        task = bar.add_task("listing", total=None, files="")

        def update(progress: Progress) -> None:
            bar.update(
                task,
                description=progress.phase,
                completed=progress.size,
                total=progress.size_total or None,
                files=f"{progress.files}/{progress.files_total}",
            )

        yield update
