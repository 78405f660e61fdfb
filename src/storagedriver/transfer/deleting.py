"""Deleting what the source does not have: tags, then links, then blobs, so that no link leads to nothing."""

from __future__ import annotations

import posixpath
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind
from storagedriver.transfer.listing import remove_empty
from storagedriver.transfer.options import STAGING, Options, Selection
from storagedriver.transfer.plan import DONE, Plan
from storagedriver.transfer.report import Report

__all__ = ["Deleting"]

_ORDER = (Kind.TAG, Kind.TAG_INDEX, Kind.REVISION, Kind.SIGNATURE, Kind.LAYER, Kind.BLOB, Kind.FOREIGN)
_KEPT = {ROOT, layout.TOP, layout.BLOBS, layout.REPOSITORIES, STAGING}
#: What another transfer may still need is not removed before that.
_OLD = timedelta(days=7)


class Deleting:
    """Deletes at the destination.

    Parameters
    ----------
    dest : StorageDriver
        The destination.
    plan : Plan
        What both ends have.
    options : Options
        What is transferred.
    report : Report
        Where it is noted.
    """

    def __init__(self, dest: StorageDriver, plan: Plan, options: Options, report: Report) -> None:
        self._dest = dest
        self._plan = plan
        self._options = options
        self._report = report
        self._lock = threading.Lock()

    def kinds(self) -> list[Kind]:
        """What may be deleted, in this order.

        Blobs are shared by all repositories, so that only a transfer of all
        of them can know what nothing links to.
        """
        above = self._options.path.rstrip("/") + "/"
        all_blobs = layout.TOP.startswith(above) or self._options.path == layout.TOP
        kinds = list(_ORDER)
        if not (all_blobs and Selection(self._options).is_all):
            kinds.remove(Kind.BLOB)
        if self._plan.has_registry("source"):
            kinds.remove(Kind.FOREIGN)
        return kinds

    def paths(self, kind: Kind) -> Iterator[tuple[str, int]]:
        """The files of a kind to delete, and their sizes."""
        for path, size in self._plan.only_there(kind):
            if kind is not Kind.BLOB or not self._plan.links_to(layout.place_of(path).digest):
                yield path, size

    def delete(self, file: tuple[str, int]) -> None:
        """Delete a file, and the directories that are empty then where a store keeps such."""
        path, size = file
        if not self._options.dry_run:
            with suppress(PathNotFoundError):
                if self._plan.has_below(path):
                    # A deletion takes all below a path, a move the file alone.
                    away = f"{STAGING}/deleted-{uuid.uuid4().hex}"
                    self._dest.move(path, away)
                    self._dest.delete(away)
                else:
                    self._dest.delete(path)
            self._plan.forget_dest(path)
            with self._lock:
                self._remove_empty(posixpath.dirname(path))
        self._report.act("deleted", path, size)

    def staged(self) -> None:
        """Remove what earlier transfers left of blobs that are complete now, and what is old."""
        limit = datetime.now(timezone.utc) - _OLD
        with suppress(StorageDriverError):
            found = [(upload.path, upload.started) for upload in self._dest.uploads(STAGING)]
            with suppress(PathNotFoundError):
                found += [(info.path, info.mod_time) for info in self._dest.files(STAGING)]
            for path, moment in found:
                if moment <= limit or self._is_complete(posixpath.basename(path)):
                    with suppress(PathNotFoundError):
                        self._dest.delete(path)
        remove_empty(self._dest, STAGING)

    def _is_complete(self, name: str) -> bool:
        digest = name.replace("-", ":", 1)
        if not layout.is_digest(digest):
            return False
        found = self._plan.item(layout.blob_path(digest))
        return found is not None and found[1] == DONE

    def _remove_empty(self, directory: str) -> None:
        """Remove a directory and those above it, as far as they are empty: a registry takes them for tags."""
        if not self._dest.capabilities.empty_directories:
            return
        while directory not in _KEPT and directory != self._options.path:
            try:
                if self._dest.list(directory):
                    return
                self._dest.delete(directory)
            except PathNotFoundError:
                pass
            directory = posixpath.dirname(directory)
