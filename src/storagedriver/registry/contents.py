"""Reading the links and the manifests of a survey."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.registry import layout
from storagedriver.registry.manifest import LARGEST_MANIFEST, ManifestError, parse_manifest
from storagedriver.registry.reading import CONCURRENCY, each
from storagedriver.registry.survey import Link, Survey

__all__ = [
    "ALL_LINKS",
    "DECIDING_LINKS",
    "DOUBTFUL_LINKS",
    "digest_of",
    "fault_of",
    "read_links",
    "read_manifests",
    "read_manifests_at",
]

#: Every link.
ALL_LINKS = "1"
#: The links that decide what is referred to: a repository's manifests and tags.
DECIDING_LINKS = "link.kind IN ('revision', 'tag')"
#: Those of them whose content does not follow from the listing. What a tag stands for is in its index, so that
#: an index of one entry says it; and a link to a manifest holds what its path names, which has that length.
DOUBTFUL_LINKS = """
(link.kind = 'revision' AND link.size != length(link.digest))
OR (link.kind = 'tag' AND (
    link.size NOT IN (71, 103, 135)
    OR 1 != (SELECT count(*) FROM link AS entry INDEXED BY link_tag
             WHERE entry.kind = 'tag_index' AND entry.repository = link.repository AND entry.tag = link.tag)
))
"""
#: No link holds more, in bytes; a larger file is read no further.
_LONGEST_LINK = 1000
_BATCH = 1000
#: Manifests that are not read yet: those that repositories have, and those that indexes name. A repository can
#: have one that was pushed after the blobs were listed: it is looked for all the same.
_UNREAD = """
INSERT INTO unread SELECT wanted.digest, coalesce(blob.size, 1) FROM (
    SELECT digest FROM link WHERE kind = 'revision'
    UNION SELECT target FROM link WHERE kind = 'revision' AND target IS NOT NULL
    UNION SELECT digest FROM reference JOIN blob USING (digest) WHERE role = 'manifest'
) AS wanted LEFT JOIN blob USING (digest)
WHERE coalesce(blob.size, 1) > 0 AND NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.digest = wanted.digest)
AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.digest = wanted.digest)
"""


def digest_of(content: bytes, algorithm: str) -> str:
    """The digest of a content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def fault_of(content: bytes, named: str) -> tuple[str, str]:
    """What a link holds, and what is wrong with it.

    Parameters
    ----------
    content : bytes
        The content of the file.
    named : str
        The digest that its path names; empty if it names none.

    Returns
    -------
    tuple of str
        The digest, empty if there is none; and ``""``, ``"empty"`` (also for
        what a crash can leave: zeros and white space), ``"invalid"`` or
        ``"wrong"``.
    """
    if not content.strip(b"\0 \t\r\n"):
        return "", "empty"
    text = content.decode("ascii", "replace")
    if not layout.is_digest(text):
        return "", "invalid"
    return text, "wrong" if named and text != named else ""


def read_links(driver: StorageDriver, survey: Survey, where: str, concurrency: int = CONCURRENCY) -> None:
    """Read the links that fit a condition, and assume of the others what the listing says.

    A link that has gone since it was listed is dropped. One that the store
    does not give gets the fault ``refused``.
    """
    database = survey.database
    database.execute("CREATE INDEX IF NOT EXISTS link_tag ON link (repository, tag) WHERE kind = 'tag_index'")

    def read(link: Link) -> bytes:
        if link.size == 0:
            return b""
        with driver.reader(link.path, length=_LONGEST_LINK) as reader:
            return reader.readall() or b""

    found: list[tuple[str | None, str, str, int]] = []
    gone: list[tuple[int]] = []

    def flush() -> None:
        survey.write("UPDATE link SET target = ?, fault = ?, detail = ? WHERE id = ?", found)
        survey.write("DELETE FROM link WHERE id = ?", gone)
        found.clear()
        gone.clear()

    for link, content in each(read, survey.links(where), concurrency):
        if isinstance(content, PathNotFoundError):
            gone.append((link.id,))
        elif isinstance(content, StorageDriverError):
            found.append((None, "refused", str(content), link.id))
        else:
            target, fault = fault_of(content, link.named)
            found.append((target or None, fault, "", link.id))
        if len(found) + len(gone) >= _BATCH:
            flush()
    flush()
    database.execute(
        "UPDATE link SET target = CASE state WHEN '' THEN digest ELSE state END"
        " WHERE kind != 'tag' AND target IS NULL AND fault = ''"
    )
    database.execute(
        "UPDATE link SET target = (SELECT entry.digest FROM link AS entry INDEXED BY link_tag"
        " WHERE entry.kind = 'tag_index' AND entry.repository = link.repository AND entry.tag = link.tag LIMIT 1)"
        " WHERE kind = 'tag' AND target IS NULL AND fault = ''"
    )


def read_manifests(driver: StorageDriver, survey: Survey, concurrency: int = CONCURRENCY) -> None:
    """Read every manifest that a repository has or an index names, and note what it refers to.

    The digest of each is compared on the way. A blob that is not there, or has
    gone since it was listed, is noted in ``gone``.
    """
    survey.database.execute("CREATE TEMP TABLE IF NOT EXISTS unread (digest TEXT, size INTEGER)")
    while True:
        survey.database.execute("DELETE FROM unread")
        # An index may name indexes.
        if not survey.database.execute(_UNREAD).rowcount:
            return
        _read_those(driver, survey, concurrency)


def _read_those(driver: StorageDriver, survey: Survey, concurrency: int) -> None:
    read = _Read(survey)
    fitting = (digest for digest, size in _pages(survey) if size <= LARGEST_MANIFEST or read.too_large(digest, size))
    for digest, content in each(lambda digest: driver.get_content(layout.blob_path(digest)), fitting, concurrency):
        read.add(digest, content)
    read.flush()


def read_manifests_at(driver: StorageDriver, survey: Survey, places: Mapping[str, str]) -> None:
    """Read manifests that are kept elsewhere, and note what they refer to.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    survey : Survey
        Where it is noted.
    places : mapping
        The path of each by its digest.
    """
    read = _Read(survey)
    for digest, content in each(lambda digest: driver.get_content(places[digest]), places):
        if not isinstance(content, PathNotFoundError):
            read.add(digest, content)
    read.flush()


class _Read:
    """Manifests that were read, written to the survey in batches."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._manifests: list[tuple[str, str, str, str, str]] = []
        self._references: list[tuple[str, str, str, int | None, int]] = []
        self._gone: list[tuple[str]] = []

    def too_large(self, digest: str, size: int) -> bool:
        """Note a manifest that is not read; False."""
        self._manifests.append((digest, "invalid", f"{size} bytes are more than a manifest has", "", ""))
        return False

    def add(self, digest: str, content: bytes | StorageDriverError) -> None:
        """Note what was read."""
        if isinstance(content, PathNotFoundError):
            self._gone.append((digest,))
        elif isinstance(content, StorageDriverError):
            self._manifests.append((digest, "refused", str(content), "", ""))
        else:
            self._parse(digest, content)
        if len(self._manifests) + len(self._gone) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is left."""
        write = self._survey.write
        write("INSERT OR REPLACE INTO manifest VALUES (?, ?, ?, ?, ?)", self._manifests)
        write("INSERT OR REPLACE INTO reference VALUES (?, ?, ?, ?, ?)", self._references)
        write("DELETE FROM blob WHERE digest = ?", self._gone)
        write("INSERT OR IGNORE INTO gone VALUES (?)", self._gone)
        for rows in (self._manifests, self._references, self._gone):
            rows.clear()

    def _parse(self, digest: str, content: bytes) -> None:
        fault, detail, media_type, subject = "", "", "", ""
        try:
            manifest = parse_manifest(content)
        except ManifestError as error:
            fault, detail = "invalid", str(error)
        else:
            media_type, subject = manifest.media_type, manifest.subject
            self._references += [
                (digest, entry.role, entry.digest, entry.size, int(entry.optional)) for entry in manifest.references
            ]
        found = digest_of(content, digest.partition(":")[0])
        if found != digest:
            fault, detail = "corrupt", f"its content has the digest {found}"
        self._manifests.append((digest, fault, detail, media_type, subject))


def _pages(survey: Survey) -> Iterator[tuple[str, int]]:
    """The digests and sizes of the manifests that are to be read; other tables may be written meanwhile."""
    last = 0
    query = "SELECT rowid, digest, size FROM unread WHERE rowid > ? ORDER BY rowid LIMIT ?"
    while rows := survey.database.execute(query, (last, _BATCH)).fetchall():
        yield from (row[1:] for row in rows)
        last = rows[-1][0]
