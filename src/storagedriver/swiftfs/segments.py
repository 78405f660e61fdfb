"""The segments of large objects, and whether they are all there.

A container's listing may be late, and Swift makes a dynamic large object of
whatever segments are listed: of a gap it says nothing, and of a manifest whose
segments are gone that it is empty. A HEAD of a segment is never late.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.reading import range_of
from storagedriver.errors import StorageDriverError
from storagedriver.swiftfs.container import RAW, Container, ObjectInfo
from storagedriver.swiftfs.deleting import delete
from storagedriver.swiftfs.listing import objects

__all__ = [
    "Segment",
    "Segments",
    "copy_pieces",
    "dynamic_segments",
    "number_of",
    "numbered",
    "pieces",
    "remove_segments",
]

#: A segment is named ``<segments>/<number>``, with 16 decimal digits: so does the registry
#: (registry/storage/driver/swift/swift.go in distribution 2.8).
_NUMBER = re.compile(r"(.+)/([0-9]{16})")
_COPIES = 4


@dataclass(frozen=True)
class Segment:
    """A piece of a large object: an object, or a range of one.

    Attributes
    ----------
    container, key : str
        The object.
    size : int
        The bytes of the piece.
    etag : str
        The object's; empty if it is not known.
    first : int
        Where the piece begins in the object.
    number : int or None
        Its number, if it is named as the registry names segments.
    is_range : bool
        Whether it is only a range of the object.
    """

    container: str
    key: str
    size: int
    etag: str = ""
    first: int = 0
    number: int | None = None
    is_range: bool = False


@dataclass(frozen=True)
class Segments:
    """The segments of a dynamic large object.

    Attributes
    ----------
    run : sequence of Segment
        From the first on without a gap.
    rest : sequence of Segment
        What comes after a gap, and what its writer did not count when it wrote
        the manifest: an upload that goes on, or was killed as it did.
    whole : int or None
        How many bytes there should be, if that is known.
    """

    run: Sequence[Segment]
    rest: Sequence[Segment] = ()
    whole: int | None = None
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(segment.size for segment in self.run))

    @property
    def next_number(self) -> int:
        """The number of the segment that comes next: after 0 it is 2, as the registry counts."""
        if not self.run or self.run[-1].number is None:
            return 1
        return max(2, self.run[-1].number + 1)

    @property
    def missing(self) -> int:
        """How many bytes are known to be missing; of a gap at least one."""
        if self.whole is not None:
            return max(0, self.whole - self.size)
        return 1 if self.rest else 0

    def check(self) -> None:
        """Raise if something is missing."""
        if self.missing:
            reason = f"a segment before {self.rest[0].key!r}" if self.rest else f"{self.missing} bytes of its segments"
            raise StorageDriverError(f"it is a large object, and {reason} cannot be found")


def numbered(segments: str, number: int) -> str:
    """The name of a segment."""
    return f"{segments}/{number:016d}"


def number_of(segments: str, name: str) -> int | None:
    """The number of a segment, None if the name is not that of a segment of this upload."""
    match = _NUMBER.fullmatch(name)
    return int(match[2]) if match and match[1] == segments else None


def dynamic_segments(container: Container, info: ObjectInfo, *, probe: bool = False) -> Segments:
    """The segments of a dynamic large object, those that a late listing does not show included.

    Parameters
    ----------
    container : Container
        Where the manifest is.
    info : ObjectInfo
        Its headers.
    probe : bool
        Look for a further segment even if nothing says that there is one.
    """
    name, _, prefix = info.manifest.partition("/")
    where = container.sibling(name)
    listed = [line for page in objects(where, prefix) for line in page]
    found = [Segment(name, line.name, line.size, line.etag, number=number_of(prefix, line.name)) for line in listed]
    if any(segment.number is None for segment in found):
        # Not named as the registry names them: there is no saying what is missing.
        return Segments(found, whole=info.whole)
    known = {segment.number: segment for segment in found if segment.number is not None}
    finder = _Finder(where, prefix)
    finder.fill_gaps(known)
    run = _run(known)
    size = sum(segment.size for segment in run)
    while len(run) == len(known) and (probe or (not run if info.whole is None else size < info.whole)):
        more = finder.find(Segments(run).next_number)
        if more is None and not run:
            more = finder.find(0)
        if more is None:
            break
        assert more.number is not None
        known[more.number] = more
        run.append(more)
        size += more.size
    run = _counted(run, info.whole)
    rest = [known[number] for number in sorted(known)[len(run) :]]
    return Segments(run, rest, info.whole)


class _Finder:
    def __init__(self, container: Container, prefix: str) -> None:
        self._container = container
        self._prefix = prefix

    def find(self, number: int) -> Segment | None:
        key = numbered(self._prefix, number)
        info = self._container.head(key)
        if info is None:
            return None
        return Segment(self._container.name, key, info.size or 0, info.etag.strip('"'), number=number)

    def fill_gaps(self, known: dict[int, Segment]) -> None:
        if not known:
            return
        first = 2 if 0 in known and 1 not in known else 1
        for number in range(first, max(known)):
            if number not in known:
                found = self.find(number)
                if found is None:
                    return
                known[number] = found


def _run(known: dict[int, Segment]) -> list[Segment]:
    numbers = sorted(known)
    run: list[Segment] = []
    for number in numbers:
        follows = number == Segments(run).next_number or (not run and number == 0) or _is_second(run, number)
        if not follows:
            break
        run.append(known[number])
    return run


def _counted(run: list[Segment], whole: int | None) -> list[Segment]:
    """Those that its writer counted; all, if it is not known what it counted."""
    total = 0
    for end, segment in enumerate(run, 1):
        total += segment.size
        if total == whole:
            return run[:end]
    return run


def _is_second(run: Sequence[Segment], number: int) -> bool:
    """Whether 1 follows 0: no known writer counts so, but nothing is missing then."""
    return number == 1 and len(run) == 1 and run[0].number == 0


def pieces(container: Container, key: str, info: ObjectInfo) -> Sequence[Segment]:
    """What an object consists of: itself, or the segments of a large object.

    Raises
    ------
    StorageDriverError
        If segments are missing.
    """
    if info.manifest:
        segments = dynamic_segments(container, info)
        segments.check()
        return segments.run
    if info.static:
        return _static(container, key)
    return [Segment(container.name, key, info.size or 0, info.etag.strip('"'))]


def _static(container: Container, key: str) -> list[Segment]:
    """The segments that a static large object's manifest names; one that is large itself counts as one.

    https://docs.openstack.org/swift/latest/middleware.html#retrieving-a-large-object
    """
    content = container.request("GET", key, query={**RAW, "format": "raw"}).content
    try:
        lines: list[dict[str, Any]] = json.loads(content)
        return [_piece(line) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageDriverError(f"the manifest of a static large object cannot be understood: {error}") from error


def _piece(line: dict[str, Any]) -> Segment:
    name, _, key = line["path"].lstrip("/").partition("/")
    first, dash, last = line.get("range", "").partition("-")
    size = int(line["size_bytes"])
    if dash:
        start = int(first) if first else size - int(last)
        end = int(last) + 1 if first and last else size
        return Segment(name, key, end - start, first=start, is_range=True)
    # The ETag of a segment that is large itself is not that of its content.
    return Segment(name, key, size)


def copy_pieces(container: Container, parts: Sequence[Segment], segments: str) -> list[Segment]:
    """Copy the pieces of an object on the server, as the segments of a new upload. If that fails, no copy stays.

    Parameters
    ----------
    container : Container
        Where the segments shall be.
    parts : sequence of Segment
        The pieces.
    segments : str
        What the names of the segments shall begin with.
    """

    def copy(numbered_part: tuple[int, Segment]) -> Segment:
        number, part = numbered_part
        key = numbered(segments, number)
        source = container.sibling(part.container)
        headers = range_of(part.first, part.size) if part.is_range else {}
        if part.etag:
            headers["If-Match"] = part.etag
        source.copy(part.key, key, size=part.size, to=container, headers=headers)
        return Segment(container.name, key, part.size, part.etag, number=number)

    try:
        return fan_out(copy, list(enumerate(parts, 1)), threads=_COPIES, name="copy")
    except BaseException:
        # The reason for it is what has to be reported.
        with contextlib.suppress(Exception):
            remove_segments(container, segments)
        raise


def remove_segments(container: Container, segments: str) -> None:
    """Delete all segments of an upload.

    Parameters
    ----------
    container : Container
        Where they are.
    segments : str
        What their names begin with.
    """
    for page in objects(container, segments + "/"):
        if page:
            delete(container.client, [f"{container.name}/{line.name}" for line in page])
