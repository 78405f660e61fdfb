"""What one listing of a registry's storage finds, with what its small files hold.

A survey is kept in a private database of sqlite3. It is in memory as long as
it is small, and else in a file in the directory for temporary files
(``SQLITE_TMPDIR``), so that memory stays bounded.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Link", "Survey", "instant_of", "note_database", "take_listing"]

_ROWS = 2000
#: Of the database, in KiB, before it goes to a file.
_CACHE = 4000
_EPOCH = datetime.fromtimestamp(0, timezone.utc)

_TABLES = """
CREATE TABLE blob (digest TEXT PRIMARY KEY, size INTEGER, time REAL) WITHOUT ROWID;
CREATE TABLE gone (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE hollow (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE link (
    id INTEGER PRIMARY KEY, kind TEXT, repository TEXT, tag TEXT, digest TEXT, state TEXT,
    size INTEGER, time REAL, target TEXT, fault TEXT DEFAULT '', detail TEXT DEFAULT ''
);
CREATE UNIQUE INDEX link_place ON link (kind, repository, digest, tag, state);
CREATE TABLE tag (repository TEXT, tag TEXT, PRIMARY KEY (repository, tag)) WITHOUT ROWID;
CREATE TABLE upload (
    repository TEXT, upload TEXT, size INTEGER, files INTEGER, time REAL, PRIMARY KEY (repository, upload)
) WITHOUT ROWID;
CREATE TABLE manifest (digest TEXT PRIMARY KEY, fault TEXT, detail TEXT, media_type TEXT, subject TEXT) WITHOUT ROWID;
CREATE INDEX manifest_subject ON manifest (subject) WHERE subject != '';
CREATE TABLE reference (
    manifest TEXT, role TEXT, digest TEXT, size INTEGER, optional INTEGER, PRIMARY KEY (manifest, role, digest)
) WITHOUT ROWID;
CREATE INDEX reference_digest ON reference (digest);
CREATE TABLE away (repository TEXT, digest TEXT, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE TABLE other (path TEXT PRIMARY KEY, size INTEGER, time REAL) WITHOUT ROWID;
"""

_BLOB_DIRECTORY = re.compile(rf"{layout.BLOBS}/(sha256|sha384|sha512)/(..)/(\2[0-9a-f]+)")
_TAG_DIRECTORY = re.compile(rf"{layout.REPOSITORIES}/(.+?)/_manifests/tags/([^/]+)")


@dataclass(frozen=True)
class Link:
    """A link as it was listed, and what it holds if it was read.

    Attributes
    ----------
    id : int
        Its number in the survey.
    kind : Kind
        What it is for.
    repository, tag, digest, state : str
        What its path says, see `storagedriver.registry.layout.Place`.
    size : int
        In bytes.
    """

    id: int
    kind: Kind
    repository: str
    tag: str
    digest: str
    state: str
    size: int

    @property
    def path(self) -> str:
        """Its file."""
        if self.kind is Kind.LAYER:
            return layout.layer_path(self.repository, self.digest)
        if self.kind is Kind.TAG:
            return layout.tag_path(self.repository, self.tag)
        if self.kind is Kind.TAG_INDEX:
            return layout.tag_index_path(self.repository, self.tag, self.digest)
        revision = layout.revision_path(self.repository, self.digest)
        if self.kind is Kind.SIGNATURE:
            return f"{revision.removesuffix('/link')}/signatures/{self.state.replace(':', '/')}/link"
        return revision

    @property
    def named(self) -> str:
        """The digest that its path names; a tag's current link has none."""
        return self.state or self.digest


class Survey:
    """What was found, as tables.

    Attributes
    ----------
    database : sqlite3.Connection
        The tables ``blob``, ``gone`` (manifests that are not there or were
        deleted meanwhile), ``hollow`` (directories of blobs without data),
        ``link``, ``tag``, ``upload``, ``manifest``, ``reference``, ``away``
        (manifests that repositories had before their links were moved to the
        quarantine) and ``other``. It belongs to one thread.
    """

    def __init__(self) -> None:
        self.database = sqlite3.connect("", isolation_level=None)
        try:
            self.database.executescript(f"PRAGMA cache_size = -{_CACHE}; PRAGMA journal_mode = OFF;{_TABLES}")
        except sqlite3.OperationalError as error:
            self.close()
            raise _not_kept(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was found. An error of the database becomes an `OSError`, which is what it mostly stands for."""
        self.close()
        if isinstance(error, sqlite3.OperationalError):
            raise _not_kept(error) from error

    def close(self) -> None:
        """Drop what was found."""
        self.database.close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """The rows of a query; each that has one column as its value."""
        cursor = self.database.execute(query, values)
        single = len(cursor.description) == 1
        for row in cursor:
            yield row[0] if single else row

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The first value of a query; None if there is none."""
        row = self.database.execute(query, values).fetchone()
        return None if row is None else row[0]

    def links(self, where: str) -> Iterator[Link]:
        """The links that fit an SQL condition on ``link``. They may be changed meanwhile."""
        last = 0
        columns = "link.id, link.kind, link.repository, link.tag, link.digest, link.state, link.size"
        query = f"SELECT {columns} FROM link WHERE link.id > ? AND ({where}) ORDER BY link.id LIMIT {_ROWS}"  # noqa: S608 - conditions of this package
        while rows := self.database.execute(query, (last,)).fetchall():
            for row in rows:
                yield Link(row[0], Kind(row[1]), *row[2:])
            last = rows[-1][0]

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement with each of the rows, in one transaction.

        Raises
        ------
        OSError
            If the directory for temporary files is full.
        """
        try:
            self.database.execute("BEGIN")
            self.database.executemany(statement, rows)
            self.database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise _not_kept(error) from error


def _not_kept(error: sqlite3.OperationalError) -> OSError:
    return OSError(f"what is found cannot be kept: {error}; SQLITE_TMPDIR names the directory for temporary files")


def instant_of(seconds: float | None) -> datetime | None:
    """The time that a survey keeps as seconds; None if it is not known."""
    return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None


def take_listing(
    driver: StorageDriver,
    survey: Survey,
    paths: Sequence[str],
    required: str,
    show: Callable[[int], None] | None = None,
) -> None:
    """Walk directories and note every file.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    survey : Survey
        Where it is noted.
    paths : sequence of str
        The directories, none of them in another. Blobs have to come before
        repositories: what a repository has when it is listed has then a blob
        that was listed, or is new.
    required : str
        The one of them that has to exist.
    show : callable, optional
        Called now and then with the number of files so far.

    Raises
    ------
    PathNotFoundError
        If `required` does not exist.
    StorageDriverError
        If the listing fails. What was noted so far is of no use then.
    """
    listing = _Listing(survey, show)
    for path in paths:
        try:
            driver.walk(path, listing.visit)
        except PathNotFoundError:
            if path == required:
                raise
    listing.finish()


def note_database(driver: StorageDriver, survey: Survey) -> None:
    """Note the file by which a registry says that the links are not all that refers to blobs."""
    with contextlib.suppress(PathNotFoundError):
        info = driver.stat(layout.DATABASE_IN_USE)
        survey.write(
            "INSERT OR IGNORE INTO other VALUES (?, ?, ?)", [(info.path, info.size, info.mod_time.timestamp())]
        )


class _Listing:
    """The visits of a walk, written in batches."""

    def __init__(self, survey: Survey, show: Callable[[int], None] | None) -> None:
        self._survey = survey
        self._show = show
        self._count = 0
        self._blobs: list[tuple[str, int, float]] = []
        self._links: list[tuple[str, str, str, str, str, int, float]] = []
        self._others: list[tuple[str, int, float]] = []
        self._uploads: list[tuple[str, str, int, float]] = []
        self._directory = ""
        self._digest = ""

    def visit(self, info: FileInfo) -> None:
        if info.is_dir:
            self._enter(info.path)
            return
        path, size = info.path, info.size
        seconds = info.mod_time.timestamp()
        place = layout.place_of(path)
        kind = place.kind
        if kind is Kind.BLOB:
            if self._digest == place.digest:
                self._digest = ""
            self._blobs.append((place.digest, size, seconds))
        elif kind in layout.LINKS:
            self._links.append((kind.value, place.repository, place.tag, place.digest, place.state, size, seconds))
        elif kind is Kind.FOREIGN:
            self._others.append((path, size, seconds))
        else:
            self._uploads.append((place.repository, place.upload, size, seconds))
        self._count += 1
        if not self._count % _ROWS:
            self._flush()

    def finish(self) -> None:
        """Write what is left."""
        self._leave()
        self._flush()

    def _enter(self, path: str) -> None:
        if path.startswith(layout.BLOBS):
            self._leave()
            found = _BLOB_DIRECTORY.fullmatch(path)
            if found:
                digest = f"{found[1]}:{found[3]}"
                self._digest = digest if layout.is_digest(digest) else ""
            return
        found = _TAG_DIRECTORY.fullmatch(path)
        if found and layout.is_repository(found[1]) and layout.is_tag(found[2]):
            self._survey.database.execute("INSERT OR IGNORE INTO tag VALUES (?, ?)", (found[1], found[2]))

    def _leave(self) -> None:
        """Note a directory of a blob in which no data was."""
        if self._digest:
            self._survey.database.execute("INSERT OR IGNORE INTO hollow VALUES (?)", (self._digest,))
            self._digest = ""

    def _flush(self) -> None:
        write = self._survey.write
        write("INSERT OR IGNORE INTO blob VALUES (?, ?, ?)", self._blobs)
        write(
            "INSERT OR IGNORE INTO link (kind, repository, tag, digest, state, size, time)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            self._links,
        )
        write("INSERT OR IGNORE INTO other VALUES (?, ?, ?)", self._others)
        write(
            "INSERT INTO upload VALUES (?, ?, ?, 1, ?) ON CONFLICT (repository, upload) DO UPDATE SET"
            " size = size + excluded.size, files = files + 1, time = max(time, excluded.time)",
            self._uploads,
        )
        for rows in (self._blobs, self._links, self._others, self._uploads):
            rows.clear()
        if self._show is not None:
            self._show(self._count)
