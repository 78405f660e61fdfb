"""Traits: in what fsspec filesystems differ and what fsspec itself does not say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fsspec import AbstractFileSystem
from fsspec.implementations.cached import CachingFileSystem
from fsspec.implementations.dirfs import DirFileSystem

from storagedriver.drivers.fsspec.infos import can_remove, is_thread_safe

__all__ = ["Rename", "Traits"]

#: Renames a file over another one on a filesystem: ``rename(fs, source, dest)``, with paths of the filesystem.
Rename = Callable[[AbstractFileSystem, str, str], None]

#: Stores that have no directories: one is seen where a key with a ``/`` is.
_IMPLIED = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "wasb", "wasbs", "oss", "cos", "cosn", "obs", "tos"}
    | {"b2", "r2", "swift", "oci", "ocilake", "lakefs", "hf"}
)
#: adlfs does not wait for the end of a copy.
_SLOW_COPY = frozenset({"az", "abfs", "abfss", "adl"})
#: Of what keeps directories: where a rename is known to overwrite. SFTP, SMB,
#: HDFS and FTP leave that to the server.
_RENAMES_OVER = frozenset({"file", "local", "memory"})


@dataclass(frozen=True)
class Traits:
    """What is declared of a filesystem; None is found by its protocols and its class.

    Attributes
    ----------
    put : {"staged", "direct"}
        Whether a put writes beside the path and renames, or at the path.
    directories : {"kept", "implied"}, optional
        Whether the filesystem keeps directories, or shows one for whatever
        has a ``/`` in its name.
    read_only : bool, optional
        Whether it can only be read. By default true of a class that removes
        no files.
    multiprocess : bool, optional
        Whether another process sees the same files. By default false of what
        is in memory.
    atomic_replace : bool, optional
        Whether a rename overwrites a file in one step. By default true of the
        local disk, memory and what has no directories.
    native_copy : bool, optional
        Whether ``cp_file`` is done when it returns.
    maxthreads : int, optional
        How many calls run at a time. By default one, unless the filesystem is
        asynchronous or on this machine.
    rename : callable, optional
        How a file is renamed over another one, where ``mv`` does not overwrite
        or is more than one request. It is pickled with the driver, so it must
        be a function of a module.
    signing : map, optional
        For GET and for HEAD, the arguments that make ``sign`` give a URL for
        that method. fsspec has no argument for it that all filesystems take.
    """

    put: Literal["staged", "direct"] = "staged"
    directories: Literal["kept", "implied"] | None = None
    read_only: bool | None = None
    multiprocess: bool | None = None
    atomic_replace: bool | None = None
    native_copy: bool | None = None
    maxthreads: int | None = None
    rename: Rename | None = None
    signing: Mapping[str, Mapping[str, Any]] | None = None

    def chosen(self, parameters: Any) -> Traits:
        """The same, with what a user has chosen: a parameter that has the name of a trait is that trait."""
        values = {field.name: getattr(parameters, field.name, None) for field in dataclasses.fields(self)}
        return dataclasses.replace(
            self, **{name: value for name, value in values.items() if value not in (None, "", "auto")}
        )

    def found(
        self, protocols: set[str], kinds: Sequence[type[AbstractFileSystem]], *, makes_directories: bool = True
    ) -> Traits:
        """The same, with everything decided but `maxthreads` and `rename`, where None says something.

        Parameters
        ----------
        protocols : set of str
            Those of the filesystem and of what it is put upon.
        kinds : sequence of type
            Their classes, the outermost first.
        makes_directories : bool
            Whether the filesystem at hand does anything to make a directory.
        """
        implied = bool(protocols & _IMPLIED) or not makes_directories
        directories = self.directories or ("implied" if implied else "kept")
        one_step = directories == "implied" or bool(protocols & _RENAMES_OVER)
        return dataclasses.replace(
            self,
            directories=directories,
            read_only=_either(self.read_only, not can_remove(_lowest(kinds))),
            multiprocess=_either(self.multiprocess, "memory" not in protocols),
            atomic_replace=_either(self.atomic_replace, one_step),
            native_copy=_either(self.native_copy, not protocols & _SLOW_COPY),
            maxthreads=self.maxthreads or (None if is_thread_safe(kinds[-1]) else 1),
        )


def _either(declared: bool | None, found: bool) -> bool:
    return found if declared is None else declared


def _lowest(kinds: Sequence[type[AbstractFileSystem]]) -> type[AbstractFileSystem]:
    """The class that removes files, or does not: below an archive there is another filesystem, which is not written."""
    return next((kind for kind in kinds if not issubclass(kind, (DirFileSystem, CachingFileSystem))), kinds[-1])
