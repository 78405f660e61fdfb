"""What takes the space of a registry's storage: every byte of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.paths import ROOT
from storagedriver.registry import layout
from storagedriver.registry.contents import DOUBTFUL_LINKS, read_links, read_manifests
from storagedriver.registry.layout import Kind
from storagedriver.registry.marks import doubts, mark
from storagedriver.registry.reading import CONCURRENCY
from storagedriver.registry.survey import Survey, instant_of, take_listing

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["RepositoryUsage", "Total", "Usage", "usage"]


@dataclass(frozen=True)
class RepositoryUsage:
    """What a repository takes. Sizes are in bytes.

    Attributes
    ----------
    repository : str
        Its name.
    layers : int
        The layers and configs that its manifests name, each once.
    manifests : int
        Its manifests.
    own : int
        What of both no other repository refers to.
    shared : int
        What of both other repositories refer to as well.
    links : int
        Its link files.
    uploads : int
        The files of its unfinished uploads.
    frees : int
        What would be free if the repository were deleted and garbage collected
        afterwards: `own`, `links` and `uploads`.
    tags : int
        How many tags it has.
    revisions : int
        How many manifests it has.
    untagged : int
        How many of these no tag needs.
    last_push : datetime or None
        When a manifest or a tag of it was last written, as the store says: a
        file that was copied to the store has the time of the copy.
    """

    repository: str
    layers: int
    manifests: int
    own: int
    shared: int
    links: int
    uploads: int
    frees: int
    tags: int
    revisions: int
    untagged: int
    last_push: datetime | None

    def record(self) -> dict[str, Any]:
        """It as JSON has it."""
        time = None if self.last_push is None else self.last_push.isoformat().replace("+00:00", "Z")
        return {**asdict(self), "last_push": time}


@dataclass(frozen=True)
class Total:
    """Every byte of the storage. Sizes are in bytes.

    Attributes
    ----------
    own : int
        Blobs that one repository refers to.
    shared : int
        Blobs that several repositories refer to, each once.
    orphans : int
        Blobs that no repository refers to: garbage.
    links : int
        Link files.
    uploads : int
        The files of unfinished uploads.
    quarantine : int
        Garbage that was moved away.
    foreign : int
        Files that no registry makes.
    total : int
        The sum: all files of the storage.
    unpublished : int
        What comes on top: unfinished uploads that the store keeps where no
        file shows.
    """

    own: int
    shared: int
    orphans: int
    links: int
    uploads: int
    quarantine: int
    foreign: int
    total: int
    unpublished: int


@dataclass(frozen=True)
class Usage:
    """What takes the space.

    Attributes
    ----------
    repositories : list of RepositoryUsage
        The repositories, by name.
    total : Total
        The sum.
    doubts : list of str
        Manifests and links that could not be read: what they refer to counts
        as orphans.
    """

    repositories: list[RepositoryUsage]
    total: Total
    doubts: list[str]

    def dataframe(self) -> DataFrame:
        """The repositories as a table of pandas, by their names."""
        from pandas import DataFrame, to_datetime  # noqa: PLC0415 - needed here only

        names = list(RepositoryUsage.__dataclass_fields__)
        frame = DataFrame([asdict(found) for found in self.repositories], columns=names)
        frame["last_push"] = to_datetime(frame["last_push"], utc=True)
        return frame.set_index("repository")


_PREPARE = """
CREATE TABLE owner (digest TEXT PRIMARY KEY, repositories INTEGER) WITHOUT ROWID;
CREATE TABLE needed (repository TEXT, digest TEXT, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
INSERT INTO needed SELECT repository, digest FROM kept;
"""
_BLOBS = """
SELECT mark.repository, sum(CASE WHEN manifest.digest IS NULL THEN blob.size ELSE 0 END),
    sum(CASE WHEN manifest.digest IS NULL THEN 0 ELSE blob.size END),
    sum(CASE WHEN owner.repositories = 1 THEN blob.size ELSE 0 END)
FROM mark JOIN blob USING (digest) JOIN owner USING (digest) LEFT JOIN manifest USING (digest) GROUP BY mark.repository
"""
_LINKS = """
SELECT repository, sum(size), sum(kind = 'revision'), max(CASE WHEN kind IN ('revision', 'tag') THEN time END),
    sum(kind = 'revision' AND NOT EXISTS (
        SELECT 1 FROM needed WHERE needed.repository = link.repository AND needed.digest = link.digest))
FROM link GROUP BY repository
"""
_REPOSITORIES = """
SELECT repository FROM link UNION SELECT repository FROM upload UNION SELECT repository FROM tag ORDER BY 1
"""


def usage(driver: StorageDriver, *, concurrency: int = CONCURRENCY, show: Callable[[int], None] | None = None) -> Usage:
    """Account for the whole storage, from one listing and the manifests.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    concurrency : int
        How many small files are read at a time.
    show : callable, optional
        Called now and then with the number of files that were listed.

    Returns
    -------
    Usage
        The repositories and the sum.

    Raises
    ------
    PathNotFoundError
        If there is no registry.
    """
    with Survey() as survey:
        take_listing(driver, survey, (ROOT,), ROOT, show)
        if not survey.value("SELECT count(*) FROM blob") and not driver.exists(layout.TOP):
            raise PathNotFoundError("there is no registry here", driver_name=driver.name, path=layout.TOP)
        read_links(driver, survey, DOUBTFUL_LINKS, concurrency)
        read_manifests(driver, survey, concurrency)
        mark(survey, untagged=True)
        survey.database.executescript(_PREPARE)
        mark(survey)
        survey.database.execute("INSERT INTO owner SELECT digest, count(*) FROM mark GROUP BY digest")
        return Usage(_repositories(survey), _total(driver, survey), doubts(survey))


def _repositories(survey: Survey) -> list[RepositoryUsage]:
    rows = survey.rows
    blobs = {row[0]: row[1:] for row in rows(_BLOBS)}
    links = {row[0]: row[1:] for row in rows(_LINKS)}
    uploads = dict(rows("SELECT repository, sum(size) FROM upload GROUP BY repository"))
    tags = dict(rows("SELECT repository, count(*) FROM tag GROUP BY repository"))
    found = []
    for name in rows(_REPOSITORIES):
        layers, manifests, own = blobs.get(name, (0, 0, 0))
        size, revisions, time, untagged = links.get(name, (0, 0, None, 0))
        uploaded = uploads.get(name, 0)
        found.append(
            RepositoryUsage(
                repository=name,
                layers=layers,
                manifests=manifests,
                own=own,
                shared=layers + manifests - own,
                links=size,
                uploads=uploaded,
                frees=own + size + uploaded,
                tags=tags.get(name, 0),
                revisions=revisions,
                untagged=untagged,
                last_push=instant_of(time),
            )
        )
    return found


def _total(driver: StorageDriver, survey: Survey) -> Total:
    def size(query: str) -> int:
        return int(survey.value(query) or 0)

    by_owners = "SELECT sum(blob.size) FROM blob JOIN owner USING (digest) WHERE owner.repositories"
    own, shared = size(f"{by_owners} = 1"), size(f"{by_owners} > 1")
    blobs = size("SELECT sum(size) FROM blob")
    links = size("SELECT sum(size) FROM link")
    uploads = size("SELECT sum(size) FROM upload")
    others = size("SELECT sum(size) FROM other")
    quarantine = size(f"SELECT sum(size) FROM other WHERE path GLOB '{layout.QUARANTINE}/*'")  # noqa: S608 - a constant
    return Total(
        own=own,
        shared=shared,
        orphans=blobs - own - shared,
        links=links,
        uploads=uploads,
        quarantine=quarantine,
        foreign=others - quarantine,
        total=blobs + links + uploads + others,
        unpublished=_unpublished(driver),
    )


def _unpublished(driver: StorageDriver) -> int:
    """The bytes of uploads that no listing shows."""
    shown = driver.capabilities.unfinished == "shown"
    return sum(
        upload.size or 0
        for upload in driver.uploads()
        if not (shown and layout.place_of(upload.path).kind is Kind.UPLOAD_DATA)
    )
