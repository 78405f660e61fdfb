"""What the repositories of a survey refer to: the marks of a garbage collection."""

from __future__ import annotations

from datetime import datetime

from storagedriver.registry import layout
from storagedriver.registry.survey import Survey

__all__ = ["doubts", "mark"]

_TABLES = """
DROP TABLE IF EXISTS kept;
DROP TABLE IF EXISTS mark;
CREATE TABLE kept (repository TEXT, digest TEXT, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE TABLE mark (repository TEXT, digest TEXT, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_revision ON link (digest) WHERE kind = 'revision';
"""
#: All manifests of a repository, as the registry's garbage-collect has it.
_ALL = """
INSERT OR IGNORE INTO kept SELECT repository, digest FROM link WHERE kind = 'revision'
UNION SELECT repository, target FROM link WHERE kind = 'revision' AND target IS NOT NULL
"""
#: What tags stand for. Of a tag whose link does not say it, everything that it may stand for.
_TAGGED = """
INSERT OR IGNORE INTO kept SELECT repository, target FROM link WHERE kind = 'tag' AND target IS NOT NULL
UNION SELECT entry.repository, entry.digest FROM link AS entry
WHERE entry.kind = 'tag_index' AND NOT EXISTS (
    SELECT 1 FROM link AS current WHERE current.kind = 'tag' AND current.repository = entry.repository
    AND current.digest = '' AND current.tag = entry.tag AND current.target IS NOT NULL)
"""
#: What a link that is wrong holds is kept along with what its path names.
_WRONG = """
INSERT OR IGNORE INTO kept SELECT kept.repository, link.target FROM kept JOIN link
ON link.kind = 'revision' AND link.repository = kept.repository AND link.digest = kept.digest
WHERE link.target IS NOT NULL AND link.target != link.digest
"""
_CHILDREN = """
INSERT OR IGNORE INTO kept SELECT kept.repository, reference.digest FROM kept JOIN reference
ON reference.manifest = kept.digest AND (reference.role = 'manifest' OR (reference.role != 'subject' AND EXISTS (
    SELECT 1 FROM link WHERE link.kind = 'revision' AND link.repository = kept.repository
    AND link.digest = reference.digest)))
"""
#: What was pushed lately, or at a time that the store does not know: its tag or its index may be still to come.
_YOUNG = """
INSERT OR IGNORE INTO kept SELECT repository, digest FROM link
WHERE kind = 'revision' AND (time > ?1 OR coalesce(time, 0) = 0)
"""
#: Blobs that a repository was given lately: an image that names them may be still to come.
_GIVEN = """
INSERT OR IGNORE INTO mark SELECT repository, digest FROM link
WHERE kind = 'layer' AND (time > ?1 OR coalesce(time, 0) = 0)
"""
#: Signatures and the like: manifests whose subject is kept.
_REFERRERS = """
INSERT OR IGNORE INTO kept SELECT kept.repository, manifest.digest FROM kept JOIN manifest
ON manifest.subject = kept.digest JOIN link
ON link.kind = 'revision' AND link.repository = kept.repository AND link.digest = manifest.digest
WHERE manifest.subject != ''
"""
#: Manifests in the quarantine that a tag stands for by now, that an index names or whose subject is kept.
_RETURNING = """
INSERT OR IGNORE INTO kept SELECT away.repository, away.digest FROM away WHERE
EXISTS (SELECT 1 FROM link WHERE link.kind = 'tag' AND link.repository = away.repository AND link.target = away.digest)
OR EXISTS (SELECT 1 FROM reference JOIN kept ON kept.digest = reference.manifest AND kept.repository = away.repository
           WHERE reference.digest = away.digest AND reference.role = 'manifest')
OR EXISTS (SELECT 1 FROM manifest JOIN kept ON kept.digest = manifest.subject AND kept.repository = away.repository
           WHERE manifest.digest = away.digest)
"""
_MARK = """
INSERT OR IGNORE INTO mark SELECT repository, digest FROM kept
UNION SELECT kept.repository, reference.digest FROM kept JOIN reference
ON reference.manifest = kept.digest AND reference.role != 'subject'
"""
_DOUBTS = f"""
SELECT 'the registry keeps what refers to blobs in a database: {layout.DATABASE_IN_USE} is there' FROM other
WHERE path = '{layout.DATABASE_IN_USE}'
UNION ALL SELECT path || ': no repository, manifest or tag has such a path' FROM other
WHERE path GLOB '{layout.REPOSITORIES}/*/_manifests/*/link'
UNION ALL
SELECT 'manifest ' || kept.digest || ' of ' || kept.repository || ': ' ||
    CASE WHEN manifest.detail != '' THEN manifest.detail ELSE 'it has no bytes' END
FROM kept LEFT JOIN blob USING (digest) LEFT JOIN manifest USING (digest)
WHERE manifest.fault != '' OR (manifest.digest IS NULL AND blob.digest IS NOT NULL)
UNION ALL SELECT 'link of ' || repository || ': ' || detail FROM link
WHERE kind IN ('revision', 'tag') AND fault = 'refused'
LIMIT ?
"""  # noqa: S608 - constants


def mark(survey: Survey, *, untagged: bool = False, since: datetime | None = None) -> None:
    """Fill the tables ``kept`` and ``mark``, each of a repository and a digest.

    ``kept`` has the manifests, ``mark`` these and what they refer to. A blob
    without a mark is garbage. A subject is no reference: by the OCI
    distribution specification it may be deleted while others refer to it.

    Parameters
    ----------
    survey : Survey
        A survey with its links and manifests read.
    untagged : bool
        Keep only manifests that a tag stands for, that an index which is kept
        names, or whose subject is kept. Else all manifests are kept.
    since : datetime, optional
        Also keep what repositories were given later, with all that it needs.
    """
    database = survey.database
    database.executescript(_TABLES)
    database.execute(_TAGGED if untagged else _ALL)
    if since is not None:
        database.execute(_YOUNG, (since.timestamp(),))
    steps = (_WRONG, _CHILDREN, _REFERRERS, _RETURNING) if untagged else (_RETURNING,)
    while sum(database.execute(step).rowcount for step in steps):
        pass
    database.execute(_MARK)
    if since is not None:
        database.execute(_GIVEN, (since.timestamp(),))


def doubts(survey: Survey, limit: int = 100) -> list[str]:
    """Why the marks may be too few: manifests and links that could not be read, or whose place is not understood.

    Parameters
    ----------
    survey : Survey
        A survey after `mark`.
    limit : int
        How many are named at most.

    Returns
    -------
    list of str
        Empty if all that is kept was understood.
    """
    return list(survey.rows(_DOUBTS, (limit,)))
