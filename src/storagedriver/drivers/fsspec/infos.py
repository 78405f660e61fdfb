"""What fsspec filesystems say of a file, in the words of a `Store`: no two of them use the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from storagedriver.adapter.store import EPOCH, Entry

__all__ = [
    "brings_rename",
    "can_remove",
    "entry_of",
    "is_thread_safe",
    "layers",
    "makes_directories",
    "moment",
    "protocols",
    "size_of",
    "version_of",
]

#: The keys under which a modification time is found, the best first. A time
#: of creation stands in where objects are replaced and never changed.
_TIMES = (
    "mtime",
    "modified",
    "last_modified",
    "LastModified",
    "Last-Modified",
    "updated",
    "modificationTime",
    "modify",
    "timeModified",
    "created",
    "creation_time",
    "timeCreated",
)
_VERSIONS = ("ETag", "etag", "e_tag", "content_hash", "md5Hash")
#: RFC 3659, as FTP servers write it.
_FTP_TIME = re.compile(r"\d{14}(\.\d+)?")
#: A larger number is a time in milliseconds: as seconds it would be in the year 5138.
_MILLISECONDS = 1e11


def layers(fs: AbstractFileSystem) -> Iterator[AbstractFileSystem]:
    """The filesystem and, in turn, those that it is put upon."""
    while isinstance(fs, AbstractFileSystem):
        yield fs
        fs = getattr(fs, "fs", None)


def protocols(fs: AbstractFileSystem) -> set[str]:
    """The protocols of all layers."""
    names: set[str] = set()
    for layer in layers(fs):
        names.update((layer.protocol,) if isinstance(layer.protocol, str) else layer.protocol)
    return names


def makes_directories(fs: AbstractFileSystem) -> bool:
    """Whether the lowest layer does anything at all to make a directory."""
    *_, lowest = layers(fs)
    kind = type(lowest)
    inherited = {
        getattr(base, name, None)
        for base in (AbstractFileSystem, AsyncFileSystem)
        for name in ("mkdir", "makedirs", "_mkdir", "_makedirs")
    }
    own = ("_mkdir", "_makedirs") if issubclass(kind, AsyncFileSystem) else ("mkdir", "makedirs")
    return any(getattr(kind, name, None) not in inherited for name in own)


def brings_rename(fs: AbstractFileSystem) -> bool:
    """Whether `mv` is more than the copy and delete of the base class.

    That one takes a destination that is also a prefix for a directory and
    moves into it.
    """
    while isinstance(fs, DirFileSystem):
        fs = fs.fs
    return type(fs).mv is not AbstractFileSystem.mv


def can_remove(kind: type[AbstractFileSystem]) -> bool:
    """Whether the class does anything at all to remove a file. What cannot do that is for reading only."""
    names = ("rm_file", "rm", "_rm_file", "_rm", "_rm_files")
    inherited = {getattr(base, name, None) for base in (AbstractFileSystem, AsyncFileSystem) for name in names}
    return any(getattr(kind, name, None) not in inherited for name in names)


def is_thread_safe(kind: type[AbstractFileSystem]) -> bool:
    """Whether threads can share a filesystem of this class.

    fsspec itself keeps one for each thread of those that are not asynchronous:
    most have one connection, and some hang when two threads use it. What is on
    this machine has none.
    """
    return bool(kind.async_impl or getattr(kind, "local_file", False) or issubclass(kind, MemoryFileSystem))


def moment(info: Mapping[str, Any]) -> datetime:
    """When the file was changed, aware and in UTC; `EPOCH` if that is not said."""
    for name in _TIMES:
        value = info.get(name)
        if value is not None and value != "":
            try:
                return _time(value)
            except (ValueError, TypeError, OverflowError, OSError):
                continue
    return EPOCH


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, timezone.utc)
    text = str(value)
    if _FTP_TIME.fullmatch(text):
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    try:
        return _time(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        return _time(parsedate_to_datetime(text))


def version_of(info: Mapping[str, Any]) -> str:
    """What changes with the content: an ETag, or else inode, time and size; empty if there is no time.

    FTP has a fact ``unique`` in place of the inode: RFC 3659, 7.5.2.
    """
    for name in _VERSIONS:
        if info.get(name):
            return str(info[name])
    if info.get("generation"):
        return str(info["generation"])
    changed = moment(info)
    if changed == EPOCH:
        return ""
    return f"{info.get('ino') or info.get('unique', '')}-{changed.timestamp():.6f}-{info.get('size')}"


def size_of(info: Mapping[str, Any]) -> int | None:
    """How many bytes the file has; None where the filesystem does not say it, which does not mean 0."""
    size = info.get("size")
    try:
        return None if size is None or int(size) < 0 else int(size)
    except (TypeError, ValueError):
        return None


def entry_of(key: str, info: Mapping[str, Any], measure: Callable[[str], int]) -> Entry:
    """The entry for what `info` or `ls` gave.

    Parameters
    ----------
    key : str
        Its key.
    info : map
        What the filesystem says.
    measure : callable
        Finds the size, in bytes, by the key, where the filesystem does not say it.
    """
    if info.get("type") == "directory":
        return Entry(key, 0, moment(info), is_dir=True)
    version, changed = version_of(info), moment(info)
    # Of a file that was replaced twice within a second the second time says nothing.
    is_dated = not any(info.get(name) for name in (*_VERSIONS, "generation", "ino"))
    weak = bool(version) and is_dated and changed.microsecond == 0
    size = size_of(info)
    return Entry(key, measure(key) if size is None else size, changed, version=version, weak=weak)
