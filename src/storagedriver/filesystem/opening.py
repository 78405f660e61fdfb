"""What is in the files: opening them, and moving their content in and out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.utils import isfilelike

from storagedriver.adapter.loop import waited_for
from storagedriver.driver import FileReader
from storagedriver.errors import InvalidPathError, PathNotFoundError, ReadOnlyError
from storagedriver.filesystem.listing import ListingFileSystem
from storagedriver.filesystem.names import to_path
from storagedriver.filesystem.reading import PIECE, ReadFile, read_range
from storagedriver.filesystem.wrappers import CompressedFile, TextFile
from storagedriver.filesystem.writing import WriteFile
from storagedriver.paths import check_path, check_written
from storagedriver.unnamed import refusing_unnamed

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["OpeningFileSystem"]

#: How many files or ranges are read at the same time.
_PARALLEL = 8
_TEXT = ("encoding", "errors", "newline")


class OpeningFileSystem(ListingFileSystem):
    """Reading and writing files, whole, in part and as file objects."""

    #: How much a file object holds in memory, in bytes.
    blocksize = 5 << 20
    #: The cache of files that are read, one of fsspec's.
    cache_type = "readahead"

    def open(
        self,
        path: Any,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file.

        Parameters
        ----------
        path : str
            The file.
        mode : str
            ``r``, ``w`` (replace), ``a`` (append, or create) or ``x`` (create
            only), with ``b`` for bytes and ``t``, the default, for text.
        block_size : int, optional
            Reading, how much the cache reads ahead; writing, how much is held
            back before it is sent; in bytes.
        cache_options : dict, optional
            Options of the cache.
        compression : str, optional
            A compression that fsspec knows, or ``infer``.
        **kwargs
            ``cache_type``, ``autocommit``, ``size`` (of a file to be read) and,
            for text, ``encoding``, ``errors`` and ``newline``.

        Returns
        -------
        file object
            One that is written is published when it is closed, whole, and not
            at all if its ``with`` block raises; see `WriteFile`.
        """
        reading = "r" in mode
        options: dict[str, Any] = {"block_size": block_size, "cache_options": cache_options}
        if reading and "+" not in mode:
            return super().open(path, mode, compression=compression, **options, **kwargs)
        if "b" not in mode:
            text = {name: kwargs.pop(name) for name in _TEXT if name in kwargs}
            binary = mode.replace("t", "") + "b"
            return TextFile(self.open(path, binary, compression=compression, **options, **kwargs), **text)
        compress = compr[get_compression(to_path(path), compression)]
        raw = super().open(path, mode, **options, **kwargs)
        compressor = compress(raw, mode="w")
        return raw if compressor is raw else CompressedFile(raw, compressor)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        block_size = block_size or self.blocksize
        if mode == "rb":
            check_path(path, self.driver.name, self.driver.name_rule)
            kwargs.setdefault("cache_type", self.cache_type)
            file = ReadFile(self, path, mode, block_size, cache_options=cache_options, **kwargs)
            if kwargs.get("size") is None and file.details["type"] == "directory":
                raise _is_directory(path)
            return file
        check_written(path, self.driver.name, self.driver.name_rule)
        if self.driver.capabilities.read_only:
            # The driver would say so when the file is closed.
            raise ReadOnlyError("its files can only be read", driver_name=self.driver.name, path=path)
        begin = 0
        if mode == "xb":
            self.check_missing(path)
        elif mode == "ab":
            begin = self._size(path)
        return WriteFile(self, path, mode, block_size, autocommit=autocommit, begin=begin, **kwargs)

    def cat_file(self, path: Any, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:  # noqa: ARG002 - options of `open`
        """The content of a file from `start` to `end`, negative from its end, with one bounded read."""
        path = to_path(path)
        if not start and end is None:
            return self.driver.get_content(path)
        start = start or 0
        if start < 0 or (end is not None and end < 0):
            start, end, _ = slice(start, end).indices(self.driver.stat(path).size)
        return read_range(self.driver, path, start, None if end is None else max(0, end - start))

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """The contents of files, a few of them at a time.

        Parameters
        ----------
        path : str or list of str
            A path or a pattern, or several.
        recursive : bool
            Take the files below directories.
        on_error : {"raise", "omit", "return"}
            What to do about a file that cannot be read: raise, leave it out,
            or return the error in its place.
        **kwargs
            Of `cat_file`.

        Returns
        -------
        bytes or dict
            The content, or a dictionary if there are, or could be, several.
        """
        names = self.expand_path(path, recursive=recursive)
        if len(names) == 1 and not isinstance(path, list) and names[0] == to_path(path):
            return self.cat_file(names[0], **kwargs)
        contents = _concurrently(lambda name: self.cat_file(name, **kwargs), [(name,) for name in names], on_error)
        omit = on_error == "omit"
        return {
            name: content
            for name, content in zip(names, contents, strict=True)
            if not (omit and isinstance(content, Exception))
        }

    def cat_ranges(
        self,
        paths: list[Any],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Ranges of files, a few of them at a time, each with one bounded read.

        Parameters
        ----------
        paths : list of str
            A file for each range.
        starts, ends : int or list of int
            Of the ranges, as for `cat_file`.
        max_gap : None
            Not supported.
        on_error : {"return", "raise"}
            Whether an error takes the place of the content, or is raised.
        **kwargs
            Of `cat_file`.
        """
        if max_gap is not None:
            raise NotImplementedError("max_gap is not supported")
        starts = starts if isinstance(starts, list) else [starts] * len(paths)
        ends = ends if isinstance(ends, list) else [ends] * len(paths)
        ranges = list(zip(paths, starts, ends, strict=True))
        return _concurrently(lambda *each: self.cat_file(*each, **kwargs), ranges, on_error)

    def pipe_file(self, path: Any, value: Buffer, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write a whole file.

        Parameters
        ----------
        path : str
            The file.
        value : bytes
            Its content.
        mode : {"overwrite", "create"}
            Replace what is there, or raise `FileExistsError`. A store cannot
            do the latter in one step: of two who create at the same time,
            both may succeed.
        **kwargs
            Of `open`.
        """
        path = to_path(path)
        view = memoryview(value)
        atomic = view.nbytes <= self.blocksize or self.driver.capabilities.unfinished == "shown"
        if self._intrans or not atomic:
            with self.open(path, "xb" if mode == "create" else "wb", **kwargs) as file:
                file.write(view)
            return
        if mode == "create":
            self.check_missing(path)
        self.driver.put_content(path, view)

    def put_file(
        self, lpath: Any, rpath: Any, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **kwargs: Any
    ) -> None:
        """Upload a local file, with bounded memory; of a local directory, make the directory.

        Parameters
        ----------
        lpath : str
            The local file.
        rpath : str
            Where to put it.
        callback : fsspec.callbacks.Callback
            It is given the size and each piece, in bytes.
        mode : {"overwrite", "create"}
            As for `pipe_file`.
        **kwargs
            Of `open`.
        """
        if Path(lpath).is_dir():
            self.makedirs(rpath, exist_ok=True)
            return
        with Path(lpath).open("rb") as source:
            callback.set_size(os.fstat(source.fileno()).st_size)
            with self.open(rpath, "xb" if mode == "create" else "wb", **kwargs) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    callback.relative_update(len(piece))

    def get_file(
        self,
        rpath: Any,
        lpath: Any = None,
        callback: Any = DEFAULT_CALLBACK,
        outfile: Any = None,
        **kwargs: Any,  # noqa: ARG002 - options of `open`
    ) -> None:
        """Download a file, as one stream with bounded memory; of a directory, make the local directory.

        Parameters
        ----------
        rpath : str
            The file.
        lpath : str or file object
            Where to write it. A local file that could not be written whole is
            removed.
        callback : fsspec.callbacks.Callback
            It is given the size and each piece, in bytes.
        outfile : file object, optional
            The same as a file object for `lpath`.
        **kwargs
            Ignored.
        """
        path = to_path(rpath)
        if outfile is None and isfilelike(lpath):
            outfile = lpath
        try:
            reader = self.driver.reader(path)
        except (PathNotFoundError, InvalidPathError):
            # The root is no path of a file, but it is a directory.
            if outfile is not None or not self.isdir(path):
                raise
            Path(lpath).mkdir(parents=True, exist_ok=True)
            return
        with reader, ExitStack() as stack:
            callback.set_size(reader.size)
            if outfile is None:
                local = Path(lpath)
                local.parent.mkdir(parents=True, exist_ok=True)
                outfile = local.open("wb")
                stack.push(lambda kind, *_: local.unlink() if kind and local.is_file() else None)
                stack.enter_context(outfile)
            _stream(reader, outfile, callback)

    def get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Any = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Download files, as fsspec does from any filesystem.

        Raises
        ------
        UnnamedKeysError
            If `recursive` is set, and there are keys below a directory that no
            path can name. Then nothing was downloaded.
        """
        with refusing_unnamed(recursive):
            return super().get(rpath, lpath, recursive=recursive, callback=callback, maxdepth=maxdepth, **kwargs)

    def sign(self, path: Any, expiration: int = 100, **kwargs: Any) -> str:
        """A URL from which anybody can read the file.

        Parameters
        ----------
        path : str
            The file.
        expiration : int
            How long the URL works, in seconds.
        **kwargs
            Of `StorageDriver.redirect_url`.

        Raises
        ------
        NotImplementedError
            If the store or its credentials cannot sign.
        """
        url = self.driver.redirect_url(to_path(path), expires=timedelta(seconds=expiration), **kwargs)
        if url is None:
            message = f"the storage driver {self.driver.name} cannot sign a URL here"
            raise NotImplementedError(message)
        return url

    def _size(self, path: str) -> int:
        """The size of a file that is to be appended to; 0 if it is to be created."""
        try:
            info = self.driver.stat(path)
        except PathNotFoundError:
            return 0
        if info.is_dir and not self.driver.capabilities.key_and_prefix:
            raise _is_directory(path)
        return info.size


def _is_directory(path: str) -> IsADirectoryError:
    return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _stream(reader: FileReader, target: Any, callback: Any) -> None:
    while piece := reader.read(PIECE):
        target.write(piece)
        callback.relative_update(len(piece))


def _concurrently(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], on_error: str) -> list[Any]:
    """The results in order; in place of one the exception, unless `on_error` is ``raise``."""

    def one(arguments: tuple[Any, ...]) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            if on_error == "raise":
                raise
            return error

    if len(calls) <= 1:
        return [one(arguments) for arguments in calls]
    with ThreadPoolExecutor(min(_PARALLEL, len(calls))) as pool:
        return list(pool.map(waited_for(one), calls))
