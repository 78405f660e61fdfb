"""The contract: what a storage driver is, and what each of its calls must do.

The eleven calls are those of the registry's ``storagedriver.StorageDriver``
(registry/storage/driver/storagedriver.go in distribution). This page is the
whole of what the author of a driver has to know. `storagedriver.testsuites`
tests it, line by line, for any driver.

**Success and failure.** A call that returns has done what it says. A call that
raised has lost nothing that was durable before it, and nothing that a writer
still holds.

**Threads.** Many threads may use one driver. One thread at a time may use a
reader or a writer.

**Atomic calls.** `StorageDriver.put_content` and `FileWriter.commit` publish
all of a content or nothing of it, and so does the destination of
`StorageDriver.move` and `StorageDriver.copy`. `Capabilities` says where a
reader can meet the moment between the old content and the new one.

**What is written is listed at once**: by `StorageDriver.stat`, `list` and
`walk` of any driver on the same store.

**Deadlines.** A driver of a remote store has a parameter ``timeout``. It bounds
the time until a request is answered, all its attempts together, and each
silence of a stream. A call that runs into it raises `UnavailableError`.
"""

from __future__ import annotations

import builtins
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from storagedriver import defaults
from storagedriver.errors import PathNotFoundError, UnsupportedMethodError
from storagedriver.paths import ROOT, NameRule, SortKey, WalkOrder, check_directory, sort_key

if TYPE_CHECKING:
    from types import TracebackType

    from fsspec import AbstractFileSystem
    from typing_extensions import Buffer, Self

    from storagedriver.aio import AsyncStorageDriver

__all__ = [
    "Capabilities",
    "ConflictsDetected",
    "FileInfo",
    "FileReader",
    "FileWriter",
    "RootReport",
    "SkipDir",
    "StopWalk",
    "StorageDriver",
    "Unfinished",
    "UploadInfo",
    "Visit",
]

#: Where an unfinished upload shows, see `Capabilities`.
Unfinished = Literal["invisible", "shown", "shown_when_resumed", "hides"]
#: Of which writers of one path the store finds the loser, see `Capabilities`.
ConflictsDetected = Literal["never", "fresh", "always"]


class SkipDir(Exception):  # noqa: N818 - the registry's name, and not an error
    """Raised by a `visit` to leave the directory it was called with unentered."""


class StopWalk(Exception):  # noqa: N818 - the same
    """Raised by a `visit` to end the walk; `StorageDriver.walk` then returns normally."""


@dataclass(frozen=True, init=False)
class FileInfo:
    """What is known of a path.

    Attributes
    ----------
    path : str
        The absolute path.
    size : int
        The size in bytes; 0 for a directory.
    mod_time : datetime
        When it was last changed, aware and in UTC. After a move or a copy it
        is the time of that call or the time of the source. For a directory
        that the store does not keep as such, the beginning of the epoch.
    is_dir : bool
        Whether it is a directory.
    version : str
        What changes whenever the content does: an ETag, a generation, an inode
        and its time. It may be empty, in a listing for one. It tells two
        contents of one path apart and means nothing else.
    """

    path: str
    size: int
    mod_time: datetime
    is_dir: bool
    version: str = ""

    def __init__(self, path: str, size: int, mod_time: datetime, is_dir: bool, version: str = "") -> None:
        # A walk makes thousands: what a frozen dataclass makes by itself sets each field by a call.
        fields = self.__dict__
        fields["path"] = path
        fields["size"] = size
        fields["mod_time"] = mod_time
        fields["is_dir"] = is_dir
        fields["version"] = version

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


@dataclass(frozen=True)
class RootReport:
    """What there is to say of the root directory that a driver was given, for a user who checks a configuration.

    Attributes
    ----------
    root : str
        The root directory, as it was given; ``""`` for all of a bucket.
    exists : bool
        Whether it is there; in a store without directories, whether anything is below it.
    obstacle : str
        Why it cannot be made where it does not exist, in one line; empty if nothing is known to be in the way.
    notes : tuple of str
        What else a user may want to know, each in one line: of files, for
        example, that this configuration does not show.
    """

    root: str = ""
    exists: bool = True
    obstacle: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """In what the stores differ. A driver declares it, the test suites hold it to it.

    Attributes
    ----------
    unfinished : {"invisible", "shown", "shown_when_resumed", "hides"}
        What an unfinished upload does at its path:

        ``invisible``
            Nothing. What was committed there before stays until `commit`.
        ``shown``
            It is seen like a file, at the latest after a `close`, and replaces
            what was committed there before. After a `cancel` there is nothing.
        ``shown_when_resumed``
            As ``invisible``, until bytes are written to an upload that was
            resumed, or appended to content. The store may have to publish what
            it holds to be able to go on. It is seen from then on, and
            replaces what was committed before. After a `cancel` there is
            nothing.
        ``hides``
            As ``invisible``, until a `close`. The state of the upload then is
            at the path, and hides what was committed there before. After its
            `cancel`, or when it is purged, there is nothing.
    multiprocess : bool
        Another process, given the same parameters, sees the same store.
    key_and_prefix : bool
        ``/a`` and ``/a/b`` can both be files.
    empty_directories : bool
        A directory stays when the last file below it has gone.
    conflicts_detected : {"never", "fresh", "always"}
        Of two writers of one path the one that lost gets `ConflictError`, at
        the latest at its `commit`: never; where the one that was opened later
        began anew (``fresh``), whatever the other one did before; or always.
        Where it depends on the server, this is what a server does that follows
        its protocol, and `StorageDriver.conflicts_detected` is what the server
        at hand does. Two writers that both resumed one upload, or both append
        to one content, can mix the bytes that they write unless this is
        ``always``. What was durable before both of them stays, and the content
        is as long as a commit that returned has said.
    atomic_replace : bool
        While `commit`, `move` or `copy` puts a file in the place of another
        one, a reader finds the old content or the new one, and never neither.
    server_side_copy : bool
        `copy` and `move` do not send the content through the client.
    signs_urls : bool
        `redirect_url` gives a URL. A URL that GET and HEAD can fetch.
    walk_order : {"bytewise", "tree"}
        The order of a walk, see `StorageDriver.walk`. Where it depends on the
        server, this is the order of a server that follows its protocol, and
        `StorageDriver.walk_order` that of the server at hand.
    """

    unfinished: Unfinished = "invisible"
    multiprocess: bool = True
    key_and_prefix: bool = True
    empty_directories: bool = False
    conflicts_detected: ConflictsDetected = "never"
    atomic_replace: bool = True
    server_side_copy: bool = True
    signs_urls: bool = False
    walk_order: WalkOrder = "bytewise"
    read_only: bool = False


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

    @property
    @abstractmethod
    def mod_time(self) -> datetime:
        """When the object was last changed, aware and in UTC."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The version that is read, see `FileInfo.version`; ``""`` where the store has none."""

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

    A call that failed leaves the writer open, and can be made again. Only
    `ConflictError` from `commit` or `close` closes the writer: the upload is
    gone, or belongs to another writer.

    An exception from outside, `KeyboardInterrupt` for one, is like a failure:
    `size` is right after it. A writer that cannot be sure of that refuses
    everything but `cancel` and `close`.
    """

    @abstractmethod
    def write(self, data: Buffer, /) -> int:
        """Take all of `data` and return its length in bytes.

        If it raises it has taken a prefix of `data`, which `size` counts: the
        caller goes on with the rest. Nothing of `data` is taken if that is at
        most one part long.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """All bytes of this upload: earlier sessions and what is still buffered included.

        Of a resumed upload it is what the upload really holds. What a session
        sent that was killed before its `close` counts here, or is gone.
        """

    @abstractmethod
    def commit(self) -> None:
        """Publish the content at the path: exactly `size` bytes, those that were written.

        If it raises it may be called again. It may have published all the same:
        an answer can be lost.

        Raises
        ------
        ConflictError
            Where the store can tell that another writer of the path won. The
            writer is closed then.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Remove everything of this upload. It works after any failure.

        After a cancel that failed only cancel can be called again.

        What was committed at the path before stays where `Capabilities` says
        so. A `commit` that raised may have published all the same: that stays,
        unless unfinished uploads are shown at the path anyway.
        """

    @abstractmethod
    def close(self) -> None:
        """Make all that was written durable, for `writer(path, append=True)` anywhere to go on.

        When it returns, a resume finds exactly `size` bytes. If it raises, the
        writer stays open, and the error's `StorageDriverError.durable` says how
        many bytes are known to be safe. Calling it again after it has returned
        does nothing. What is here only marks the stream as closed: an
        implementation does its own part first.
        """
        super().close()

    def writable(self) -> bool:
        """A writer can be written to."""
        return True


class StorageDriver(ABC):
    """A filesystem-like key/value store of files, as container registries use it.

    A path is ``(/[A-Za-z0-9._-]+)+`` with no component ``.`` or ``..``. Where
    `name_rule` is ``any``, a component is any text; `storagedriver.paths` has
    both rules. The root ``/`` alone is for `stat`, `list` and `walk` and their
    kin. Making a driver is offline; a driver can be used by many threads, after
    a fork, and pickled. A stream that is open over a fork belongs to the parent.

    Every call raises `InvalidPathError` for a path outside that rule,
    `PermissionDeniedError` where the store refuses, `BucketNotFoundError`
    where the bucket is missing (`BucketNotMadeError` where the first write
    makes it), `UnavailableError` where the store cannot be reached, times out
    or answers 429 or 5xx, and `StorageDriverError` for anything else that went
    wrong. Below, only what is particular is listed.
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
    def name_rule(self) -> NameRule:
        """The rule that paths follow: that of a registry, or ``any``, see `storagedriver.paths`."""
        return "registry"

    @property
    def walk_order(self) -> WalkOrder:
        """The order of a walk on the server at hand. It may ask the server."""
        return self.capabilities.walk_order

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers the server at hand finds the loser. It may ask the server."""
        return self.capabilities.conflicts_detected

    @property
    def filesystem(self) -> AbstractFileSystem:
        """The plain fsspec filesystem of the same files, rooted at the root directory, for tools that want just that.

        Nothing of the contract holds there: what it does is the filesystem's
        own way. A driver need not have one.

        Raises
        ------
        UnsupportedMethodError
            If fsspec has no filesystem for the store.
        """
        raise UnsupportedMethodError("fsspec has no filesystem for this store", driver_name=self.name)

    @property
    def aio(self) -> AsyncStorageDriver:
        """The same calls as coroutines, for asyncio."""
        from storagedriver.aio import AsyncStorageDriver  # noqa: PLC0415 - asyncio is slow to load

        return AsyncStorageDriver(self)

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
            where there is none, from the committed content. Content that was
            put after the upload was last written to ends the upload: the
            append goes on from the content. Stores date both by the second.

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
            `StopWalk`. Any other exception of it ends the walk and comes out
            as it is.
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
        defaults.copy(self, source, dest)

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
        return defaults.files(self, path, start_after, stop=StopWalk)

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """The unfinished uploads at `path` and below it.

        Where a store cannot tell an upload from a file there are none to list.
        """
        check_directory(path, self.name, self.name_rule)
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
        return defaults.purge_uploads(self, path, older_than)

    def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over.

        For content without an unfinished upload it is the size of the content.
        Where the question would disturb the upload, it is the size that was
        kept at the last `FileWriter.close`. A writer that is open in the
        meantime may have more.

        Parameters
        ----------
        path : str
            The file.

        Returns
        -------
        int
            Bytes.

        Raises
        ------
        PathNotFoundError
            If there is neither an upload nor content.
        """
        return defaults.upload_size(self, path)

    def root_report(self) -> RootReport:
        """What there is to say of the root directory. Nothing is made or changed for it."""
        return RootReport()

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Give back connections and threads.

        Neither the driver nor a reader or a writer of it may be used
        afterwards: close or commit the streams first. An upload that is left
        open stays as after a kill.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
