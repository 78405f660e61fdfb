"""The store: its objects, its listings, and the requests that uploads are made of."""

# ruff: noqa: ARG002 - the id of an upload says which key it is for
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from examples.tinystore.requests import Requests, TinyParameters, classify, code_of, condition, value_in
from storagedriver.adapter.checksums import Checksum, read_twice
from storagedriver.adapter.deleting import delete_each
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.http.reading import (
    first_byte,
    http_time,
    measured,
    open_range,
    size_in,
    whole,
    with_etag,
    without_content,
)
from storagedriver.adapter.multipart import OpenUpload, Part, composite_etag
from storagedriver.adapter.multipart_uploads import MultipartUploads
from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.skipping import skip_after
from storagedriver.adapter.store import Body, Entry, Failure, UploadsStore
from storagedriver.driver import Capabilities
from storagedriver.errors import ConflictError
from storagedriver.parameters import secrets

__all__ = ["TinyStore"]

#: How many entries a page has at most, and how many objects are deleted at a time.
_MOST, _DELETES = 1000, 8
#: The bytes of a part that the server copies.
_COPIED = 64 << 20
_MD5 = re.compile(r"[0-9a-f]{32}")


class TinyStore(UploadsStore):
    """One bucket and the root directory in it."""

    capabilities = Capabilities(
        unfinished="shown_when_resumed",
        multiprocess=True,
        key_and_prefix=True,
        empty_directories=False,
        conflicts_detected="fresh",
        atomic_replace=True,
        server_side_copy=True,
        signs_urls=False,
        walk_order="bytewise",
    )
    put_limit = 64 << 20

    def __init__(self, name: str, parameters: TinyParameters) -> None:
        super().__init__(name, secrets=secrets(parameters))
        self.read_concurrency = parameters.readconcurrency
        self._parameters = parameters
        self._requests = Requests(parameters)
        self._uploads = MultipartUploads(
            self,
            self.limit,
            chunk_size=parameters.chunksize,
            concurrency=parameters.uploadconcurrency,
            copy_chunk_size=_COPIED,
            copy_concurrency=parameters.uploadconcurrency,
            chunk_parameter="chunksize",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception means."""
        return classify(error)

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none."""
        try:
            return self._head(key, {})
        except AnswerError as error:
            if code_of(error) == "NoSuchObject":
                return None
            raise

    def get(self, key: str, /) -> bytes:
        """The whole content."""

        def read() -> tuple[bytes, Checksum | None]:
            answer = self._requests.send("GET", self._requests.path(key), large=True, interpret=with_etag)
            same = condition(answer.headers["ETag"])
            return whole(answer, lambda: self._head(key, same).size), _checksum(answer.headers["ETag"])

        return read_twice(read)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content from `offset` on, of `version` only if that is not empty."""
        same = condition(version) if version else {}
        return open_range(partial(self._open, key, same), partial(self._head, key, same), offset, length)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""
        self._requests.send("PUT", self._requests.path(key), body=content, interpret=with_etag)

    def put_over(self, key: str, content: memoryview, version: str, /) -> bool:
        """Write the content over one version, ``""`` for nothing; False if the key has another one."""
        try:
            self._requests.send("PUT", self._requests.path(key), condition(version), body=content, interpret=with_etag)
        except AnswerError as error:
            if code_of(error) == "PreconditionFailed":
                return False
            raise
        return True

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object on the server."""
        # Without the ETag of what was made there may be nothing, and a move would delete the source.
        self._requests.send("PUT", self._requests.path(dest), self._requests.copying(source), interpret=with_etag)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, several at a time."""

        def delete(key: str) -> None:
            self._requests.send("DELETE", self._requests.path(key), interpret=without_content)

        delete_each(delete, keys, classify, threads=_DELETES)

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str] = frozenset(),
    ) -> Iterator[Sequence[Entry]]:
        """List, a request at a time, in bytewise order."""
        query = {"prefix": self._requests.full(prefix), "delimiter": "" if recursive else "/"}

        def fetch(after: str, wanted: int) -> tuple[list[Entry], str | None]:
            beyond = skip_after(self._requests.relative(after), skipped) if after else ""
            start = self._requests.full(beyond) if beyond else after
            asked = {**query, "after": start, "limit": min(wanted or _MOST, _MOST)}
            page, following = self._requests.page("objects", asked)
            entries = [self._object(item) for item in value_in(page, "objects", list)]
            entries += [self._directory(name) for name in value_in(page, "prefixes", list)]
            if not recursive:
                entries.sort(key=lambda entry: entry.key + "/" * entry.is_dir)
            return entries, following

        return Listing(fetch, self._requests.full(start_after) if start_after and recursive else "", limit=limit)

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""
        # Sent twice it would begin two uploads.
        query = {"key": self._requests.full(key)}
        return value_in(self._requests.ask("POST", "uploads", query, repeat="unsent"), "id", str)

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part, over one of the same number."""
        answer = self._requests.send("PUT", f"uploads/{upload_id}/{number}", body=data, interpret=with_etag)
        return Part(number, len(data), answer.headers["ETag"])

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of a range of an object, if it is still that version."""
        headers = self._requests.copying(source.key, source.version)
        headers["Copy-Range"] = f"bytes={first}-{first + size - 1}"
        answer = self._requests.send("PUT", f"uploads/{upload_id}/{number}", headers, interpret=with_etag)
        return Part(number, size, answer.headers["ETag"])

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts."""
        items = self._listed(f"uploads/{upload_id}", "parts", {})
        return [Part(value_in(item, "number", int), *_described(item)) for item in items]

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], over: str | None = None, /) -> None:
        """Publish, over one version only if it is given."""
        body = json.dumps({"parts": [part.etag for part in parts]}).encode()
        headers = {} if over is None else condition(over)
        try:
            self._requests.send("POST", f"uploads/{upload_id}", headers, body=body, interpret=with_etag)
        except AnswerError as error:
            if code_of(error) == "PreconditionFailed":
                raise ConflictError(OVERTAKEN) from error
            raise

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give an upload up; the server takes one that is gone for no error."""
        self._requests.send("DELETE", f"uploads/{upload_id}", interpret=without_content)

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix`."""
        for item in self._listed("uploads", "uploads", {"prefix": self._requests.full(prefix)}):
            key, begun = self._requests.relative(value_in(item, "key", str)), time_of(value_in(item, "begun", str))
            yield OpenUpload(key, value_in(item, "id", str), begun)

    def consists_of(self, key: str, parts: Sequence[Part], /) -> bool:
        """Whether the object is the one that these parts make."""
        entry = self.head(key)
        return entry is not None and entry.version == f'"{composite_etag(parts)}"'

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the server says that the upload does not exist."""
        return code_of(error) == "NoSuchUpload"

    def close(self) -> None:
        """Close the connections of this process."""
        self._requests.close()

    def _head(self, key: str, same: Mapping[str, str]) -> Entry:
        """The object, with its size."""
        answer = self._requests.send("HEAD", self._requests.path(key), same, interpret=with_etag)
        return measured(self._entry(key, answer), lambda: first_byte(partial(self._open, key, same)))

    def _open(self, key: str, same: Mapping[str, str], part: Mapping[str, str]) -> HTTPBody:
        return self._requests.open(self._requests.path(key), {**same, **part}, partial(self._entry, key))

    def _entry(self, key: str, answer: Answer) -> Entry:
        etag, time = with_etag(answer).headers["ETag"], http_time(answer.headers.get("Last-Modified"))
        return Entry(key, size_in(answer), time, version=etag, checksum=_checksum(etag))

    def _object(self, item: Any) -> Entry:
        size, etag, time = _described(item)
        return Entry(self._requests.relative(value_in(item, "key", str)), size, time, version=etag)

    def _directory(self, name: str) -> Entry:
        return Entry(self._requests.relative(name).removesuffix("/"), is_dir=True)

    def _listed(self, resource: str, name: str, query: Mapping[str, str]) -> Iterator[Any]:
        """What a listing holds, all its pages."""

        def fetch(after: str, _: int) -> tuple[list[Any], str | None]:
            page, following = self._requests.page(resource, {**query, "after": after})
            return value_in(page, name, list), following

        return chain.from_iterable(Listing(fetch, ""))


def _described(item: Any) -> tuple[int, str, datetime]:
    """Size, ETag and time of an object or a part of a listing."""
    return value_in(item, "size", int), value_in(item, "etag", str), time_of(value_in(item, "changed", str))


def _checksum(etag: str) -> Checksum | None:
    """The ETag is the MD5 of the content, but for one that was put together of parts."""
    digest = etag.strip('"')
    return Checksum("md5", bytes.fromhex(digest)) if _MD5.fullmatch(digest) else None
