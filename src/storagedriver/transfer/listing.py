"""Listing both ends of a transfer, in an order that a registry which is written to meanwhile does no harm to."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from storagedriver.driver import FileInfo, SkipDir, StorageDriver
from storagedriver.errors import PathNotFoundError, PermissionDeniedError, StorageDriverError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.transfer.options import STAGING, Options, Selection, TransferRefusedError
from storagedriver.transfer.plan import Plan
from storagedriver.transfer.report import Report
from storagedriver.unnamed import UnnamedKeysError, refusing_unnamed

__all__ = ["Listing", "probing", "sections"]

_BATCH = 1000
_DIRECTORIES = ("_layers", "_manifests", "_uploads")

Section = tuple[str, tuple[str, ...]]


def sections(options: Options) -> list[Section]:
    """What is listed, in this order: directories, and what is left out of each.

    Repositories come before blobs: a link that is listed then has its blob
    listed, also if both are written meanwhile.
    """
    if options.repositories:
        directories = [layout.repository_directory(name) for name in options.repositories]
        return [(f"{directory}/{name}", ()) for directory in directories for name in _DIRECTORIES]
    above = options.path.rstrip("/") + "/"
    first = [directory for directory in (layout.REPOSITORIES, layout.BLOBS) if directory.startswith(above)]
    return [*((directory, ()) for directory in first), (options.path, (*first, STAGING))]


class Listing:
    """Lists both ends into a plan.

    Parameters
    ----------
    options : Options
        What is transferred.
    plan : Plan
        Where it goes.
    report : Report
        What could not be listed goes here.
    tick : callable
        Called now and then.
    """

    def __init__(self, options: Options, plan: Plan, report: Report, tick: Callable[[], None]) -> None:
        self._options = options
        self._plan = plan
        self._report = report
        self._tick = tick
        self._selection = Selection(options)
        self._first: FileInfo | None = None

    def source(self, driver: StorageDriver, marker: str) -> None:
        """List the source.

        Raises
        ------
        TransferRefusedError
            If the destination is within the source.
        PathNotFoundError
            If there is nothing.
        """

        def check(info: FileInfo) -> None:
            if marker and info.path.endswith(marker):
                raise TransferRefusedError("the destination is within the source", path=info.path[: -len(marker)])
            self._first = self._first or info

        failures: list[StorageDriverError] = []
        for section in sections(self._options):
            try:
                self._list(driver, section, self._plan.add_source, check)
            except PathNotFoundError:
                self._plan.add_source(self._one_file(driver, section[0]))
            except UnnamedKeysError as error:
                # The listing has ended, and shown all others.
                self._incomplete(section[0], f"{error.detail.partition(';')[0]}; they are not copied")
            except TransferRefusedError:
                raise
            except StorageDriverError as error:
                failures.append(error)
                self._incomplete(section[0], f"it could not be listed: {error}")
        if failures and self._plan.is_empty("source"):
            raise failures[0]
        if self._plan.is_empty("source") and self._report.listed:
            where = ", ".join(self._options.repositories) or self._options.path
            detail = "there are no files to transfer: look at the root directory of the source, and at the patterns"
            raise PathNotFoundError(detail, driver_name=driver.name, path=where)

    def dest(self, driver: StorageDriver) -> None:
        """List the destination. Any failure ends the transfer: nothing can be decided without it.

        Raises
        ------
        TransferRefusedError
            If files are to be deleted and the source is within the destination.
        """
        first = self._first

        def check(info: FileInfo) -> None:
            if (
                first is not None
                and self._options.delete
                and info.path != first.path
                and info.path.endswith(first.path)
                and (info.size, info.mod_time) == (first.size, first.mod_time)
            ):
                detail = "the source seems to be within the destination, so that nothing is deleted there"
                raise TransferRefusedError(detail, path=info.path[: -len(first.path)])

        for section in sections(self._options):
            try:
                self._list(driver, section, self._plan.add_dest, check)
            except PathNotFoundError:
                with suppress(PathNotFoundError):
                    self._plan.add_dest(self._one_file(driver, section[0]))
            except UnnamedKeysError as error:
                if self._options.delete:
                    self._incomplete(section[0], f"{error.detail.partition(';')[0]}; they stay as they are")
        if driver.capabilities.unfinished in ("invisible", "hides") and self._selection.is_all:
            self._plan.add_begun(upload.path for upload in driver.uploads(layout.BLOBS))

    def leave_uploads(self, driver: StorageDriver) -> None:
        """Take the unfinished uploads of the source that are left out of the plan, and report each."""
        left = self._plan.upload_directories()
        if self._options.uploads:
            left -= self._plan.upload_directories(readable=True)
        self._plan.drop_uploads(left)
        if self._options.repositories:
            paths = [layout.repository_directory(name) for name in self._options.repositories]
        else:
            # A registry has its own there; elsewhere another listing of everything would find next to nothing.
            above = self._options.path.rstrip("/") + "/"
            registry = layout.REPOSITORIES.startswith(above) and self._plan.has_registry("source")
            paths = [layout.REPOSITORIES if registry else self._options.path]
        # Credentials that can read may not be allowed to list uploads.
        with suppress(StorageDriverError):
            for path in paths:
                for upload in driver.uploads(path):
                    if self._plan.item(upload.path) is None and not upload.path.startswith(STAGING):
                        is_registry = layout.place_of(upload.path).kind in layout.UPLOADS
                        left.add(posixpath.dirname(upload.path) if is_registry else upload.path)
        for upload_path in sorted(left):
            self._report.find("left", upload_path, "an unfinished upload")
        self._report.uploads_left = len(left)

    def _list(
        self,
        driver: StorageDriver,
        section: Section,
        add: Callable[[list[FileInfo]], None],
        check: Callable[[FileInfo], None],
    ) -> None:
        path, skipped = section
        batch: list[FileInfo] = []

        def visit(info: FileInfo) -> None:
            if info.is_dir:
                if info.path in skipped:
                    raise SkipDir
                return
            check(info)
            if self._selection.takes(info.path) and not info.path.startswith(STAGING + "/"):
                batch.append(info)
                if len(batch) == _BATCH:
                    add(batch)
                    batch.clear()
                    self._tick()

        try:
            with refusing_unnamed():
                driver.walk(path, visit)
        finally:
            add(batch)

    def _one_file(self, driver: StorageDriver, path: str) -> list[FileInfo]:
        """What is transferred may be one file."""
        if path != self._options.path or path == ROOT:
            return []
        info = driver.stat(path)
        return [] if info.is_dir else [info]

    def _incomplete(self, path: str, reason: str) -> None:
        self._report.listed = False
        self._report.find("failed", path, reason)


@contextmanager
def probing(source: StorageDriver, dest: StorageDriver, *, dry_run: bool) -> Iterator[str]:
    """See that the two ends are two storages, and that the destination can be written.

    Parameters
    ----------
    source, dest : StorageDriver
        The two ends.
    dry_run : bool
        Write nothing; then only one driver at both ends is found.

    Yields
    ------
    str
        The path of a file that is at the destination within the block; empty
        in a dry run.

    Raises
    ------
    TransferRefusedError
        If both are one storage.
    """
    same = TransferRefusedError("both ends are one storage", driver_name=source.name)
    if source is dest:
        raise same
    if dry_run:
        yield ""
        return
    name = uuid.uuid4().hex
    marker = f"{STAGING}/probe-{name}"
    dest.put_content(marker, name.encode())
    try:
        with suppress(PathNotFoundError, PermissionDeniedError):
            if source.get_content(marker) == name.encode():
                raise same
        yield marker
    finally:
        with suppress(StorageDriverError):
            dest.delete(marker)
        remove_empty(dest, STAGING)


def remove_empty(driver: StorageDriver, path: str) -> None:
    """Remove a directory if there is nothing in it, where a store keeps such."""
    if driver.capabilities.empty_directories:
        with suppress(StorageDriverError):
            if not driver.list(path):
                driver.delete(path)
