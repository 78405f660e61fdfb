"""Large objects that the filesystem itself has written: where their segments are, and when they go.

The segments of ``container/key`` are ``container_segments/key/<id>/<number>``,
in a container beside, so that listings of the first one show none of them.
python-swiftclient does it in the same way.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from storagedriver.swiftfs.container import Container, ObjectInfo
from storagedriver.swiftfs.segments import copy_pieces, pieces, remove_segments

__all__ = ["copy", "new_segments", "release", "replace", "segments_container"]


def segments_container(container: Container) -> Container:
    """The container beside."""
    return Container(container.client, f"{container.name}_segments")


def new_segments(key: str) -> str:
    """What the names of the segments of a new upload begin with."""
    return f"{key}/{time.time():.6f}-{secrets.token_hex(4)}"


def release(container: Container, key: str, info: ObjectInfo | None) -> None:
    """Delete the segments of an object that is gone, if it was written here."""
    beside = segments_container(container)
    if info is not None and info.manifest.startswith(f"{beside.name}/{key}/"):
        remove_segments(beside, info.manifest.partition("/")[2])


def replace(container: Container, key: str, write: Callable[[], None]) -> None:
    """Have an object written, and delete the segments of what it replaces."""
    before = container.head(key, raw=True)
    write()
    release(container, key, before)


def copy(source: Container, key: str, dest: Container, target: str, info: ObjectInfo) -> None:
    """Copy an object on the server; a large one gets segments of its own.

    Parameters
    ----------
    source, key : Container, str
        The object.
    dest, target : Container, str
        Where the copy goes.
    info : ObjectInfo
        The headers of the object, raw.
    """
    if not info.is_large:
        size = info.size or 0
        replace(dest, target, lambda: source.copy(key, target, size=size, to=dest))
        return
    beside, segments = segments_container(dest), new_segments(target)
    parts = pieces(source, key, info)
    beside.make()
    whole = sum(part.size for part in copy_pieces(beside, parts, segments))
    manifest = f"{beside.name}/{segments}"
    replace(dest, target, lambda: dest.put_manifest(target, manifest, whole))
