"""What a backend has to bring: a `Store`, in terms of keys.

A key is a path without its leading ``/``, relative to the root directory that
the store was made with: ``docker/registry/v2/...``. The store puts its prefix
before it, and takes it away from what it gives.

A store may raise whatever its SDK raises: `Store.classify` says what it means,
in one place, and the adapter completes it with the driver's name and the path.
It may as well raise an error of the contract itself, without name and path.

Concurrency: the adapter holds a slot of `Store.limit` around each call of this
interface and around each `Body.read`. An `Upload` is called without one and
takes a slot for each request it makes, since its requests run in threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol

from storagedriver.adapter.checksums import Checksum
from storagedriver.adapter.fanout import both, fan_out
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.prefetch import Prefetcher
from storagedriver.driver import Capabilities, ConflictsDetected, FileInfo, UploadInfo
from storagedriver.errors import StorageDriverError, UnavailableError, UnsupportedMethodError
from storagedriver.paths import WalkOrder

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = [
    "EPOCH",
    "Body",
    "EmptyBody",
    "Entry",
    "Failure",
    "Store",
    "Upload",
    "Uploads",
    "UploadsStore",
    "info_of",
    "pieces_of",
    "too_long",
]

#: The time of what has none, a directory of an object store for one.
EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True, init=False)
class Entry:
    """An object, or a directory, of a store.

    Attributes
    ----------
    key : str
        Its key, without a trailing ``/`` for a directory.
    size : int
        Bytes; 0 for a directory.
    mod_time : datetime
        Aware, in UTC; `EPOCH` where there is none.
    is_dir : bool
        Whether it is a directory.
    version : str
        What changes when the content does (ETag, generation, inode and time);
        empty where the store has no such thing or a listing does not show it.
    weak : bool
        Whether `version` is a time in whole seconds, which two contents can
        share. A stream compares it when it goes on; users are not shown it.
    checksum : Checksum or None
        What the store says of the whole content, with an answer that has it. A
        stream of all of it is compared with that.
    """

    key: str
    size: int = 0
    mod_time: datetime = EPOCH
    is_dir: bool = False
    version: str = ""
    weak: bool = False
    checksum: Checksum | None = None

    def __init__(
        self,
        key: str,
        size: int = 0,
        mod_time: datetime = EPOCH,
        is_dir: bool = False,
        version: str = "",
        weak: bool = False,
        checksum: Checksum | None = None,
    ) -> None:
        # A listing makes thousands: what a frozen dataclass makes by itself sets each field by a call.
        fields = self.__dict__
        fields["key"] = key
        fields["size"] = size
        fields["mod_time"] = mod_time
        fields["is_dir"] = is_dir
        fields["version"] = version
        fields["weak"] = weak
        fields["checksum"] = checksum


def info_of(entry: Entry) -> FileInfo:
    """The entry as the contract shows it."""
    return FileInfo("/" + entry.key, entry.size, entry.mod_time, entry.is_dir, "" if entry.weak else entry.version)


def too_long(name: str, most: int) -> str:
    """What `Store.refuses` says of the whole name of an object: whether it has more bytes than the store takes."""
    size = len(name.encode(errors="surrogateescape"))
    return f"with the root directory it has {size} bytes, and the store takes {most}" if size > most else ""


@dataclass(frozen=True)
class Failure:
    """What an exception of a store's SDK means.

    Attributes
    ----------
    kind : type of StorageDriverError
        The error of the contract.
    detail : str
        The store's own words, in one line, without secrets.
    hint : str
        What a user can do about it, in one line.
    """

    kind: type[StorageDriverError]
    detail: str = ""
    hint: str = ""


class Body(Protocol):
    """The open content of an object, from an offset on."""

    @property
    def entry(self) -> Entry:
        """The object that is read; its size is that of the whole object."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, ``b""`` at the end of what was asked for.

        An error of the connection, a premature end too, is an exception that
        `Store.classify` calls `UnavailableError`: the reader then goes on with
        a new body.
        """

    def close(self) -> None:
        """Give the connection back."""


def pieces_of(body: Body, size: int, most: int = 1 << 20) -> Iterator[bytes]:
    """The next bytes of a content, in pieces.

    Parameters
    ----------
    body : Body
        The content.
    size : int
        How many bytes are wanted.
    most : int
        How many of them are asked for at a time.

    Raises
    ------
    UnavailableError
        If the content ends before.
    """
    while size:
        piece = body.read(min(size, most))
        if not piece:
            raise UnavailableError("the content ended before its size was reached")
        size -= len(piece)
        yield piece


class EmptyBody:
    """The content of an object where nothing of it is asked for, from its end on for one."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def read(self, _size: int, /) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Nothing is held."""


class Upload(ABC):
    """An unfinished upload of one key, opened by one writer.

    The writer calls nothing after `suspend`, `commit` or `cancel` has returned.
    One that raised may be called again, and so may all others: the upload holds
    on to whatever is not known to be durable. Only one thread at a time calls.
    An upload takes its own slots.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """All bytes: those of earlier sessions and those that are buffered included."""

    @property
    def durable(self) -> int | None:
        """How many bytes `Store.resume` would find at least, after a kill right now; None: not known."""
        return None

    @abstractmethod
    def write(self, data: memoryview, /) -> None:
        """Take all of `data`, a view of bytes that is only valid during the call.

        If it raises it has taken a prefix, which `size` counts; of data of at
        most one part, nothing.
        """

    @abstractmethod
    def suspend(self) -> None:
        """Make everything durable, so that `Store.resume` finds exactly `size` bytes from anywhere."""

    @abstractmethod
    def commit(self) -> None:
        """Publish the content: exactly `size` bytes."""

    @abstractmethod
    def cancel(self) -> None:
        """Remove everything of the upload."""

    def abandon(self) -> None:  # noqa: B027 - most uploads hold nothing local
        """Let go of threads, buffers and files, without any network."""


class Store(ABC):
    """A backend as the adapter sees it.

    Attributes
    ----------
    name : str
        The driver's name.
    capabilities : Capabilities
        What the driver declares.
    limit : Limit
        How many requests may run at a time.
    prefetcher : Prefetcher
        What fetches the pages of listings before they are asked for.
    put_limit : int
        The most bytes that `put` takes; larger contents go through an upload.
    max_expires : timedelta
        The longest life of a signed URL.
    read_concurrency : int
        How many ranges of one stream are read at a time.
    root_directory : str
        What every key is below, as the user gave it; ``""`` for all of a bucket.
    extra : str
        The extra of this package that brings what the store needs; ``""`` where there is none.
    secrets : sequence of str
        Texts that must not appear in an error.
    """

    extra: str = ""
    capabilities: Capabilities
    root_directory: str = ""
    put_limit: int = 5 << 30
    max_expires: timedelta = timedelta(days=7)
    read_concurrency: int = 1

    def __init__(self, name: str, *, limit: Limit | None = None, secrets: Sequence[str] = ()) -> None:
        self.name = name
        self.limit = limit or Limit(None)
        self.prefetcher = Prefetcher()
        self.secrets = secrets

    @property
    def walk_order(self) -> WalkOrder:
        """The order in which the server at hand lists; it may be asked."""
        return self.capabilities.walk_order

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers of one path the server at hand finds the loser; it may be asked."""
        return self.capabilities.conflicts_detected

    def root_exists(self) -> bool:
        """Whether the root directory is there. A store without directories has one where there is an entry."""
        pages = self.pages("", recursive=True, limit=1, skipped=set())
        return not self.root_directory or any(bool(page) for page in pages)

    def root_obstacle(self) -> str:
        """Why the root directory, which does not exist, cannot be made; empty if nothing is known."""
        return ""

    def root_notes(self) -> Sequence[str]:
        """What else a user should know of the place; each in one line."""
        return ()

    @property
    def filesystem(self) -> AbstractFileSystem:
        """The fsspec filesystem of the same files, rooted at the root directory. A store need not have one.

        It is for users: it runs on fsspec's own event loop, which the calls of a store must not wait for.
        """
        raise UnsupportedMethodError("fsspec has no filesystem for this store")

    @staticmethod
    def rooted(filesystem: Any, bucket: str, prefix: str) -> Any:
        """A filesystem of fsspec, of which only a bucket is shown, below what stands before every key."""
        from fsspec.implementations.dirfs import DirFileSystem  # noqa: PLC0415 - only for those who ask

        return DirFileSystem(f"{bucket}/{prefix}".rstrip("/"), filesystem, skip_instance_cache=True)

    @abstractmethod
    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception of the SDK means. When in doubt: `StorageDriverError`."""

    def refuses(self, key: str, /) -> str:  # noqa: ARG002 - some stores take any key that a path can name
        """Why the store cannot have a key, ``""`` if it can. It is asked before anything is written."""
        return ""

    @abstractmethod
    def head(self, key: str, /) -> Entry | None:
        """The object `key`, or a directory if the store keeps directories; None if there is none.

        A missing bucket may give None as well, if the store cannot tell
        without another request: a listing follows wherever it matters.
        """

    @abstractmethod
    def get(self, key: str, /) -> bytes:
        """The whole content."""

    @abstractmethod
    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content.

        Parameters
        ----------
        key : str
            The object.
        offset : int
            The first byte; at or past the end the body is empty.
        length : int, optional
            The most bytes that will be read.
        version : str
            If not empty, raise `ConflictError` unless the object is still
            this version.
        """

    @abstractmethod
    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""

    @abstractmethod
    def pages(
        self, prefix: str, *, recursive: bool, start_after: str = "", limit: int = 0, skipped: AbstractSet[str]
    ) -> Iterator[Sequence[Entry]]:
        """List, a request at a time, in the order of `walk_order`.

        A store whose pages are worth to be fetched before they are asked for
        gives a `storagedriver.adapter.prefetch.Listing`.

        Parameters
        ----------
        prefix : str
            A directory, ``""`` for the root, else with a trailing ``/``. A
            store that keeps directories raises its "not found" for one that
            is missing, but for the root.
        recursive : bool
            All objects below, and such directories as the store keeps; else
            the direct children, directories as entries, whose sizes and times
            are not used.
        start_after : str
            A key, with a trailing ``/`` where it is meant as a directory: only
            what comes after it is wanted. Entries before it do no harm.
        limit : int
            How many entries are wanted at most; 0 for all.
        skipped : set of str
            Keys of directories whose content is not wanted. The caller adds
            to it while it goes through a page, when the next one may have been
            asked for already; entries below them do no harm.
        """

    def infos(self, prefix: str, *, start_after: str, skipped: set[str]) -> Iterator[Sequence[FileInfo]] | None:  # noqa: ARG002 - the same
        """All that is below a directory, as a walk shows it; None for a store that only lists by `pages`.

        It is for a store of local directories, where the making of an `Entry`
        and the search for the directories in its key cost more than the
        listing.

        Parameters
        ----------
        prefix, start_after, skipped
            As for `pages`.

        Returns
        -------
        iterator or None
            Pages in the order of `walk_order`, with each directory before what
            is in it. As in `pages`, names that no path can have do no harm.
        """
        return None

    def names(self, prefix: str, /) -> Sequence[str] | None:  # noqa: ARG002 - most have only their pages
        """The names of the direct children, each once, in any order; None for a store that only lists by `pages`.

        It is for a store that has names without sizes at hand, and no pages of
        them.

        Parameters
        ----------
        prefix : str
            As for `pages`, and so is what is raised.
        """
        return None

    @abstractmethod
    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object over `dest`; done when it returns."""

    def move(self, source: str, dest: str, /) -> None:
        """Move an object over `dest`."""
        self.copy(source, dest)
        self.delete([source])

    @abstractmethod
    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects. One that is missing is no error; any other failure is reported."""

    def delete_tree(self, key: str, /) -> bool:
        """Delete the object, everything below it and the unfinished uploads there.

        The uploads go first, so that a refusal comes before anything is gone.

        Returns
        -------
        bool
            Whether there was anything.
        """
        found = self.abort_all(list(self.uploads(key)))
        found = self.head(key) is not None or found
        for page in self.pages(key + "/", recursive=True, skipped=set()):
            if page:
                found = True
                self.delete([entry.key for entry in page])
        if found:
            self.delete([key])
        return found

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:  # noqa: ARG002 - most cannot
        """A signed URL for GET or HEAD, None where that is not possible."""
        return None

    def origin_path(self, network: str, key: str, /) -> str | None:  # noqa: ARG002 - most are no origin of any
        """As `storagedriver.adapter.driver.FsspecDriver.origin_path`, of a key."""
        return None

    @abstractmethod
    def begin(self, key: str, /) -> Upload:
        """Begin an upload, clearing unfinished ones of exactly this key."""

    @abstractmethod
    def resume(self, key: str, /) -> Upload:
        """Go on with the newest unfinished upload of `key`, else from its content.

        Raises its "not found" where there is neither.
        """

    def upload_size(self, key: str, /) -> int | None:
        """The bytes that `resume` would find, without taking the upload over; None where it would find nothing.

        The default is for a store whose unfinished uploads are seen at their
        keys like any content.
        """
        entry = self.head(key)
        return None if entry is None or entry.is_dir else entry.size

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:  # noqa: ARG002 - the default has none
        """The unfinished uploads of `key` and below it; of all for ``""``."""
        return iter(())

    def abort(self, upload: UploadInfo, /) -> None:  # noqa: B027 - a store without uploads has nothing to abort
        """Remove an unfinished upload; one that is gone is no error."""

    def abort_all(self, uploads: Sequence[UploadInfo], /) -> bool:
        """Remove unfinished uploads, and say whether there were any."""
        fan_out(self.abort, uploads, name="abort")
        return bool(uploads)

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Give back connections and threads."""


class Uploads(Protocol):
    """The uploads of a store, kept by an object of their own; the calls are those of `Store`."""

    def begin(self, key: str, /) -> Upload:
        """As `Store.begin`."""

    def resume(self, key: str, /) -> Upload:
        """As `Store.resume`."""

    def upload_size(self, key: str, /) -> int | None:
        """As `Store.upload_size`."""

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """As `Store.uploads`."""

    def abort(self, upload: UploadInfo, /) -> None:
        """As `Store.abort`."""


class UploadsStore(Store):
    """A remote store that leaves its uploads to `Uploads`, which it makes when it is made."""

    _uploads: Uploads

    def delete_tree(self, key: str, /) -> bool:
        """As `Store.delete_tree`. What is there is asked for at once, and a page listed while another is deleted."""
        listing = self.pages(key + "/", recursive=True, skipped=set())
        with closing(self.prefetcher.pages(listing, early=True)) as pages:
            uploads, entry = both(lambda: list(self.uploads(key)), lambda: self.head(key))
            found = self.abort_all(uploads) or entry is not None
            for page in pages:
                if page:
                    found = True
                    self.delete([entry.key for entry in page])
        if found:
            # Whether or not an object was there: some servers keep an emptied directory until it is deleted too.
            self.delete([key])
        return found

    def begin(self, key: str, /) -> Upload:
        """Begin an upload, clearing unfinished ones of exactly this key."""
        return self._uploads.begin(key)

    def resume(self, key: str, /) -> Upload:
        """Go on with the newest unfinished upload, else from the content."""
        return self._uploads.resume(key)

    def upload_size(self, key: str, /) -> int | None:
        """The bytes that `resume` would find."""
        return self._uploads.upload_size(key)

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """The unfinished uploads of `key` and below it."""
        return self._uploads.uploads(key)

    def abort(self, upload: UploadInfo, /) -> None:
        """Remove an unfinished upload."""
        self._uploads.abort(upload)
