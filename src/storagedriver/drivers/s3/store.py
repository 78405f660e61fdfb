"""The store of the s3 driver: what the adapter asks for, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from storagedriver.adapter.multipart import OpenUpload, Part, composite_etag
from storagedriver.adapter.multipart_uploads import MultipartUploads
from storagedriver.adapter.store import Body, Entry, Failure, UploadsStore
from storagedriver.driver import Capabilities
from storagedriver.drivers.s3 import copying, deleting, errors, listing, objects, signing
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.drivers.s3.requests import Requests
from storagedriver.drivers.s3.sdk import SDK
from storagedriver.drivers.s3.uploads import Uploads
from storagedriver.parameters import secrets
from storagedriver.paths import WalkOrder

__all__ = ["S3Store"]


class S3Store(UploadsStore):
    """One bucket and root directory; also the `storagedriver.adapter.multipart.MultipartClient` of its uploads.

    Parameters
    ----------
    name : str
        The driver's name.
    parameters : S3Parameters
        Checked by `storagedriver.drivers.s3.parameters.load`.

    Raises
    ------
    ModuleNotFoundError
        If s3fs is not installed.
    """

    capabilities = Capabilities(
        unfinished="shown_when_resumed",
        multiprocess=True,
        key_and_prefix=True,
        empty_directories=False,
        conflicts_detected="fresh",
        server_side_copy=True,
        signs_urls=True,
        walk_order="bytewise",
    )
    #: S3 takes 5 GiB in one request, but a body is in memory as a whole and is
    #: sent again as a whole.
    put_limit = 64 << 20
    max_expires = timedelta(days=7)

    def __init__(self, name: str, parameters: S3Parameters) -> None:
        super().__init__(name, secrets=secrets(parameters))
        if find_spec("s3fs") is None:
            raise ModuleNotFoundError("No module named 's3fs'", name="s3fs")
        self._parameters = parameters
        self.read_concurrency = parameters.readconcurrency
        self._sdk = SDK(parameters, parameters.endpoint)
        self._bucket = Bucket(Requests(parameters, self._sdk), parameters)
        self._signing = SDK(parameters, parameters.redirectendpoint) if parameters.redirectendpoint else self._sdk
        self._requests = Uploads(self._bucket)
        self._uploads = MultipartUploads(
            self,
            self.limit,
            chunk_size=parameters.chunksize,
            chunk_parameter="chunksize",
            concurrency=parameters.uploadconcurrency,
            copy_chunk_size=parameters.multipartcopychunksize,
            copy_concurrency=parameters.multipartcopymaxconcurrency,
            equal_parts=parameters.equal_parts,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def walk_order(self) -> WalkOrder:
        """The order in which the server at hand lists; it is asked once."""
        return listing.walk_order(self._bucket)

    @property
    def filesystem(self) -> Any:
        """s3fs, rooted at the root directory."""
        from fsspec.implementations.dirfs import DirFileSystem  # noqa: PLC0415 - only for those who ask

        root = f"{self._bucket.name}/{self._bucket.prefix}".rstrip("/")
        return DirFileSystem(root, self._sdk.filesystem, skip_instance_cache=True)

    def classify(self, error: Exception, /) -> Failure:
        """Say what a failure means."""
        return errors.classify(error)

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none or no such bucket."""
        return objects.head(self._bucket, key)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return objects.get(self._bucket, key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content."""
        return objects.stream(self._bucket, key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""
        objects.put(self._bucket, key, content)

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str] = frozenset(),
    ) -> Iterator[Sequence[Entry]]:
        """List, a request at a time."""
        return listing.pages(
            self._bucket, prefix, recursive=recursive, start_after=start_after, limit=limit, skipped=skipped
        )

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object over `dest`, on the server."""
        copying.copy(self._bucket, self, source, dest)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, up to 1000 a request."""
        deleting.delete(self._bucket, keys)

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """A signed URL, for the redirectendpoint if there is one."""
        return signing.sign(self._bucket, self._signing, key, method, expires)

    def close(self) -> None:
        """Close the connections of this process."""
        self._bucket.requests.close()
        self._sdk.close()
        if self._signing is not self._sdk:
            self._signing.close()

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""
        return self._requests.create(key)

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part."""
        return objects.put_part(self._bucket, key, upload_id, number, data)

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of a range of an object."""
        return self._requests.copy_part(key, upload_id, number, source, first, size)

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts."""
        return self._requests.list_parts(key, upload_id)

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], /) -> None:
        """Publish."""
        self._requests.complete(key, upload_id, parts)

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give an upload up; one that is gone is no error."""
        self._requests.abort(key, upload_id)

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix`."""
        return self._requests.list_uploads(prefix)

    def consists_of(self, key: str, parts: Sequence[Part], /) -> bool:
        """Whether the object's ETag is that of these parts. Under SSE-KMS it says nothing, and so does this."""
        entry = self.head(key)
        return entry is not None and entry.version.strip('"') == composite_etag(parts)

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the store says that the upload does not exist."""
        return self._requests.is_no_such_upload(error)
