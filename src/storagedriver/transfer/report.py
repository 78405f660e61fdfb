"""What a transfer has done, and what it could not do."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from storagedriver.errors import StorageDriverError

__all__ = ["Action", "Finding", "IncompleteTransferError", "Progress", "Report"]

#: How many findings a report keeps. All are counted.
_KEPT = 1000
_LISTED = 5

Done = Literal["copied", "replaced", "present", "deleted"]
#: ``failed``: an error. ``wrong``: the source is not what its name says. ``held``: a link to what is not there.
#: ``left``: passed over, as options or the store have it.
Problem = Literal["failed", "wrong", "held", "left"]


class IncompleteTransferError(StorageDriverError):
    """A transfer has not brought over everything. Run it again once the causes are mended."""

    summary = "transfer incomplete"


@dataclass(frozen=True)
class Action:
    """What was done with a file, or, in a dry run, would be.

    Attributes
    ----------
    done : {"copied", "replaced", "present", "deleted"}
        ``present``: the destination had it already.
    path : str
        The file.
    size : int
        Its size in bytes.
    """

    done: Done
    path: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """The action for a line of JSON."""
        return {"action": self.done, "path": self.path, "size": self.size}


@dataclass(frozen=True)
class Finding:
    """A file that was not transferred, and why.

    Attributes
    ----------
    problem : {"failed", "wrong", "held", "left"}
        ``failed``: a call failed. ``wrong``: the file at the source is not
        what its name says. ``held``: a link whose blob or manifest is not at
        the destination. ``left``: an unfinished upload that was left.
    path : str
        The file.
    reason : str
        Why, in one line.
    """

    problem: Problem
    path: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The finding for a line of JSON."""
        return {"problem": self.problem, "path": self.path, "reason": self.reason}


@dataclass(frozen=True)
class Progress:
    """How far a transfer is.

    Attributes
    ----------
    phase : str
        What is done now.
    files, files_total : int
        Files that are dealt with, and all of them.
    size, size_total : int
        Bytes that were copied, and those to copy as far as the listings say.
    seconds : float
        Since the beginning.
    """

    phase: str
    files: int
    files_total: int
    size: int
    size_total: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.size / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """The progress for a line of JSON."""
        return {
            "phase": self.phase,
            "files": self.files,
            "files_total": self.files_total,
            "bytes": self.size,
            "bytes_total": self.size_total,
            "bytes_per_second": round(self.rate),
            "seconds": round(self.seconds, 1),
        }


def _ignore(_: Any) -> None:
    return


@dataclass
class Report:
    """What a transfer has done. Many threads add to it.

    Attributes
    ----------
    findings : list of Finding
        The first 1000 of what was not transferred.
    interrupted : bool
        Whether the transfer was interrupted.
    gave_up : str
        Why the transfer ended early; empty if it did not.
    listed : bool
        Whether both listings were complete.
    extra : int
        Files of the destination that the source does not have.
    resumed : int
        Blobs that went on in the middle.
    dry_run : bool
        Whether nothing was to be changed.
    uploads_left : int
        Unfinished uploads of the source that were left.
    started, finished : bool
        Whether the listings ended, and whether all of it did.
    seconds : float
        How long it took.
    on_action, on_finding : callable
        Called with each `Action` and each `Finding`, from any thread, one at a time.
    """

    findings: list[Finding] = field(default_factory=list)
    interrupted: bool = False
    gave_up: str = ""
    listed: bool = True
    extra: int = 0
    resumed: int = 0
    dry_run: bool = False
    uploads_left: int = 0
    started: bool = False
    finished: bool = False
    seconds: float = 0.0
    on_action: Callable[[Action], None] = field(default=_ignore, repr=False)
    on_finding: Callable[[Finding], None] = field(default=_ignore, repr=False)
    _files: Counter[str] = field(default_factory=Counter)
    _bytes: Counter[str] = field(default_factory=Counter)
    _problems: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _began: float = field(default_factory=time.monotonic, repr=False)
    _read: int = 0
    _phase: str = "listing"
    _totals: tuple[int, int] = (0, 0)

    def act(self, done: Done, path: str, size: int) -> None:
        """Note what was done with a file."""
        with self._lock:
            self._files[done] += 1
            self._bytes[done] += size
            self.on_action(Action(done, path, size))

    def find(self, problem: Problem, path: str, reason: str) -> None:
        """Note a file that was not transferred."""
        finding = Finding(problem, path, " ".join(reason.split()))
        with self._lock:
            self._problems[problem] += 1
            if len(self.findings) < _KEPT:
                self.findings.append(finding)
            self.on_finding(finding)

    def read(self, count: int) -> None:
        """Note bytes on their way, for the progress."""
        with self._lock:
            self._read += count

    def resume(self) -> None:
        """Note a blob that goes on in the middle."""
        with self._lock:
            self.resumed += 1

    def enter(self, phase: str, totals: tuple[int, int] | None = None) -> None:
        """Note what is done from now on and, once it is known, how many files and bytes there are."""
        self.started = True
        self._phase = phase
        self._totals = totals or self._totals

    def end(self, *, finished: bool) -> None:
        """Note that it is over."""
        self.finished = finished
        self.seconds = time.monotonic() - self._began

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            done = self._files.total() - self._files["deleted"]
            done += self._problems.total() - self._problems["left"]
            return Progress(self._phase, done, self._totals[0], self._read, self._totals[1], self._elapsed)

    def files(self, done: Done) -> int:
        """How many files this was done with."""
        return self._files[done]

    def size(self, done: Done) -> int:
        """How many bytes these files have."""
        return self._bytes[done]

    def problems(self, problem: Problem) -> int:
        """How many files have this problem."""
        return self._problems[problem]

    @property
    def complete(self) -> bool:
        """Whether everything was transferred so far, and listed."""
        return self.listed and not (self._problems["failed"] + self._problems["wrong"] + self._problems["held"])

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is at the destination."""
        return self.finished and self.complete

    @property
    def equal(self) -> bool:
        """Whether the destination holds what the source listed, and nothing else. Unfinished uploads do not count.

        A file that was written to the source since it was listed is not known.
        """
        return self.ok and not self.extra and not self.dry_run

    def raise_for_failures(self) -> None:
        """Raise unless `ok`.

        Raises
        ------
        IncompleteTransferError
            With the first of what was not transferred.
        """
        if not self.ok:
            shown = [f"{finding.path}: {finding.reason}" for finding in self.findings if finding.problem != "left"]
            raise IncompleteTransferError("; ".join([self.summary, *shown[:_LISTED]]))

    @property
    def summary(self) -> str:
        """The outcome in one line."""
        if self.interrupted:
            return "interrupted; a run again goes on"
        if self.gave_up:
            return f"given up: {self.gave_up}; a run again goes on"
        if not self.ok:
            return "incomplete; a run again copies what is left"
        if self.dry_run:
            return "nothing was changed"
        if self.extra:
            return f"complete; the destination has {self.extra} files more"
        return "complete: the destination equals what the source listed"

    def to_json(self) -> dict[str, Any]:
        """The report for a line of JSON."""
        return {
            "ok": self.ok,
            "equal": self.equal,
            "dry_run": self.dry_run,
            "interrupted": self.interrupted,
            "gave_up": self.gave_up or None,
            "seconds": round(self.seconds, 1),
            **{
                done: {"files": self._files[done], "bytes": self._bytes[done]}
                for done in ("copied", "replaced", "present", "deleted")
            },
            "resumed": self.resumed,
            "extra": self.extra,
            "uploads_left": self.uploads_left,
            **{problem: self._problems[problem] for problem in ("failed", "wrong", "held", "left")},
            "summary": self.summary,
        }

    @property
    def _elapsed(self) -> float:
        return self.seconds or time.monotonic() - self._began
