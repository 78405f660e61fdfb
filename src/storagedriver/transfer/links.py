"""Links and tags: each is written once what it leads to is at the destination, and is held back until then."""

from __future__ import annotations

import threading

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.transfer.content import Contents
from storagedriver.transfer.failures import HeldError, WrongContentError
from storagedriver.transfer.files import Files, digests_in
from storagedriver.transfer.options import WHOLE, Options, Selection
from storagedriver.transfer.plan import DONE, FAILED, PENDING, Item, Plan

__all__ = ["Links"]


class Links:
    """Writes the links of the repositories.

    Parameters
    ----------
    source, dest : StorageDriver
        The two ends.
    plan : Plan
        What they have.
    contents : Contents
        Reads and writes small files.
    files : Files
        Copies blobs.
    options : Options
        How.

    Attributes
    ----------
    waiting : int
        How many manifests wait for others that they refer to.
    written : int
        How many manifests are at the destination.
    is_last : bool
        Whether none shall wait any more.
    """

    def __init__(
        self,
        source: StorageDriver,
        dest: StorageDriver,
        plan: Plan,
        contents: Contents,
        files: Files,
        options: Options,
    ) -> None:
        self._source = source
        self._dest = dest
        self._plan = plan
        self._contents = contents
        self._files = files
        self._options = options
        self._selection = Selection(options)
        above = options.path.rstrip("/") + "/"
        listed = f"{layout.BLOBS}/".startswith(above) or options.path == ROOT
        #: Whether a blob that is not in the plan was not there.
        self._blobs_listed = listed and self._selection.is_all
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self.waiting = 0
        self.written = 0
        self.is_last = False

    def find_blob(self, digest: str) -> None:
        """Take a blob along that links lead to, where blobs were not all listed."""
        path = layout.blob_path(digest)
        if self._blobs_listed or self._plan.item(path) is not None or self._selection.excludes(path):
            return
        try:
            info = self._contents.attempted(lambda: self._source.stat(path))
        except PathNotFoundError:
            return
        try:
            there = self._contents.attempted(lambda: self._dest.stat(path))
        except PathNotFoundError:
            pass
        else:
            self._plan.add_dest([there])
        self._plan.add_source([info])

    def link(self, item: Item) -> None:
        """Write a link to a blob."""
        content, target = self._read(item)
        self._require_blob(target)
        self._write(item, content)

    def revision(self, item: Item) -> None:
        """Write a link to a manifest, once all that the manifest refers to is in the repository."""
        content, target = self._read(item)
        self._require_blob(target)
        # What the destination has already may be pulled as it is.
        if item.there < 0 and self._must_wait(item.repository, target):
            self._contents.uncount(len(content))
            with self._lock:
                self.waiting += 1
            return
        self._write(item, content)
        with self._lock:
            self.written += 1

    def tag(self, item: Item) -> None:
        """Write the link that a tag is, once its manifest is in the repository."""
        content, target = self._read(item)
        self._require_blob(target)
        path = layout.revision_path(item.repository, target)
        if self._state(path) == FAILED:
            raise self._held(f"its manifest {target} is not at the destination")
        if self._state(path) is None and not self._dest_has(path):
            known = self._contents.attempted(lambda: self._source.exists(path))
            reason = "was pushed after the source was listed, or is left out" if known else "is not in its repository"
            raise self._held(f"its manifest {target} {reason}")
        self._write(item, content)

    def _read(self, item: Item) -> tuple[bytes, str]:
        """The content of a link and the digest in it."""
        content = self._contents.attempted(lambda: self._contents.small(item.path))
        target = content.decode("ascii", errors="replace")
        if not layout.is_digest(target):
            detail = "the link is empty" if not content else "the link holds no digest"
            raise WrongContentError(detail, driver_name=self._source.name, path=item.path)
        self._plan.set_target(item.path, target)
        return content, target

    def _write(self, item: Item, content: bytes) -> None:
        there = item.there == len(content) and self._contents.attempted(
            lambda: self._contents.holds(item.path, content)
        )
        if not there and not self._options.dry_run:
            self._contents.attempted(lambda: self._contents.put(item.path, content, check=True))
        self._files.done(item, there=there)

    def _require_blob(self, digest: str) -> None:
        """See that a blob is at the destination, and fetch it if it came to the source after the listing."""
        path = layout.blob_path(digest)
        state = self._state(path)
        if state == DONE:
            return
        if state is None:
            if self._plan.dest_size(path) is not None:
                return
            with self._fetching:
                self._fetch(path, digest)
            return
        raise self._held(f"its blob {digest} is not at the destination")

    def _fetch(self, path: str, digest: str) -> None:
        if self._state(path) == DONE:
            return
        if self._selection.excludes(path):
            if self._dest_has(path):
                return
            raise self._held(f"its blob {digest} is left out")
        try:
            self._plan.add_source([self._contents.attempted(lambda: self._source.stat(path))])
        except PathNotFoundError:
            if not self._blobs_listed and self._dest_has(path):
                return
            raise self._held(f"the source has no blob {digest}") from None
        found = self._plan.item(path)
        assert found is not None
        try:
            self._files.blob(found[0])
        except StorageDriverError as error:
            self._plan.set_state(path, FAILED)
            raise self._held(f"its blob {digest} cannot be copied: {error}") from error

    def _must_wait(self, repository: str, digest: str) -> bool:
        """Whether a manifest refers to another one that is not written yet.

        Raises
        ------
        HeldError
            If it refers to what the repository of the source has, and the
            destination has not.
        """
        waits = False
        for reference in self._references(digest):
            paths = (layout.layer_path(repository, reference), layout.revision_path(repository, reference))
            states = {self._state(path) for path in paths}
            if DONE in states:
                continue
            if PENDING in states and not self.is_last:
                waits = True
            elif states != {None}:
                raise self._held(f"its manifest refers to {reference}, which is not at the destination")
            elif not any(self._dest_has(path) for path in paths) and any(map(self._source.exists, paths)):
                raise self._held(
                    f"its manifest refers to {reference}, which was pushed after the source was listed, or is left out"
                )
        return waits

    def _references(self, digest: str) -> list[str]:
        found = self._plan.references(digest)
        if found is None:
            path = layout.blob_path(digest)
            known = self._plan.item(path)
            size = known[0].size if known else self._plan.dest_size(path) or 0
            if size > WHOLE:
                return []
            end = self._source if known else self._dest
            self._plan.add_references(digest, digests_in(self._contents.attempted(lambda: end.get_content(path))))
            found = self._plan.references(digest) or []
        return found

    def _state(self, path: str) -> int | None:
        found = self._plan.item(path)
        return found[1] if found else None

    def _dest_has(self, path: str) -> bool:
        return self._plan.dest_size(path) is not None or self._contents.attempted(lambda: self._dest.exists(path))

    def _held(self, reason: str) -> HeldError:
        return HeldError(reason, driver_name=self._source.name)
