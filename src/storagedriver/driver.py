"""The contract: what a storage driver is, and what each of its calls must do.

The eleven calls are those of the registry's ``storagedriver.StorageDriver``
(registry/storage/driver/storagedriver.go in distribution); this page is the
whole of what a driver's author has to know. `storagedriver.testsuites` tests
it, line by line, for any driver.
"""

from __future__ import annotations

import builtins
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from storagedriver.errors import PathNotFoundError
from storagedriver.paths import ROOT, SortKey, WalkOrder, check_directory, sort_key

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer, Self

__all__ = [
    "Capabilities",
    "FileInfo",
    "FileReader",
    "FileWriter",
    "SkipDir",
    "StopWalk",
    "StorageDriver",
    "UploadInfo",
    "Visit",
    "begun_before",
]

#: How many entries `StorageDriver.files` takes from one walk before it yields them.
_FILES_BATCH = 1000
_COPY_PIECE = 1 << 20


class SkipDir(Exception):  # noqa: N818 - the registry's name, and not an error
    """Raised by a `visit` to leave the directory it was called with unentered."""


class StopWalk(Exception):  # noqa: N818 - the same
    """Raised by a `visit` to end the walk; `StorageDriver.walk` then returns normally."""


@dataclass(frozen=True)
class FileInfo:
    """What is known of a path.

    Attributes
    ----------
    path : str
        The absolute path.
    size : int
        The size in bytes; 0 for a directory.
    mod_time : datetime
        When it was last changed, aware and in UTC. For a directory that the
        store does not keep as such, the beginning of the epoch.
    is_dir : bool
        Whether it is a directory.
    """

    path: str
    size: int
    mod_time: datetime
    is_dir: bool

    def sort_key(self, order: WalkOrder) -> SortKey:
        """Where a walk of this order visits the path: see `storagedriver.paths.sort_key`."""
        return sort_key(self.path, is_dir=self.is_dir, order=order)


Visit = Callable[[FileInfo], None]


@dataclass(frozen=True)
class UploadInfo:
    """An upload that was begun and neither committed nor cancelled.

    Attributes
    ----------
    path : str
        The path that it would be published at.
    id : str
        The store's own name of the upload.
    started : datetime
        When it was begun, aware and in UTC.
    size : int or None
        The bytes that are durable so far; None where the store does not list
        it along.
    """

    path: str
    id: str
    started: datetime
    size: int | None = None


def begun_before(uploads: Iterable[UploadInfo], older_than: timedelta) -> list[UploadInfo]:
    """Those of the uploads that are older than that; all of them if it is nothing.

    The clock of a store may be a little ahead, and some round times up.
    """
    limit = datetime.now(timezone.utc) - older_than
    return [upload for upload in uploads if not older_than or upload.started <= limit]


@dataclass(frozen=True)
class Capabilities:
    """In what the stores differ. A driver declares it, the test suites hold it to it.

    Attributes
    ----------
    uploads_visible : bool
        What an upload has written can be seen at its path before `commit`,
        and replaces there what was committed before.
    resume_visible : bool
        The same, but only once a resumed upload is written to (or, for a
        store that appends so, content is appended): the store cannot let a
        short tail grow, so it is published first and then copied. After a
        `cancel` of such an upload there is nothing at the path.
    uploads_hide : bool
        An upload that was closed and not committed hides what was committed at
        its path before, since its state lies there; after its `cancel`, or
        when it is purged, there is nothing at the path.
    multiprocess : bool
        Another process, given the same parameters, sees the same store.
    key_and_prefix : bool
        ``/a`` and ``/a/b`` can both be files.
    empty_directories : bool
        A directory stays when the last file below it has gone.
    conflicts_detected : bool
        Of two writers of one path the one that lost gets `ConflictError` at
        the latest at its `commit`.
    server_side_copy : bool
        `copy` and `move` do not send the content through the client.
    signs_urls : bool
        `redirect_url` gives a URL. A URL that GET and HEAD can fetch.
    walk_order : {"bytewise", "tree"}
        The order of a walk, see `StorageDriver.walk`. Where it depends on the
        server, this is the order of a server that follows its protocol, and
        `StorageDriver.walk_order` that of the server at hand.
    """

    uploads_visible: bool = False
    resume_visible: bool = False
    uploads_hide: bool = False
    multiprocess: bool = True
    key_and_prefix: bool = True
    empty_directories: bool = False
    conflicts_detected: bool = False
    server_side_copy: bool = True
    signs_urls: bool = False
    walk_order: WalkOrder = "bytewise"


class FileReader(io.RawIOBase):
    """A raw binary stream of an object's content, as `StorageDriver.reader` gives it.

    ``read(n)`` may return fewer than `n` bytes before the end. The stream
    stays on one version of the object: after a broken connection it goes on
    at its position only if the object is still the same, else it raises
    `ConflictError`.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """The size of the whole object in bytes, whatever the offset of the stream."""

    def readable(self) -> bool:
        """A reader can be read."""
        return True


class FileWriter(io.RawIOBase):
    """An upload: bytes on their way to a path, as `StorageDriver.writer` gives it.

    Leaving a ``with`` block without `commit`, also by an exception, closes the
    writer: the upload stays and can be resumed, it is never published so. A
    writer that is dropped unclosed gives a `ResourceWarning` and does no
    network; its upload stays as after a kill.

    After `commit`, `cancel` or `close` only `close`, `size` and `closed` may be
    used; anything else raises `ValueError`, as closed files do.
    """

    @abstractmethod
    def write(self, data: Buffer, /) -> int:
        """Take all of `data` and return its length in bytes."""

    @property
    @abstractmethod
    def size(self) -> int:
        """All bytes of this upload: earlier sessions and what is still buffered included."""

    @abstractmethod
    def commit(self) -> None:
        """Publish the content at the path.

        Raises
        ------
        ConflictError
            Where the store can tell that another writer of the path won. The
            writer is closed then; after another failure it is still open, to
            commit again, to close or to cancel.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Remove everything of this upload.

        Where uploads are invisible, what was committed at the path before stays.
        """

    @abstractmethod
    def close(self) -> None:
        """Make all that was written durable, for `writer(path, append=True)` anywhere to go on.

        Calling it again does nothing. What is here only marks the stream as
        closed: an implementation does its own part first.
        """
        super().close()

    def writable(self) -> bool:
        """A writer can be written to."""
        return True


class StorageDriver(ABC):
    """A filesystem-like key/value store of files, as container registries use it.

    A path is ``(/[A-Za-z0-9._-]+)+`` with no component ``.`` or ``..``; the
    root ``/`` alone is for `stat`, `list` and `walk` and their kin. Making a
    driver is offline; a driver can be used by many threads, after a fork, and
    pickled.

    Every call raises `InvalidPathError` for a path outside that rule,
    `PermissionDeniedError` where the store refuses, `BucketNotFoundError`
    where the bucket is missing, `UnavailableError` where the store cannot be
    reached, times out or answers 429 or 5xx, and `StorageDriverError` for
    anything else that went wrong. Below, only what is particular is listed.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The name the driver is registered by; every error carries it."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """In what this store differs from others."""

    @property
    def walk_order(self) -> WalkOrder:
        """The order of a walk on the server at hand. It may ask the server."""
        return self.capabilities.walk_order

    @abstractmethod
    def get_content(self, path: str) -> bytes:
        """The whole content of a small file.

        Raises
        ------
        PathNotFoundError
            If there is no file at `path`.
        """

    @abstractmethod
    def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically: a reader sees the old bytes or the new ones."""

    @abstractmethod
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        """Open a file for streaming.

        Parameters
        ----------
        path : str
            The file to read.
        offset : int
            Where to begin, in bytes. At or past the end the stream is empty.
        length : int, optional
            How many bytes to give at most; None: up to the end.

        Raises
        ------
        PathNotFoundError
            If there is no file at `path`; here, not at the first read.
        InvalidOffsetError
            If `offset` or `length` is negative.
        """

    @abstractmethod
    def writer(self, path: str, append: bool = False) -> FileWriter:
        """Begin an upload, or go on with one.

        Parameters
        ----------
        path : str
            Where `FileWriter.commit` publishes.
        append : bool
            False starts over and clears older unfinished uploads of exactly
            this path. True goes on with the newest unfinished upload, or,
            where there is none, from the committed content.

        Raises
        ------
        PathNotFoundError
            If `append` and there is neither an upload nor content.
        """

    @abstractmethod
    def stat(self, path: str) -> FileInfo:
        """What is at `path`. Of a name that is both file and directory, the file.

        ``stat("/")`` succeeds on an empty root and raises where the bucket is
        missing or refused: it is the health check.

        Raises
        ------
        PathNotFoundError
            If there is neither a file nor a directory.
        """

    @abstractmethod
    def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children, sorted, files and directories.

        Raises
        ------
        PathNotFoundError
            If `path` is no directory. An empty root gives ``[]`` instead.
        """

    @abstractmethod
    def move(self, source: str, dest: str) -> None:
        """Move one file, over whatever file is at `dest`. A move onto itself does nothing.

        Raises
        ------
        PathNotFoundError
            If there is no file at `source`; a directory is none.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there.

        ``/a`` never touches ``/ab``.

        Raises
        ------
        PathNotFoundError
            If there is nothing at all.
        """

    @abstractmethod
    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,
    ) -> str | None:
        """A signed URL from which a client can fetch the file itself.

        Parameters
        ----------
        path : str
            The file. Whether it exists is not looked up.
        method : {"GET", "HEAD"}
            The method the client will use.
        expires : timedelta
            How long the URL shall work.
        client_address : str, optional
            The address of the client, for those who choose a URL by it.

        Returns
        -------
        str or None
            None where the store or its credentials cannot sign.

        Raises
        ------
        UnsupportedMethodError
            For another method.
        ParameterError
            If `expires` is not positive or longer than the store allows.
        """

    @abstractmethod
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        """Visit everything below `path`, depth first.

        A directory is visited just before its first entry, and its entries
        together. The order is bytewise on the paths, a directory counting as
        ``path/``; a store that lists in tree order keeps its own, and
        `walk_order` says which.

        Parameters
        ----------
        path : str
            The directory to walk; it is not visited itself.
        visit : callable
            Called with the `FileInfo` of each entry. It may raise `SkipDir`
            (do not enter this directory; on a file it is ignored) or
            `StopWalk`.
        start_after : str
            Visit exactly what comes after this path in the order of the walk.
            It need not exist. If it is a directory, that is where it stands;
            of a name that is both, the file, unless a ``/`` follows.

        Raises
        ------
        PathNotFoundError
            If `path` is no directory. The root always is one.
        """

    def copy(self, source: str, dest: str) -> None:
        """Copy one file, over whatever file is at `dest`. A copy onto itself does nothing.

        Raises
        ------
        PathNotFoundError
            If there is no file at `source`.
        """
        with self.reader(source) as reader:
            if source == dest:
                return
            writer = self.writer(dest)
            try:
                while piece := reader.read(_COPY_PIECE):
                    writer.write(piece)
                writer.commit()
            except BaseException:
                if not writer.closed:
                    writer.cancel()
                raise

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`."""
        try:
            self.stat(path)
        except PathNotFoundError:
            return False
        return True

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        """The files below `path`, in the order of a walk, for Python's loops.

        Parameters
        ----------
        path : str
            The directory to walk.
        start_after : str
            As for `walk`.

        Yields
        ------
        FileInfo
            Of files only. Memory stays constant, however many there are.
        """
        while True:
            batch: list[FileInfo] = []

            def visit(info: FileInfo, batch: builtins.list[FileInfo] = batch) -> None:
                batch.append(info)
                if len(batch) == _FILES_BATCH:
                    raise StopWalk

            self.walk(path, visit, start_after)
            yield from (info for info in batch if not info.is_dir)
            if len(batch) < _FILES_BATCH:
                return
            last = batch[-1]
            start_after = last.path + "/" if last.is_dir else last.path

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """The unfinished uploads at `path` and below it.

        Where a store cannot tell an upload from a file there are none to list.
        """
        check_directory(path, self.name)
        return iter(())

    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        """Remove the unfinished uploads at `path` and below it: they cost money.

        Parameters
        ----------
        path : str
            A file or a directory.
        older_than : timedelta
            Leave those that were begun more recently.

        Returns
        -------
        list of UploadInfo
            What was removed.
        """
        purged = begun_before(self.uploads(path), older_than)
        for upload in purged:
            self.writer(upload.path, append=True).cancel()
        return purged

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Give back connections and threads. The driver must not be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
