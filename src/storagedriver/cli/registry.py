"""The commands that look through a whole registry: verify and usage."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from storagedriver.cli.arguments import DIRECTORY
from storagedriver.cli.output import human_size, instant
from storagedriver.cli.session import Session, SessionCommand, exact_option, pass_session
from storagedriver.errors import UnavailableError
from storagedriver.paths import ROOT
from storagedriver.registry.findings import KINDS, Finding
from storagedriver.registry.reading import CONCURRENCY
from storagedriver.registry.repair import repair as mend
from storagedriver.registry.usage import RepositoryUsage
from storagedriver.registry.usage import usage as account
from storagedriver.registry.verify import scope_of
from storagedriver.registry.verify import verify as look

__all__ = ["concurrency_option", "counting", "human_age", "usage", "verify"]

#: The exit code for damage.
_DAMAGE = 9
_HOUR, _DAY = 3600, 86400

concurrency_option = click.option(
    "--concurrency",
    type=click.IntRange(min=1, max=1000),
    default=CONCURRENCY,
    show_default=True,
    help="How many small files are read at a time.",
)


@contextmanager
def counting(session: Session) -> Iterator[Callable[[str, int], None]]:
    """Show on a terminal how far a listing is; gives what to call with what is counted and a number."""
    if session.output.json or not sys.stderr.isatty():
        yield lambda _what, _count: None
        return
    counts: Counter[str] = Counter()
    with session.output.console(sys.stderr).status("listing") as status:

        def show(what: str, count: int) -> None:
            counts[what] = count if what == "files" else counts[what] + count
            hashed = f", {human_size(counts['bytes'])} read" if counts["bytes"] else ""
            status.update(f"{counts['files']} files listed{hashed}")

        yield show


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@click.option("--digests", is_flag=True, help="Also read every blob and compare its digest.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --digests: a local file that notes which blobs were right; the next run does not read them again.",
)
@click.option("--repair", is_flag=True, help="Write the links that are empty or missing and certain.")
@click.option("--dry-run", is_flag=True, help="With --repair: show what would be written, and write nothing.")
@concurrency_option
@pass_session
def verify(
    session: Session,
    path: str,
    *,
    digests: bool,
    state: Path | None,
    repair: bool,
    dry_run: bool,
    concurrency: int,
) -> None:
    """Find what is broken in the registry, or in a repository whose directory PATH is.

    Damage is what breaks a pull; it gives exit code 9. A note is what was left
    over or is under way, as an unfinished upload. With --repair damage that
    was mended does not count.
    """
    if state is not None and not digests:
        raise click.UsageError("--state goes with --digests.")
    if dry_run and not repair:
        raise click.UsageError("--dry-run goes with --repair; without it nothing is ever written.")
    try:
        scope_of(path)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    kinds: Counter[str] = Counter()
    damage = 0
    with _going_on(session, digests=digests, state=state), counting(session) as show:
        for found in look(session.driver, path, digests=digests, state=state, concurrency=concurrency, show=show):
            mended = repair and bool(found.repair) and (dry_run or mend(session.driver, found))
            damage += found.severity == "damage" and (dry_run or not mended)
            kinds[found.kind] += 1
            record = found.record()
            if repair:
                record["repaired"] = mended and not dry_run
            session.output.show(record, _line(found, _mended(mended=mended, dry_run=dry_run)))
    if not session.output.json:
        _explain(session, kinds)
    if damage:
        click.get_current_context().exit(_DAMAGE)


@contextmanager
def _going_on(session: Session, *, digests: bool, state: Path | None) -> Iterator[None]:
    """Say of a reading that broke off how it goes on."""
    try:
        yield
    except (KeyboardInterrupt, UnavailableError):
        if digests:
            session.output.hint = (
                "the same command goes on where it broke off"
                if state
                else "a run with --state FILE goes on where it broke off"
            )
        raise


def _mended(*, mended: bool, dry_run: bool) -> str:
    if not mended:
        return ""
    return "would be written" if dry_run else "written"


def _line(found: Finding, mended: str) -> str:
    age = "" if found.age is None else f"begun {human_age(found.age)} ago"
    rest = "; ".join(part for part in (age, found.detail, mended) if part)
    return f"{found.severity:<6}  {found.kind:<22}  {found.repository or '-':<24}  {found.path}  {rest}".rstrip()


def _explain(session: Session, kinds: Counter[str]) -> None:
    """Say of each kind that was found what it means and what mends it."""
    if not kinds:
        session.output.show({}, "nothing was found")
    for kind, count in kinds.items():
        for line in ("", f"{kind} ({count}): {KINDS[kind].meaning}.", f"  To mend it: {KINDS[kind].mend}."):
            session.output.show({}, line)


def human_age(seconds: float) -> str:
    """A length of time for people: ``3d``, ``5h``, ``2m``."""
    if seconds >= _DAY:
        return f"{seconds / _DAY:.0f}d"
    return f"{seconds / _HOUR:.0f}h" if seconds >= _HOUR else f"{seconds / 60:.0f}m"


_COLUMNS = [field.name for field in fields(RepositoryUsage)]
#: The columns of numbers that are no sizes.
_COUNTS = ("tags", "revisions", "untagged")


@click.command(cls=SessionCommand)
@click.option("--sort", type=click.Choice(_COLUMNS), default="repository", show_default=True, help="The largest first.")
@exact_option
@concurrency_option
@pass_session
def usage(session: Session, *, sort: str, exact: bool, concurrency: int) -> None:
    """Show what each repository takes, and what the sum is made of.

    "own" is what no other repository refers to, "frees" what deleting the
    repository and collecting garbage would free. The sum is every file of the
    storage; unpublished are uploads that the store keeps where no file shows.
    """
    with counting(session) as show:
        found = account(session.driver, concurrency=concurrency, show=lambda count: show("files", count))
    repositories = found.repositories
    if sort != "repository":
        repositories = sorted(repositories, key=lambda one: _order(getattr(one, sort)), reverse=True)
    total = asdict(found.total)
    if session.output.json:
        for one in repositories:
            session.output.show(one.record())
        session.output.show({"total": total, "doubts": found.doubts})
    else:
        _table(session, repositories, exact=exact)
        session.output.rows([(name, str(size) if exact else human_size(size)) for name, size in total.items()])
    for doubt in found.doubts:
        session.output.warn(f"not understood, what it refers to counts as orphans: {doubt}")


def _order(value: Any) -> tuple[bool, Any]:
    """What is not known comes last."""
    return value is not None, value


def _table(session: Session, repositories: Sequence[RepositoryUsage], *, exact: bool) -> None:
    from rich.table import Table  # noqa: PLC0415 - slow to load

    def cell(one: RepositoryUsage, name: str) -> str:
        value: Any = getattr(one, name)
        if name == "last_push":
            return (instant(value) or "-")[:19] if value else "-"
        if name == "repository" or name in _COUNTS or exact:
            return str(value)
        return human_size(value)

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("repository", "last_push") else "right", no_wrap=True)
    for one in repositories:
        table.add_row(*(cell(one, name) for name in _COLUMNS))
    session.output.console(sys.stdout).print(table)
