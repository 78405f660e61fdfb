"""Looking for files of any fsspec filesystem by key, with the ways in which filesystems differ evened out."""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from fsspec import AbstractFileSystem

from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.loop import own_loop
from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.drivers.fsspec.bodies import BLOCK
from storagedriver.drivers.fsspec.errors import names_missing_bucket
from storagedriver.drivers.fsspec.infos import entry_of, layers, size_of
from storagedriver.drivers.fsspec.loops import loop_of, twin, waits_for_itself
from storagedriver.errors import InvalidPathError, StorageDriverError

__all__ = ["Filesystem", "Lookup", "parent_of"]

#: A filesystem, or what makes one; the second is called in each process.
Filesystem: TypeAlias = AbstractFileSystem | Callable[[], tuple[AbstractFileSystem, str]]

_PIECE = 1 << 20
#: The limits of POSIX systems, in bytes, and how much longer the path of a staging file is.
_NAME_MAX = 255
_PATH_MAX = 4095
_LONGER = 60


def parent_of(key: str) -> str:
    """The key of the directory above; ``""`` is the root."""
    return key.rpartition("/")[0]


class Lookup:
    """What there is below a root directory, and what changes nothing of it.

    Parameters
    ----------
    filesystem : AbstractFileSystem or callable
        A filesystem, or what gives one together with the path on it that
        `root` is relative to. A filesystem that is given is made anew, from
        its own arguments, in a process that was forked.
    root : str
        The root directory, a path on the filesystem.
    native_copy : bool
        Whether ``cp_file`` is done when it returns. If not, content goes
        through the client.
    """

    def __init__(self, filesystem: Filesystem, root: str, *, native_copy: bool = True) -> None:
        self.filesystem = filesystem
        self.root = root
        self.native_copy = native_copy
        self._pid = os.getpid()
        self._place = PerProcess(self._connect)
        self._twin = PerProcess(lambda: twin(self._place.get()[0], own_loop()))
        self._shown = PerProcess(self._show)
        self._making = PerProcess(threading.Lock)
        self._undated = False

    @property
    def fs(self) -> AbstractFileSystem:
        """The filesystem of this process. On the event loop that it waits for, it is one that waits for our own.

        Raises
        ------
        StorageDriverError
            If there is no such filesystem: it cannot be made for another loop.
        """
        fs = self._place.get()[0]
        if not waits_for_itself(fs):
            return fs
        fs = self._twin.get()
        if waits_for_itself(fs):
            detail = "its filesystem waits for the event loop of this thread: call it with asyncio.to_thread"
            raise StorageDriverError(detail)
        return fs

    @property
    def shown(self) -> AbstractFileSystem:
        """The filesystem for users: one that was made here for our own event loop is made for fsspec's."""
        return self._shown.get()

    def path(self, key: str) -> str:
        """The path of a key on the filesystem."""
        root = self._place.get()[1]
        return _joined(root, key) if key else root

    @property
    def is_local(self) -> bool:
        """Whether the files are on a disk of this machine."""
        return any(getattr(layer, "local_file", False) for layer in layers(self.fs))

    def disconnect(self, *, in_the_end: bool = False) -> None:
        """Drop a connection that was made here; the next call makes another one.

        An asynchronous filesystem looks after its connections itself, and so
        does one that has a pool of them (webdav4): that is dropped in the end,
        when nothing of it is in use.
        """
        place = self._place.peek()
        if place is None or isinstance(self.filesystem, AbstractFileSystem):
            return
        *_, lowest = layers(place[0])
        pool = getattr(getattr(lowest, "client", None), "http", None)
        if lowest.async_impl or (pool is not None and not in_the_end):
            return
        self._place = PerProcess(self._connect)
        for connection in (getattr(lowest, "client", None), getattr(lowest, "ftp", None), pool):
            close = getattr(connection, "close", None)
            if callable(close):
                with contextlib.suppress(Exception):
                    close()

    def entry(self, key: str) -> Entry | None:
        """What is at the key, file or directory; None if there is nothing."""
        info = self.info(key)
        if info is None or not _is_usual(info):
            return None
        return entry_of(key, info, self.measure)

    def measure(self, key: str) -> int:
        """The size of a file in bytes, where the filesystem does not say it: it may have to be read whole."""
        path = self.path(key)
        with contextlib.closing(self._open(path, BLOCK)) as handle:
            try:
                handle.seek(0, 2)
                return int(handle.tell())
            except (OSError, TypeError, ValueError, NotImplementedError):
                # A stream has no end to seek to, and some files need their size to be opened with.
                pass
        with contextlib.closing(self._open(path, BLOCK)) as handle:
            size = 0
            while piece := handle.read(_PIECE):
                size += len(piece)
            return size

    def info(self, key: str) -> Mapping[str, Any] | None:
        """What the filesystem says of the key."""
        self._refresh()
        try:
            info: Mapping[str, Any] = self.fs.info(self.path(key))
        except (FileNotFoundError, NotADirectoryError) as error:
            if names_missing_bucket(error):
                raise
            return None
        if info.get("type") != "directory" and _names_itself_twice(key) and self._is_file(parent_of(key)):
            # Some list a file as if it were in a directory of its own name.
            return None
        return info

    def _is_file(self, key: str) -> bool:
        info = self.info(key)
        return info is not None and info.get("type") == "file"

    def listing(self, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The names in a directory, in no order, with what the listing says of each.

        Raises
        ------
        FileNotFoundError
            If it is no directory.
        """
        path = self.path(key)
        self._refresh()
        try:
            infos = self.fs.ls(path, detail=True)
        except NotADirectoryError as error:
            raise FileNotFoundError(path) from error
        own = path.strip("/")
        if key and len(infos) <= 1 and all(_is_named(info, own) for info in infos) and self._is_file(key):
            # Of a file some list nothing, and some the file, as if it were in a directory of its own name.
            raise FileNotFoundError(path)
        seen: set[tuple[str, Any]] = set()
        is_file = False
        for info in infos:
            name = str(info["name"]).strip("/")
            if name == own:
                # The directory itself, or its marker; of a file, all that there is.
                is_file = info.get("type") != "directory"
                continue
            name = name.rpartition("/")[2]
            if name in ("", ".", "..") or (name, info.get("type")) in seen:
                continue
            seen.add((name, info.get("type")))
            yield name, info
        if is_file and not seen:
            raise FileNotFoundError(path)

    def child(self, key: str, info: Mapping[str, Any], *, sized: bool = True) -> Entry | None:
        """The entry for one line of a listing; None if it is neither a file nor a directory, or gone.

        A link is looked up, and so are a time and a size that the listing leaves out.

        Parameters
        ----------
        key : str
            The key of the child.
        info : map
            The line.
        sized : bool
            Whether size and time are wanted.
        """
        if not sized and info.get("type") in ("file", "directory"):
            return Entry(key, is_dir=info["type"] == "directory")
        looked_up = info.get("type") not in ("file", "directory") or (info["type"] == "file" and size_of(info) is None)
        if looked_up:
            try:
                found = self.info(key)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                # A link in a loop leads nowhere, and says so if it is asked for itself.
                return None
            if found is None or not _is_usual(found):
                return None
            info = found
        if not sized:
            return Entry(key, is_dir=info.get("type") == "directory")
        entry = entry_of(key, info, self.measure)
        if entry.is_dir or entry.mod_time != EPOCH or looked_up or self._undated:
            return entry
        found = self.info(key)
        if found is None:
            return None
        entry = entry_of(key, found, self.measure)
        # It has no times at all; asking for each file would be in vain.
        self._undated = entry.mod_time == EPOCH
        return entry

    def leads_up(self, key: str) -> bool:
        """Whether a link leads to one of the directories that it is in, as far as the filesystem distinguishes them."""
        own = self._identity(key)
        while own is not None and key:
            key = parent_of(key)
            if self._identity(key) == own:
                return True
        return False

    def file(self, key: str) -> Entry:
        """The file at the key.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        entry = self.entry(key)
        if entry is None or entry.is_dir:
            raise FileNotFoundError(self.path(key))
        return entry

    def check_length(self, key: str) -> None:
        """Raise `InvalidPathError` for what the local disk cannot name, before a directory is made for it."""
        if not self.is_local:
            return
        path = os.fsencode(self.path(key))
        if len(path) + _LONGER > _PATH_MAX or max(map(len, path.split(b"/"))) > _NAME_MAX:
            detail = f"names may have {_NAME_MAX} bytes, and whole paths {_PATH_MAX - _LONGER} on the disk"
            raise InvalidPathError(detail)

    def _connect(self) -> tuple[AbstractFileSystem, str]:
        if not isinstance(self.filesystem, AbstractFileSystem):
            try:
                fs, base = self.filesystem()
            except (FileNotFoundError, NotADirectoryError) as error:
                if names_missing_bucket(error):
                    raise
                # An archive, or a key of SSH: it is no path of the driver that is missing, and the store is not empty.
                # The chain would show the options.
                raise RuntimeError(f"the filesystem cannot be made: {error}") from None
            root = self.root.strip("/")
            return fs, base if not root else _joined(base, root)
        fs = self.filesystem
        if os.getpid() != self._pid:
            with contextlib.suppress(Exception):
                fs = copy.copy(fs)
        return fs, str(fs._strip_protocol(self.root))  # noqa: SLF001 - the only way to a path it knows

    def _show(self) -> AbstractFileSystem:
        fs = self._place.get()[0]
        return twin(fs, None) if loop_of(fs) is not None and not isinstance(self.filesystem, AbstractFileSystem) else fs

    def _refresh(self) -> None:
        """Drop listings that were kept: another process may have changed what they show."""
        for layer in layers(self.fs):
            if len(getattr(layer, "dircache", ())):
                layer.dircache.clear()

    def _identity(self, key: str) -> tuple[Any, Any] | None:
        info = self.info(key) or {}
        return (info["ino"], info.get("created")) if info.get("ino") else None

    def _open(self, path: str, block: int) -> Any:
        try:
            return self.fs.open(path, "rb", block_size=block, cache_type="readahead")
        except TypeError:
            return self.fs.open(path, "rb")


def _joined(above: str, below: str) -> str:
    return above + below if not above or above.endswith("/") else f"{above}/{below}"


def _is_named(info: Mapping[str, Any], path: str) -> bool:
    """Whether it is a file that has the name of the path, wherever it is."""
    name = str(info["name"]).rstrip("/").rpartition("/")[2]
    return info.get("type") != "directory" and name == path.rpartition("/")[2]


def _names_itself_twice(key: str) -> bool:
    above, _, name = key.rpartition("/")
    return bool(above) and above.rpartition("/")[2] == name


def _is_usual(info: Mapping[str, Any]) -> bool:
    """Whether it is a file or a directory, and no socket, device or pipe."""
    return info.get("type") in ("file", "directory", "link") or bool(info.get("islink"))
