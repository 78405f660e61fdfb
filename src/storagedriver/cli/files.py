"""The commands that read and change files: cat, cp, mv, rm, url."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain
from typing import Any

import click

from storagedriver.cli.arguments import DIRECTORY, DURATION, FILE
from storagedriver.cli.session import Destination, Session, SessionCommand, pass_session, to_options
from storagedriver.driver import StorageDriver
from storagedriver.errors import IntegrityError, PathNotFoundError, StorageDriverError, UnsupportedMethodError
from storagedriver.unnamed import UnnamedKeysError, refusing_unnamed

__all__ = ["PIECE", "cat", "cp", "file_wanted", "is_directory", "mv", "rm", "url", "within"]

PIECE = 1 << 20


def within(dest: str, source: str) -> str:
    """Where a file goes: into a directory, which ends in ``/``, under its own name."""
    return dest + posixpath.basename(source) if dest.endswith("/") else dest


@contextmanager
def file_wanted(driver: StorageDriver, path: str) -> Iterator[None]:
    """Say of a directory that it is one, where the contract says that there is no such file."""
    try:
        yield
    except PathNotFoundError as error:
        if error.path == path and is_directory(driver, path):
            raise PathNotFoundError("it is a directory", driver_name=driver.name, path=path) from error
        raise


def is_directory(driver: StorageDriver, path: str) -> bool:
    """Whether there is a directory of this path, be there a file or not."""
    try:
        driver.list(path)
    except PathNotFoundError:
        return False
    return True


@click.command(cls=SessionCommand)
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="PATH...")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Where to begin, in bytes.")
@click.option("--length", type=click.IntRange(min=0), help="How many bytes to give at most.")
@pass_session
def cat(session: Session, paths: tuple[str, ...], offset: int, length: int | None) -> None:
    """Write the content of each file PATH to standard output, one after the other."""
    if len(paths) > 1 and (offset or length is not None):
        raise click.UsageError("--offset and --length are for one path.")
    out = sys.stdout.buffer
    for path in paths:
        with file_wanted(session.driver, path), session.driver.reader(path, offset, length) as reader:
            while piece := reader.read(PIECE):
                out.write(piece)
    out.flush()


@click.command(cls=SessionCommand)
@click.argument("source", type=FILE)
@click.argument("dest", type=FILE)
@to_options
@pass_session
def cp(session: Session, source: str, dest: str, to: Destination) -> None:
    """Copy the file SOURCE to DEST, within the store where it can, or to another storage with --to.

    A DEST that ends in / is a directory, and the file keeps its name.
    """
    dest = within(dest, source)
    with file_wanted(session.driver, source):
        if to.is_given:
            _copy(session.driver, source, session.other(to), dest)
        else:
            session.driver.copy(source, dest)
    session.output.show({"source": source, "dest": dest})


def _copy(source: StorageDriver, path: str, dest: StorageDriver, to: str) -> None:
    """Copy a file between two storages. If it fails, what was at the destination stays, where that can be."""
    with source.reader(path) as reader:
        head = b""
        while len(head) <= PIECE and (piece := reader.read(PIECE + 1 - len(head))):
            head += piece
        if len(head) <= PIECE:
            _check_read(source, path, len(head), reader.size)
            dest.put_content(to, head)
            return
        writer = dest.writer(to)
        try:
            piece = head
            while piece:
                writer.write(piece)
                piece = reader.read(PIECE)
            _check_read(source, path, writer.size, reader.size)
            writer.commit()
        except BaseException:
            # The failure that came first is the one to report.
            with suppress(StorageDriverError, ValueError):
                writer.cancel()
            raise


def _check_read(driver: StorageDriver, path: str, count: int, size: int) -> None:
    if count != size:
        detail = f"{count} of its {size} bytes were read"
        raise IntegrityError(detail, driver_name=driver.name, path=path)


@click.command(cls=SessionCommand)
@click.argument("source", type=FILE)
@click.argument("dest", type=FILE)
@pass_session
def mv(session: Session, source: str, dest: str) -> None:
    """Move the file SOURCE to DEST, within the store where it can.

    A DEST that ends in / is a directory, and the file keeps its name.
    """
    dest = within(dest, source)
    with file_wanted(session.driver, source):
        session.driver.move(source, dest)
    session.output.show({"source": source, "dest": dest})


@click.command(cls=SessionCommand)
@click.argument("paths", type=DIRECTORY, nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Delete directories with everything below, uploads included.")
@click.option("-f", "--force", is_flag=True, help="Pass over a PATH that does not exist.")
@click.option("--unnamed", is_flag=True, help="With -r: delete keys as well that no path can name.")
@click.option("--dry-run", is_flag=True, help="Show the files that would be deleted, and delete nothing.")
@pass_session
def rm(session: Session, paths: tuple[str, ...], recursive: bool, force: bool, unnamed: bool, dry_run: bool) -> None:
    """Delete each PATH.

    With -r everything below is listed first. If there are keys that no path
    can name, as other tools write them, nothing is deleted but with --unnamed.
    """
    driver = session.driver
    for path in paths:
        # A name can be a file and a directory, and delete takes both.
        if not recursive and is_directory(driver, path):
            raise click.UsageError(f"{path} is a directory: -r deletes it with everything below.")
    if recursive and not unnamed:
        for path in paths:
            _check_named(session, path)
    for path in paths:
        try:
            if dry_run:
                _show_deleted(session, path)
                continue
            driver.delete(path)
        except PathNotFoundError:
            if not force:
                raise
            session.output.show({"path": path, "deleted": False})
        else:
            session.output.show({"path": path, "deleted": True})


def _show_deleted(session: Session, path: str) -> None:
    """Show what a deletion of a path would take: files, and unfinished uploads."""
    driver, found = session.driver, False
    uploads = [upload.path for upload in driver.uploads(path)]
    with suppress(PathNotFoundError):
        files = [] if (info := driver.stat(path)).is_dir else [info.path]
        found = True
        with suppress(PathNotFoundError):
            for below in chain(files, (info.path for info in driver.files(path))):
                session.output.show({"path": below, "deleted": False, "dry_run": True}, below)
    for upload in uploads:
        session.output.show({"path": upload, "deleted": False, "dry_run": True, "upload": True}, f"{upload} (upload)")
    if not found and not uploads:
        raise PathNotFoundError(driver_name=driver.name, path=path)


def _check_named(session: Session, path: str) -> None:
    """Fail if a tree that is to be deleted holds what a listing does not show."""
    try:
        with refusing_unnamed(), suppress(PathNotFoundError):
            session.driver.walk(path, lambda _: None)
    except UnnamedKeysError:
        session.output.hint = "'rm -r --unnamed' deletes them, too"
        raise


@click.command(cls=SessionCommand)
@click.argument("path", type=FILE)
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
