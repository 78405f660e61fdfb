"""What becomes of files and directories: making, copying, moving and removing them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from glob import has_magic
from typing import Any

from fsspec.utils import other_paths

from storagedriver.driver import FileInfo, StopWalk
from storagedriver.errors import InvalidPathError, PathNotFoundError, StorageDriverError
from storagedriver.filesystem.names import staged_path, to_path
from storagedriver.filesystem.opening import OpeningFileSystem
from storagedriver.own_files import making_own_files
from storagedriver.paths import ROOT, ancestors
from storagedriver.unnamed import UnnamedKeysError, refusing_unnamed

__all__ = ["ChangingFileSystem"]

#: What a driver raises if it is asked for the file of a directory; the root is no path of a file.
_NO_FILE = (PathNotFoundError, InvalidPathError)


class ChangingFileSystem(OpeningFileSystem):
    """Directories, copies, moves and removals.

    Most stores have directories only where there are files: making one does
    nothing there, and it goes with its last file. Where a store keeps empty
    directories they can be made and removed.
    """

    def mkdir(self, path: Any, create_parents: bool = True, **kwargs: Any) -> None:  # noqa: ARG002 - permissions, say
        """Make a directory, where the store keeps empty ones.

        A driver has no call for it: an empty file is put below and deleted.

        Parameters
        ----------
        path : str
            The directory.
        create_parents : bool
            If not, the directory above must be there, where the store keeps
            empty directories.
        **kwargs
            Ignored.

        Raises
        ------
        FileExistsError
            If there is a file or a directory.
        """
        path = to_path(path)
        with suppress(PathNotFoundError):
            self.driver.stat(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        if not self.driver.capabilities.empty_directories:
            return
        parent = self._parent(path)
        if not create_parents and not self.isdir(parent):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), parent)
        inside = staged_path(f"{path}/")
        try:
            with making_own_files():
                self.driver.put_content(inside, b"")
            self.driver.delete(inside)
        except StorageDriverError as error:
            # The user knows nothing of the file inside.
            error.path = path if error.path == inside else error.path
            raise

    def makedirs(self, path: Any, exist_ok: bool = False) -> None:
        """Make a directory and those above it, as `mkdir` does.

        Raises
        ------
        FileExistsError
            If there is a file, or, without `exist_ok`, a directory.
        """
        try:
            self.mkdir(path)
        except FileExistsError:
            if not exist_ok or not self.isdir(path):
                raise

    def rmdir(self, path: Any) -> None:
        """Remove an empty directory.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        NotADirectoryError
            If it is a file.
        OSError
            If it is not empty, and be it for what no path can name; where a
            store does not keep empty directories none is.
        """
        path = to_path(path)
        if not self.driver.stat(path).is_dir:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        if not self._is_empty(path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        self.driver.delete(path)

    def cp_file(self, path1: Any, path2: Any, **kwargs: Any) -> None:  # noqa: ARG002 - options of other filesystems
        """Copy a file, in the store where it can; of a directory, make the directory."""
        source, dest = to_path(path1), to_path(path2)
        try:
            self.driver.copy(source, dest)
        except _NO_FILE:
            if not self.isdir(source):
                raise
            self.makedirs(dest, exist_ok=True)

    def copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        on_error: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy files, as fsspec does for any filesystem.

        Raises
        ------
        UnnamedKeysError
            If `recursive` is set, and there are keys below a directory that no
            path can name. Then nothing was copied.
        """
        with refusing_unnamed(recursive):
            super().copy(path1, path2, recursive=recursive, maxdepth=maxdepth, on_error=on_error, **kwargs)

    def mv_file(self, path1: Any, path2: Any) -> None:
        """Move a file, in the store where it can."""
        self.driver.move(to_path(path1), to_path(path2))

    def mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,  # noqa: ARG002 - options of other filesystems
    ) -> None:
        """Move files, one by one. Where a file ends up follows the same rules as for `copy`.

        Parameters
        ----------
        path1 : str or list of str
            Paths or patterns.
        path2 : str or list of str
            The new path, a directory, or a path for each.
        recursive : bool
            Move directories with all that is below them.
        maxdepth : int, optional
            How many levels to move; what is deeper stays.
        **kwargs
            Ignored.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        IsADirectoryError
            If it is a directory, and `recursive` is not set.
        UnnamedKeysError
            If `recursive` is set, and there are keys below a directory that no
            path can name. Then nothing was moved.
        """
        directories = []
        with refusing_unnamed(recursive):
            pairs = list(self._pairs(path1, path2, recursive, maxdepth))
        for source, dest in pairs:
            try:
                self.driver.move(source, dest)
            except _NO_FILE:
                if not self.isdir(source):
                    raise
                if not recursive:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source) from None
                self.makedirs(dest, exist_ok=True)
                directories.append(source)
        self._prune(directories)

    def rm_file(self, path: Any) -> None:
        """Delete one file, and nothing below a directory of the same name.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        IsADirectoryError
            If it is a directory.
        """
        path = to_path(path)
        if self.driver.stat(path).is_dir:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if self.driver.capabilities.key_and_prefix and self._any_below(path):
            # To delete the path would delete the directory, too.
            aside = staged_path(path)
            with making_own_files():
                self.driver.move(path, aside)
            path = aside
        self.driver.delete(path)

    def _rm(self, path: Any) -> None:
        self.rm_file(path)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and directories with all that is below them.

        Parameters
        ----------
        path : str or list of str
            Paths or patterns.
        recursive : bool
            Delete directories.
        maxdepth : int, optional
            How many levels to delete; what is deeper stays.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        IsADirectoryError
            If it is a directory, and `recursive` is not set.
        UnnamedKeysError
            If `recursive` is set, and there are keys below a directory that no
            path can name. Then nothing was deleted; `StorageDriver.delete`
            deletes them, too.
        """
        if recursive and maxdepth is None:
            trees: list[str] = []
            for name in self.expand_path(path):
                if set(trees).isdisjoint(ancestors(name)):
                    trees.append(name)
            for name in trees:
                self._check_named(name)
            for name in trees:
                self._delete_tree(name)
            return
        directories = []
        with refusing_unnamed(recursive):
            names = self.expand_path(path, recursive=recursive, maxdepth=maxdepth)
        for name in names:
            try:
                self.rm_file(name)
            except IsADirectoryError:
                if not recursive:
                    raise
                directories.append(name)
        self._prune(directories)

    def _delete_tree(self, path: str) -> None:
        for each in self.driver.list(path) if path == ROOT else [path]:
            self.driver.delete(each)

    def _check_named(self, path: str) -> None:
        """Raise `UnnamedKeysError` if there is something below a directory that no path can name."""
        with refusing_unnamed(), suppress(PathNotFoundError):
            self.driver.walk(path, lambda _: None)

    def _is_empty(self, path: str) -> bool:
        """Whether there is nothing at all in a directory: nothing that no path can name, and nothing unfinished."""
        try:
            with refusing_unnamed():
                return not self.driver.list(path) and not any(True for _ in self.driver.uploads(path))
        except UnnamedKeysError:
            return False

    def _any_below(self, path: str) -> bool:
        found = []

        def visit(info: FileInfo) -> None:
            found.append(info)
            raise StopWalk

        with suppress(PathNotFoundError):
            self.driver.walk(path, visit)
        return bool(found)

    def _prune(self, directories: list[str]) -> None:
        """Remove those directories that are empty and still there, the deepest first."""
        if self.driver.capabilities.empty_directories:
            for directory in sorted(directories, reverse=True):
                with suppress(PathNotFoundError):
                    if directory != ROOT and self._is_empty(directory):
                        self.driver.delete(directory)

    def _pairs(self, path1: Any, path2: Any, recursive: bool, maxdepth: int | None) -> Iterator[tuple[str, str]]:
        """The paths that a move takes, and where each goes."""
        if isinstance(path1, list) and isinstance(path2, list):
            return zip(map(to_path, path1), map(to_path, path2), strict=True)
        sources = self.expand_path(path1, recursive=recursive, maxdepth=maxdepth)
        if isinstance(path2, list):
            return zip(sources, map(to_path, path2), strict=True)
        if isinstance(path1, list):
            inside = False
        elif has_magic(str(path1)):
            if not recursive:
                sources = [source for source in sources if not self.isdir(source)]
            inside = len(sources) == 1
        else:
            inside = not str(path1).endswith("/") and (str(path2).endswith("/") or self.isdir(path2))
        dests = other_paths(sources, to_path(path2), exists=inside, flatten=isinstance(path1, list))
        return zip(sources, map(to_path, dests), strict=True)
