"""The commands that show what is there: ls, walk, du, stat."""

from __future__ import annotations

from collections.abc import Callable

import click

from storagedriver.cli.arguments import DIRECTORY
from storagedriver.cli.output import file_line, file_record, human_size, instant
from storagedriver.cli.session import Session, SessionCommand, exact_option, pass_session
from storagedriver.driver import FileInfo, SkipDir
from storagedriver.errors import PathNotFoundError
from storagedriver.paths import ROOT

__all__ = ["DiskUsage", "du", "ls", "stat", "walk"]

long_option = click.option("-l", "--long", is_flag=True, help="Show size and time, too.")


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@long_option
@click.option("-R", "--recursive", is_flag=True, help="Show everything below PATH.")
@exact_option
@pass_session
def ls(session: Session, path: str, long: bool, recursive: bool, exact: bool) -> None:
    """List what is directly in the directory PATH; of a file, the file."""
    output, driver = session.output, session.driver
    try:
        if long or recursive or output.json:
            driver.walk(path, _shower(session, long=long, exact=exact, enter=recursive))
        else:
            for child in driver.list(path):
                output.show({}, child)
    except PathNotFoundError:
        info = driver.stat(path)
        if info.is_dir:
            raise
        output.show(file_record(info), file_line(info, long=long, exact=exact))


def _shower(session: Session, *, long: bool, exact: bool, enter: bool, dirs: bool = True) -> Callable[[FileInfo], None]:
    """A visit that shows each entry as it comes, so that memory stays constant."""

    def visit(info: FileInfo) -> None:
        if dirs or not info.is_dir:
            session.output.show(file_record(info), file_line(info, long=long, exact=exact))
        if info.is_dir and not enter:
            raise SkipDir

    return visit


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@click.option("--start-after", default="", metavar="PATH", help="Show what comes after this path.")
@click.option("--files", is_flag=True, help="Show files only.")
@long_option
@exact_option
@pass_session
def walk(session: Session, path: str, start_after: str, files: bool, long: bool, exact: bool) -> None:
    """List everything below the directory PATH, in the order of a walk.

    A directory ends in /. Any line can be given to --start-after as it is.
    """
    session.driver.walk(path, _shower(session, long=long, exact=exact, enter=True, dirs=not files), start_after)


@click.command(cls=SessionCommand)
@click.argument("paths", type=DIRECTORY, nargs=-1, required=True, metavar="PATH...")
@exact_option
@pass_session
def stat(session: Session, paths: tuple[str, ...], exact: bool) -> None:
    """Show what is known of each PATH."""
    for path in paths:
        info = session.driver.stat(path)
        if session.output.json:
            session.output.show(file_record(info))
            continue
        size = str(info.size) if exact else f"{human_size(info.size)} ({info.size} bytes)"
        rows = [("path", info.path), ("type", "directory" if info.is_dir else "file")]
        if not info.is_dir:
            rows.append(("size", size))
        rows.append(("modified", instant(info.mod_time) or "unknown"))
        session.output.rows(rows)


@click.command(cls=SessionCommand)
@click.argument("path", type=DIRECTORY, default=ROOT)
@click.option("-d", "--max-depth", type=click.IntRange(min=0), default=1, show_default=True, help="Levels to show.")
@exact_option
@pass_session
def du(session: Session, path: str, max_depth: int, exact: bool) -> None:
    """Sum up the sizes of the files below the directory PATH, per directory.

    Directories are shown as they are left, PATH itself last. Unfinished
    uploads count only where the store shows them as files.
    """

    def show(directory: str, size: int, files: int) -> None:
        text = f"{size if exact else human_size(size):>12}  {files:>9} files  {directory}"
        session.output.show({"path": directory, "size": size, "files": files}, text)

    usage = DiskUsage(path, max_depth, show)
    try:
        session.driver.walk(path, usage.visit)
    except PathNotFoundError:
        info = session.driver.stat(path)
        if info.is_dir:
            raise
        show(path, info.size, 1)
    else:
        usage.finish()


class DiskUsage:
    """Sums per directory, in memory for the depth of the tree alone.

    A walk keeps the entries of a directory together, so that its sum is
    complete at the first entry that is outside of it.

    Parameters
    ----------
    path : str
        The directory that is walked.
    max_depth : int
        How far below `path` directories are shown.
    show : callable
        Called with each directory, its size in bytes and its number of files.
    """

    def __init__(self, path: str, max_depth: int, show: Callable[[str, int, int], None]) -> None:
        self._show = show
        self._max_depth = max_depth
        self._open: list[tuple[str, list[int]]] = [(path, [0, 0])]

    def visit(self, info: FileInfo) -> None:
        """Take the next entry of the walk."""
        while len(self._open) > 1 and not info.path.startswith(self._open[-1][0] + "/"):
            self._leave()
        if info.is_dir:
            self._open.append((info.path, [0, 0]))
        else:
            sums = self._open[-1][1]
            sums[0] += info.size
            sums[1] += 1

    def finish(self) -> None:
        """Show what is still open, the walked directory last."""
        while self._open:
            self._leave()

    def _leave(self) -> None:
        path, (size, files) = self._open.pop()
        if len(self._open) <= self._max_depth:
            self._show(path, size, files)
        if self._open:
            above = self._open[-1][1]
            above[0] += size
            above[1] += files
