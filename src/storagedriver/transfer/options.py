"""What a transfer is to move, and how."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Literal, get_args

from storagedriver.errors import ParameterError
from storagedriver.paths import ROOT
from storagedriver.registry import layout

__all__ = ["STAGING", "WHOLE", "Options", "Selection", "TransferRefusedError", "Verify"]

#: Where a destination keeps what is not complete yet. No registry looks there, and no transfer copies it.
STAGING = "/.storagedriver-transfer"
#: What is read whole and written in one step, in bytes. It is the most that a registry takes for a manifest.
WHOLE = 4 << 20

#: What is compared, see `Options`.
Verify = Literal["digest", "size", "read"]


class TransferRefusedError(ParameterError):
    """The two ends do not fit each other, so that a transfer was not begun."""

    summary = "transfer refused"


@dataclass(frozen=True)
class Options:
    """What is transferred, and how.

    Attributes
    ----------
    path : str
        The file or the directory to transfer; the root is everything.
    repositories : tuple of str
        Only these repositories, and the blobs that they link to.
    include, exclude : tuple of str
        Patterns of whole paths as in a shell; ``*`` matches ``/`` as well. A
        file is transferred if it matches one of `include`, or there is none,
        and none of `exclude`. A blob that a link leads to comes along unless
        it is excluded.
    verify : {"digest", "size", "read"}
        ``size`` compares sizes, and the contents of links. ``digest`` also
        holds each blob against its digest while it is read, and compares
        every other file with what is at the destination. ``read`` reads back
        every blob at the destination too, those included that were there.
    delete : bool
        Delete at the destination what the source does not have.
    dry_run : bool
        Compare, and change nothing.
    uploads : bool
        Carry the unfinished uploads of a registry along, where the source
        shows their content.
    copy_wrong : bool
        Copy blobs that are not what their digest says, too.
    merge : bool
        Write into a destination that holds other files.
    jobs : int
        How many small files are copied at a time.
    large_jobs : int
        How many files of more than 4 MiB are copied at a time. Each holds as
        much memory as a writer of the destination, and 1 MiB.
    bandwidth : int
        Bytes per second that are read from the source at most; 0: no limit.
    resume_from : int
        Where the destination shows an upload once it goes on (S3, OSS), blobs
        of at least so many bytes go on in the middle after a transfer that
        broke off, and are copied once more within the store. Smaller ones
        begin again. Elsewhere all of more than 4 MiB go on.
    attempts : int
        How often a file is tried that a store has no answer for.
    """

    path: str = ROOT
    repositories: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    verify: Verify = "digest"
    delete: bool = False
    dry_run: bool = False
    uploads: bool = False
    copy_wrong: bool = False
    merge: bool = False
    jobs: int = 16
    large_jobs: int = 4
    bandwidth: int = 0
    resume_from: int = 128 << 20
    attempts: int = 3

    def __post_init__(self) -> None:
        if not self.path.startswith(ROOT):
            raise ParameterError(f"{self.path!r} is not absolute", path="path")
        object.__setattr__(self, "path", self.path.rstrip("/") or ROOT)
        self._check_choice()
        if self.verify not in get_args(Verify):
            raise ParameterError(f"it must be one of {', '.join(get_args(Verify))}", path="verify")
        for name, least in (("jobs", 1), ("large_jobs", 1), ("attempts", 1), ("bandwidth", 0), ("resume_from", 0)):
            if getattr(self, name) < least:
                raise ParameterError(f"it must be at least {least}", path=name)

    def _check_choice(self) -> None:
        for names in ("repositories", "include", "exclude"):
            if isinstance(getattr(self, names), str):
                raise ParameterError("it must be a tuple or a list of texts", path=names)
            object.__setattr__(self, names, tuple(getattr(self, names)))
        for name in self.repositories:
            if not layout.is_repository(name):
                raise ParameterError(f"{name!r} is no name of a repository", path="repositories")
        if self.repositories and self.path != ROOT:
            raise ParameterError("a path and repositories exclude each other", path="repositories")


class Selection:
    """Which paths a transfer is about.

    Parameters
    ----------
    options : Options
        The patterns are taken from here.
    """

    def __init__(self, options: Options) -> None:
        self._include = _matcher(options.include)
        self._exclude = _matcher(options.exclude)
        #: Whether every file below the path is taken.
        self.is_all = not (options.include or options.exclude or options.repositories)

    def takes(self, path: str) -> bool:
        """Whether a file is transferred."""
        return not self.excludes(path) and (self._include is None or self._include.match(path) is not None)

    def excludes(self, path: str) -> bool:
        """Whether a file is left out, whatever leads to it."""
        return self._exclude is not None and self._exclude.match(path) is not None


def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)) if patterns else None
