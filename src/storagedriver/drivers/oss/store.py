"""The store of the oss driver: what it has beside any store over a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from storagedriver.adapter.http.bucket_store import BucketStore, Calls, Copies
from storagedriver.adapter.http.document import beyond_xml
from storagedriver.adapter.store import Entry, Failure, too_long
from storagedriver.driver import Capabilities
from storagedriver.drivers.oss import errors, listing
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.deleting import bulk
from storagedriver.drivers.oss.objects import Objects
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.oss.requests import Requests
from storagedriver.drivers.oss.sdk import SDK
from storagedriver.drivers.oss.uploads import Uploads
from storagedriver.parameters import secrets

__all__ = ["COPIED", "OSSStore"]

#: The bytes that OSS copies in one request in well under the deadline. It
#: would take 5 GiB, but says nothing while it works.
COPIED = 32 << 20
#: As many as the registry copies (registry/storage/driver/oss/oss.go).
_COPIES = 10


class OSSStore(BucketStore):
    """One bucket and root directory.

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

    extra = "oss"
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

    chunk_parameter = "chunksize"
    _bucket: Bucket

    def __init__(self, name: str, parameters: OSSParameters) -> None:
        if find_spec("ossfs") is None:
            raise ModuleNotFoundError("No module named 'ossfs'", name="ossfs")
        self._parameters = parameters
        self._sdk = SDK(parameters)
        bucket = Bucket(Requests(parameters), parameters)
        super().__init__(
            name,
            Calls(bucket, Objects(bucket, parameters.checksums), Uploads(bucket, parameters.checksums), bulk(bucket)),
            Copies(COPIED, COPIED, _COPIES),
            chunk_size=parameters.chunksize,
            concurrency=parameters.uploadconcurrency,
            secrets=secrets(parameters),
        )
        self.read_concurrency = parameters.readconcurrency
        self.root_directory = parameters.rootdirectory.strip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """ossfs, rooted at the root directory."""
        return self.rooted(self._sdk.filesystem, self._parameters.bucket, self._parameters.prefix)

    def refuses(self, key: str, /) -> str:
        """1023 bytes, no backslash at the start, nothing that XML cannot carry.

        https://www.alibabacloud.com/help/en/oss/user-guide/object-naming-conventions
        """
        name = self._bucket.full(key)
        if name.startswith("\\"):
            return "the store takes no name that begins with a backslash"
        return too_long(name, 1023) or beyond_xml(name)

    def classify(self, error: Exception, /) -> Failure:
        """Say what a failure means."""
        return errors.classify(error)

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

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """A signed URL."""
        return self._bucket.requests.presign(method, self._bucket.full(key), max(1, int(expires.total_seconds())))

    def origin_path(self, network: str, key: str, /) -> str | None:
        """The key without the root directory, as in the registry: that is for the CDN's origin or base URL to add."""
        return key if network == "alicdn" else None

    def close(self) -> None:
        """Close the connections of this process."""
        self._bucket.requests.close()
