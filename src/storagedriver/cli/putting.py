"""The command put: files and directories from this machine to the store."""

from __future__ import annotations

import os
import stat as stat_module
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from storagedriver.cli.arguments import FILE
from storagedriver.cli.each import each
from storagedriver.cli.files import PIECE, is_directory, within
from storagedriver.cli.output import Output, human_size
from storagedriver.cli.session import Session, SessionCommand, pass_session
from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError

__all__ = ["put"]

#: What is sent whole, and so replaces the old content in one step.
_WHOLE = 1 << 20


@click.command(cls=SessionCommand)
@click.argument("source", type=click.Path(exists=True, allow_dash=True))
@click.argument("path", type=FILE)
@click.option("--append", is_flag=True, help="Add SOURCE to the unfinished upload or to the content at PATH.")
@click.option("--resume", is_flag=True, help="Go on with an earlier put of the same SOURCE that broke off.")
@click.option("-r", "--recursive", is_flag=True, help="Write the directory SOURCE with everything below.")
@click.option("--no-progress", is_flag=True, help="Show no progress; it is shown on a terminal only.")
@pass_session
def put(
    session: Session, source: str, path: str, append: bool, resume: bool, recursive: bool, no_progress: bool
) -> None:
    """Write the file SOURCE, or standard input for -, to PATH.

    A PATH that ends in / is a directory, and the file keeps its name. Up to
    1 MiB replaces the old content in one step. More is an upload: if it
    breaks off, what was sent is kept, and --resume goes on there.

    With -r the directory SOURCE becomes PATH; it goes into PATH under its
    own name if that ends in / or is a directory already.
    """
    if append and (resume or recursive):
        raise click.UsageError(f"--append and {'--resume' if resume else '-r'} exclude each other.")
    if source != "-" and Path(source).is_dir():
        if not recursive:
            raise click.UsageError(f"{source} is a directory: -r writes it with everything below.")
        _put_tree(session, Path(source), path, resume=resume)
        return
    if source == "-":
        if path.endswith("/"):
            raise click.UsageError("Standard input has no name: give the path of a file.")
        opened: Any = nullcontext(sys.stdin.buffer)
    else:
        path = within(path, Path(source).absolute().as_posix())
        opened = _opened(source)
    shown = sys.stderr.isatty() and not (session.output.json or no_progress)
    with opened as file:
        size = _put_file(session, file, path, append=append, resume=resume, shown=shown)
    session.output.show({"path": path, "size": size}, f"{path}  {human_size(size)}")


def _opened(source: str | Path) -> BinaryIO:
    try:
        return Path(source).open("rb")
    except OSError as error:
        raise click.FileError(os.fspath(source), hint=error.strerror or str(error)) from error


def _put_file(session: Session, source: BinaryIO, path: str, *, append: bool, resume: bool, shown: bool) -> int:
    """Write a stream to a path; its size there."""
    driver = session.driver
    head = b"" if append or resume else source.read(_WHOLE + 1)
    if not (append or resume or len(head) > _WHOLE):
        driver.put_content(path, head)
        return len(head)
    writer = _resumed(driver, path) if resume else driver.writer(path, append=append)
    with _keeping(session, path, append=append), writer, _progress(path, source, shown) as advance:
        if resume:
            _skip(source, writer.size, driver, path)
            advance(writer.size)
        size = _send(head, source, writer, advance)
        writer.commit()
    return size


def _put_tree(session: Session, source: Path, path: str, *, resume: bool) -> None:
    """Write a directory; a file that fails is shown, and the others go on."""
    base = path.rstrip("/") or ""
    if path.endswith("/") or is_directory(session.driver, path):
        base += "/" + source.resolve().name

    def one(file: Path) -> None:
        to = f"{base}/{file.relative_to(source).as_posix()}"
        with _opened(file) as content:
            size = _put_file(session, content, to, append=False, resume=resume and _is_large(content), shown=False)
        session.output.show({"path": to, "size": size}, f"{to}  {human_size(size)}")

    each(session, one, _files(session, source), str)


def _files(session: Session, source: Path) -> Iterator[Path]:
    """The regular files below a directory. What cannot be stored is warned of."""

    def fail(error: OSError) -> None:
        raise error

    for directory, directories, names in os.walk(source, onerror=fail):
        directories.sort()
        for name in directories:
            if (link := Path(directory, name)).is_symlink():
                session.output.warn(f"{link} is a link to a directory, and is passed over")
        for name in sorted(names):
            file = Path(directory, name)
            if file.is_file():
                yield file
            else:
                session.output.warn(f"{file} is no regular file, and is passed over")


def _is_large(source: BinaryIO) -> bool:
    """Whether a file was an upload, which can be gone on with."""
    return (_length(source) or 0) > _WHOLE


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
    while left and (piece := source.read(min(left, PIECE))):
        left -= len(piece)
    if left:
        detail = f"the upload holds {count} bytes and the source {count - left}: it is not the same source"
        raise ConflictError(detail, driver_name=driver.name, path=path)


def _send(head: bytes, source: BinaryIO, writer: FileWriter, advance: Callable[[int], None]) -> int:
    piece = head or source.read(PIECE)
    while piece:
        writer.write(piece)
        advance(len(piece))
        piece = source.read(PIECE)
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
