"""Blobs, and files that are nothing to a registry: which are copied, and what becomes of each."""

from __future__ import annotations

import re
import threading
from contextlib import nullcontext

from storagedriver.transfer.content import Contents
from storagedriver.transfer.options import WHOLE, Options
from storagedriver.transfer.plan import DONE, Item, Plan
from storagedriver.transfer.report import Report

__all__ = ["Files", "digests_in"]

_DIGEST = re.compile(rb'"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})"')


def digests_in(manifest: bytes) -> set[str]:
    """The digests that a manifest of any kind refers to."""
    return {found.decode() for found in _DIGEST.findall(manifest)}


class Files:
    """Copies what is no link.

    Parameters
    ----------
    plan : Plan
        What both ends have.
    contents : Contents
        Copies the content.
    options : Options
        How.
    report : Report
        Where it is noted.
    """

    def __init__(self, plan: Plan, contents: Contents, options: Options, report: Report) -> None:
        self._plan = plan
        self._contents = contents
        self._options = options
        self._report = report
        self._large = threading.Semaphore(options.large_jobs)

    def blob(self, item: Item) -> None:
        """Copy a blob, unless the destination has it."""
        algorithm, _, expected = item.digest.partition(":")
        there = item.there == item.size
        if there and self._options.verify == "read":
            there = self._contents.dest_hash(item.path, algorithm) == expected
        if not there and not self._options.dry_run:
            content = self._contents.attempted(lambda: self._contents.blob(item.path, item.digest, item.size))
            if content is not None and self._plan.is_revision(item.digest):
                self._plan.add_references(item.digest, digests_in(content))
        self.done(item, there=there)

    def other(self, item: Item) -> None:
        """Copy a file that has no digest in its path, unless the destination has the same."""
        with self._large if item.size > WHOLE else nullcontext():
            self._other(item)

    def done(self, item: Item, *, there: bool) -> None:
        """Note that a file is at the destination; in a dry run, that it would be."""
        self._plan.set_state(item.path, DONE)
        self._report.act("present" if there else "copied" if item.there < 0 else "replaced", item.path, item.size)

    def _other(self, item: Item) -> None:
        there = item.there == item.size and self._contents.attempted(lambda: self._contents.same(item.path, item.size))
        if not there and not self._options.dry_run:
            size = self._contents.attempted(lambda: self._contents.other(item.path, item.size))
            item = item._replace(size=size)
        self.done(item, there=there)
