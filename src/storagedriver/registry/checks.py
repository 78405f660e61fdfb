"""What a survey says is broken, each with a look whether it still is.

One cause gives one finding, at the place where it is: of a blob that is empty
nothing is said at the manifests that name it, and of a manifest that is not
there nothing at its tags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.registry import layout
from storagedriver.registry.contents import fault_of
from storagedriver.registry.findings import Finding
from storagedriver.registry.layout import Kind
from storagedriver.registry.survey import Link, Survey

__all__ = ["NEEDED", "Candidate", "candidates", "prepare"]

#: Whether a blob, by ``blob.digest``, is named by a manifest or is one.
NEEDED = """(
    EXISTS (SELECT 1 FROM link INDEXED BY link_revision WHERE link.kind = 'revision' AND link.digest = blob.digest)
    OR EXISTS (SELECT 1 FROM reference WHERE reference.digest = blob.digest AND reference.role != 'subject')
)"""
_NAMED = NEEDED.replace("blob.digest", "hollow.digest")
_EMPTY = {f"{algorithm}:{hashlib.new(algorithm).hexdigest()}" for algorithm in ("sha256", "sha384", "sha512")}
_LINK = "link.id, link.kind, link.repository, link.tag, link.digest, link.state, link.size"
#: How many examples a finding names.
_EXAMPLES = 3


@dataclass(frozen=True)
class Candidate:
    """A finding, if it is still so.

    Attributes
    ----------
    finding : Finding
        What was found in the survey.
    confirm : callable
        Asks the storage whether it is still so. It runs in another thread.
    """

    finding: Finding
    confirm: Callable[[], bool]


def prepare(survey: Survey) -> None:
    """Make the indexes and the table ``checked`` that `candidates` needs."""
    survey.database.executescript(
        "CREATE INDEX link_revision ON link (digest) WHERE kind = 'revision';"
        "CREATE TABLE checked (digest TEXT PRIMARY KEY, fault TEXT, detail TEXT) WITHOUT ROWID;"
        "INSERT INTO checked SELECT digest, fault, detail FROM manifest WHERE fault IN ('corrupt', 'refused');"
    )


def candidates(driver: StorageDriver, survey: Survey, *, shared: bool) -> Iterator[Candidate]:
    """All that looks broken.

    Parameters
    ----------
    driver : StorageDriver
        What confirms it.
    survey : Survey
        A survey with its links and manifests read, after `prepare`.
    shared : bool
        Whether all repositories were surveyed. Else blobs count only if one of
        those that were needs them.
    """
    found = _Checks(driver, survey, "" if shared else f" AND {NEEDED}")
    yield from found.blobs()
    yield from found.links()
    yield from found.manifests()
    yield from found.references()
    yield from found.tags()
    yield from found.left_over()


class _Checks:
    def __init__(self, driver: StorageDriver, survey: Survey, limit: str) -> None:
        self._driver = driver
        self._survey = survey
        self._limit = limit

    def blobs(self) -> Iterator[Candidate]:
        """Blobs without bytes or data, of wrong content or size."""
        rows = self._survey.rows
        for digest in rows(f"SELECT digest FROM blob WHERE size = 0{self._limit}"):  # noqa: S608 - a constant
            if digest not in _EMPTY:
                yield self._blob("blob_empty", digest, self._used(digest), lambda size: size == 0)
        for digest in rows(f"SELECT digest FROM hollow WHERE {_NAMED}"):  # noqa: S608 - a constant
            path = layout.blob_path(digest)
            finding = Finding("blob_without_data", path.rpartition("/")[0], detail=self._used(digest), digest=digest)
            yield Candidate(finding, self._absent(path))
        for digest, fault, detail in rows(
            f"SELECT digest, fault, detail FROM checked JOIN blob USING (digest) WHERE 1{self._limit}"  # noqa: S608
        ):
            kind = "blob_corrupt" if fault == "corrupt" else "blob_unreadable"
            yield self._blob(kind, digest, f"{detail}; {self._used(digest)}", lambda _: True)
        query = (
            "SELECT blob.digest, blob.size, min(reference.size), count(*) FROM reference JOIN blob USING (digest)"
            " JOIN manifest ON manifest.digest = reference.manifest AND manifest.fault = ''"
            " WHERE reference.size IS NOT NULL AND reference.size != blob.size AND blob.size > 0"
            " AND reference.role != 'subject' AND NOT EXISTS (SELECT 1 FROM checked WHERE checked.digest = blob.digest)"
            " GROUP BY blob.digest"
        )
        for digest, size, said, count in rows(query):
            detail = f"it has {size} bytes, and {said} as {count} manifests say; {self._used(digest)}"
            yield self._blob("blob_wrong_size", digest, detail, lambda now, size=size: now == size)

    def links(self) -> Iterator[Candidate]:
        """Links that hold nothing, no digest, or another one than they should."""
        query = f"SELECT {_LINK}, link.fault, link.target, link.detail FROM link WHERE fault != '' ORDER BY link.id"  # noqa: S608
        for row in self._survey.rows(query):
            link = Link(row[0], Kind(row[1]), *row[2:7])
            fault, target, detail = row[7:]
            kind = "link_unreadable" if fault == "refused" else f"link_{fault}"
            if fault == "wrong":
                detail = f"it holds {target}"
            repair = self._repair(link) if fault == "empty" else ""
            digest = link.named or repair
            finding = Finding(kind, link.path, link.repository, detail, digest, link.tag, repair=repair)
            yield Candidate(finding, self._still_faulty(link, fault))

    def manifests(self) -> Iterator[Candidate]:
        """Manifests of repositories that are not there, or are none."""
        query = (
            "SELECT link.repository, link.digest FROM link"
            " WHERE kind = 'revision' AND fault NOT IN ('wrong', 'refused')"
            " AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = link.digest)"
            " AND NOT EXISTS (SELECT 1 FROM hollow WHERE hollow.digest = link.digest)"
        )
        for repository, digest in self._survey.rows(query):
            link, blob = layout.revision_path(repository, digest), layout.blob_path(digest)
            detail = self._tags_of(repository, digest)
            finding = Finding("manifest_missing", link, repository, detail, digest)
            yield Candidate(finding, self._absent(blob, while_there=link))
        query = (
            "SELECT link.repository, link.digest, manifest.detail FROM link JOIN manifest USING (digest)"
            " WHERE link.kind = 'revision' AND manifest.fault = 'invalid'"
            " AND NOT EXISTS (SELECT 1 FROM checked WHERE checked.digest = link.digest)"
        )
        for repository, digest, detail in self._survey.rows(query):
            link = layout.revision_path(repository, digest)
            finding = Finding("manifest_invalid", link, repository, detail, digest)
            yield Candidate(finding, self._there(link))

    def references(self) -> Iterator[Candidate]:
        """What manifests name and a repository does not have."""
        query = """
SELECT link.repository, link.digest, reference.role, reference.digest, blob.digest IS NOT NULL
FROM link JOIN manifest ON manifest.digest = link.digest AND manifest.fault = ''
JOIN reference ON reference.manifest = link.digest
LEFT JOIN blob ON blob.digest = reference.digest
LEFT JOIN link AS own ON own.kind = CASE reference.role WHEN 'manifest' THEN 'revision' ELSE 'layer' END
    AND own.repository = link.repository AND own.digest = reference.digest AND own.tag = '' AND own.state = ''
WHERE link.kind = 'revision' AND link.fault != 'wrong' AND reference.role != 'subject' AND NOT reference.optional
AND (own.id IS NULL OR (blob.digest IS NULL AND reference.role != 'manifest'))
AND NOT EXISTS (SELECT 1 FROM hollow WHERE hollow.digest = reference.digest)
"""
        for repository, manifest, role, digest, stored in self._survey.rows(query):
            revision, blob = layout.revision_path(repository, manifest), layout.blob_path(digest)
            make = layout.revision_path if role == "manifest" else layout.layer_path
            kind = f"{'child' if role == 'manifest' else 'layer'}_{'unlinked' if stored else 'missing'}"
            path = make(repository, digest) if stored else blob
            detail = f"the manifest {manifest} names it as {role}{self._tags_of(repository, manifest, '; ')}"
            yield Candidate(Finding(kind, path, repository, detail, digest), self._absent(path, while_there=revision))

    def tags(self) -> Iterator[Candidate]:
        """Tags that stand for nothing, or for what the repository does not have."""
        query = (
            "SELECT tag.repository, tag.tag FROM tag WHERE NOT EXISTS (SELECT 1 FROM link WHERE kind = 'tag'"
            " AND link.repository = tag.repository AND link.tag = tag.tag AND link.digest = '')"
        )
        for repository, tag in self._survey.rows(query):
            path = layout.tag_path(repository, tag)
            repair = self._only_entry(repository, tag)
            finding = Finding("tag_without_current", path, repository, "", repair, tag, repair=repair)
            yield Candidate(finding, self._absent(path, while_there=layout.tag_directory(repository, tag)))
        query = (
            "SELECT repository, tag, target FROM link WHERE kind = 'tag' AND fault = '' AND NOT EXISTS ("
            " SELECT 1 FROM link AS own WHERE own.kind = 'revision' AND own.repository = link.repository"
            " AND own.digest = link.target)"
        )
        for repository, tag, target in self._survey.rows(query):
            path = layout.tag_path(repository, tag)
            detail = f"it stands for {target}"
            finding = Finding("tag_dangling", path, repository, detail, target, tag)
            yield Candidate(finding, self._absent(layout.revision_path(repository, target), while_there=path))

    def left_over(self) -> Iterator[Candidate]:
        """What is there for nothing, and no pull asks for."""
        if not self._limit:
            for digest in self._survey.rows(f"SELECT digest FROM hollow WHERE NOT {_NAMED}"):  # noqa: S608 - a constant
                path = layout.blob_path(digest)
                finding = Finding("blob_directory_empty", path.rpartition("/")[0], digest=digest)
                yield Candidate(finding, self._absent(path, while_there=finding.path))
        query = (
            f"SELECT {_LINK} FROM link WHERE kind IN ('layer', 'signature') AND fault = ''"  # noqa: S608 - a constant
            " AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = link.target)"
            " AND NOT EXISTS (SELECT 1 FROM hollow WHERE hollow.digest = link.target)"
            " AND NOT EXISTS (SELECT 1 FROM reference JOIN link AS own ON own.kind = 'revision'"
            " AND own.repository = link.repository AND own.digest = reference.manifest"
            " WHERE reference.digest = link.target)"
        )
        for row in self._survey.rows(query):
            link = Link(row[0], Kind(row[1]), *row[2:])
            finding = Finding(f"{link.kind.value}_without_blob", link.path, link.repository, "", link.named)
            yield Candidate(finding, self._absent(layout.blob_path(link.named), while_there=link.path))
        query = (
            f"SELECT {_LINK} FROM link WHERE kind = 'tag_index' AND fault = ''"  # noqa: S608 - a constant
            " AND NOT EXISTS (SELECT 1 FROM link AS own WHERE own.kind = 'revision'"
            " AND own.repository = link.repository AND own.digest = link.digest)"
            " AND NOT EXISTS (SELECT 1 FROM link AS own WHERE own.kind = 'tag' AND own.repository = link.repository"
            " AND own.tag = link.tag AND own.digest = '' AND own.target = link.digest)"
        )
        for row in self._survey.rows(query):
            link = Link(row[0], Kind(row[1]), *row[2:])
            finding = Finding("tag_index_stale", link.path, link.repository, "", link.digest, link.tag)
            revision = layout.revision_path(link.repository, link.digest)
            yield Candidate(finding, self._absent(revision, while_there=link.path))

    def _blob(self, kind: str, digest: str, detail: str, fits: Callable[..., bool]) -> Candidate:
        path = layout.blob_path(digest)
        return Candidate(
            Finding(kind, path, detail=detail, digest=digest),
            lambda: self._driver.exists(path) and fits(self._driver.stat(path).size),
        )

    def _absent(self, path: str, *, while_there: str = "") -> Callable[[], bool]:
        exists = self._driver.exists
        return lambda: not exists(path) and (not while_there or exists(while_there))

    def _there(self, path: str) -> Callable[[], bool]:
        return lambda: self._driver.exists(path)

    def _still_faulty(self, link: Link, fault: str) -> Callable[[], bool]:
        if fault == "refused":
            return self._there(link.path)

        def confirm() -> bool:
            return self._driver.exists(link.path) and fault_of(self._content(link.path), link.named)[1] == fault

        return confirm

    def _content(self, path: str) -> bytes:
        with self._driver.reader(path, length=1000) as reader:
            return reader.readall() or b""

    def _repair(self, link: Link) -> str:
        """The digest that an empty link must have held; empty if that is not certain."""
        if link.kind is Kind.TAG:
            return self._only_entry(link.repository, link.tag)
        return link.named

    def _only_entry(self, repository: str, tag: str) -> str:
        """The one manifest in the index of a tag, if the repository has it."""
        entries = list(
            self._survey.rows(
                "SELECT digest FROM link WHERE kind = 'tag_index' AND repository = ? AND tag = ?", (repository, tag)
            )
        )
        if len(entries) != 1:
            return ""
        has = self._survey.value(
            "SELECT 1 FROM link JOIN blob USING (digest)"
            " WHERE link.kind = 'revision' AND link.repository = ? AND link.digest = ? AND blob.size > 0",
            (repository, entries[0]),
        )
        return str(entries[0]) if has else ""

    def _used(self, digest: str) -> str:
        """Which repositories need a blob."""
        query = """
SELECT DISTINCT repository FROM link INDEXED BY link_revision WHERE kind = 'revision' AND digest = ?1
UNION SELECT link.repository FROM reference JOIN link INDEXED BY link_revision ON link.digest = reference.manifest
WHERE link.kind = 'revision' AND reference.digest = ?1 AND reference.role != 'subject' ORDER BY 1
"""
        found = list(self._survey.rows(query, (digest,)))
        return f"needed by {_examples(found)}" if found else "no manifest names it"

    def _tags_of(self, repository: str, digest: str, before: str = "") -> str:
        """Which tags stand for a manifest."""
        query = "SELECT tag FROM link WHERE kind = 'tag' AND repository = ? AND target = ?"
        found = list(self._survey.rows(query, (repository, digest)))
        return f"{before}tags {_examples(found)}" if found else ""


def _examples(names: list[Any]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    return shown if len(names) <= _EXAMPLES else f"{shown} and {len(names) - _EXAMPLES} more"
