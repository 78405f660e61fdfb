"""Finding what is broken in a registry's storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.registry import checks, layout
from storagedriver.registry.checks import Candidate
from storagedriver.registry.contents import ALL_LINKS, read_links, read_manifests
from storagedriver.registry.digests import check_digests
from storagedriver.registry.findings import Finding
from storagedriver.registry.reading import CONCURRENCY, each
from storagedriver.registry.survey import Survey, instant_of, take_listing

__all__ = ["Scope", "scope_of", "verify"]

Show = Callable[[str, int], None]


@dataclass(frozen=True)
class Scope:
    """What part of a registry a path stands for.

    Attributes
    ----------
    path : str
        Below it is what is shown; empty for all.
    walked : tuple of str
        The directories that are listed for it.
    required : str
        The one of them that has to exist.
    """

    path: str
    walked: tuple[str, ...]
    required: str

    def holds(self, path: str) -> bool:
        """Whether a path is in it."""
        return not self.path or f"{path}/".startswith(f"{self.path}/")


def scope_of(path: str) -> Scope:
    """What to list for a path.

    Parameters
    ----------
    path : str
        ``/`` or a directory above the registry's for all of it; or the
        directory of its blobs, of a repository, or one in these.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if f"{layout.TOP}/".startswith(path.rstrip("/") + "/"):
        return Scope("", (layout.TOP,), layout.TOP)
    if f"{path}/".startswith(f"{layout.BLOBS}/"):
        return Scope(path, (layout.TOP,), layout.TOP)
    if f"{path}/".startswith(f"{layout.REPOSITORIES}/"):
        # What is in a repository is understood from all of it.
        directory = path.partition("/_")[0]
        return Scope(path, (layout.BLOBS, directory), directory)
    raise ValueError(f"{path} is not in a registry's directory, {layout.TOP}")


def verify(
    driver: StorageDriver,
    path: str = layout.TOP,
    *,
    digests: bool = False,
    state: Path | None = None,
    concurrency: int = CONCURRENCY,
    show: Show | None = None,
) -> Iterator[Finding]:
    """Look for damage: one listing, and the reading of links and manifests.

    What a registry changes meanwhile is not reported: each finding is looked
    at once more before it is.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    path : str
        What to look at, see `scope_of`.
    digests : bool
        Also read and hash every blob.
    state : Path, optional
        A local file that notes which blobs were right; a run that goes on
        with it does not read them again.
    concurrency : int
        How many small files are read at a time.
    show : callable, optional
        Called with ``"files"`` or ``"bytes"`` and a number: the files that
        were listed so far, the bytes that were hashed with the last blob.

    Yields
    ------
    Finding
        What was found: first damage, then what is left over.

    Raises
    ------
    PathNotFoundError
        If there is no registry, or no such repository.
    ValueError
        If `path` is not in a registry's directory.
    StorageDriverError
        If the storage cannot be listed or does not answer.
    """
    scope = scope_of(path)
    with Survey() as survey:
        take_listing(driver, survey, scope.walked, scope.required, show and (lambda count: show("files", count)))
        read_links(driver, survey, ALL_LINKS, concurrency)
        read_manifests(driver, survey, concurrency)
        checks.prepare(survey)
        if digests:
            root = scope.path if scope.path.startswith(layout.BLOBS) else layout.BLOBS
            hashed = check_digests(
                driver,
                survey,
                root,
                where="1" if scope.required == layout.TOP else checks.NEEDED,
                state=state,
                concurrency=concurrency,
                show=show and (lambda count: show("bytes", count)),
            )
            for found in hashed:
                survey.database.execute("INSERT OR REPLACE INTO checked VALUES (?, ?, ?)", found)
        shared = scope.required == layout.TOP

        def wanted(candidate: Candidate) -> bool:
            path = candidate.finding.path
            return scope.holds(path) or (not shared and path.startswith(layout.BLOBS))

        candidates = filter(wanted, checks.candidates(driver, survey, shared=shared))
        for candidate, so in each(_confirm, candidates, concurrency):
            if so and not isinstance(so, PathNotFoundError):
                yield candidate.finding
        for finding in _uploads(driver, survey, concurrency):
            if scope.holds(finding.path):
                yield finding


def _confirm(candidate: Candidate) -> bool:
    return candidate.confirm()


def _uploads(driver: StorageDriver, survey: Survey, concurrency: int) -> Iterator[Finding]:
    rows = survey.rows("SELECT repository, upload, size, files, time FROM upload ORDER BY repository, upload")

    def started(row: tuple[str, str, int, int, float]) -> bytes:
        return driver.get_content(f"{layout.upload_directory(row[0], row[1])}/startedat")

    for row, content in each(started, rows, concurrency):
        repository, upload, size, files, time = row
        if isinstance(content, PathNotFoundError) and not driver.exists(layout.upload_directory(repository, upload)):
            continue
        begun = (None if isinstance(content, StorageDriverError) else _time_of(content)) or instant_of(time)
        age = None if begun is None else max(0.0, (datetime.now(timezone.utc) - begun).total_seconds())
        detail = f"{size} bytes in {files} files"
        yield Finding("upload_unfinished", layout.upload_directory(repository, upload), repository, detail, age=age)


def _time_of(content: bytes) -> datetime | None:
    """The time that a registry notes: RFC 3339 in seconds."""
    try:
        found = datetime.fromisoformat(content.decode("ascii", "replace").strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
