"""`FsspecDriver`: the one implementation of the contract."""

from __future__ import annotations

import builtins
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from storagedriver.adapter.failures import called, translated
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.reader import StreamReader
from storagedriver.adapter.store import EPOCH, Entry, Store, info_of
from storagedriver.adapter.walk import TreeWalk, UnnameableKeys, Walk
from storagedriver.adapter.writer import UploadWriter
from storagedriver.defaults import begun_before
from storagedriver.driver import (
    Capabilities,
    ConflictsDetected,
    FileInfo,
    FileReader,
    FileWriter,
    RootReport,
    SkipDir,
    StopWalk,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.errors import (
    InvalidOffsetError,
    InvalidPathError,
    ParameterError,
    PathNotFoundError,
    UnsupportedMethodError,
)
from storagedriver.parameters import NamingParameters
from storagedriver.paths import ROOT, NameRule, WalkOrder, are_valid, check_directory, check_path, check_written

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from typing_extensions import Buffer

__all__ = ["FsspecDriver"]

T = TypeVar("T")


class FsspecDriver(StorageDriver):
    """A storage driver over a `Store`, which is a backend and its root directory.

    Parameters
    ----------
    store : Store
        The backend. The driver is pickled if it can be.
    naming : NamingParameters, optional
        Which paths there are, and what becomes of keys that none can name. By
        default they are those of a registry.
    """

    def __init__(self, store: Store, naming: NamingParameters | None = None) -> None:
        self._store = store
        naming = naming or NamingParameters()
        self._names = naming.names
        self._naming = NamingParameters(names=naming.names, unnamed=naming.unnamed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._store, self._naming)

    @property
    def name(self) -> str:
        """The name the driver is registered by."""
        return self._store.name

    @property
    def capabilities(self) -> Capabilities:
        """In what this store differs from others."""
        return self._store.capabilities

    @property
    def name_rule(self) -> NameRule:
        """The rule that paths follow."""
        return self._names

    @property
    def walk_order(self) -> WalkOrder:
        """The order of a walk on the server at hand."""
        with self._call(ROOT):
            return self._store.walk_order

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers the server at hand finds the loser."""
        with self._call(ROOT):
            return self._store.conflicts_detected

    @property
    def filesystem(self) -> AbstractFileSystem:
        """The fsspec filesystem of the same files, rooted at the root directory, for tools that want just that."""
        with self._call(ROOT):
            return self._store.filesystem

    def get_content(self, path: str) -> bytes:
        """The whole content of a small file."""
        with self._call(path):
            return self._store.get(self._key(path))

    def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically."""
        key = self._written(path)
        view = memoryview(content).cast("B")
        if view.nbytes <= self._store.put_limit:
            with self._call(path):
                self._store.put(key, view)
            return
        writer = self._begin(path)
        try:
            writer.write(view)
            writer.commit()
        except BaseException:
            writer.discard()
            raise

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        """Open a file for streaming."""
        key = self._key(path)
        if offset < 0 or (length is not None and length < 0):
            detail = f"offset {offset} and length {length} must not be negative"
            raise InvalidOffsetError(detail, driver_name=self.name, path=path)
        return StreamReader(self._store, path, key, offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        """Begin an upload, or go on with one."""
        if not append:
            return self._begin(path)
        key = self._written(path)
        with self._call(path):
            upload = self._store.resume(key)
        return UploadWriter(self._store, path, upload)

    def stat(self, path: str) -> FileInfo:
        """What is at `path`."""
        prefix = self._prefix(path)
        if path == ROOT:
            self._first(path, prefix, recursive=False)
            return FileInfo(ROOT, 0, EPOCH, is_dir=True)
        with self._call(path):
            entry = self._store.head(path[1:])
        if entry is None:
            # Not by directory: some servers show one for a while after it was emptied.
            if self._first(path, prefix, recursive=True) is None:
                raise self._not_found(path)
            entry = Entry(path[1:], is_dir=True)
        return info_of(entry)

    def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children."""
        prefix = self._prefix(path)
        with self._call(path):
            names = self._store.names(prefix)
        if names and are_valid(names, self._names):
            above = "/" + prefix
            return [above + name for name in sorted(names)]
        if names is not None:
            keys = [prefix + name for name in names]
        else:
            pages = self._each(path, lambda: self._store.pages(prefix, recursive=False, skipped=set()))
            keys = list({entry.key for page in pages for entry in page})
        if not keys and path != ROOT and not self.capabilities.empty_directories:
            raise self._not_found(path)
        unnameable = UnnameableKeys(self.name, path, self._naming)
        children = sorted(["/" + key for key in unnameable.named(keys)])
        unnameable.warn()
        return children

    def move(self, source: str, dest: str) -> None:
        """Move one file."""
        keys = self._key(source), self._written(dest)
        if source == dest:
            self._check_file(source)
            return
        with self._call(source):
            self._store.move(*keys)

    def copy(self, source: str, dest: str) -> None:
        """Copy one file."""
        keys = self._key(source), self._written(dest)
        if source == dest:
            self._check_file(source)
            return
        with self._call(source):
            self._store.copy(*keys)

    def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there."""
        key = self._key(path)
        with self._call(path):
            found = self._store.delete_tree(key)
        if not found:
            raise self._not_found(path)

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,  # noqa: ARG002 - for those who choose a URL by it
    ) -> str | None:
        """A signed URL from which a client can fetch the file itself."""
        key = self._key(path)
        if method not in ("GET", "HEAD"):
            detail = f"{method!r} cannot be signed, only GET and HEAD"
            raise UnsupportedMethodError(detail, driver_name=self.name, path=path)
        if not timedelta(0) < expires <= self._store.max_expires:
            detail = f"{expires} is not allowed, it must be positive and at most {self._store.max_expires}"
            raise ParameterError(detail, driver_name=self.name, path="expires")
        with self._call(path):
            return self._store.sign(key, method, expires)

    def origin_path(self, network: str, path: str) -> str | None:
        """Where a content delivery network in front of this store finds a file.

        Parameters
        ----------
        network : str
            The network, by the name of its storage middleware.
        path : str
            The file.

        Returns
        -------
        str or None
            The path of the file's URL there, unquoted and without a ``/`` at
            its beginning. None if this store is not one that the network serves.
        """
        return self._store.origin_path(network, self._key(path))

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        """Visit everything below `path`, depth first."""
        walk = self._walk(path, start_after)
        with closing(iter(walk)) as infos:
            for info in infos:
                try:
                    visit(info)
                except SkipDir:
                    walk.skip(info)
                except StopWalk:
                    return
        self._check_walked(path, walk)

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        """The files below `path`, in the order of a walk, for Python's loops."""
        walk = self._walk(path, start_after)
        with closing(iter(walk)) as infos:
            for info in infos:
                if not info.is_dir:
                    yield info
        self._check_walked(path, walk)

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """The unfinished uploads at `path` and below it."""
        check_directory(path, self.name, self._names)
        return self._each(path, lambda: self._store.uploads(path[1:]))

    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        """Remove the unfinished uploads at `path` and below it."""
        purged = begun_before(self.uploads(path), older_than)

        def abort(upload: UploadInfo) -> None:
            with self._call(upload.path):
                self._store.abort(upload)

        fan_out(abort, purged, name="abort")
        return purged

    def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over."""
        key = self._key(path)
        with self._call(path):
            size = self._store.upload_size(key)
        if size is None:
            raise self._not_found(path)
        return size

    def root_report(self) -> RootReport:
        """What there is to say of the root directory."""
        store = self._store
        with self._call(ROOT):
            exists = store.root_exists()
            obstacle = "" if exists else store.root_obstacle()
            return RootReport(store.root_directory, exists, obstacle, tuple(store.root_notes()))

    def close(self) -> None:
        """Give back connections and threads."""
        self._store.prefetcher.close()
        self._store.close()

    def _begin(self, path: str) -> UploadWriter:
        key = self._written(path)
        with self._call(path):
            upload = self._store.begin(key)
        return UploadWriter(self._store, path, upload)

    def _call(self, path: str) -> called:
        """One call of the store: it holds a slot, and its failures are errors of the contract."""
        return called(self._store, path)

    def _each(self, path: str, make: Any) -> Generator[Any, None, None]:
        """Iterate over what a store lists; each step may be a request, and so is a call."""
        with self._call(path):
            steps = iter(make())
        yield from self._store.prefetcher.pages(steps, partial(self._call, path))

    def _key(self, path: str) -> str:
        check_path(path, self.name, self._names)
        return path[1:]

    def _written(self, path: str) -> str:
        """The key of a path that is to be written."""
        check_written(path, self.name, self._names)
        key = path[1:]
        with translated(self._store, path):
            reason = self._store.refuses(key)
        if reason:
            raise InvalidPathError(reason, driver_name=self.name, path=repr(path))
        return key

    def _prefix(self, path: str) -> str:
        check_directory(path, self.name, self._names)
        return "" if path == ROOT else path[1:] + "/"

    def _not_found(self, path: str) -> PathNotFoundError:
        return PathNotFoundError(driver_name=self.name, path=path)

    def _first(self, path: str, prefix: str, *, recursive: bool) -> Entry | None:
        """Any entry below the directory."""
        for page in self._each(path, lambda: self._store.pages(prefix, recursive=recursive, limit=1, skipped=set())):
            for entry in page:
                return entry  # type: ignore[no-any-return]
        return None

    def _check_file(self, path: str) -> None:
        if self.stat(path).is_dir:
            raise self._not_found(path)

    def _walk(self, path: str, start_after: str) -> Walk:
        prefix = self._prefix(path)
        start_after = self._start(path, start_after)
        hint = start_after[1:] if start_after[1:].startswith(prefix) else ""

        skipped: set[str] = set()
        with self._call(path):
            infos = self._store.infos(prefix, start_after=hint, skipped=skipped)
        if infos is not None:
            pages = self._each(path, lambda: infos)
            return TreeWalk(self.name, path, self._naming, self.walk_order, start_after, skipped, pages)
        pages = self._each(path, lambda: self._store.pages(prefix, recursive=True, start_after=hint, skipped=skipped))
        return Walk(self.name, path, self._naming, self.walk_order, start_after, skipped, pages)

    def _start(self, path: str, start_after: str) -> str:
        """Where a walk begins, with a trailing ``/`` if that is a directory."""
        if start_after in ("", ROOT):
            return ""
        check_path(start_after.removesuffix("/"), self.name, self._names)
        below = path if path == ROOT else path + "/"
        if start_after.endswith("/") or not start_after.startswith(below):
            return start_after
        try:
            is_dir = self.stat(start_after).is_dir
        except PathNotFoundError:
            return start_after
        return start_after + "/" if is_dir else start_after

    def _check_walked(self, path: str, walk: Walk) -> None:
        """A walk that found nothing found no directory, or began after its last entry."""
        if walk.found or path == ROOT or self.capabilities.empty_directories:
            return
        if self._first(path, self._prefix(path), recursive=True) is None:
            raise self._not_found(path)
