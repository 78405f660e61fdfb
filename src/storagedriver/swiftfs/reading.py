"""Reading: one object on one connection; the segments of a large object one by one, or several at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import SIZE_UNKNOWN, check_range, range_of, size_in
from storagedriver.adapter.store import Body, Entry
from storagedriver.errors import ConflictError, PathNotFoundError, UnavailableError
from storagedriver.swiftfs.container import RAW, Container, ObjectInfo, described, info_of
from storagedriver.swiftfs.errors import status
from storagedriver.swiftfs.segments import Segment, dynamic_segments

__all__ = ["open_object", "read_object"]

_OK = 200
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_UNSATISFIABLE = 416
#: What is asked for at a time where several ranges are read at a time, in bytes.
_PIECE = 8 << 20


def open_object(
    container: Container,
    key: str,
    offset: int = 0,
    length: int | None = None,
    version: str = "",
    *,
    concurrency: int = 1,
) -> Body:
    """Open an object's content.

    Parameters
    ----------
    container, key : Container, str
        The object.
    offset : int
        The first byte; at or past the end the body is empty.
    length : int, optional
        The most bytes that will be read.
    version : str
        If not empty, the version that it must be, as an earlier body's entry has it.
    concurrency : int
        How many ranges are read at a time; each is held in memory.

    Raises
    ------
    PathNotFoundError
        If there is no such object.
    ConflictError
        If it is another version.
    """
    try:
        opened = _open(container, key, offset, length, version, concurrency)
    except AnswerError as error:
        if status(error) == _NOT_FOUND:
            container.check()
            raise PathNotFoundError from error
        raise
    if version and opened.entry.version != version:
        opened.close()
        raise ConflictError("it was replaced in the meantime")
    return opened


def read_object(container: Container, key: str, offset: int = 0, length: int | None = None) -> bytes:
    """The content of an object, or a range of it, at once."""
    body = open_object(container, key, offset, length)
    try:
        wanted = max(0, body.entry.size - offset)
        wanted = wanted if length is None else min(wanted, length)
        found = []
        while wanted:
            data = body.read(wanted)
            if not data:
                raise UnavailableError("the content ended before its size was reached")
            found.append(data)
            wanted -= len(data)
        return found[0] if len(found) == 1 else b"".join(found)
    finally:
        body.close()


def _open(container: Container, key: str, offset: int, length: int | None, version: str, concurrency: int) -> Body:
    if concurrency == 1:
        return _open_at_once(container, key, offset, length, version)
    info = container.head(key, raw=True)
    if info is None:
        container.check()
        raise PathNotFoundError
    if info.is_large:
        return _open_large(container, key, info, offset, length, concurrency)
    found = Entry(key, info.size or 0, info.mod_time, version=info.etag)
    whole = [Segment(container.name, key, info.size or 0, info.etag)]
    return _body(container, found, whole, offset, length, concurrency)


def _open_at_once(container: Container, key: str, offset: int, length: int | None, version: str) -> Body:
    """Ask for the content without a look at the object before."""

    def entry(answer: Answer) -> Entry:
        info = info_of(described(answer).headers)
        return Entry(key, size_in(answer), info.mod_time, version=info.etag)

    headers = range_of(offset, length)
    if version and not version.startswith('"'):
        headers["If-Match"] = version
    try:
        # Of a dynamic large object this gives the empty manifest, and no request too many for any other.
        body = container.client.stream(f"{container.name}/{key}", entry, query=RAW, headers=headers)
    except AnswerError as error:
        if status(error) != _UNSATISFIABLE:
            raise
        info = replace(info_of(error.answer.headers), size=_size_past_the_end(container, key, error.answer))
        if info.is_large:
            return _open_large(container, key, info, offset, length, 1)
        return _Pieces(container, Entry(key, info.size or 0, info.mod_time, version=info.etag), ())
    info = info_of(body.answer.headers)
    if info.is_large:
        body.close()
        return _open_large(container, key, info, offset, length, 1)
    try:
        return _checked(container, key, body, offset, length)
    except BaseException:
        body.close()
        raise


def _checked(container: Container, key: str, body: HTTPBody, offset: int, length: int | None) -> HTTPBody:
    """The body with its size, for which the store is asked if need be, and with its length where that is not said."""
    if body.entry.size == SIZE_UNKNOWN:
        info = container.head(key)
        if info is None or info.size is None or info.etag != body.entry.version:
            raise ConflictError("it was deleted or replaced as it was opened")
        body.entry = replace(body.entry, size=info.size)
    left = max(0, body.entry.size - offset)
    if left:
        check_range(body.answer, offset)
    body.expect(body.entry.size if body.answer.status == _OK else left if length is None else min(left, max(length, 1)))
    return body


def _size_past_the_end(container: Container, key: str, answer: Answer) -> int | None:
    """The size of an object, of which a range was asked for that begins behind its end."""
    size = size_in(answer)
    if size != SIZE_UNKNOWN:
        return size
    info = container.head(key)
    return None if info is None else info.size


def _open_large(
    container: Container, key: str, info: ObjectInfo, offset: int, length: int | None, concurrency: int
) -> Body:
    if info.manifest:
        # Through its manifest Swift gives one segment a second from the eleventh on.
        segments = dynamic_segments(container, info)
        segments.check()
        # As Swift makes the ETag of a dynamic large object.
        version = hashlib.md5("".join(s.etag for s in segments.run).encode(), usedforsecurity=False).hexdigest()
        found = Entry(key, segments.size, info.mod_time, version=f'"{version}"')
        return _body(container, found, segments.run, offset, length, concurrency)
    whole = container.head(key)
    if whole is None or whole.size is None:
        raise ConflictError("it was deleted or replaced as it was opened")
    found = Entry(key, whole.size, whole.mod_time, version=whole.etag)
    one = [Segment(container.name, key, whole.size, whole.etag)]
    return _body(container, found, one, offset, length, concurrency)


def _body(
    container: Container, entry: Entry, segments: Sequence[Segment], offset: int, length: int | None, concurrency: int
) -> Body:
    end = entry.size if length is None else min(entry.size, offset + length)
    wanted = list(_cut(segments, offset, end))
    if concurrency > 1:
        return _Ahead(container, entry, [part for whole in wanted for part in _split(whole)], concurrency)
    return _Pieces(container, entry, wanted)


def _cut(segments: Sequence[Segment], start: int, end: int) -> Iterator[Segment]:
    """The parts of the segments that make up the bytes from `start` to `end`."""
    position = 0
    for segment in segments:
        first, last = max(start, position), min(end, position + segment.size)
        if first < last:
            whole = last - first == segment.size and not segment.is_range
            begin = segment.first + first - position
            yield replace(segment, first=begin, size=last - first, is_range=not whole)
        position += segment.size


def _split(segment: Segment) -> Iterator[Segment]:
    if segment.size <= _PIECE:
        yield segment
        return
    for start in range(0, segment.size, _PIECE):
        size = min(_PIECE, segment.size - start)
        yield replace(segment, first=segment.first + start, size=size, is_range=True)


def _headers(segment: Segment) -> dict[str, str]:
    headers = range_of(segment.first, segment.size) if segment.is_range else {}
    if segment.etag:
        headers["If-Match"] = segment.etag
    return headers


class _Pieces:
    """A body that reads ranges of objects one after the other, each on a stream of its own."""

    def __init__(self, container: Container, entry: Entry, segments: Sequence[Segment]) -> None:
        self.entry = entry
        self._container = container
        self._segments = deque(segments)
        self._body: Body | None = None
        self._left = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        while self._left == 0:
            self.close()
            if not self._segments:
                return b""
            self._next(self._segments.popleft())
        assert self._body is not None
        data = self._body.read(min(size, self._left))
        if not data and size:
            raise UnavailableError("the content of a segment ended before its size was reached")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Give the connection back."""
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _next(self, segment: Segment) -> None:
        def entry(answer: Answer) -> Entry:
            return replace(self.entry, size=size_in(described(answer)))

        name = f"{segment.container}/{segment.key}"
        with _replaced():
            self._body = self._container.client.stream(name, entry, headers=_headers(segment))
        self._left = segment.size


class _Ahead:
    """A body that reads some ranges ahead, at a time."""

    def __init__(self, container: Container, entry: Entry, segments: Sequence[Segment], concurrency: int) -> None:
        self.entry = entry
        self._container = container
        self._segments = deque(segments)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="storagedriver-read")
        self._coming: deque[Future[bytes]] = deque()
        self._data = memoryview(b"")
        for _ in range(concurrency):
            self._submit()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        if not self._data:
            if not self._coming:
                return b""
            with _replaced():
                self._data = memoryview(self._coming.popleft().result())
            self._submit()
        data, self._data = self._data[:size], self._data[size:]
        return bytes(data)

    def close(self) -> None:
        """Give up what is left."""
        self._segments.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self) -> None:
        if self._segments:
            self._coming.append(self._pool.submit(self._fetch, self._segments.popleft()))

    def _fetch(self, segment: Segment) -> bytes:
        name = f"{segment.container}/{segment.key}"
        content = self._container.client.request("GET", name, headers=_headers(segment)).content
        if len(content) != segment.size:
            raise UnavailableError("a range has another length than it was asked for")
        return content


@contextmanager
def _replaced() -> Iterator[None]:
    """What is not there any more, or not as it was, was replaced while it was read."""
    try:
        yield
    except AnswerError as error:
        if status(error) in (_NOT_FOUND, _PRECONDITION_FAILED):
            raise ConflictError("it was replaced or deleted while it was read") from error
        raise
