"""The parameters of the driver ``fsspec``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storagedriver.drivers.fsspec.urls import shown
from storagedriver.parameters import NamingParameters, anything, choice, integer, mapping, string

__all__ = ["FsspecParameters"]


@dataclass(frozen=True)
class FsspecParameters(NamingParameters):
    """The parameters of the driver: either `url` or `fs`.

    Attributes
    ----------
    url : str
        A URL of fsspec, ``sftp://host/path`` or a chain such as
        ``dir::file:///path``: the root directory.
    storage_options : map
        The arguments of the URL's filesystem; for a chain, those of its inner
        ones in maps by their protocol. Nothing of it is ever printed.
    fs : AbstractFileSystem
        A filesystem that is ready.
    rootdirectory : str
        A path on `fs`, or below `url`.
    put : {"staged", "direct"}
        How `put_content` writes: beside the path, and renamed, or at the path.
    directories : {"auto", "kept", "implied"}
        Whether the filesystem keeps directories that have nothing in them;
        ``auto`` goes by the protocol.
    maxthreads : int or None
        How many calls run at a time. None: one, unless the filesystem is
        asynchronous or on this machine, since others cannot be shared by
        threads.
    """

    url: str = string()
    storage_options: dict[str, Any] | None = mapping(secret=True)
    fs: Any = anything(secret=True)
    rootdirectory: str = string()
    put: str = choice("staged", ("staged", "direct"))
    directories: str = choice("auto", ("auto", "kept", "implied"))
    maxthreads: int | None = integer(minimum=1)

    def __repr__(self) -> str:
        where = f"url={shown(self.url)!r}" if self.url else f"fs={type(self.fs).__name__}"
        return f"FsspecParameters({where}, rootdirectory={self.rootdirectory!r}, put={self.put!r})"
