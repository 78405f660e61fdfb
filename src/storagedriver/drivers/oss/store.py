"""The store of the oss driver: what the adapter asks for, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from oss2.exceptions import NoSuchUpload

from storagedriver.adapter.multipart import OpenUpload, Part
from storagedriver.adapter.multipart_uploads import MultipartUploads
from storagedriver.adapter.one_put import OVERTAKEN
from storagedriver.adapter.store import Body, Entry, Failure, UploadsStore
from storagedriver.driver import Capabilities
from storagedriver.drivers.oss import copying, deleting, errors, listing, objects, uploads
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.errors import ConflictError
from storagedriver.parameters import secrets

__all__ = ["OSSStore"]


class OSSStore(UploadsStore):
    """One bucket and root directory; also the `storagedriver.adapter.multipart.MultipartClient` of its uploads.

    Parameters
    ----------
    name : str
        The driver's name.
    parameters : OSSParameters
        Checked by `storagedriver.drivers.oss.parameters.load`.

    Raises
    ------
    ModuleNotFoundError
        If ossfs is not installed.
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
    #: OSS takes 5 GiB in one request, but a body that breaks is sent again as a whole.
    put_limit = 64 << 20
    max_expires = timedelta(days=7)

    def __init__(self, name: str, parameters: OSSParameters) -> None:
        super().__init__(name, secrets=secrets(parameters))
        if find_spec("ossfs") is None:
            raise ModuleNotFoundError("No module named 'ossfs'", name="ossfs")
        self._parameters = parameters
        self.read_concurrency = parameters.readconcurrency
        self._connection = Connection(parameters)
        self._uploads = MultipartUploads(
            self,
            self.limit,
            chunk_size=parameters.chunksize,
            chunk_parameter="chunksize",
            concurrency=parameters.uploadconcurrency,
            copy_chunk_size=copying.CHUNK,
            copy_concurrency=copying.CONCURRENCY,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """ossfs, rooted at the root directory."""
        from fsspec.implementations.dirfs import DirFileSystem  # noqa: PLC0415 - only for those who ask

        root = f"{self._parameters.bucket}/{self._parameters.prefix}".rstrip("/")
        return DirFileSystem(root, self._connection.filesystem, skip_instance_cache=True)

    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception of the SDK means."""
        return errors.classify(error)

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none."""
        return objects.head(self._connection, key)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return objects.get(self._connection, key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content."""
        return objects.stream(self._connection, key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""
        objects.put(self._connection, key, content)

    def put_over(self, key: str, content: memoryview, version: str, /) -> bool:
        """Write the content atomically over one version."""
        return objects.written_over(
            self._connection, key, version, lambda condition: objects.put(self._connection, key, content, condition)
        )

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
            self._connection, prefix, recursive=recursive, start_after=start_after, limit=limit, skipped=skipped
        )

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object over `dest`, on the server."""
        copying.copy(self._connection, self, source, dest)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, up to 1000 a request."""
        deleting.delete(self._connection, keys)

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """A signed URL."""
        seconds = max(1, int(expires.total_seconds()))
        full = self._connection.full(key)
        return str(self._connection.bucket.sign_url(method, full, seconds, slash_safe=True))

    def close(self) -> None:
        """Close the connections of this process."""
        self._connection.close()

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""
        return uploads.create(self._connection, key)

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part."""
        return uploads.put_part(self._connection, key, upload_id, number, data)

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of a range of an object."""
        return uploads.copy_part(self._connection, key, upload_id, number, source, first, size)

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts."""
        return uploads.list_parts(self._connection, key, upload_id)

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], over: str | None = None, /) -> None:
        """Publish, over one version only if it is given."""

        def write(condition: Mapping[str, str]) -> None:
            uploads.complete(self._connection, key, upload_id, parts, condition)

        if over is None:
            write({})
        elif not objects.written_over(self._connection, key, over, write):
            raise ConflictError(OVERTAKEN)

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give an upload up; one that is gone is no error."""
        uploads.abort(self._connection, key, upload_id)

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix`."""
        return uploads.list_uploads(self._connection, prefix)

    def consists_of(self, key: str, parts: Sequence[Part], /) -> bool:
        """Whether the object has the size and the CRC-64 of these parts."""
        return uploads.consists_of(self._connection, key, parts)

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the store says that the upload does not exist."""
        return isinstance(error, NoSuchUpload)
