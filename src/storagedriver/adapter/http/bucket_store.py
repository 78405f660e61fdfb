"""The store over a bucket of S3 or of a store that follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.bucket import Bucket
from storagedriver.adapter.http.bulk import Bulk
from storagedriver.adapter.http.multipart_requests import MultipartRequests
from storagedriver.adapter.http.object_requests import ObjectRequests
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.multipart import OpenUpload, Part, copy_large
from storagedriver.adapter.multipart_uploads import MultipartUploads
from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.adapter.store import Body, Entry, UploadsStore
from storagedriver.errors import ConflictError, InvalidAnswerError, StorageDriverError

__all__ = ["BucketStore", "Calls", "Copies"]

#: What a server answers that cannot make a part of an object.
_NO_PART_COPY = (400, 405, 501)
#: The most bytes of an object that S3 copies by one request:
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
_LARGEST_COPY = 5 << 30


@dataclass(frozen=True)
class Calls:
    """The requests of a store.

    Attributes
    ----------
    bucket : Bucket
        The bucket.
    objects : ObjectRequests
        The requests about one object.
    parts : MultipartRequests
        Those of multipart uploads.
    bulk : Bulk
        Those that delete many objects.
    """

    bucket: Bucket
    objects: ObjectRequests[Any]
    parts: MultipartRequests[Any]
    bulk: Bulk


@dataclass(frozen=True)
class Copies:
    """How objects are copied on the server.

    Attributes
    ----------
    at_once : int
        The bytes of an object that is copied by one request at most.
    chunk_size, concurrency : int
        The bytes of a part of a larger one, and how many parts are copied at a time.
    rate : int
        The slowest copy that is waited for, in bytes a second, on top of the timeout; 0 for none.
    """

    at_once: int
    chunk_size: int
    concurrency: int
    rate: int = 0


class BucketStore(UploadsStore):
    """One bucket and root directory; also the `storagedriver.adapter.multipart.MultipartClient` of its uploads.

    A backend makes the requests and gives them to this class. What its store
    has in addition, it defines: `classify`, `filesystem`, `pages`, `sign`.

    Parameters
    ----------
    name : str
        The driver's name.
    calls : Calls
        The requests.
    copies : Copies
        How objects are copied.
    chunk_size, concurrency, equal_parts
        As for `MultipartUploads`.
    secrets : sequence of str
        Texts that must not appear in an error.
    """

    #: Such a store takes 5 GiB in one request, but a body is in memory as a whole
    #: and is sent again as a whole.
    put_limit = 64 << 20
    #: What the driver calls `chunk_size`, for errors.
    chunk_parameter: str
    max_expires = timedelta(days=7)

    def __init__(
        self,
        name: str,
        calls: Calls,
        copies: Copies,
        *,
        chunk_size: int,
        concurrency: int,
        equal_parts: bool = False,
        secrets: Sequence[str] = (),
    ) -> None:
        super().__init__(name, secrets=secrets)
        self._bucket = calls.bucket
        self._objects = calls.objects
        self._parts = calls.parts
        self._bulk = calls.bulk
        self._copies = copies
        self._equal_parts = equal_parts
        #: Whether the server makes a part of an object; True until it did not.
        self._copies_parts = True
        #: Parts that are copied through this process are in memory, so they are few.
        self._carried = Limit(concurrency)
        self._uploads = MultipartUploads(
            self,
            self.limit,
            chunk_size=chunk_size,
            chunk_parameter=self.chunk_parameter,
            concurrency=concurrency,
            copy_chunk_size=copies.chunk_size,
            copy_concurrency=copies.concurrency,
            equal_parts=equal_parts,
        )

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none."""
        return self._objects.head(key)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return self._objects.get(key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content."""
        return self._objects.stream(key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""
        self._objects.put(key, content)

    def put_over(self, key: str, content: memoryview, version: str, /) -> bool:
        """Write the content atomically over one version."""
        return self._objects.written_over(key, version, lambda condition: self._objects.put(key, content, condition))

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object over `dest`, on the server: a large one in parts, of which several are copied at a time."""
        entry, copies = self.head(source), self._copies
        at_once = copies.at_once if self._copies_parts else max(copies.at_once, _LARGEST_COPY)
        if entry is not None and entry.size > at_once:
            chunk, concurrency = copies.chunk_size, copies.concurrency
            copy_large(self, entry, dest, chunk_size=chunk, concurrency=concurrency, equal=self._equal_parts)
            return
        # A copy of what is not there says whether the key or the bucket is missing; a HEAD does not.
        extra_time = entry.size / copies.rate if entry and copies.rate else 0.0
        headers = {**self._bucket.making, **self._bucket.source(source)}
        # What was made says its ETag. Without one there may be nothing, and a move would delete the source.
        self._bucket.requests.ask(
            "CopyObjectResult", "PUT", self._bucket.full(dest), {}, headers=headers, extra_time=extra_time
        ).needed("ETag")

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, many by a request."""
        self._bulk.delete(keys)

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""
        return self._parts.create(key)

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part."""
        return self._parts.put_part(key, upload_id, number, data)

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of a range of an object: on the server, or through this process where the server cannot do it."""
        if self._copies_parts:
            try:
                return self._parts.copy_part(key, upload_id, number, source, first, size)
            except AnswerError as error:
                is_known = self.classify(error).kind is not StorageDriverError
                if is_known or error.answer.status not in _NO_PART_COPY:
                    raise
            except InvalidAnswerError:
                # Some servers pass over the name of the source, and make a part of nothing: it is made again.
                pass
        with self._carried.slot():
            with closing(self.stream(source.key, first, size, source.version)) as body:
                data = b"".join(iter(lambda: body.read(size), b""))
            if len(data) != size:
                raise ConflictError("the object has changed while it was copied")
            part = self.put_part(key, upload_id, number, memoryview(data))
        self._copies_parts = False
        return part

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts."""
        return self._parts.list_parts(key, upload_id)

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], over: str | None = None, /) -> None:
        """Publish, over one version only if it is given."""

        def write(condition: Mapping[str, str]) -> None:
            self._parts.complete(key, upload_id, parts, condition)

        if over is None:
            write({})
        elif not self._objects.written_over(key, over, write):
            raise ConflictError(OVERTAKEN)

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give an upload up; one that is gone is no error."""
        self._parts.abort(key, upload_id)

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix`."""
        return self._parts.list_uploads(prefix)

    def consists_of(self, key: str, parts: Sequence[Part], /) -> bool:
        """Whether the object is the one that these parts make, by the store's own checksum of it."""
        return self._parts.consists_of(key, parts)

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the store says that the upload does not exist."""
        return self._parts.is_no_such_upload(error)
