"""The store of the s3 driver: what it has beside any store over a bucket."""

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
from storagedriver.drivers.s3 import errors, listing, signing
from storagedriver.drivers.s3.bucket import COPY_RATE, Bucket
from storagedriver.drivers.s3.deleting import bulk
from storagedriver.drivers.s3.objects import Objects
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.drivers.s3.requests import Requests
from storagedriver.drivers.s3.sdk import SDK
from storagedriver.drivers.s3.uploads import Uploads
from storagedriver.parameters import secrets
from storagedriver.paths import WalkOrder

__all__ = ["S3Store"]

_LONGEST_KEY = 1024
_LONGEST_IN_A_TREE = 255


class S3Store(BucketStore):
    """One bucket and root directory.

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

    extra = "s3"
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

    def __init__(self, name: str, parameters: S3Parameters) -> None:
        if find_spec("s3fs") is None:
            raise ModuleNotFoundError("No module named 's3fs'", name="s3fs")
        self._parameters = parameters
        self._sdk = SDK(parameters, parameters.endpoint)
        self._signing = SDK(parameters, parameters.redirectendpoint) if parameters.redirectendpoint else self._sdk
        bucket = Bucket(Requests(parameters, self._sdk), parameters)
        super().__init__(
            name,
            Calls(bucket, Objects(bucket, parameters.checksums), Uploads(bucket), bulk(bucket)),
            Copies(
                parameters.multipartcopythresholdsize,
                parameters.multipartcopychunksize,
                parameters.multipartcopymaxconcurrency,
                COPY_RATE,
            ),
            chunk_size=parameters.chunksize,
            concurrency=parameters.uploadconcurrency,
            equal_parts=parameters.equal_parts,
            secrets=secrets(parameters),
        )
        self.read_concurrency = parameters.readconcurrency
        self.root_directory = parameters.rootdirectory.strip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def walk_order(self) -> WalkOrder:
        """The order in which the server at hand lists; it is asked once."""
        return listing.walk_order(self._bucket)

    @property
    def filesystem(self) -> Any:
        """s3fs, rooted at the root directory."""
        return self.rooted(self._sdk.filesystem, self._bucket.name, self._bucket.prefix)

    def refuses(self, key: str, /) -> str:
        """1024 bytes, and nothing that XML cannot carry: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html.

        A server that keeps a real tree takes a backslash for a ``/``, and names of 255 bytes. Only for such a name it
        is asked which it is.
        """
        name = self._bucket.full(key)
        longest = max(len(part.encode()) for part in name.split("/"))
        if ("\\" in name or longest > _LONGEST_IN_A_TREE) and self.walk_order == "tree":
            return f"this server takes no backslash, and at most {_LONGEST_IN_A_TREE} bytes between two slashes"
        return too_long(name, _LONGEST_KEY) or beyond_xml(name)

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
        """A signed URL, for the redirectendpoint if there is one."""
        return signing.sign(self._bucket, self._signing, key, method, expires)

    def origin_path(self, network: str, key: str, /) -> str | None:
        """The key in the bucket: CloudFront, with the bucket as its origin, serves it by that."""
        return self._bucket.full(key) if network == "cloudfront" else None

    def close(self) -> None:
        """Close the connections of this process."""
        self._bucket.requests.close()
        self._sdk.close()
        if self._signing is not self._sdk:
            self._signing.close()
