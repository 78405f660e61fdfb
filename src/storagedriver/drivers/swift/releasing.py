"""Deleting what no manifest needs any more, and finding it.

A move, ours as well as the registry's, gives the segments of an upload to
another manifest, and their names go on telling where they were uploaded to. So
segments may only go with a manifest if they were uploaded to its own path, or
if nothing is there any more that still has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from storagedriver.adapter.fanout import fan_out
from storagedriver.driver import UploadInfo
from storagedriver.drivers.swift.layout import Layout
from storagedriver.swiftfs.container import Container, ObjectInfo
from storagedriver.swiftfs.deleting import delete
from storagedriver.swiftfs.listing import Listed, heads, objects
from storagedriver.swiftfs.segments import remove_segments

__all__ = ["Releaser"]


class Releaser:
    """Deletes objects together with the segments that then belong to no file.

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
        if names:
            delete(self._container.client, [f"{self._container.name}/{name}" for name in names])
        large = [(name, info.manifest) for name, info in infos.items() if info.manifest]
        fan_out(lambda each: self.release(*each), large, name="delete")

    def release(self, name: str, manifest: str) -> None:
        """Delete the segments of a manifest that is gone, if no other has them.

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
            # Named in another way: another program has written them, and may use them elsewhere.
            return
        home = self._layout.file(key)
        if home != name:
            still = self._container.head(home, raw=True)
            if still is not None and still.manifest == manifest:
                return
        remove_segments(self._container, segments)

    def orphans(self, key: str) -> Iterator[UploadInfo]:
        """Uploads to `key` and below it that no manifest has: those whose writers were killed, or still write.

        The id of an upload is what the names of its segments begin with. If
        there may be any, all manifests are looked at: a move can have taken
        the segments anywhere.
        """
        found: dict[str, UploadInfo] = {}
        for page in objects(self._container, self._layout.segments_below(key)):
            for line in page:
                self._note(found, key, line)
        homes = {self._layout.file(upload.path[1:]) for upload in found.values()}
        self._strike(found, heads(self._container, sorted(homes), raw=True).values())
        if found:
            for page in objects(self._container, self._layout.files):
                suspects = [line.name for line in page if line.may_be_manifest]
                self._strike(found, heads(self._container, suspects, raw=True).values())
        yield from found.values()

    def _note(self, found: dict[str, UploadInfo], key: str, line: Listed) -> None:
        segments = self._layout.upload_of(line.name)
        target = None if segments is None else self._layout.uploaded_to(segments)
        if segments is None or target is None or not (key in ("", target) or target.startswith(key + "/")):
            return
        known = found.get(segments)
        started, size = (known.started, known.size or 0) if known else (line.mod_time, 0)
        found[segments] = UploadInfo("/" + target, segments, min(started, line.mod_time), size + line.size)

    def _strike(self, found: dict[str, UploadInfo], infos: Iterable[ObjectInfo]) -> None:
        for info in infos:
            container, _, segments = info.manifest.partition("/")
            if container == self._container.name:
                found.pop(segments, None)
