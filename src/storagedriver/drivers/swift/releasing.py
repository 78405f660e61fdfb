"""Deleting what no manifest needs any more, and finding it.

A move, ours as well as the registry's, gives the segments of an upload to
another manifest, and their names go on telling where they were uploaded to. So
segments may only go with a manifest if they were uploaded to its own path, or
if nothing lies there any more that still has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storagedriver.adapter.fanout import fan_out
from storagedriver.drivers.swift.layout import Layout
from storagedriver.swiftfs.container import Container, ObjectInfo
from storagedriver.swiftfs.deleting import delete
from storagedriver.swiftfs.listing import Listed, heads, objects

__all__ = ["Orphan", "Releaser"]


@dataclass
class Orphan:
    """The segments of an upload that no manifest has.

    Attributes
    ----------
    key : str
        What the upload was meant for.
    segments : str
        What the names of its segments begin with.
    started : datetime
        When the first was written.
    size : int
        Their bytes.
    """

    key: str
    segments: str
    started: datetime
    size: int = 0


class Releaser:
    """Deletes objects together with the segments that then belong to nobody.

    Parameters
    ----------
    container : Container
        Where the manifests and the segments are.
    layout : Layout
        Their names.
    """

    def __init__(self, container: Container, layout: Layout) -> None:
        self._container = container
        self._layout = layout

    def delete(self, listed: Iterable[Listed]) -> None:
        """Delete objects of a listing and the segments of those that are manifests."""
        lines = list(listed)
        suspects = [line.name for line in lines if line.may_be_manifest]
        self.delete_found([line.name for line in lines], heads(self._container, suspects, raw=True))

    def delete_found(self, names: Sequence[str], infos: Mapping[str, ObjectInfo]) -> None:
        """Delete objects and the segments of those that are manifests.

        Parameters
        ----------
        names : sequence of str
            The objects.
        infos : mapping
            The headers, raw, of all of them that may be manifests.
        """
        self._delete(names)
        large = [(name, info.manifest) for name, info in infos.items() if info.manifest]
        fan_out(lambda each: self.release(*each), large, name="delete")

    def release(self, name: str, manifest: str) -> None:
        """Delete the segments of a manifest that is gone, if nobody else has them.

        Parameters
        ----------
        name : str
            The object that was the manifest.
        manifest : str
            Its ``X-Object-Manifest``; empty if it was none.
        """
        container, _, segments = manifest.partition("/")
        if container != self._container.name:
            return
        key = self._layout.uploaded_to(segments)
        if key is None:
            # Somebody else's, named in another way: whose they are only he knows.
            return
        home = self._layout.file(key)
        if home != name:
            still = self._container.head(home, raw=True)
            if still is not None and still.manifest == manifest:
                return
        self.remove(segments)

    def remove(self, segments: str) -> None:
        """Delete all segments of an upload."""
        for page in objects(self._container, segments + "/"):
            self._delete([line.name for line in page])

    def orphans(self, key: str) -> list[Orphan]:
        """Uploads to `key` and below it that no manifest has: those whose writers were killed, or still write.

        If there may be any, all manifests are looked at: a move can have taken
        the segments anywhere.
        """
        found: dict[str, Orphan] = {}
        for page in objects(self._container, self._layout.segments_below(key)):
            for line in page:
                self._note(found, key, line)
        homes = {self._layout.file(orphan.key) for orphan in found.values()}
        self._strike(found, heads(self._container, sorted(homes), raw=True).values())
        if found:
            for page in objects(self._container, self._layout.files):
                suspects = [line.name for line in page if line.may_be_manifest]
                self._strike(found, heads(self._container, suspects, raw=True).values())
        return list(found.values())

    def _note(self, found: dict[str, Orphan], key: str, line: Listed) -> None:
        segments = self._layout.upload_of(line.name)
        target = None if segments is None else self._layout.uploaded_to(segments)
        if segments is None or target is None or not (key in ("", target) or target.startswith(key + "/")):
            return
        orphan = found.setdefault(segments, Orphan(target, segments, line.mod_time))
        orphan.started = min(orphan.started, line.mod_time)
        orphan.size += line.size

    def _strike(self, found: dict[str, Orphan], infos: Iterable[ObjectInfo]) -> None:
        for info in infos:
            container, _, segments = info.manifest.partition("/")
            if container == self._container.name:
                found.pop(segments, None)

    def _delete(self, names: Sequence[str]) -> None:
        if names:
            delete(self._container.client, [f"{self._container.name}/{name}" for name in names])
