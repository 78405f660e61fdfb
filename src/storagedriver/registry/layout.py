"""Where a registry keeps what: each path below ``/docker/registry/v2``, read and made.

The source is registry/storage/paths.go in distribution. A digest is
``algorithm:hex``, a repository a name as ``library/app``. Links are files that
hold a digest as text.

==================  ==============================================================
kind                path below ``/docker/registry/v2``
==================  ==============================================================
``blob``            ``blobs/<algorithm>/<two>/<hex>/data``
``layer``           ``repositories/<name>/_layers/<algorithm>/<hex>/link``
``revision``        ``repositories/<name>/_manifests/revisions/<algorithm>/<hex>/link``
``signature``       ``…/revisions/<algorithm>/<hex>/signatures/<algorithm>/<hex>/link``
``tag_index``       ``repositories/<name>/_manifests/tags/<tag>/index/<algorithm>/<hex>/link``
``tag``             ``repositories/<name>/_manifests/tags/<tag>/current/link``
``upload_data``     ``repositories/<name>/_uploads/<id>/data``
``upload_started``  ``repositories/<name>/_uploads/<id>/startedat``
``upload_state``    ``repositories/<name>/_uploads/<id>/hashstates/<algorithm>/<offset>``
``foreign``         anything else, also outside of this directory
==================  ==============================================================
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "BLOBS",
    "DATABASE_IN_USE",
    "LINKS",
    "QUARANTINE",
    "REPOSITORIES",
    "TOP",
    "UPLOADS",
    "Kind",
    "Place",
    "blob_path",
    "is_digest",
    "is_repository",
    "is_tag",
    "layer_path",
    "layers_directory",
    "manifests_directory",
    "place_of",
    "repository_directory",
    "revision_path",
    "tag_directory",
    "tag_index_path",
    "tag_path",
    "upload_directory",
]

#: The directory that all of a registry's files are in.
TOP = "/docker/registry/v2"
#: The directory of the content of all repositories.
BLOBS = f"{TOP}/blobs"
#: The directory of the repositories.
REPOSITORIES = f"{TOP}/repositories"
#: Where garbage is moved to by this package. No registry looks there.
QUARANTINE = "/docker/quarantine"

#: With this file GitLab's registry says that its database has what the links below `REPOSITORIES` say elsewhere.
DATABASE_IN_USE = "/docker/registry/lockfiles/database-in-use"

#: The algorithms of digests that the registry knows, and how many hexadecimal digits each has.
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HASH = "|".join(rf"{algorithm}/[0-9a-f]{{{digits}}}" for algorithm, digits in _DIGITS.items())
_DIGEST = re.compile(_HASH.replace("/", ":"))

# reference.NameRegexp in distribution. A port, which it allows, no path can hold.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_HOST}(?:\.{_HOST})*/)?{_COMPONENT}(?:/{_COMPONENT})*")
_LONGEST_NAME = 255
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_TAG_ALONE = re.compile(_TAG)
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class Kind(str, Enum):
    """What a file is to a registry; the order is the one in which files can be written to a registry that is read."""

    BLOB = "blob"
    LAYER = "layer"
    REVISION = "revision"
    SIGNATURE = "signature"
    TAG_INDEX = "tag_index"
    TAG = "tag"
    UPLOAD_DATA = "upload_data"
    UPLOAD_STARTED = "upload_started"
    UPLOAD_STATE = "upload_state"
    FOREIGN = "foreign"


#: The kinds of files that hold a digest.
LINKS = frozenset({Kind.LAYER, Kind.REVISION, Kind.SIGNATURE, Kind.TAG_INDEX, Kind.TAG})
#: The kinds of files that an unfinished upload is made of.
UPLOADS = frozenset({Kind.UPLOAD_DATA, Kind.UPLOAD_STARTED, Kind.UPLOAD_STATE})


class Place(NamedTuple):
    """What a path says of its file. What a kind has not is empty.

    Attributes
    ----------
    kind : Kind
        What the file is.
    repository : str
        The name of the repository; empty for blobs and foreign files.
    digest : str
        The digest in the path, as ``sha256:…``: of the blob, of what a link
        leads to, and of the manifest for a signature's link. A tag's current
        link has none.
    tag : str
        The tag.
    upload : str
        The identifier of the upload.
    state : str
        Of the state of a hash, ``algorithm/offset``; of a signature's link,
        the digest of the signature.
    """

    kind: Kind
    repository: str = ""
    digest: str = ""
    tag: str = ""
    upload: str = ""
    state: str = ""


_FOREIGN = Place(Kind.FOREIGN)
_LAYER = re.compile(rf"_layers/({_HASH})/link")
_REVISION = re.compile(rf"_manifests/revisions/({_HASH})(?:/signatures/({_HASH}))?/link")
_TAGGED = re.compile(rf"_manifests/tags/({_TAG})/(?:current|index/({_HASH}))/link")
_UPLOAD = re.compile(rf"_uploads/({_UUID})/(data|startedat|hashstates/([A-Za-z0-9]+/[0-9]+))")
_UPLOAD_KINDS = {"data": Kind.UPLOAD_DATA, "startedat": Kind.UPLOAD_STARTED}


def place_of(path: str) -> Place:
    """What the file at an absolute path is.

    Parameters
    ----------
    path : str
        Any path of a driver.

    Returns
    -------
    Place
        Of the kind ``foreign`` if no registry makes such a path.
    """
    if path.startswith(f"{BLOBS}/"):
        return _blob(path[len(BLOBS) + 1 :])
    if not path.startswith(f"{REPOSITORIES}/"):
        return _FOREIGN
    name, slash, rest = path[len(REPOSITORIES) + 1 :].partition("/_")
    if not slash or not is_repository(name):
        return _FOREIGN
    return _in_repository(name, "_" + rest) or _FOREIGN


def _blob(rest: str) -> Place:
    algorithm, _, below = rest.partition("/")
    two, _, named = below.partition("/")
    name, slash, data = named.partition("/")
    digest = f"{algorithm}:{name}"
    if slash and data == "data" and name[:2] == two and is_digest(digest):
        return Place(Kind.BLOB, digest=digest)
    return _FOREIGN


def _in_repository(name: str, rest: str) -> Place | None:
    if rest.startswith("_l"):
        found = _LAYER.fullmatch(rest)
        return found and Place(Kind.LAYER, name, _digest(found[1]))
    if rest.startswith("_u"):
        found = _UPLOAD.fullmatch(rest)
        return found and Place(
            _UPLOAD_KINDS.get(found[2], Kind.UPLOAD_STATE), name, upload=found[1], state=found[3] or ""
        )
    found = _REVISION.fullmatch(rest)
    if found:
        if found[2]:
            return Place(Kind.SIGNATURE, name, _digest(found[1]), state=_digest(found[2]))
        return Place(Kind.REVISION, name, _digest(found[1]))
    found = _TAGGED.fullmatch(rest)
    if found and found[2]:
        return Place(Kind.TAG_INDEX, name, _digest(found[2]), tag=found[1])
    return found and Place(Kind.TAG, name, tag=found[1])


def _digest(components: str) -> str:
    return components.replace("/", ":", 1)


def is_digest(text: str) -> bool:
    """Whether a text is a digest that a registry keeps content by: ``sha256:`` and 64 digits, for one."""
    return _DIGEST.fullmatch(text) is not None


@lru_cache(maxsize=1000)
def is_repository(text: str) -> bool:
    """Whether a text can be the name of a repository in a path."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether a text can be a tag."""
    return _TAG_ALONE.fullmatch(text) is not None


def blob_path(digest: str) -> str:
    """The file of a blob's content."""
    algorithm, name = _parts(digest)
    return f"{BLOBS}/{algorithm}/{name[:2]}/{name}/data"


def repository_directory(repository: str) -> str:
    """The directory of a repository. Those of repositories with longer names can be below it."""
    if not is_repository(repository):
        raise ValueError(f"{repository!r} is no name of a repository")
    return f"{REPOSITORIES}/{repository}"


def layers_directory(repository: str) -> str:
    """The directory of the links to a repository's blobs."""
    return f"{repository_directory(repository)}/_layers"


def manifests_directory(repository: str) -> str:
    """The directory of a repository's revisions and tags."""
    return f"{repository_directory(repository)}/_manifests"


def layer_path(repository: str, digest: str) -> str:
    """The link by which a repository has a blob."""
    return f"{layers_directory(repository)}/{_as_path(digest)}/link"


def revision_path(repository: str, digest: str) -> str:
    """The link by which a repository has a manifest."""
    return f"{manifests_directory(repository)}/revisions/{_as_path(digest)}/link"


def tag_directory(repository: str, tag: str) -> str:
    """The directory of a tag: its current link and its index."""
    if not is_tag(tag):
        raise ValueError(f"{tag!r} is no tag")
    return f"{manifests_directory(repository)}/tags/{tag}"


def tag_path(repository: str, tag: str) -> str:
    """The link to the manifest that a tag stands for."""
    return f"{tag_directory(repository, tag)}/current/link"


def tag_index_path(repository: str, tag: str, digest: str) -> str:
    """The link to a manifest that a tag stands for, or did."""
    return f"{tag_directory(repository, tag)}/index/{_as_path(digest)}/link"


def upload_directory(repository: str, upload: str) -> str:
    """The directory of an unfinished upload."""
    if re.fullmatch(_UUID, upload) is None:
        raise ValueError(f"{upload!r} is no identifier of an upload")
    return f"{repository_directory(repository)}/_uploads/{upload}"


def _parts(digest: str) -> tuple[str, str]:
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is no digest")
    algorithm, _, name = digest.partition(":")
    return algorithm, name


def _as_path(digest: str) -> str:
    return "/".join(_parts(digest))
