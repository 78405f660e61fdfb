"""`GenericStore`: a store over any fsspec filesystem, with nothing but fsspec's own interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import partial
from typing import Any

from fsspec.implementations.dirfs import DirFileSystem

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Body, Entry, Failure, Store, Upload
from storagedriver.adapter.tree import tree_pages
from storagedriver.driver import Capabilities, UploadInfo
from storagedriver.drivers.fsspec.errors import failure_of, is_disconnected, names_missing_bucket
from storagedriver.drivers.fsspec.files import Files, Filesystem, parent_of
from storagedriver.drivers.fsspec.names import Staging
from storagedriver.drivers.fsspec.removal import remove_tree
from storagedriver.drivers.fsspec.traits import Rename
from storagedriver.drivers.fsspec.uploads import begin, resume
from storagedriver.errors import ConflictError, ReadOnlyError, StorageDriverError, UnavailableError

__all__ = ["GenericStore"]

#: How many directories are remembered to be there.
_KNOWN = 10_000
#: The most bytes of a name.
_NAME_MAX = 255


class GenericStore(Store):
    """A store over any fsspec filesystem.

    A name is a file or a directory, never both. Where the filesystem does not
    see to that itself (an object store) this store looks before it writes: at
    the path, and at the directories above that it has not seen before.

    Parameters
    ----------
    name : str
        The driver's name.
    filesystem : AbstractFileSystem or callable
        The filesystem. A callable makes it when it is first needed, in each
        process, and gives it together with the path on it that `root` is
        relative to.
    root : str
        The root directory, a path on the filesystem.
    put : {"staged", "direct"}
        Whether a put writes beside the path and renames, or at the path.
    directories : {"kept", "implied"}
        Whether the filesystem keeps directories, or shows one for whatever
        has a ``/`` in its name.
    multiprocess : bool
        Whether another process sees the same files.
    atomic_replace : bool
        Whether a rename, or a copy of an object store, overwrites a file in
        one step.
    native_copy : bool
        Whether the filesystem's ``cp_file`` is done when it returns.
    read_only : bool
        Whether every change is refused.
    rename : callable, optional
        Renames a file over another one: see `storagedriver.drivers.fsspec.traits.Traits`.
    signing : map, optional
        For GET and for HEAD, the arguments that make the filesystem's ``sign``
        give a URL for that method. fsspec has no argument for it that all filesystems take.
    limit : Limit, optional
        How many calls run at a time.
    secrets : sequence of str
        What must not appear in an error.
    """

    put_limit = 1 << 62

    def __init__(  # noqa: PLR0913 - each is a thing of its own in which filesystems differ
        self,
        name: str,
        filesystem: Filesystem,
        root: str = "",
        *,
        put: str = "staged",
        directories: str = "kept",
        multiprocess: bool = True,
        atomic_replace: bool = True,
        native_copy: bool = True,
        read_only: bool = False,
        rename: Rename | None = None,
        signing: Mapping[str, Mapping[str, Any]] | None = None,
        limit: Limit | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        super().__init__(name, limit=limit, secrets=secrets)
        self.capabilities = Capabilities(
            multiprocess=multiprocess,
            key_and_prefix=False,
            empty_directories=directories == "kept",
            conflicts_detected="always",
            atomic_replace=atomic_replace,
            server_side_copy=False,
            signs_urls=bool(signing),
            read_only=read_only,
        )
        self._signing = dict(signing or {})
        self.files = Files(filesystem, root, native_copy=native_copy, rename=rename)
        self.staging = Staging(self.files, beside=directories == "kept")
        self.put_directly = put == "direct"
        self.root_directory = root
        self._known: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        if not self.capabilities.multiprocess:
            message = f"{self.name}: a driver that lives in the memory of one process cannot be pickled"
            raise TypeError(message)
        # A limit is of one process.
        return {**self.__dict__, "_known": set(), "limit": self.limit.slots}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "limit": Limit(state["limit"])})

    @property
    def keeps_directories(self) -> bool:
        """Whether there are directories without files in them."""
        return self.capabilities.empty_directories

    @property
    def filesystem(self) -> Any:
        """The filesystem, rooted at the root directory."""
        root, fs = self.files.path(""), self.files.shown
        return DirFileSystem(path=root, fs=fs, skip_instance_cache=True) if root else fs

    def root_exists(self) -> bool:
        """Whether the filesystem has it, where it keeps directories."""
        path = self.files.path("")
        self.root_directory = path
        return bool(self.files.fs.isdir(path)) if path and self.keeps_directories else super().root_exists()

    def classify(self, error: Exception, /) -> Failure:
        """Go by the builtin exceptions that fsspec filesystems raise, and by the HTTP status of others."""
        failure = failure_of(error)
        if failure.kind is UnavailableError and is_disconnected(error):
            self.files.disconnect()
        return failure

    def refuses(self, key: str, /) -> str:
        """255 bytes between two slashes, where directories are kept: that is so on disks and on servers of files."""
        if not self.keeps_directories or not self.capabilities.multiprocess:
            return ""
        longest = max(len(part.encode(errors="surrogateescape")) for part in key.split("/"))
        return f"a name in it has {longest} bytes, and at most {_NAME_MAX} are possible" if longest > _NAME_MAX else ""

    def head(self, key: str, /) -> Entry | None:
        """The file or the directory.

        Where directories are only implied, the filesystem's word that there is
        one is not taken: some servers say so for a while after it was emptied.
        """
        entry = self.files.entry(key)
        return None if entry is not None and entry.is_dir and not self.keeps_directories else entry

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return self.files.read(key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the file."""
        body = self.files.body(key, offset, length, version)
        body.slot = self.limit.slot
        return body

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content beside the path and rename it, or write it at the path if that was asked for."""
        self._check_writable()
        data = bytes(content)
        if self.put_directly:
            self._check_place(key)
            with self._writing(key) as attempt:
                attempt(lambda: self.files.write(key, data))
            return
        self._publish_new(key, lambda staged: self.files.write(staged, data))

    def pages(
        self, prefix: str, *, recursive: bool, start_after: str = "", limit: int = 0, skipped: AbstractSet[str]
    ) -> Iterator[Sequence[Entry]]:
        """List directory by directory. Errors are errors, below the first directory as well."""
        del limit  # a directory is listed whole
        if not recursive:
            unsized = partial(self.children, sized=False)
            return tree_pages(unsized, prefix, recursive=False, start_after=start_after, skipped=skipped)
        if self.keeps_directories:
            circles: set[str] = set()

            def entered(key: str) -> list[Entry]:
                return [] if key in circles else self.children(key, circles=circles)

            return tree_pages(entered, prefix, recursive=True, start_after=start_after, skipped=skipped)

        def children(key: str) -> list[Entry]:
            # A directory is seen with its first file only, and so is found to be skipped late.
            parts = key.split("/")
            above = ("/".join(parts[:end]) for end in range(1, len(parts)))
            return [] if any(directory in skipped for directory in above) else self.children(key)

        pages = tree_pages(children, prefix, recursive=True, start_after=start_after, skipped=skipped)
        return ([entry for entry in page if not entry.is_dir] for page in pages)

    def children(self, key: str, *, sized: bool = True, circles: set[str] | None = None) -> list[Entry]:
        """What is in a directory, our own files left out.

        Parameters
        ----------
        key : str
            The directory.
        sized : bool
            Whether sizes and times are wanted.
        circles : set of str, optional
            Gets the links that lead to a directory that they are in, and so must not be entered.

        Raises
        ------
        FileNotFoundError
            If it is no directory; the root always is one.
        """
        prefix = key + "/" if key else ""
        try:
            lines = [(prefix + name, info) for name, info in self.files.listing(key)]
        except FileNotFoundError as error:
            if key or names_missing_bucket(error):
                raise
            return []
        entries = []
        for child, info in lines:
            entry = None if self.staging.hides(child) else self.files.child(child, info, sized=sized)
            if entry is None:
                continue
            entries.append(entry)
            is_link = info.get("type") == "link" or info.get("islink")
            if circles is not None and entry.is_dir and is_link and self.files.leads_up(child):
                circles.add(child)
        return entries

    def copy(self, source: str, dest: str, /) -> None:
        """Copy beside the destination and rename; an object store's own copy is atomic as it is."""
        self._check_writable()
        self.files.file(source)
        if self.keeps_directories or not self.files.native_copy:
            self._publish_new(dest, lambda staged: self.files.copy(source, staged))
        else:
            self._check_place(dest)
            with self._writing(dest) as attempt:
                attempt(lambda: self.files.copy(source, dest))

    def move(self, source: str, dest: str, /) -> None:
        """Rename the file, or copy and delete it where the filesystem cannot."""
        self._check_writable()
        self.files.file(source)
        with self._writing(dest) as attempt:
            attempt(lambda: self.publish(source, dest))

    def publish(self, source: str, dest: str) -> None:
        """Rename a file over another one; over a directory is a conflict."""
        self._check_place(dest)
        self.files.replace(source, dest, self.staging.temporary(dest, "o"))

    def delete(self, keys: Sequence[str], /) -> None:
        """Remove the files; every one is tried before the first failure is raised."""
        self._check_writable()
        failed: list[Exception] = []
        for key in keys:
            try:
                self.files.remove(key)
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)
        if failed:
            raise failed[0]

    def delete_tree(self, key: str, /) -> bool:
        """Remove the file, the link or the directory, and what is unfinished there."""
        self._check_writable()
        self._known.clear()
        found = False
        if self.keeps_directories:
            # What is unfinished below it is removed with the tree. What is behind a link stays.
            for upload_id in {staged.upload for staged in self.staging.of(key)}:
                self.staging.remove_upload(key, upload_id)
                found = True
            return remove_tree(self.files, key) or found
        for upload in list(self.uploads(key)):
            self.abort(upload)
            found = True
        entry = self.files.entry(key)
        if entry is not None and not entry.is_dir:
            self.files.remove(key)
            found = True
        with contextlib.suppress(FileNotFoundError):
            for page in self.pages(key + "/", recursive=True, skipped=frozenset()):
                found = found or bool(page)
                self.delete([entry.key for entry in page])
        return found

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """Have the filesystem sign, if it is known how to ask it."""
        arguments = self._signing.get(method)
        if arguments is None:
            return None
        path, seconds = self.files.path(key), int(expires.total_seconds())
        return str(self.files.fs.sign(path, expiration=seconds, **arguments))

    def begin(self, key: str, /) -> Upload:
        """Begin an upload in staging files."""
        self._check_writable()
        self._check_place(key)
        with self._writing(key) as attempt:
            upload: Upload = attempt(lambda: begin(self.staging, key, self.limit, self.publish))
        return upload

    def resume(self, key: str, /) -> Upload:
        """Go on with staging files, else with a copy of the content."""
        self._check_writable()
        entry = self.files.entry(key)
        committed = None if entry is None or entry.is_dir else entry
        return resume(self.staging, key, committed, self.limit, self.publish)

    def upload_size(self, key: str, /) -> int | None:
        """The bytes of the newest upload that is not stale, else of the content."""
        entry = self.files.entry(key)
        committed = None if entry is None or entry.is_dir else entry
        for group in self.staging.uploads_of(key):
            if not self.staging.is_stale(group, committed):
                return group.size
        return None if committed is None else committed.size

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """Unfinished uploads, and what puts have left that were killed."""
        return self.staging.infos(key)

    def abort(self, upload: UploadInfo, /) -> None:
        """Remove the staging files."""
        self._check_writable()
        self.staging.remove_upload(upload.path[1:], upload.id)

    def close(self) -> None:
        """Close connections that were opened here."""
        self.files.disconnect(in_the_end=True)

    def _check_writable(self) -> None:
        if self.capabilities.read_only:
            raise ReadOnlyError("its files can only be read")

    def _publish_new(self, key: str, write: Any) -> None:
        """Have a file written beside the key and rename it onto the key."""
        staged = self.staging.temporary(key, "p")

        def attempt_once() -> None:
            try:
                write(staged)
                self.publish(staged, key)
            except BaseException:
                self.files.remove(staged, quietly=True)
                raise

        with self._writing(key) as attempt:
            attempt(attempt_once)

    @contextlib.contextmanager
    def _writing(self, key: str) -> Iterator[Any]:
        """Prepare the directories of a key; give what makes an attempt to write there.

        The attempt is made again if the directory is gone that was there a
        moment ago. A failure is a conflict if a name would be both file and
        directory: many filesystems say nothing of the kind.
        """

        def attempt(write: Any) -> Any:
            try:
                return write()
            except FileNotFoundError:
                if not self.keeps_directories:
                    raise
                self._known.clear()
                self._make_way(key)
                return write()

        try:
            self._make_way(key)
            yield attempt
        except (StorageDriverError, PermissionError):
            raise
        except Exception as error:
            blocked = False
            if not is_disconnected(error):
                with contextlib.suppress(Exception):
                    blocked = self._is_blocked(key)
            if blocked:
                raise ConflictError("a file and a directory cannot have one name") from error
            raise

    def _make_way(self, key: str) -> None:
        parent = parent_of(key)
        self.files.check_length(key)
        if parent not in self._known:
            if self.keeps_directories:
                self.files.make_directory(parent)
            elif self._is_below_a_file(key):
                raise ConflictError("a file and a directory cannot have one name")
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known.add(parent)

    def _check_place(self, key: str) -> None:
        if self._is_directory(key):
            raise ConflictError("there is a directory")

    def _is_blocked(self, key: str) -> bool:
        return self._is_directory(key) or self._is_below_a_file(key)

    def _is_below_a_file(self, key: str) -> bool:
        while key := parent_of(key):
            if key in self._known:
                return False
            entry = self.files.entry(key)
            if entry is not None:
                return not entry.is_dir
        return False

    def _is_directory(self, key: str) -> bool:
        entry = self.files.entry(key)
        if entry is None or not entry.is_dir:
            return False
        if self.keeps_directories:
            return True
        with contextlib.suppress(FileNotFoundError):
            return any(self.pages(key + "/", recursive=True, skipped=frozenset()))
        return False
