"""What nothing in a registry refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from storagedriver.driver import StorageDriver
from storagedriver.errors import ConflictError
from storagedriver.registry import layout
from storagedriver.registry.contents import DECIDING_LINKS, DOUBTFUL_LINKS, read_links, read_manifests
from storagedriver.registry.marks import doubts, mark
from storagedriver.registry.reading import CONCURRENCY
from storagedriver.registry.survey import Survey, instant_of, note_database, take_listing

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Garbage", "GarbageKind", "GarbageSurvey", "garbage"]

#: ``blob``: the content. ``manifest``: a repository's link to a manifest. ``tag_index``: a tag's link to it.
GarbageKind = Literal["tag_index", "manifest", "blob"]

_UNTAGGED = """
SELECT repository, digest, size, time FROM link WHERE kind = 'revision'
AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.repository = link.repository AND kept.digest = link.digest)
AND target = digest
"""
_ENTRIES = f"""
SELECT entry.repository, entry.digest, entry.size, entry.time, entry.tag FROM link AS entry
JOIN ({_UNTAGGED}) AS gone USING (repository, digest) WHERE entry.kind = 'tag_index'
"""  # noqa: S608 - constants
_UNMARKED = """
SELECT '', digest, size, time FROM blob WHERE NOT EXISTS (SELECT 1 FROM marked WHERE marked.digest = blob.digest)
"""


@dataclass(frozen=True)
class Garbage:
    """A file that nothing refers to.

    Attributes
    ----------
    kind : {"tag_index", "manifest", "blob"}
        What it is.
    path : str
        The file.
    digest : str
        The blob, or the manifest that the link leads to.
    size : int
        The bytes of the file.
    time : datetime or None
        When it was last changed, None where the store does not know.
    repository : str
        Of a link, its repository.
    """

    kind: GarbageKind
    path: str
    digest: str
    size: int
    time: datetime | None
    repository: str = ""

    @property
    def age(self) -> float | None:
        """The seconds since it was last changed."""
        return None if self.time is None else max(0.0, (datetime.now(timezone.utc) - self.time).total_seconds())

    def record(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "kind": self.kind,
            "path": self.path,
            "digest": self.digest,
            "repository": self.repository or None,
            "size": self.size,
            "mod_time": None if self.time is None else self.time.isoformat().replace("+00:00", "Z"),
            "age": self.age,
        }


class GarbageSurvey:
    """A survey and what it says is garbage.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    untagged : bool
        Whether manifests that no tag stands for are garbage, see
        `storagedriver.registry.marks.mark`.
    min_age : timedelta
        What was changed more recently is no garbage, and neither is what it
        needs.
    certain : bool
        Read every link that decides, also those whose content follows from the
        listing of a registry that is not damaged. Before a deletion it is needed.
    concurrency : int
        How many small files are read at a time.
    show : callable, optional
        Called now and then with the number of files that were listed.

    Raises
    ------
    PathNotFoundError
        If there is no registry.
    """

    def __init__(
        self,
        driver: StorageDriver,
        *,
        untagged: bool = False,
        min_age: timedelta = timedelta(0),
        certain: bool = False,
        concurrency: int = CONCURRENCY,
        show: Callable[[int], None] | None = None,
    ) -> None:
        self._driver = driver
        self._untagged = untagged
        self._since = datetime.now(timezone.utc) - min_age if min_age else None
        self.survey = Survey()
        try:
            # In the order of the paths blobs come before repositories.
            take_listing(driver, self.survey, (layout.TOP,), layout.TOP, show)
            note_database(driver, self.survey)
            read_links(driver, self.survey, DECIDING_LINKS if certain else DOUBTFUL_LINKS, concurrency)
            read_manifests(driver, self.survey, concurrency)
            self.mark()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.survey.__exit__(kind, error, trace)

    def mark(self) -> None:
        """Find out what is referred to; again after manifests were added to the survey."""
        mark(self.survey, untagged=self._untagged, since=self._since)
        self.survey.database.executescript(
            "DROP TABLE IF EXISTS marked; CREATE TABLE marked (digest TEXT PRIMARY KEY) WITHOUT ROWID;"
            "INSERT OR IGNORE INTO marked SELECT digest FROM mark;"
        )

    @property
    def doubts(self) -> list[str]:
        """What could not be read, and may refer to what looks like garbage."""
        return doubts(self.survey)

    def check_certain(self) -> None:
        """Raise `ConflictError` if there is a doubt: nothing may be removed then."""
        found = self.doubts
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            advice = "; see 'verify'" if found[0].startswith(("manifest ", "link ")) else ""
            detail = f"nothing is removed, because what this refers to is not known: {found[0]}{more}{advice}"
            raise ConflictError(detail, driver_name=self._driver.name, path=layout.TOP)

    def items(self) -> Iterator[Garbage]:
        """The garbage: links before manifests, manifests before blobs."""
        for item in self._items():
            if self._since is None or (item.time is not None and item.time <= self._since):
                yield item

    def is_marked(self, digest: str) -> bool:
        """Whether something refers to a blob."""
        return self.survey.value("SELECT 1 FROM marked WHERE digest = ?", (digest,)) is not None

    def is_needed(self, repository: str, digest: str) -> bool:
        """Whether a tag stands for a manifest, or what is kept in the repository refers to it."""
        query = (
            "SELECT 1 FROM mark WHERE repository = ?1 AND digest = ?2"
            " UNION SELECT 1 FROM link WHERE kind = 'tag' AND repository = ?1 AND target = ?2"
        )
        return self.survey.value(query, (repository, digest)) is not None

    def size_of(self, digest: str) -> int | None:
        """The bytes of a blob that was listed; None if it was not."""
        size: int | None = self.survey.value("SELECT size FROM blob WHERE digest = ?", (digest,))
        return size

    def _items(self) -> Iterator[Garbage]:
        rows = self.survey.rows
        if self._untagged:
            for repository, digest, size, time, tag in rows(_ENTRIES):
                path = layout.tag_index_path(repository, tag, digest)
                yield Garbage("tag_index", path, digest, size, instant_of(time), repository)
            for repository, digest, size, time in rows(_UNTAGGED):
                path = layout.revision_path(repository, digest)
                yield Garbage("manifest", path, digest, size, instant_of(time), repository)
        for _, digest, size, time in rows(_UNMARKED):
            yield Garbage("blob", layout.blob_path(digest), digest, size, instant_of(time))


def garbage(driver: StorageDriver, *, untagged: bool = False, concurrency: int = CONCURRENCY) -> Iterator[Garbage]:
    """What nothing refers to.

    Without untagged manifests the blobs are those that the registry's own
    garbage-collect would delete. With them, manifests that an index refers to
    stay with their layers, and so do those whose subject stays.

    Parameters
    ----------
    driver : StorageDriver
        The storage. A registry may be running: what is being pushed looks like
        garbage until its manifest is there.
    untagged : bool
        Whether manifests that no tag stands for are garbage.
    concurrency : int
        How many small files are read at a time.

    Yields
    ------
    Garbage
        Each file.

    Raises
    ------
    PathNotFoundError
        If there is no registry.
    """
    with GarbageSurvey(driver, untagged=untagged, concurrency=concurrency) as found:
        yield from found.items()
