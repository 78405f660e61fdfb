"""The commands about unfinished uploads, which cost money: uploads and purge."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from storagedriver.cli.arguments import DIRECTORY, DURATION
from storagedriver.cli.output import human_size, instant, upload_record
from storagedriver.cli.session import Session, SessionCommand, exact_option, pass_session
from storagedriver.driver import UploadInfo
from storagedriver.paths import ROOT

__all__ = ["purge", "uploads"]


def _line(upload: UploadInfo, *, exact: bool) -> str:
    size = human_size(upload.size) if upload.size is None or not exact else str(upload.size)
    return f"{size:>12}  {instant(upload.started) or '-':<27}  {upload.path}  {upload.id}"


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@exact_option
@pass_session
def uploads(session: Session, path: str, exact: bool) -> None:
    """List the unfinished uploads at PATH and below it.

    Where the store keeps them at their path they are files, and not listed,
    but for the uploads of a registry, which have directories of their own.
    """
    for upload in session.driver.uploads(path):
        session.output.show(upload_record(upload), _line(upload, exact=exact))


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@click.option(
    "--older-than", type=DURATION, default="7d", show_default=True, help="Leave what was begun more recently."
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@exact_option
@pass_session
def purge(session: Session, path: str, older_than: timedelta, dry_run: bool, exact: bool) -> None:
    """Remove the unfinished uploads at PATH and below it, and show each."""
    driver = session.driver
    limit = datetime.now(timezone.utc) - older_than
    found = (
        (upload for upload in driver.uploads(path) if not older_than or upload.started <= limit)
        if dry_run
        else driver.purge_uploads(path, older_than)
    )
    for upload in found:
        session.output.show({**upload_record(upload), "purged": not dry_run}, _line(upload, exact=exact))
