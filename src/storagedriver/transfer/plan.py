"""What both ends hold, in a database that ends with the process: it is on disk when it is large."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from storagedriver.driver import FileInfo
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind

__all__ = ["DONE", "FAILED", "PENDING", "Item", "Plan"]

#: The states of a file of the source.
PENDING, DONE, FAILED = 0, 1, 2
_BATCH = 1000
_KINDS = list(Kind)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_LINKS = ", ".join(str(_NUMBERS[kind]) for kind in layout.LINKS)
_UPLOADS = [_NUMBERS[kind] for kind in (Kind.UPLOAD_DATA, Kind.UPLOAD_STARTED, Kind.UPLOAD_STATE)]
#: Of a file of an unfinished upload: the directory, which ends in an identifier of 36 characters.
_DIRECTORY = "substr(path, 1, instr(path, '/_uploads/') + 45)"
_TABLES = """
CREATE TABLE source (id INTEGER PRIMARY KEY, path TEXT UNIQUE, kind INTEGER, repository TEXT, digest TEXT,
                     size INTEGER, state INTEGER DEFAULT 0);
CREATE TABLE dest (path TEXT PRIMARY KEY, kind INTEGER, size INTEGER) WITHOUT ROWID;
CREATE TABLE refers (manifest TEXT, digest TEXT, PRIMARY KEY (manifest, digest)) WITHOUT ROWID;
CREATE TABLE begun (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX digests ON source (digest);
CREATE INDEX kinds ON source (kind, id);
"""


class Item(NamedTuple):
    """A file of the source, and the size of what the destination has at its path; -1: nothing."""

    id: int
    path: str
    kind: Kind
    repository: str
    digest: str
    size: int
    there: int


class Plan:
    """The files of both ends, as they were listed and as far as they were dealt with. Many threads may use it."""

    def __init__(self) -> None:
        # A database without a name is a file that the system removes, of which a little is in memory.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_TABLES)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add_source(self, infos: Iterable[FileInfo]) -> None:
        """Note files of the source. What is known already stays as it is."""
        rows = [
            (info.path, _NUMBERS[place.kind], place.repository, place.digest, info.size)
            for info in infos
            for place in (layout.place_of(info.path),)
        ]
        statement = "INSERT OR IGNORE INTO source (path, kind, repository, digest, size) VALUES (?, ?, ?, ?, ?)"
        self._many(statement, rows)

    def add_dest(self, infos: Iterable[FileInfo]) -> None:
        """Note files of the destination."""
        rows = [(info.path, _NUMBERS[layout.place_of(info.path).kind], info.size) for info in infos]
        self._many("INSERT OR REPLACE INTO dest VALUES (?, ?, ?)", rows)

    def add_begun(self, paths: Iterable[str]) -> None:
        """Note paths at which the destination has an unfinished upload."""
        self._many("INSERT OR IGNORE INTO begun VALUES (?)", [(path,) for path in paths])

    def is_begun(self, path: str) -> bool:
        """Whether the destination had an unfinished upload at a path when it was listed."""
        return bool(self._all("SELECT 1 FROM begun WHERE path = ?", path))

    def add_references(self, manifest: str, digests: Iterable[str]) -> None:
        """Note what a manifest refers to; itself, which stands for that this was looked up."""
        self._many(
            "INSERT OR IGNORE INTO refers VALUES (?, ?)", [(manifest, digest) for digest in {manifest, *digests}]
        )

    def references(self, manifest: str) -> list[str] | None:
        """What a manifest refers to; None if that was not noted."""
        found = [row[0] for row in self._all("SELECT digest FROM refers WHERE manifest = ?", manifest)]
        return [digest for digest in found if digest != manifest] if found else None

    def is_revision(self, digest: str) -> bool:
        """Whether a repository of the source has a manifest of this digest."""
        return bool(
            self._all("SELECT 1 FROM source WHERE digest = ? AND kind = ? LIMIT 1", digest, _NUMBERS[Kind.REVISION])
        )

    def linked_digests(self) -> Iterator[str]:
        """The digests that links of the source have in their path."""
        after = ""
        chosen = f"kind IN ({_LINKS}) AND digest > ?"
        query = f"SELECT DISTINCT digest FROM source WHERE {chosen} ORDER BY digest LIMIT ?"  # noqa: S608 - numbers
        while rows := self._all(query, after, _BATCH):
            yield from (row[0] for row in rows)
            after = rows[-1][0]

    def links_to(self, digest: str) -> bool:
        """Whether any link of the source leads to a digest."""
        query = f"SELECT 1 FROM source WHERE digest = ? AND kind IN ({_LINKS}) LIMIT 1"  # noqa: S608 - numbers
        return bool(self._all(query, digest))

    def item(self, path: str) -> tuple[Item, int] | None:
        """A file of the source and its state."""
        rows = self._all(
            "SELECT s.id, s.path, s.kind, s.repository, s.digest, s.size, COALESCE(d.size, -1), s.state FROM source s"
            " LEFT JOIN dest d ON d.path = s.path WHERE s.path = ?",
            path,
        )
        return (_item(rows[0][:-1]), rows[0][-1]) if rows else None

    def pending(self, kind: Kind, least: int = 0, most: int = 1 << 62) -> Iterator[Item]:
        """The files of a kind that were not dealt with, from `least` to `most` bytes, in the order of the listing."""
        after = 0
        query = (
            "SELECT s.id, s.path, s.kind, s.repository, s.digest, s.size, COALESCE(d.size, -1) FROM source s"
            " LEFT JOIN dest d ON d.path = s.path"
            " WHERE s.kind = ? AND s.id > ? AND s.state = ? AND s.size BETWEEN ? AND ? ORDER BY s.id LIMIT ?"
        )
        while rows := self._all(query, _NUMBERS[kind], after, PENDING, least, most, _BATCH):
            yield from map(_item, rows)
            after = rows[-1][0]

    def set_state(self, path: str, state: int) -> None:
        """Note that a file of the source was dealt with."""
        self._many("UPDATE source SET state = ? WHERE path = ?", [(state, path)])

    def set_target(self, path: str, digest: str) -> None:
        """Note which digest a link of the source really holds."""
        self._many("UPDATE source SET digest = ? WHERE path = ? AND digest != ?", [(digest, path, digest)])

    def dest_size(self, path: str) -> int | None:
        """The size of a file of the destination; None if there was none."""
        rows = self._all("SELECT size FROM dest WHERE path = ?", path)
        return int(rows[0][0]) if rows else None

    def only_there(self, kind: Kind | None = None) -> Iterator[tuple[str, int]]:
        """The files that only the destination has, with their sizes; of one kind, or without one of all of them."""
        after = ""
        kinds = (-1, 99) if kind is None else (_NUMBERS[kind],) * 2
        query = (
            "SELECT d.path, d.size FROM dest d WHERE d.path > ? AND d.kind BETWEEN ? AND ?"
            " AND NOT EXISTS (SELECT 1 FROM source s WHERE s.path = d.path) ORDER BY d.path LIMIT ?"
        )
        while rows := self._all(query, after, *kinds, _BATCH):
            yield from rows
            after = rows[-1][0]

    def has_below(self, path: str) -> bool:
        """Whether the destination has files below the path of a file."""
        return bool(self._all("SELECT 1 FROM dest WHERE path > ? AND path < ? LIMIT 1", f"{path}/", f"{path}0"))

    def forget_dest(self, path: str) -> None:
        """Note that a file of the destination was deleted."""
        self._many("DELETE FROM dest WHERE path = ?", [(path,)])

    def upload_directories(self, *, readable: bool = False) -> set[str]:
        """The directories of unfinished uploads of a registry; `readable`: only those whose content is a file."""
        kinds = _UPLOADS[:1] if readable else _UPLOADS
        marks = ", ".join("?" * len(kinds))
        rows = self._all(f"SELECT DISTINCT {_DIRECTORY} FROM source WHERE kind IN ({marks})", *kinds)  # noqa: S608
        return {row[0] for row in rows}

    def drop_uploads(self, directories: Iterable[str]) -> None:
        """Leave out unfinished uploads."""
        statement = f"DELETE FROM source WHERE kind IN (?, ?, ?) AND {_DIRECTORY} = ?"  # noqa: S608 - no text from outside
        self._many(statement, [(*_UPLOADS, directory) for directory in directories])

    def has_registry(self, table: str) -> bool:
        """Whether ``source`` or ``dest`` has a file of a registry."""
        query = f"SELECT 1 FROM {table} WHERE kind != ? LIMIT 1"  # noqa: S608 - one of two names
        return bool(self._all(query, _NUMBERS[Kind.FOREIGN]))

    def is_empty(self, table: str) -> bool:
        """Whether ``source`` or ``dest`` has no file."""
        return not self._all(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 - one of two names

    def shares(self) -> bool:
        """Whether both ends have a file of one path."""
        return bool(self._all("SELECT 1 FROM source s JOIN dest d ON d.path = s.path LIMIT 1"))

    def totals(self) -> tuple[int, int]:
        """How many files the source has, and how many bytes will be read of it: blobs that are there are not."""
        files, size = self._all(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.kind = ? AND d.size = s.size THEN 0 ELSE s.size END), 0)"
            " FROM source s LEFT JOIN dest d ON d.path = s.path",
            _NUMBERS[Kind.BLOB],
        )[0]
        return files, size

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._lock:
            if len(rows) == 1:
                self._database.execute(statement, rows[0])
            elif rows:
                self._database.execute("BEGIN")
                self._database.executemany(statement, rows)
                self._database.execute("COMMIT")

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._lock, closing(self._database.execute(query, values)) as cursor:
            return cursor.fetchall()


def _item(row: Sequence[Any]) -> Item:
    return Item(row[0], row[1], _KINDS[row[2]], *row[3:])
