"""`FilesystemStore`: a store over the local filesystem."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Entry, Failure, Store, Upload
from storagedriver.adapter.tree import tree_pages
from storagedriver.driver import Capabilities, FileInfo, UploadInfo
from storagedriver.drivers.filesystem.body import FileBody
from storagedriver.drivers.filesystem.directories import Directories, entry_of
from storagedriver.drivers.filesystem.disk import (
    check_length,
    check_place,
    make_directories,
    open_file,
    remove_directories,
    sync_directory,
    write_all,
)
from storagedriver.drivers.filesystem.parameters import FilesystemParameters
from storagedriver.drivers.filesystem.removal import remove_tree
from storagedriver.drivers.filesystem.unfinished import STAGED_LONGER, Unfinished, is_staged, staged_beside
from storagedriver.drivers.filesystem.upload import FileUpload
from storagedriver.errors import (
    ConflictError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
)

__all__ = ["FilesystemStore"]

#: How often the directories above a path are made, if another process deletes them meanwhile.
_ATTEMPTS = 2


class FilesystemStore(Store):
    """A store over the local filesystem.

    It goes below fsspec's `LocalFileSystem` for what that does not do: fsync,
    a rename within one directory, and writing in place.
    """

    capabilities = Capabilities(
        unfinished="shown",
        key_and_prefix=False,
        empty_directories=True,
        conflicts_detected="always",
    )
    put_limit = 1 << 62

    def __init__(self, name: str, parameters: FilesystemParameters) -> None:
        super().__init__(name, limit=Limit(parameters.maxthreads))
        self._parameters = parameters
        self._directories = Directories(os.path.abspath(parameters.rootdirectory))
        self._unfinished = Unfinished(self._directories)
        self._path = self._directories.path
        self.root_directory = self._directories.root

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """A `LocalFileSystem` below the root directory."""
        return DirFileSystem(path=self._directories.root, fs=LocalFileSystem(auto_mkdir=True), skip_instance_cache=True)

    def root_exists(self) -> bool:
        """Whether it is a directory."""
        return os.path.isdir(self.root_directory)

    def root_obstacle(self) -> str:
        """Whether the directory that it would be made in takes it."""
        above = self.root_directory
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if not os.path.isdir(above):
            return f"{above} is no directory"
        return "" if os.access(above, os.W_OK | os.X_OK) else f"{above} cannot be written to by this user"

    def classify(self, error: Exception, /) -> Failure:
        """Go by the errno."""
        detail = str(error)
        if isinstance(error, FileNotFoundError):
            return Failure(PathNotFoundError)
        if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == errno.EROFS):
            return Failure(PermissionDeniedError, detail)
        if isinstance(error, (IsADirectoryError, NotADirectoryError, FileExistsError)):
            return Failure(ConflictError, "a file and a directory cannot have one name")
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return Failure(InvalidPathError, detail)
        return Failure(StorageDriverError, detail)

    def refuses(self, key: str, /) -> str:
        """A name, and a path on the disk, has a longest length."""
        try:
            check_length(self._path(key), spare=STAGED_LONGER)
        except InvalidPathError as error:
            return error.detail
        return ""

    def head(self, key: str, /) -> Entry | None:
        """Stat the file or the directory. A pipe, a socket and a device are neither."""
        try:
            status = os.stat(self._path(key))
        except (FileNotFoundError, NotADirectoryError):
            return None
        usual = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
        return entry_of(key, status) if usual else None

    def get(self, key: str, /) -> bytes:
        """Read the whole file."""
        with contextlib.closing(self.stream(key, 0, None, "")) as body:
            return body.read_all()

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> FileBody:  # noqa: ARG002 - an open file keeps its version
        """Open the file."""
        return FileBody(key, self._path(key), offset)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write a file beside the path, then rename it onto the path."""

        def write(staged: str) -> None:
            file = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                write_all(file, content)
                os.fsync(file)
            finally:
                os.close(file)

        self._publish(key, write)

    def pages(
        self, prefix: str, *, recursive: bool, start_after: str = "", limit: int = 0, skipped: AbstractSet[str]
    ) -> Iterator[Sequence[Entry]]:
        """List directory by directory. A link to a directory that it is in is not entered."""
        del limit  # a directory is read whole
        circles: set[str] = set()

        def children(key: str) -> list[Entry]:
            return [] if key in circles else self._children(key, sized=recursive, circles=circles)

        return tree_pages(children, prefix, recursive=recursive, start_after=start_after, skipped=skipped)

    def infos(self, prefix: str, *, start_after: str, skipped: set[str]) -> Iterator[Sequence[FileInfo]]:
        """As `pages`, a page for each directory that may be entered next."""
        circles: set[str] = set()
        page: list[FileInfo] = []
        # The directories that are open, each with what is left of it. A tree may be deeper than Python's stack.
        open_ = [iter(self._infos(prefix[:-1], circles))]
        while open_:
            info = next(open_[-1], None)
            if info is None:
                open_.pop()
                continue
            page.append(info)
            if not info.is_dir:
                continue
            yield page
            page = []
            key = info.path[1:]
            below = key + "/"
            if key in skipped or key in circles or (below < start_after and not start_after.startswith(below)):
                continue
            # It was there a moment ago. If it has been deleted since, it is empty.
            with contextlib.suppress(FileNotFoundError):
                open_.append(iter(self._infos(key, circles)))
        yield page

    def names(self, prefix: str, /) -> Sequence[str]:
        """The names in a directory."""
        files, directories = self._directories.names(prefix[:-1])
        return [name for name in files if not is_staged(name)] + directories

    def copy(self, source: str, dest: str, /) -> None:
        """Copy the file beside the destination, then rename it."""
        self._check_file(source)

        def write(staged: str) -> None:
            shutil.copyfile(self._path(source), staged)
            with open(staged, "rb", buffering=0) as file:
                os.fsync(file.fileno())

        self._publish(dest, write)

    def move(self, source: str, dest: str, /) -> None:
        """Rename the file; of a link, the link."""
        self._check_file(source)
        path, target = self._path(source), self._path(dest)
        _check_target(target)
        _in_directory(os.path.dirname(target), lambda: os.replace(path, target))
        sync_directory(os.path.dirname(target))
        if os.path.dirname(path) != os.path.dirname(target):
            # Without a journal a crash could leave the file under both names.
            sync_directory(os.path.dirname(path))

    def delete(self, keys: Sequence[str], /) -> None:
        """Unlink the files."""
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(key))

    def delete_tree(self, key: str, /) -> bool:
        """Remove the file, the link or the directory; what is staged below it goes along."""
        path = self._path(key)
        found = False
        for upload in self._unfinished.puts_of(key):
            self.abort(upload)
            found = True
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                remove_tree(path)
            else:
                os.unlink(path)
            sync_directory(os.path.dirname(path))
        except (FileNotFoundError, NotADirectoryError):
            return found
        return True

    def begin(self, key: str, /) -> Upload:
        """Put an empty file at the path: a new one, so that readers keep the one they have."""
        files: list[int] = []

        def write(staged: str) -> None:
            files.append(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666))

        try:
            self._publish(key, write, sync=False)
            # The others are of earlier attempts, whose directory was deleted.
            while len(files) > 1:
                os.close(files.pop(0))
            return FileUpload(self._path(key), files[-1], self.limit, 0)
        except BaseException:
            for file in files:
                os.close(file)
            raise

    def resume(self, key: str, /) -> Upload:
        """Go on at the end of the file, also of one that another program wrote."""
        path = self._path(key)
        file, _ = open_file(path, os.O_WRONLY | os.O_APPEND)
        return FileUpload(path, file, self.limit, None)

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """What puts have left that were killed, and the uploads of a registry.

        Any other upload is the file at its path.
        """
        return self._unfinished.infos(key)

    def abort(self, upload: UploadInfo, /) -> None:
        """Remove what was staged, or the directory of a registry's upload."""
        self._unfinished.remove(upload)

    def _check_file(self, key: str) -> None:
        entry = self.head(key)
        if entry is None or entry.is_dir:
            raise PathNotFoundError

    def _children(self, key: str, *, sized: bool, circles: set[str]) -> list[Entry]:
        """What is in a directory; links in it that must not be entered are added to `circles`.

        Without sizes it is what the directory itself says.
        """
        children = self._directories.children(key, sized=sized)
        prefix = key + "/" if key else ""
        for child in children:
            if sized and child.is_link and child.is_dir and self._directories.leads_up(prefix + child.name):
                circles.add(prefix + child.name)
        return [child.entry(prefix + child.name) for child in children if child.is_dir or not is_staged(child.name)]

    def _infos(self, key: str, circles: set[str]) -> list[FileInfo]:
        """What is in a directory; links in it that must not be entered are added to `circles`."""
        infos, found = self._directories.infos(key, is_staged)
        circles.update(found)
        return infos

    def _publish(self, key: str, write: Callable[[str], None], *, sync: bool = True) -> None:
        """Have a file written beside the path of `key` and rename it onto that path."""
        path = self._path(key)
        _check_target(path)
        staged = staged_beside(path)
        directory = os.path.dirname(path)

        def publish() -> None:
            try:
                write(staged)
                os.replace(staged, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(staged)
                raise

        _in_directory(directory, publish)
        if sync:
            sync_directory(directory)


def _check_target(path: str) -> None:
    """Raise unless a file can be put at a path, by way of a name beside it."""
    check_length(path, spare=STAGED_LONGER)
    check_place(path)


def _in_directory(directory: str, act: Callable[[], None]) -> None:
    """Do what puts a file in a directory. Only if that is missing it is made, and the same is done again.

    Directories that were made go again if it fails.
    """
    made: list[str] = []
    try:
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return act()
            # It is missing, or was deleted after it was made.
            made += make_directories(directory)
        return act()
    except BaseException:
        remove_directories(made)
        raise
