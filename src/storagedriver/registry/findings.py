"""What can be wrong in a registry's storage: the kinds of findings, what each means for a pull, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["KINDS", "Finding", "FindingKind", "Severity"]

#: ``damage`` breaks a pull or may do so; a ``note`` is what was left over, or is under way.
Severity = Literal["damage", "note"]


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding.

    Attributes
    ----------
    severity : {"damage", "note"}
        Whether it is damage.
    meaning : str
        What it means for a pull.
    mend : str
        What mends it.
    """

    severity: Severity
    meaning: str
    mend: str


_PUSH = "push the image again"
_REPAIR = "--repair writes the digest of its path, and of a tag the only one in its index; else push the tag again"

#: The kinds by their names.
KINDS: dict[str, FindingKind] = {
    "blob_empty": FindingKind(
        "damage",
        "the blob has no bytes: pulls of images with it fail, and a push does not send it again",
        "restore the file, or delete it and push the image again",
    ),
    "blob_without_data": FindingKind(
        "damage", "the directory of the blob has no data: pulls of images with it fail", _PUSH
    ),
    "blob_corrupt": FindingKind(
        "damage",
        "the content is not what its digest says: clients refuse it, and a push does not send it again",
        "restore the file, or delete it and push the image again",
    ),
    "blob_wrong_size": FindingKind(
        "damage",
        "the blob has another size than a manifest says: clients refuse it, and a push does not send it again",
        "if --digests finds the blob corrupt: restore the file, or delete it and push the image again",
    ),
    "blob_unreadable": FindingKind(
        "damage", "the store does not give the blob: pulls of images with it fail", "allow the file to be read"
    ),
    "link_empty": FindingKind("damage", "the link holds nothing: the registry answers with an error", _REPAIR),
    "link_invalid": FindingKind(
        "damage",
        "the link holds no digest: the registry answers with an error",
        "write the digest of its path to it; of a tag, push the tag again",
    ),
    "link_wrong": FindingKind(
        "damage",
        "the link holds another digest than its path: the registry gives another content, or none",
        "write the digest of its path to it",
    ),
    "link_unreadable": FindingKind(
        "damage", "the store does not give the link: the registry answers with an error", "allow the file to be read"
    ),
    "manifest_missing": FindingKind(
        "damage", "the repository has a manifest whose blob is not there: its pull fails", _PUSH
    ),
    "manifest_invalid": FindingKind(
        "damage",
        "what the repository has as a manifest is none: its pull fails",
        "restore the file, or delete the manifest and push the image again",
    ),
    "layer_missing": FindingKind("damage", "a blob of the manifest is not there: its pull fails", _PUSH),
    "layer_unlinked": FindingKind(
        "damage", "the repository has no link to a blob of the manifest: its pull fails, the blob is there", _PUSH
    ),
    "child_missing": FindingKind(
        "damage", "a manifest that the index names is not there: pulls for its platform fail", _PUSH
    ),
    "child_unlinked": FindingKind(
        "damage",
        "the repository does not have a manifest that the index names: pulls for its platform fail, the blob is there",
        _PUSH,
    ),
    "tag_dangling": FindingKind(
        "damage",
        "the repository does not have the manifest that the tag stands for: pulls of the tag fail",
        "push the tag again, or delete it",
    ),
    "tag_without_current": FindingKind(
        "damage",
        "the tag is listed and stands for nothing: pulls of the tag fail",
        "--repair writes its link if its index has exactly one entry; else push the tag again, or delete its directory",
    ),
    "blob_directory_empty": FindingKind(
        "note", "no pull needs it: no manifest names the blob, and its directory is empty", "nothing needs to be done"
    ),
    "layer_without_blob": FindingKind(
        "note",
        "no pull needs it: no manifest of the repository names the blob; collecting garbage leaves such links",
        "nothing needs to be done",
    ),
    "signature_without_blob": FindingKind(
        "note", "no pull needs it: registries since 2.6 do not read these links", "nothing needs to be done"
    ),
    "tag_index_stale": FindingKind(
        "note", "no pull needs it: the tag stood for a manifest that was deleted", "nothing needs to be done"
    ),
    "upload_unfinished": FindingKind(
        "note",
        "no pull needs it: a push is under way or broke off",
        "the registry's uploadpurging removes it, or 'rm -r' of its directory when it is old",
    ),
}


@dataclass(frozen=True)
class Finding:
    """Something that was found.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    path : str
        The file or the directory that it is about.
    repository : str
        The repository; empty for a blob, which all repositories share.
    detail : str
        What was found there.
    digest : str
        The digest that it is about, or empty.
    tag : str
        The tag, or empty.
    age : float or None
        Of an upload, in seconds since it was begun.
    repair : str
        The content that mends the file at `path`; empty if nothing may be written.
    """

    kind: str
    path: str
    repository: str = ""
    detail: str = ""
    digest: str = ""
    tag: str = ""
    age: float | None = None
    repair: str = ""

    @property
    def severity(self) -> Severity:
        """Whether it is damage or a note."""
        return KINDS[self.kind].severity

    @property
    def meaning(self) -> str:
        """What it means for a pull."""
        return KINDS[self.kind].meaning

    @property
    def mend(self) -> str:
        """What mends it."""
        return KINDS[self.kind].mend

    def record(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "repository": self.repository or None,
            "path": self.path,
            "digest": self.digest or None,
            "tag": self.tag or None,
            "age": self.age,
            "detail": self.detail,
            "meaning": self.meaning,
            "mend": self.mend,
            "repairable": bool(self.repair),
        }
