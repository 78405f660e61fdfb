"""The commands that read and change files: cat, put, cp, mv, rm, url."""

from __future__ import annotations

import os
import stat as stat_module
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from storagedriver.cli.arguments import DIRECTORY, DURATION
from storagedriver.cli.output import Output, human_size
from storagedriver.cli.session import Session, SessionCommand, pass_session
from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError, UnsupportedMethodError
from storagedriver.unnamed import UnnamedKeysError, refusing_unnamed

__all__ = ["cat", "cp", "mv", "put", "rm", "url"]

_PIECE = 1 << 20
#: What is sent whole, and so replaces the old content in one step.
_WHOLE = 1 << 20


@contextmanager
def _file_wanted(driver: StorageDriver, path: str) -> Iterator[None]:
    """Say of a directory that it is one, where the contract says that there is no such file."""
    try:
        yield
    except PathNotFoundError as error:
        if error.path == path and _is_directory(driver, path):
            raise PathNotFoundError("it is a directory", driver_name=driver.name, path=path) from error
        raise


def _is_directory(driver: StorageDriver, path: str) -> bool:
    try:
        driver.list(path)
    except PathNotFoundError:
        return False
    return True


@click.command(cls=SessionCommand)
@click.argument("path")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Where to begin, in bytes.")
@click.option("--length", type=click.IntRange(min=0), help="How many bytes to give at most.")
@pass_session
def cat(session: Session, path: str, offset: int, length: int | None) -> None:
    """Write the content of the file PATH to standard output."""
    out = sys.stdout.buffer
    with _file_wanted(session.driver, path), session.driver.reader(path, offset, length) as reader:
        while piece := reader.read(_PIECE):
            out.write(piece)
    out.flush()


@click.command(cls=SessionCommand)
@click.argument("source", type=click.File("rb"))
@click.argument("path")
@click.option("--append", is_flag=True, help="Add SOURCE to the unfinished upload or to the content at PATH.")
@click.option("--resume", is_flag=True, help="Go on with an earlier put of the same SOURCE that broke off.")
@click.option("--no-progress", is_flag=True, help="Show no progress; it is shown on a terminal only.")
@pass_session
def put(session: Session, source: BinaryIO, path: str, append: bool, resume: bool, no_progress: bool) -> None:
    """Write the file SOURCE, or standard input for -, to PATH.

    Up to 1 MiB replaces the old content in one step. More is an upload: if it
    breaks off, what was sent is kept, and --resume goes on there.
    """
    if append and resume:
        raise click.UsageError("--append and --resume exclude each other.")
    driver = session.driver
    head = b"" if append or resume else source.read(_WHOLE + 1)
    if append or resume or len(head) > _WHOLE:
        writer = _resumed(driver, path) if resume else driver.writer(path, append=append)
        shown = sys.stderr.isatty() and not (session.output.json or no_progress)
        with _keeping(session, path, append=append), writer, _progress(path, source, shown) as advance:
            if resume:
                _skip(source, writer.size, driver, path)
                advance(writer.size)
            size = _send(head, source, writer, advance)
            writer.commit()
    else:
        driver.put_content(path, head)
        size = len(head)
    session.output.show({"path": path, "size": size}, f"{path}  {human_size(size)}")


def _resumed(driver: StorageDriver, path: str) -> FileWriter:
    """The writer of an upload that broke off; a new one if there is none.

    What is committed at the path is never taken for the beginning of `source`:
    it counts only where the store keeps unfinished uploads at their path.
    """
    if driver.capabilities.unfinished != "shown" and all(upload.path != path for upload in driver.uploads(path)):
        return driver.writer(path)
    try:
        return driver.writer(path, append=True)
    except PathNotFoundError:
        return driver.writer(path)


def _skip(source: BinaryIO, count: int, driver: StorageDriver, path: str) -> None:
    """Pass over what was sent before."""
    left = count
    while left and (piece := source.read(min(left, _PIECE))):
        left -= len(piece)
    if left:
        detail = f"the upload holds {count} bytes and the source {count - left}: it is not the same source"
        raise ConflictError(detail, driver_name=driver.name, path=path)


def _send(head: bytes, source: BinaryIO, writer: FileWriter, advance: Callable[[int], None]) -> int:
    piece = head or source.read(_PIECE)
    while piece:
        writer.write(piece)
        advance(len(piece))
        piece = source.read(_PIECE)
    return writer.size


@contextmanager
def _keeping(session: Session, path: str, *, append: bool) -> Iterator[None]:
    """Say what can be done about an upload that broke off."""
    try:
        yield
    except ConflictError:
        raise
    except (Exception, KeyboardInterrupt):
        session.output.hint = _kept(session.driver, path, append=append)
        raise


def _kept(driver: StorageDriver, path: str, *, append: bool) -> str:
    """The commands for an upload that broke off. `purge` leaves what is younger than a week, if it is not asked for."""
    is_file = driver.capabilities.unfinished == "shown"
    removal = f"'rm {path}'" if is_file else f"'purge --older-than 0s {path}'"
    if not append:
        return f"what was sent is kept: 'put --resume' goes on, {removal} removes it"
    # What --resume passes over is the source's beginning, and the upload begins with something else.
    going_on = "what was sent is kept: 'put --append' adds what is left of the source"
    return going_on if is_file else f"{going_on}, {removal} removes what is not committed"


@contextmanager
def _progress(path: str, source: BinaryIO, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show the progress on standard error; gives what to call with each number of bytes."""
    if not shown:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Output.console(sys.stderr), transient=True) as progress:
        task = progress.add_task(path, total=_length(source))
        yield lambda count: progress.advance(task, count)


def _length(source: BinaryIO) -> int | None:
    """The bytes of a regular file; None of anything else."""
    try:
        status = os.fstat(source.fileno())
    except OSError:
        return None
    return status.st_size if stat_module.S_ISREG(status.st_mode) else None


@click.command(cls=SessionCommand)
@click.argument("source")
@click.argument("dest")
@pass_session
def cp(session: Session, source: str, dest: str) -> None:
    """Copy the file SOURCE to DEST, within the store where it can."""
    with _file_wanted(session.driver, source):
        session.driver.copy(source, dest)
    session.output.show({"source": source, "dest": dest})


@click.command(cls=SessionCommand)
@click.argument("source")
@click.argument("dest")
@pass_session
def mv(session: Session, source: str, dest: str) -> None:
    """Move the file SOURCE to DEST, within the store where it can."""
    with _file_wanted(session.driver, source):
        session.driver.move(source, dest)
    session.output.show({"source": source, "dest": dest})


@click.command(cls=SessionCommand)
@click.argument("paths", type=DIRECTORY, nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Delete directories with everything below, uploads included.")
@click.option("-f", "--force", is_flag=True, help="Pass over a PATH that does not exist.")
@click.option("--unnamed", is_flag=True, help="With -r: delete keys as well that no path can name.")
@pass_session
def rm(session: Session, paths: tuple[str, ...], recursive: bool, force: bool, unnamed: bool) -> None:
    """Delete each PATH.

    With -r everything below is listed first. If there are keys that no path
    can name, as other tools write them, nothing is deleted but with --unnamed.
    """
    driver = session.driver
    for path in paths:
        # A name can be a file and a directory, and delete takes both.
        if not recursive and _is_directory(driver, path):
            raise click.UsageError(f"{path} is a directory: -r deletes it with everything below.")
    if recursive and not unnamed:
        for path in paths:
            _check_named(session, path)
    for path in paths:
        try:
            driver.delete(path)
        except PathNotFoundError:
            if not force:
                raise
            session.output.show({"path": path, "deleted": False})
        else:
            session.output.show({"path": path, "deleted": True})


def _check_named(session: Session, path: str) -> None:
    """Fail if a tree that is to be deleted holds what a listing does not show."""
    try:
        with refusing_unnamed(), suppress(PathNotFoundError):
            session.driver.walk(path, lambda _: None)
    except UnnamedKeysError:
        session.output.hint = "'rm -r --unnamed' deletes them, too"
        raise


@click.command(cls=SessionCommand)
@click.argument("path")
@click.option("--method", default="GET", show_default=True, help="The method that it is for: GET or HEAD.")
@click.option("--expires", type=DURATION, help="How long it works.  [default: 20m, or what the middleware says]")
@click.option("--client-address", metavar="ADDRESS", help="The address of the client that it is for.")
@pass_session
def url(session: Session, path: str, method: str, expires: timedelta | None, client_address: str | None) -> None:
    """Show a signed URL of the file PATH. Whether it exists is not looked up.

    The middleware of the configuration is applied. Some of it gives a URL by the address of the client.
    """
    driver = session.signing_driver
    method = method.upper()
    if expires is None and not session.configuration.middleware:
        expires = timedelta(minutes=20)
    asked: dict[str, Any] = {} if expires is None else {"expires": expires}
    signed = driver.redirect_url(path, method, client_address=client_address, **asked)
    if signed is None:
        detail = "the store, or its credentials, cannot sign URLs"
        raise UnsupportedMethodError(detail, driver_name=driver.name, path=path)
    seconds = None if expires is None else expires.total_seconds()
    session.output.show({"path": path, "method": method, "expires": seconds, "url": signed}, signed)
