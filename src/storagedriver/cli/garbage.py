"""The command garbage: what nothing refers to, and its removal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import click
from click.core import ParameterSource

from storagedriver.cli import failures
from storagedriver.cli.arguments import DURATION
from storagedriver.cli.output import human_size
from storagedriver.cli.registry import concurrency_option, counting, human_age
from storagedriver.cli.session import Session, SessionCommand, exact_option, pass_session
from storagedriver.registry.garbage import GarbageSurvey
from storagedriver.registry.quarantine import Action, delete_garbage, quarantine_garbage

__all__ = ["garbage"]


@click.command(cls=SessionCommand)
@click.option("--untagged", is_flag=True, help="Manifests that no tag needs are garbage, too.")
@click.option(
    "--min-age", type=DURATION, default="0s", show_default=True, help="Leave what is younger, and what it needs."
)
@click.option("--delete", is_flag=True, help="Delete it. No push may run meanwhile.")
@click.option("--registry-is-read-only", "read_only", is_flag=True, help="The registry is read-only, or stopped.")
@click.option("--quarantine", is_flag=True, help="Move it away, and delete or move back what was moved before.")
@click.option(
    "--older-than",
    type=DURATION,
    default="24h",
    show_default=True,
    help="With --quarantine: delete what was moved away this long ago.",
)
@click.option("--dry-run", is_flag=True, help="Show what --delete or --quarantine would do, and do nothing.")
@exact_option
@concurrency_option
@pass_session
def garbage(  # noqa: PLR0913 - an option each
    session: Session,
    *,
    untagged: bool,
    min_age: timedelta,
    delete: bool,
    read_only: bool,
    quarantine: bool,
    older_than: timedelta,
    dry_run: bool,
    exact: bool,
    concurrency: int,
) -> None:
    """Show what nothing in the registry refers to, and remove it.

    Without --untagged it is what the registry's own garbage-collect would
    delete. With it, manifests that an index refers to stay.

    --delete is for a registry that is read-only. Beside one that runs,
    --quarantine moves garbage to /docker/quarantine; a later run deletes there
    what is still not referred to, and moves the rest back.
    """
    _check(delete=delete, read_only=read_only, quarantine=quarantine, dry_run=dry_run)
    if delete or quarantine:
        actions = (
            delete_garbage(session.driver, untagged=untagged, min_age=min_age, dry_run=dry_run, concurrency=concurrency)
            if delete
            else quarantine_garbage(
                session.driver,
                older_than=older_than,
                untagged=untagged,
                min_age=min_age,
                dry_run=dry_run,
                concurrency=concurrency,
            )
        )
        _show(session, actions, exact=exact, dry_run=dry_run)
        return
    with (
        counting(session) as show,
        GarbageSurvey(
            session.driver,
            untagged=untagged,
            min_age=min_age,
            concurrency=concurrency,
            show=lambda count: show("files", count),
        ) as found,
    ):
        count = size = 0
        for item in found.items():
            count, size = count + 1, size + item.size
            age = "-" if item.age is None else human_age(item.age)
            shown = str(item.size) if exact else human_size(item.size)
            session.output.show(item.record(), f"{shown:>12}  {age:>6}  {item.kind:<9}  {item.path}")
        doubts = found.doubts
    if not session.output.json:
        session.output.show({}, _sum(count, size, exact=exact))
    for doubt in doubts:
        session.output.warn(f"not understood, what it refers to may be shown as garbage: {doubt}")


def _check(*, delete: bool, read_only: bool, quarantine: bool, dry_run: bool) -> None:
    if delete and quarantine:
        raise click.UsageError("--delete and --quarantine exclude each other.")
    if delete and not (read_only or dry_run):
        raise click.UsageError(
            "--delete needs --registry-is-read-only: a push that runs meanwhile can refer to what is deleted. "
            "Set storage.maintenance.readonly in the registry's file and restart it, or use --quarantine."
        )
    if read_only and not delete:
        raise click.UsageError("--registry-is-read-only goes with --delete.")
    if dry_run and not (delete or quarantine):
        raise click.UsageError("--dry-run goes with --delete or --quarantine; without them nothing is removed.")
    source = click.get_current_context().get_parameter_source("older_than")
    if source is not ParameterSource.DEFAULT and not quarantine:
        raise click.UsageError("--older-than goes with --quarantine; --min-age leaves what is young.")


def _show(session: Session, actions: Iterable[Action], *, exact: bool, dry_run: bool) -> None:
    count = size = 0
    failed: BaseException | None = None
    for action in actions:
        if action.error is None:
            count, size = count + 1, size + action.size
        failed = failed or action.error
        error = f"  failed: {session.output.line(str(action.error))}" if action.error else ""
        shown = str(action.size) if exact else human_size(action.size)
        text = f"{action.action:<8}{shown:>12}  {action.path}{error}"
        session.output.show({**action.record(), "done": action.error is None and not dry_run}, text)
    if not session.output.json:
        session.output.show({}, _sum(count, size, exact=exact))
    if failed is not None:
        click.get_current_context().exit(failures.exit_code(failed))


def _sum(count: int, size: int, *, exact: bool) -> str:
    return f"{size if exact else human_size(size):>12}  in {count} files"
