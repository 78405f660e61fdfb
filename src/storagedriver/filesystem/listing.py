"""What there is: the half of the filesystem that looks and changes nothing."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fsspec.spec import AbstractFileSystem
from fsspec.utils import glob_translate, stringify_path

from storagedriver.driver import FileInfo, SkipDir, StorageDriver
from storagedriver.errors import InvalidPathError, PathNotFoundError
from storagedriver.filesystem.names import PROTOCOL, is_staged, to_path
from storagedriver.paths import ROOT, NameRule, is_valid
from storagedriver.unnamed import noting_unnamed, refusing_unnamed, report_unnamed

__all__ = ["ListingFileSystem"]

Details = dict[str, Any]


def details(info: FileInfo) -> Details:
    """What fsspec calls the info of a path; ``mtime``, of files only, is in seconds since the epoch."""
    if info.is_dir:
        return {"name": info.path, "size": 0, "type": "directory"}
    return {"name": info.path, "size": info.size, "type": "file", "mtime": info.mod_time.timestamp()}


def _matches(pattern: str, key: str, names: NameRule) -> bool:
    """Whether a pattern matches a key, or a directory above it, that no path can name."""
    matches = re.compile(glob_translate(pattern)).match
    parts = key.split("/")
    above = ("/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1))
    return any(matches(path) and not is_valid(path, names) for path in above)


class ListingFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Listings, straight from the driver: nothing is cached, and no failure passes for an absence.

    A subclass says which driver. Paths are stripped of the protocol on the way
    in, so that each call takes URLs as well.
    """

    protocol = PROTOCOL
    root_marker = ROOT

    @property
    def driver(self) -> StorageDriver:
        """The driver below."""
        raise NotImplementedError

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [to_path(each) for each in path]
        return to_path(path)

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path."""
        return f"{PROTOCOL}://{to_path(name)[1:]}"

    def info(self, path: Any, **kwargs: Any) -> Details:  # noqa: ARG002 - options of other filesystems
        """What is at a path. Of a name that is both file and directory, the file.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        """
        return details(self.driver.stat(to_path(path)))

    def exists(self, path: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - the same
        """Whether there is a file or a directory. A store that refuses or does not answer raises."""
        return self._type(path) is not None

    def isdir(self, path: Any) -> bool:
        """Whether there is a directory."""
        return self._type(path) == "directory"

    def isfile(self, path: Any) -> bool:
        """Whether there is a file."""
        return self._type(path) == "file"

    def modified(self, path: Any) -> datetime:
        """When a file was last changed, aware and in UTC."""
        return self.driver.stat(to_path(path)).mod_time

    def created(self, path: Any) -> datetime:
        """Not known: a driver tells when a file was last changed, see `modified`."""
        message = f"a storage driver does not know when {path} was created, only when it was modified"
        raise NotImplementedError(message)

    def ls(self, path: Any, detail: bool = True, **kwargs: Any) -> Any:  # noqa: ARG002 - the same
        """The direct children of a directory, sorted; of a file, the file itself.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        """
        path = to_path(path)
        try:
            if not detail:
                return [child for child in self.driver.list(path) if not is_staged(child)]
            return self._children(path)
        except PathNotFoundError:
            info = self.info(path)
            if info["type"] == "directory":
                raise
            return [info] if detail else [path]

    def walk(
        self, path: Any, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> Iterator[tuple[str, Any, Any]]:
        """Go through the directories, as `os.walk` does, with one listing for each.

        Parameters
        ----------
        path : str
            Where to begin.
        maxdepth : int, optional
            How many levels to go through.
        topdown : bool
            A directory before those below it; what is removed from its list
            of directories is then not entered.
        on_error : {"omit", "raise"} or callable
            ``omit`` passes over directories that are not there, or not any
            more, and over no other failure. A callable gets each error.
        **kwargs
            ``detail=True`` gives dictionaries of infos in place of lists of names.

        Yields
        ------
        tuple
            The path of the directory, its directories and its files.

        Raises
        ------
        UnnamedKeysError
            If there are keys in a directory that no path can name.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        # What is to be done, the next last: a directory to list with its depth, or one that was listed, to give.
        waiting: list[tuple[str, int, tuple[Any, Any] | None]] = [(to_path(path), 1, None)]
        while waiting:
            path, depth, listed = waiting.pop()
            if listed is not None:
                yield path, *listed
                continue
            listing = self._listing(path, on_error)
            if listing is None:
                continue
            dirs: Any = {}
            files: Any = {}
            for info in listing:
                own = "" if info["name"] == path else info["name"].rpartition("/")[2]
                (dirs if info["type"] == "directory" else files)[own] = info
            if not kwargs.get("detail"):
                dirs, files = list(dirs), list(files)
            if topdown:
                yield path, dirs, files
            else:
                waiting.append((path, depth, (dirs, files)))
            if maxdepth is None or depth < maxdepth:
                below = [(f"{path.rstrip('/')}/{own}", depth + 1, None) for own in dirs]
                waiting.extend(reversed(below))

    def glob(self, path: Any, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """The paths that match a pattern. Keys beside them that no path can name are no matter.

        As in all of fsspec ``{a,b}`` is no pattern but a name.

        Raises
        ------
        UnnamedKeysError
            If the pattern matches keys that no path can name.
        """
        path = to_path(path) + "/" * str(stringify_path(path)).endswith("/")
        try:
            with noting_unnamed() as noted:
                found = super().glob(path, maxdepth=maxdepth, **kwargs)
        except InvalidPathError:
            # No path can begin like this pattern.
            return {} if kwargs.get("detail") else []
        names = self.driver.name_rule
        missed = [key for key in noted if _matches(path.rstrip("/"), key, names)]
        if missed:
            report_unnamed(self.driver.name, path, len(missed), missed[0], names=names, refused=True)
        return found

    def find(
        self,
        path: Any,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **kwargs: Any,  # noqa: ARG002 - options of other filesystems
    ) -> Any:
        """All files below a path, from one walk of the driver; of a file, the file itself.

        Datasets are read by it, so it gives all of them or raises.

        Parameters
        ----------
        path : str
            Where to begin. If there is nothing, nothing is found.
        maxdepth : int, optional
            How many levels to descend.
        withdirs : bool
            Find directories too, `path` included.
        detail : bool
            Give a dictionary of infos in place of a list of names.
        **kwargs
            Ignored.

        Raises
        ------
        UnnamedKeysError
            If there are keys below the path that no path can name.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = to_path(path)
        found: dict[str, Details] = {}
        level = path.rstrip("/").count("/")

        def visit(info: FileInfo) -> None:
            if not info.is_dir:
                if not is_staged(info.path):
                    found[info.path] = details(info)
                return
            if withdirs:
                found.setdefault(info.path, details(info))
            if maxdepth is not None and info.path.count("/") - level >= maxdepth:
                raise SkipDir

        try:
            with refusing_unnamed():
                self.driver.walk(path, visit)
            if withdirs and path != ROOT:
                found[path] = {"name": path, "size": 0, "type": "directory"}
        except PathNotFoundError:
            found.clear()
            if self.isfile(path):
                found[path] = self.info(path)
        return {name: found[name] for name in sorted(found)} if detail else sorted(found)

    def du(
        self, path: Any, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any
    ) -> Any:
        """The sizes of all files below a path in bytes, added up or one by one, from one walk."""
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: info["size"] for name, info in found.items()}
        return sum(sizes.values()) if total else sizes

    def tree(self, path: Any = ROOT, *args: Any, **kwargs: Any) -> str:
        """A drawing of the directories, as fsspec makes it.

        Raises
        ------
        UnnamedKeysError
            If there are keys below the path that no path can name.
        """
        with refusing_unnamed():
            return str(super().tree(path, *args, **kwargs))

    def check_missing(self, path: str) -> None:
        """Raise `FileExistsError` if there is anything at a path."""
        if self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def _type(self, path: Any) -> str | None:
        try:
            return str(self.info(path)["type"])
        except (FileNotFoundError, InvalidPathError):
            return None

    def _listing(self, path: str, on_error: Any) -> list[Details] | None:
        try:
            with refusing_unnamed():
                return self.ls(path)  # type: ignore[no-any-return]
        except OSError as error:
            if callable(on_error):
                on_error(error)
            elif on_error == "raise" or not isinstance(error, FileNotFoundError):
                raise
            return None

    def _children(self, path: str) -> list[Details]:
        children: list[Details] = []

        def visit(info: FileInfo) -> None:
            if info.is_dir or not is_staged(info.path):
                children.append(details(info))
            if info.is_dir:
                raise SkipDir

        self.driver.walk(path, visit)
        return sorted(children, key=lambda info: str(info["name"]))
