"""Reading and hashing every blob, in a way that can go on where it broke off."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError, PathNotFoundError, StorageDriverError
from storagedriver.registry import layout
from storagedriver.registry.reading import each
from storagedriver.registry.survey import Survey

__all__ = ["check_digests"]

_PIECE = 1 << 20
#: Blobs are large: more streams at a time are no faster, and each has a piece in memory.
_STREAMS = 8
_BATCH = 1000
#: So many results are kept at a time.
_KEPT = 16


def check_digests(
    driver: StorageDriver,
    survey: Survey,
    path: str = layout.BLOBS,
    *,
    where: str = "1",
    state: Path | None = None,
    concurrency: int = _STREAMS,
    show: Callable[[int], None] | None = None,
) -> Iterator[tuple[str, str, str]]:
    """Hold the content of every blob of a survey against its digest.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    survey : Survey
        Where its blobs are listed.
    path : str
        The directory to which this is limited.
    where : str
        An SQL condition on ``blob`` to which it is limited, too.
    state : Path, optional
        A local file that notes which blobs were right. A blob that is in it
        with the same size and time is not read again.
    concurrency : int
        How many blobs are read at a time.
    show : callable, optional
        Called with the number of bytes of each blob when it is done.

    Yields
    ------
    tuple of str
        The digest, ``corrupt`` or ``refused``, and what was found.

    Raises
    ------
    ParameterError
        If `state` is no file of this kind.
    """
    sizes: dict[str, tuple[int, float]] = {}

    def todo() -> Iterator[str]:
        for digest, size, time in _blobs(survey, path, where):
            if (size, time) == known.get(digest):
                done(size)
            else:
                sizes[digest] = size, time
                yield digest

    done = show or _ignore
    with closing(_State(driver.name, state)) as known:
        for digest, found in each(lambda digest: _hash(driver, digest), todo(), min(concurrency, _STREAMS)):
            size, time = sizes.pop(digest)
            done(size)
            if found == digest:
                known.add(digest, size, time)
            elif isinstance(found, PathNotFoundError):
                continue
            elif isinstance(found, StorageDriverError):
                yield digest, "refused", str(found)
            else:
                yield digest, "corrupt", f"its content has the digest {found}"


def _ignore(_count: int) -> None:
    pass


def _blobs(survey: Survey, path: str, where: str) -> Iterator[tuple[str, int, float]]:
    """The blobs below a path, in the order of their digests. Other tables may be written meanwhile."""
    last = ""
    chosen = f"blob.size > 0 AND blob.digest > ? AND ({where})"
    query = f"SELECT digest, size, time FROM blob WHERE {chosen} ORDER BY digest LIMIT ?"  # noqa: S608 - of this package
    while rows := survey.database.execute(query, (last, _BATCH)).fetchall():
        last = rows[-1][0]
        yield from (row for row in rows if f"{layout.blob_path(row[0])}/".startswith(f"{path}/"))


def _hash(driver: StorageDriver, digest: str) -> str:
    algorithm = digest.partition(":")[0]
    found = hashlib.new(algorithm)
    with driver.reader(layout.blob_path(digest)) as reader:
        while piece := reader.read(_PIECE):
            found.update(piece)
    return f"{algorithm}:{found.hexdigest()}"


class _State:
    """The blobs that were right, in a file of sqlite3; without a file there are none."""

    def __init__(self, driver_name: str, path: Path | None) -> None:
        self._rows: list[tuple[str, int, float]] = []
        self._database = None
        self._path = path
        if path is None:
            return
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS right (digest TEXT PRIMARY KEY, size INTEGER, time REAL) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            if self._database is not None:
                self._database.close()
            detail = f"the file of what was verified cannot be used: {error}"
            raise ParameterError(detail, driver_name=driver_name, path=str(path)) from error

    def get(self, digest: str) -> tuple[int, float] | None:
        """The size and the time of a blob when it was right."""
        if self._database is None:
            return None
        row: tuple[int, float] | None = self._database.execute(
            "SELECT size, time FROM right WHERE digest = ?", (digest,)
        ).fetchone()
        return row

    def add(self, digest: str, size: int, time: float) -> None:
        """Note a blob that was right."""
        if self._database is not None:
            self._rows.append((digest, size, time))
            if len(self._rows) >= _KEPT:
                self._write()

    def close(self) -> None:
        """Keep what was noted."""
        if self._database is not None:
            try:
                self._write()
            finally:
                self._database.close()

    def _write(self) -> None:
        assert self._database is not None
        try:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO right VALUES (?, ?, ?)", self._rows)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OSError(f"{self._path}: what was verified cannot be noted: {error}") from error
        self._rows.clear()
