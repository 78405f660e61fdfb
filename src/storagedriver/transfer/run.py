"""A transfer: what is done in which order, so that a registry on the destination never meets a link to nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from storagedriver.driver import StorageDriver
from storagedriver.errors import StorageDriverError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind
from storagedriver.transfer.cluster import Cluster, MakeDriver, pickled
from storagedriver.transfer.content import Contents
from storagedriver.transfer.crew import Crew, StoppedError
from storagedriver.transfer.deleting import Deleting
from storagedriver.transfer.failures import Failures
from storagedriver.transfer.files import Files
from storagedriver.transfer.links import Links
from storagedriver.transfer.listing import Listing, probing
from storagedriver.transfer.options import STAGING, WHOLE, Options, Selection, TransferRefusedError
from storagedriver.transfer.plan import FAILED, Item, Plan
from storagedriver.transfer.report import Progress, Report

__all__ = ["Transfer", "transfer"]

T = TypeVar("T")

_UPLOADS = (Kind.UPLOAD_STATE, Kind.UPLOAD_DATA, Kind.UPLOAD_STARTED)


class Transfer:
    """One transfer; `run` makes it.

    Parameters
    ----------
    source, dest : StorageDriver
        The two ends. The destination's may be in use by a registry that is
        read.
    options : Options, optional
        What is transferred, and how.
    report : Report, optional
        What the outcome is written to. Its callbacks show what is done.
    on_progress : callable, optional
        Called with the `Progress` several times a second.
    cluster : Cluster, optional
        Copies the blobs.
    """

    def __init__(
        self,
        source: StorageDriver,
        dest: StorageDriver,
        options: Options | None = None,
        *,
        report: Report | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self.report = report or Report()
        self._source = source
        self._dest = dest
        self._options = options or Options()
        self._on_progress = on_progress
        self._crew = Crew(self._tick)
        self._failures = Failures(self.report, self._crew.stopped)
        self._cluster = cluster

    def run(self) -> Report:
        """Transfer.

        Returns
        -------
        Report
            What was done and what failed; `Report.ok` says whether everything is there.

        Raises
        ------
        TransferRefusedError
            If the two ends do not fit each other. Nothing was changed.
        PathNotFoundError
            If the source has nothing to transfer.
        StorageDriverError
            If an end could not be listed at all.
        """
        self.report.dry_run = self._options.dry_run
        finished = False
        plan = Plan()
        try:
            with probing(self._source, self._dest, dry_run=self._options.dry_run) as marker:
                self._list(plan, marker)
            self._carry(plan)
            finished = True
        except StoppedError:
            # The first reason is in the report.
            pass
        except sqlite3.Error as error:
            detail = f"the list of files cannot be kept: {error}; have TMPDIR name a directory with more space"
            raise StorageDriverError(detail, driver_name=self._source.name) from error
        except KeyboardInterrupt:
            self._crew.stopped.set()
            self.report.interrupted = True
            raise
        finally:
            self.report.end(finished=finished)
            plan.close()
            self._tick()
        return self.report

    def _list(self, plan: Plan, marker: str) -> None:
        report, options = self.report, self._options
        listing = Listing(options, plan, report, self._tick)
        listing.source(self._source, marker)
        listing.dest(self._dest)
        if not options.merge:
            self._check_fit(plan)
        listing.leave_uploads(self._source)

    def _check_fit(self, plan: Plan) -> None:
        """Raise unless the destination is empty, or holds something of the same kind."""
        if plan.has_registry("source"):
            others = {path for path in self._dest.list(ROOT) if path != STAGING}
            fits = not others or self._dest.exists(layout.TOP)
        else:
            fits = plan.is_empty("dest") or plan.shares()
        if not fits:
            detail = (
                "the destination holds files, and none of what is transferred: look at its root directory, or have"
                " the two merged"
            )
            raise TransferRefusedError(detail, driver_name=self._dest.name, path=self._options.path)

    def _carry(self, plan: Plan) -> None:
        options, report = self._options, self.report
        is_begun = partial(self._is_begun, plan)
        contents = Contents(self._source, self._dest, options, report, self._crew, is_begun)
        files = Files(plan, contents, options, report)
        links = Links(self._source, self._dest, plan, contents, files, options)
        self._each(plan, links.find_blob, plan.linked_digests(), layout.blob_path)
        report.enter("blobs", plan.totals())
        blobs = plan.pending(Kind.BLOB, WHOLE + 1), plan.pending(Kind.BLOB, 0, WHOLE)
        if self._cluster is None or options.dry_run:
            self._items(plan, files.blob, blobs[0], options.large_jobs)
            self._items(plan, files.blob, blobs[1])
        else:
            self._cluster.copy(plan, chain(*blobs), options, report, is_begun, self._tick)
        report.enter("links")
        self._items(plan, links.link, plan.pending(Kind.LAYER))
        self._revisions(plan, links)
        self._items(plan, links.link, plan.pending(Kind.SIGNATURE))
        report.enter("tags")
        self._items(plan, links.link, plan.pending(Kind.TAG_INDEX))
        self._items(plan, links.tag, plan.pending(Kind.TAG))
        report.enter("other files")
        for kind in (*_UPLOADS, Kind.FOREIGN):
            self._items(plan, files.other, plan.pending(kind))
        deleting = Deleting(self._dest, plan, options, report)
        if options.delete:
            self._delete(plan, deleting)
        report.extra = sum(1 for path, _ in plan.only_there() if layout.place_of(path).kind not in layout.UPLOADS)
        if not options.dry_run:
            deleting.staged()

    def _is_begun(self, plan: Plan, path: str) -> bool:
        """Whether the destination has an unfinished upload at a path, and no content."""
        if plan.dest_size(path) is not None:
            return False
        if Selection(self._options).is_all:
            return plan.is_begun(path)
        # Of a part of a registry the uploads were not listed.
        return any(upload.path == path for upload in self._dest.uploads(path))

    def _revisions(self, plan: Plan, links: Links) -> None:
        """Links to manifests; that of an index after those of its manifests."""
        while True:
            links.waiting, before = 0, links.written
            self._items(plan, links.revision, plan.pending(Kind.REVISION))
            if not links.waiting:
                return
            links.is_last = links.written == before

    def _delete(self, plan: Plan, deleting: Deleting) -> None:
        report = self.report
        report.enter("deleting")
        if not report.complete:
            report.find("failed", self._options.path, "nothing is deleted, since not everything was transferred")
            return
        for kind in deleting.kinds():
            self._each(plan, deleting.delete, deleting.paths(kind), lambda file: file[0])
            if report.problems("failed"):
                # A link that could not be deleted may lead to what would be next.
                return

    def _items(self, plan: Plan, function: Callable[[Item], None], items: Iterable[Item], threads: int = 0) -> None:
        self._each(plan, function, items, lambda item: item.path, threads)

    def _each(
        self,
        plan: Plan,
        function: Callable[[T], None],
        items: Iterable[T],
        path_of: Callable[[T], str],
        threads: int = 0,
    ) -> None:
        """Call a function with each of the items; what fails is reported, and the others go on."""

        def call(item: T) -> None:
            try:
                function(item)
            except BrokenPipeError:
                # Not of a store: the reader of the output has gone.
                raise
            except OSError as error:
                path = path_of(item)
                plan.set_state(path, FAILED)
                self._failures.add(path, error)
            else:
                self._failures.succeeded()

        self._crew.run(call, items, threads or self._options.jobs, "transfer")

    def _tick(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.report.progress)


def transfer(
    source: StorageDriver,
    dest: StorageDriver,
    path: str = ROOT,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    client: Any = None,
    makers: tuple[MakeDriver, MakeDriver] | None = None,
    **options: Any,
) -> Report:
    """Transfer what a driver stores to another driver.

    Parameters
    ----------
    source, dest : StorageDriver
        The two ends.
    path : str
        The file or the directory to transfer; the root is everything.
    on_progress : callable, optional
        Called with the `Progress` several times a second.
    client : distributed.Client, optional
        Of a dask cluster, whose workers copy the blobs. What is small beside
        them, links and tags, goes through this process.
    makers : tuple of two callables, optional
        Called on a worker, without arguments, for the driver of the source and
        that of the destination. Without them the drivers are pickled, with
        the secrets among their parameters.
    **options
        The others of `Options`.

    Returns
    -------
    Report
        What was done and what failed; `Report.ok` says whether everything is there.

    Raises
    ------
    TransferRefusedError
        If the two ends do not fit each other. Nothing was changed.
    ParameterError
        If an option has a bad value.
    PathNotFoundError
        If the source has nothing to transfer.
    StorageDriverError
        If an end could not be listed at all.
    """
    chosen = Options(path, **options)
    cluster = None
    if client is not None:
        cluster = Cluster(client, *(makers or (pickled(source), pickled(dest))))
    return Transfer(source, dest, chosen, on_progress=on_progress, cluster=cluster).run()
