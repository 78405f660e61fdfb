"""Reading: an object by one request, a large one by a request for each of its segments.

Through the manifest of a dynamic large object Swift gives one segment a second
from the eleventh on. So its segments are looked up, and read themselves.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from storagedriver.adapter.checksums import Checksum, Running, read_twice
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import SIZE_UNKNOWN, open_range, size_in, strong_etag, whole
from storagedriver.adapter.store import Body, Entry, pieces_of
from storagedriver.errors import ConflictError, PathNotFoundError, UnavailableError
from storagedriver.swiftfs.container import RAW, Container, ObjectInfo, described, info_of
from storagedriver.swiftfs.errors import status
from storagedriver.swiftfs.segments import Segment, dynamic_segments

__all__ = ["Reader"]

_NOT_FOUND = 404
_UNSATISFIABLE = 416
#: Of how many large objects the segments are kept.
_KEPT = 8


@dataclass(frozen=True)
class _Large:
    """A version of a large object, and the segments that it consists of."""

    entry: Entry
    segments: Sequence[Segment]


class Reader:
    """Reads the objects of one container.

    It keeps the segments of the large objects that it opened last: another
    range of the same version then needs no look at the manifest and the listing.

    Parameters
    ----------
    container : Container
        The container.
    prefix : str
        What stands before every key in the name of its object.
    """

    def __init__(self, container: Container, prefix: str = "") -> None:
        self._container = container
        self._prefix = prefix
        self._kept: OrderedDict[tuple[str, str], _Large] = OrderedDict()

    def get(self, key: str) -> bytes:
        """The whole content.

        Raises
        ------
        PathNotFoundError
            If there is no such object.
        IntegrityError
            If it, or a segment, is checked and has another MD5 twice.
        """
        name = self._prefix + key

        def read() -> tuple[bytes, Checksum | None]:
            answer = _get(self._container, name, query=RAW)
            info = info_of(answer.headers)
            if info.manifest:
                return b"".join(self._segment(segment) for segment in self._dynamic(key, info).segments), None
            if info.static:
                answer = _get(self._container, name)
            return _content(self._container, name, answer)

        with _existing(self._container):
            return read_twice(read)

    def read(self, key: str, offset: int, length: int | None) -> bytes:
        """A range of the content, as far as there is any; parameters and errors as for `open`."""
        with closing(self.open(key, offset, length)) as body:
            left = max(0, body.entry.size - offset)
            left = left if length is None else min(left, length)
            return b"".join(pieces_of(body, left, max(left, 1)))

    def open(self, key: str, offset: int = 0, length: int | None = None, version: str = "") -> Body:
        """Open the content.

        Parameters
        ----------
        key : str
            The object.
        offset : int
            The first byte; at or past the end the body is empty.
        length : int, optional
            The most bytes that will be read.
        version : str
            If not empty, the version that it must be, as an earlier body's entry has it.

        Raises
        ------
        PathNotFoundError
            If there is no such object.
        ConflictError
            If it is another version, or is not there any more.
        """
        large = self._kept.get((key, version))
        if version and large is not None:
            return _Pieces(self._container, large, offset, length)
        name = self._prefix + key
        with _existing(self._container, was_there=bool(version)):
            # Of a dynamic large object this gives the empty manifest, and no request too many for any other.
            raw = _Opening(self._container, name, key, version, is_raw=True)
            body = open_range(raw.send, raw.head, offset, length)
            if not raw.is_manifest:
                return body
            body.close()
            if raw.info.manifest:
                large = self._dynamic(key, raw.info, version)
                body = _Pieces(self._container, large, offset, length)
            else:
                static = _Opening(self._container, name, key, version)
                body = open_range(static.send, static.head, offset, length)
                segment = Segment(self._container.name, name, body.entry.size, body.entry.version)
                large = _Large(body.entry, [segment])
        self._keep(large)
        return body

    def _keep(self, large: _Large) -> None:
        self._kept[large.entry.key, large.entry.version] = large
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _segment(self, segment: Segment) -> bytes:
        where = self._container.sibling(segment.container)
        conditions = {"If-Match": segment.etag} if segment.etag else {}
        with _existing(where, was_there=True):
            return read_twice(lambda: _content(where, segment.key, _get(where, segment.key, headers=conditions)))

    def _dynamic(self, key: str, info: ObjectInfo, version: str = "") -> _Large:
        segments = dynamic_segments(self._container, info)
        segments.check()
        # As Swift makes the ETag of a dynamic large object.
        digest = hashlib.md5("".join(s.etag for s in segments.run).encode(), usedforsecurity=False).hexdigest()
        entry = Entry(key, segments.size, info.mod_time, version=f'"{digest}"')
        if version not in ("", entry.version):
            raise ConflictError("it was replaced in the meantime")
        return _Large(entry, segments.run)


class _Opening:
    """The requests by which one object is opened.

    Parameters
    ----------
    container, name : Container, str
        The object.
    key : str
        The key of its entry.
    version : str
        If not empty, the version that it must be.
    is_raw : bool
        Of a large object, ask for its manifest.

    Attributes
    ----------
    info : ObjectInfo
        What the answer said of it.
    """

    def __init__(self, container: Container, name: str, key: str, version: str, *, is_raw: bool = False) -> None:
        self.info: ObjectInfo
        self._entry: Entry
        self._container = container
        self._name = name
        self._key = key
        self._version = version
        self._query = RAW if is_raw else {}

    @property
    def is_manifest(self) -> bool:
        """Whether the answer is not the content, but the manifest of a large object."""
        return self._query == RAW and self.info.is_large

    def send(self, headers: Mapping[str, str]) -> HTTPBody:
        """Send the GET."""
        # An ETag in quotes is that of a large object, and not that of its manifest.
        is_given = self._version and not (self._query and self._version.startswith('"'))
        conditions = {"If-Match": self._version} if is_given else {}
        try:
            return self._container.client.stream(
                f"{self._container.name}/{self._name}",
                lambda answer: self._found(described(answer)),
                query=self._query,
                headers={**headers, **conditions},
            )
        except AnswerError as error:
            if status(error) == _UNSATISFIABLE:
                answer = error.answer
                if not answer.headers.get("Etag"):
                    # It says nothing of the object, not even whether it is large.
                    answer = self._container.request("HEAD", self._name, query=self._query, interpret=described)
                self._found(answer)
            raise

    def head(self) -> Entry:
        """The object that was found, with its size, for which the store is asked if need be."""
        if self._entry.size != SIZE_UNKNOWN or self.is_manifest:
            return self._entry
        return replace(self._entry, size=_same(self._container, self._name, self._entry.version).size)

    def _found(self, answer: Answer) -> Entry:
        self.info = info_of(answer.headers)
        checksum = self._container.checksum(self.info)
        self._entry = Entry(self._key, size_in(answer), self.info.mod_time, version=self.info.etag, checksum=checksum)
        if self._version and not self.is_manifest and self.info.etag.strip('"') != self._version.strip('"'):
            raise ConflictError("it was replaced in the meantime")
        return self._entry


class _Pieces:
    """The content of a large object from an offset on: one segment after the other, each on a stream of its own."""

    def __init__(self, container: Container, large: _Large, offset: int, length: int | None) -> None:
        self.entry = large.entry
        self._container = container
        end = self.entry.size if length is None else min(self.entry.size, offset + length)
        self._segments = deque(_cut(large.segments, offset, end))
        self._body: Body | None = None
        self._left = 0
        #: The MD5 of the segment that is read, if it is checked, and read as a whole.
        self._checked: Running | None = None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        while self._left == 0:
            self.close()
            if not self._segments:
                return b""
            segment = self._segments.popleft()
            self._body = self._open(segment)
            self._left = segment.size
            checksum = None if segment.is_range else self._body.entry.checksum
            self._checked = Running(checksum) if checksum else None
        assert self._body is not None
        data = self._body.read(min(size, self._left))
        if not data and size:
            raise UnavailableError("the content of a segment ended before its size was reached")
        self._left -= len(data)
        if self._checked is not None:
            self._checked.update(data)
            if self._left == 0:
                self._checked.finish()
        return data

    def close(self) -> None:
        """Give the connection back."""
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _open(self, segment: Segment) -> Body:
        where = self._container.sibling(segment.container)
        opening = _Opening(where, segment.key, segment.key, segment.etag)
        with _existing(where, was_there=True):
            return open_range(opening.send, opening.head, segment.first, segment.size if segment.is_range else None)


def _cut(segments: Sequence[Segment], start: int, end: int) -> Iterator[Segment]:
    """The parts of the segments that make up the bytes from `start` to `end`."""
    position = 0
    for segment in segments:
        first, last = max(start, position), min(end, position + segment.size)
        if first < last:
            is_whole = last - first == segment.size and not segment.is_range
            begin = segment.first + first - position
            yield replace(segment, first=begin, size=last - first, is_range=not is_whole)
        position += segment.size


def _get(container: Container, name: str, **options: Any) -> Answer:
    """The answer with a whole object; the options are those of `Client.request`."""
    return container.request("GET", name, interpret=described, large=True, **options)


def _content(container: Container, name: str, answer: Answer) -> tuple[bytes, Checksum | None]:
    """The content in an answer, and what it is compared with."""
    content = whole(answer, lambda: _same(container, name, strong_etag(answer.headers.get("Etag"))).size)
    return content, container.checksum(info_of(answer.headers))


def _same(container: Container, name: str, version: str) -> Entry:
    """The object, with its size, if it still is that version."""
    info = container.head(name)
    if info is None or info.size is None or info.etag != version:
        raise ConflictError("it was deleted or replaced as it was opened")
    return Entry(name, info.size, info.mod_time, version=info.etag)


@contextmanager
def _existing(container: Container, *, was_there: bool = False) -> Iterator[None]:
    """Say of a 404 what is missing; an object that was there before was deleted since."""
    try:
        yield
    except AnswerError as error:
        if status(error) != _NOT_FOUND:
            raise
        if was_there:
            raise ConflictError("it was replaced or deleted while it was read") from error
        container.check()
        raise PathNotFoundError from error
