"""Uploads: segments that become a dynamic large object when its manifest is written.

The manifest is written at each close and at the commit, so an upload can be
seen from its first close on, and there is no telling it from a committed file.
Segments of an upload that was never closed are in no file. A content that ends
within its first segment is committed as a plain object, by one request.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Sequence

from storagedriver.adapter.parts import PartEngine, PartUpload, growing
from storagedriver.adapter.store import Upload
from storagedriver.drivers.swift.layout import Layout
from storagedriver.drivers.swift.releasing import Releaser
from storagedriver.errors import ConflictError, PathNotFoundError, UnavailableError
from storagedriver.swiftfs.container import LARGEST, Container, ObjectInfo
from storagedriver.swiftfs.deleting import delete
from storagedriver.swiftfs.listing import heads, objects
from storagedriver.swiftfs.segments import Segment, copy_pieces, dynamic_segments, numbered, pieces, remove_segments

__all__ = ["SwiftUpload", "SwiftUploads"]

#: The reason of a conflict.
_REPLACED = "the file was replaced or removed by another writer"
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class SwiftUploads:
    """The uploads of one driver.

    Parameters
    ----------
    container : Container
        Where manifests and segments are.
    layout : Layout
        Their names.
    releaser : Releaser
        Deletes what was replaced.
    chunk_size : int
        The bytes of a segment; they grow late, as Swift only counts the first
        10,000 segments of an object.
    concurrency : int
        How many segments of one upload are sent at a time.
    """

    def __init__(
        self, container: Container, layout: Layout, releaser: Releaser, *, chunk_size: int, concurrency: int
    ) -> None:
        self.container = container
        self.layout = layout
        self.releaser = releaser
        self.chunk_size = chunk_size
        self.concurrency = concurrency

    def begin(self, key: str) -> Upload:
        """As `Store.begin`. What an earlier upload left at the path goes when this one is published."""
        info = self.container.head(self.layout.file(key), raw=True)
        return SwiftUpload(self, key, info)

    def resume(self, key: str) -> Upload:
        """As `Store.resume`. Segments behind a gap are deleted."""
        name = self.layout.file(key)
        info = self.container.head(name, raw=True)
        if info is None:
            self.container.check()
            raise PathNotFoundError
        container, _, segments = info.manifest.partition("/")
        if container != self.container.name or self.layout.uploaded_to(segments) is None:
            # A plain object, or a large one that was not made by an upload of the registry's or ours.
            whole = info if not info.is_large else self.container.head(name)
            size = whole.size if whole is not None else None
            found = pieces(self.container, name, info)
            total = size if size is not None else sum(piece.size for piece in found)
            return SwiftUpload(self, key, info, adopted=found if total else (), size=total)
        known = dynamic_segments(self.container, info, probe=True)
        if known.missing and not known.rest:
            known.check()
        if known.rest:
            delete(self.container.client, [f"{self.container.name}/{segment.key}" for segment in known.rest])
        return SwiftUpload(
            self, key, info, segments=segments, known=known.run, first=known.next_number, size=known.size
        )


class SwiftUpload(PartUpload[Segment]):
    """One upload.

    Parameters
    ----------
    uploads : SwiftUploads
        The driver's uploads.
    key : str
        Where it will be published.
    found : ObjectInfo or None
        What is there as the upload begins.
    segments : str
        What the names of its segments begin with; empty for new ones.
    known : sequence of Segment
        What earlier sessions have written.
    first : int
        The number of the first segment that is written now.
    adopted : sequence of Segment
        The content that the upload goes on from, where that is not one of its own segments.
    size : int
        The bytes of `known` or `adopted`.
    """

    def __init__(
        self,
        uploads: SwiftUploads,
        key: str,
        found: ObjectInfo | None,
        *,
        segments: str = "",
        known: Sequence[Segment] = (),
        first: int = 1,
        adopted: Sequence[Segment] = (),
        size: int | None = None,
    ) -> None:
        self._uploads = uploads
        self._container = uploads.container
        self._name = uploads.layout.file(key)
        self._found = found
        self._resumed = bool(segments)
        self._appends = size is not None
        self._segments = segments or uploads.layout.new_segments(key)
        self._known = list(known)
        self._first = first
        self._adopted = adopted
        super().__init__(size or 0)
        self._writer = secrets.token_hex(8)
        #: Whether a commit as a plain object has raised, and may have been carried out.
        self._in_doubt = False
        #: The segments of the file that a cancel deletes.
        self._cancelled = ""
        #: How many bytes of the upload the file has, which is what a resume finds; None while it has none of it.
        self._counted = size

    @property
    def durable(self) -> int | None:
        """The bytes of the upload that the file has."""
        return self._counted

    def suspend(self) -> None:
        """Send what is buffered and write the manifest."""
        if not self._has_published():
            self._publish()

    def commit(self) -> None:
        """The same, or a plain object: Swift has nothing that would mark a file as committed."""
        if not self._put_at_once():
            self._publish()

    def cancel(self) -> None:
        """Delete the segments, and the file unless it is another writer's by now."""
        self._stop()
        state = self._look()
        if state is not None and self._is_ours(state):
            self._release_found()
        if state is not None and (state == self._found or self._is_ours(state)):
            # Noted before: another attempt does not find it any more.
            self._cancelled = state.manifest
            delete(self._container.client, [f"{self._container.name}/{self._name}"])
            state = None
        if self._cancelled and (state is None or state.manifest != self._cancelled):
            self._uploads.releaser.release(self._name, self._cancelled)
        self._discard()

    @property
    def _is_begun(self) -> bool:
        return self._appends

    def _put_at_once(self) -> bool:
        content = self._unsent()
        if not content:
            return False
        self._in_doubt = True
        if not self._put_over(content):
            raise ConflictError(_REPLACED)
        self._stop()
        self._published(len(content))
        return True

    def _put_over(self, content: memoryview) -> bool:
        """Write the object; False if there is one of another writer that was not there at the beginning.

        Of the conditions on a PUT Swift knows only that there is no object:
        https://docs.openstack.org/api-ref/object-store/#create-or-replace-object
        """
        if self._found is None and self._container.create(self._name, content, writer=self._writer):
            return True
        state = self._look()
        if state is None:
            return self._container.create(self._name, content, writer=self._writer)
        if self._is_content(state, content):
            return True
        if state != self._found and not self._is_ours(state):
            return False
        self._container.put(self._name, content, writer=self._writer)
        return True

    def _has_published(self) -> bool:
        content = self._unsent() if self._in_doubt else None
        if content is None:
            return False
        state = self._look()
        is_written = state is not None and self._is_content(state, content)
        if is_written:
            self._published(len(content))
        self._in_doubt = False
        return is_written

    def _is_content(self, state: ObjectInfo, content: memoryview) -> bool:
        """Whether this upload has written this content: it only grows, so its size says which one it is."""
        return self._is_ours(state) and not state.is_large and state.size == len(content)

    def _published(self, size: int) -> None:
        """Note that the file has so many bytes of this upload."""
        self._counted = size
        self._release_found()

    def _prepare(self) -> PartEngine[Segment]:
        if self._adopted:
            self._known = copy_pieces(self._container, self._adopted, self._segments)
            self._first = len(self._known) + 1
            self._adopted = ()
        # Of a resumed upload the first segment says whether another writer goes on with it, too.
        return PartEngine(
            self._send,
            first=self._first,
            first_alone=self._resumed,
            base=sum(segment.size for segment in self._known),
            part_size=growing(self._uploads.chunk_size, LARGEST),
            concurrency=self._uploads.concurrency,
        )

    def _send(self, number: int, data: memoryview) -> Segment:
        key = numbered(self._segments, number)
        if not self._resumed:
            self._container.put(key, data, writer=self._writer)
        elif not self._container.create(key, data, writer=self._writer):
            raise ConflictError("another writer goes on with this upload")
        return Segment(self._container.name, key, data.nbytes, number=number)

    def _publish(self) -> None:
        sent = self._flush()
        state = self._look()
        # An earlier attempt may have written it, and its answer may have been lost.
        ours = state is not None and self._is_ours(state)
        if not ours and state != self._found and (state is not None or self._appends):
            self._discard_quietly()
            raise ConflictError(_REPLACED)
        if not self._known and not sent:
            if not self._appends:
                # Not a manifest: of one without segments it cannot be said whether they are gone.
                self._container.put(self._name, b"", writer=self._writer)
                self._published(0)
        elif sent or not self._resumed:
            self._await_listing(sent)
            self._container.put_manifest(self._name, self._manifest, self.size, writer=self._writer)
            self._published(self.size)

    @property
    def _manifest(self) -> str:
        return f"{self._container.name}/{self._segments}"

    def _release_found(self) -> None:
        """The segments of what was there before belong to no file now."""
        if self._found is not None and self._found.manifest not in ("", self._manifest):
            # The content is published. What stays behind is an orphan, which can be purged.
            with contextlib.suppress(Exception):
                self._uploads.releaser.release(self._name, self._found.manifest)

    def _look(self) -> ObjectInfo | None:
        return self._container.head(self._name, raw=True)

    def _is_ours(self, info: ObjectInfo) -> bool:
        return info.writer == self._writer

    def _await_listing(self, sent: Sequence[Segment]) -> None:
        """Wait until the listing that Swift reads by shows all segments, and see that they are ours."""
        expected = {segment.key: segment.size for segment in (*self._known, *sent)}
        deadline = time.monotonic() + self._container.client.timeout
        pause = _FIRST_PAUSE
        while True:
            lines = [line for page in objects(self._container, self._segments + "/") for line in page]
            listed = {line.name: line.size for line in lines}
            if listed == expected:
                return
            strange = any(listed[name] != expected.get(name) for name in listed)
            gone = [name for name in expected if name not in listed]
            if strange or any(self._container.head(name) is None for name in gone[:1]):
                self._discard_quietly()
                raise ConflictError("another writer has changed or removed the segments of this upload")
            if time.monotonic() + pause > deadline:
                detail = "the container's listing does not show all segments yet; the commit can be tried again"
                raise UnavailableError(detail)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _discard(self) -> None:
        """Delete what this writer has written, as far as no other writer counts on it."""
        self._stop()
        if not self._resumed:
            remove_segments(self._container, self._segments)
            return
        known = {segment.key for segment in self._known}
        state = self._look()
        if state is not None and state.manifest == self._manifest:
            # Another one has published this upload: what it counted is its own by now.
            known.update(segment.key for segment in dynamic_segments(self._container, state).run)
        lines = [line.name for page in objects(self._container, self._segments + "/") for line in page]
        infos = heads(self._container, [name for name in lines if name not in known], raw=True)
        ours = [name for name, info in infos.items() if self._is_ours(info)]
        if ours:
            delete(self._container.client, [f"{self._container.name}/{name}" for name in ours])

    def _discard_quietly(self) -> None:
        """The same, where the reason for it is what has to be reported. What stays behind can be purged."""
        with contextlib.suppress(Exception):
            self._discard()
