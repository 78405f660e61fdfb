"""The store of the gcs driver: what the adapter asks for, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from storagedriver.adapter.fanout import both, fan_out
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Body, Entry, Failure, UploadsStore, too_long
from storagedriver.driver import Capabilities
from storagedriver.drivers.gcs import copying, credentials, deleting, errors, listing, objects, signing, state
from storagedriver.drivers.gcs.bucket import Bucket
from storagedriver.drivers.gcs.client import Client
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.drivers.gcs.uploads import Uploads

__all__ = ["GCSStore"]


class GCSStore(UploadsStore):
    """One bucket and root directory.

    Parameters
    ----------
    name : str
        The driver's name.
    parameters : GCSParameters
        Checked by `storagedriver.drivers.gcs.parameters.load`.

    Raises
    ------
    ModuleNotFoundError
        If gcsfs is not installed.
    ParameterError
        If there is a key and it is none.
    """

    extra = "gcs"
    capabilities = Capabilities(
        unfinished="hides",
        multiprocess=True,
        key_and_prefix=True,
        empty_directories=False,
        conflicts_detected="fresh",
        server_side_copy=True,
        signs_urls=True,
        walk_order="bytewise",
    )
    #: Google takes 5 TiB in one request, but a body is in memory as a whole
    #: and is sent again as a whole.
    put_limit = 64 << 20
    #: https://cloud.google.com/storage/docs/access-control/signed-urls
    max_expires = timedelta(days=7)

    def __init__(self, name: str, parameters: GCSParameters) -> None:
        limit = Limit(parameters.maxconcurrency)
        super().__init__(name, limit=limit, secrets=credentials.secrets_of(parameters))
        if find_spec("gcsfs") is None:
            raise ModuleNotFoundError("No module named 'gcsfs'", name="gcsfs")
        credentials.token_of(parameters)
        if credentials.is_anonymous(parameters):
            self.capabilities = replace(self.capabilities, signs_urls=False)
        self._parameters = parameters
        self.read_concurrency = parameters.readconcurrency
        self.root_directory = parameters.rootdirectory.strip("/")
        self._client = Client(parameters)
        self._bucket = Bucket(self._client, parameters)
        self._uploads = Uploads(self._bucket, limit, parameters.chunksize)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """Gcsfs, rooted at the root directory."""
        return self.rooted(self._client.filesystem, self._bucket.name, self._bucket.prefix)

    def refuses(self, key: str, /) -> str:
        """1024 bytes and no end of a line: https://cloud.google.com/storage/docs/objects#naming."""
        name = self._bucket.full(key)
        if "\r" in name or "\n" in name:
            return "the store takes no name with a carriage return or a line feed"
        if name.startswith(".well-known/acme-challenge/"):
            return "the store takes no name that begins with .well-known/acme-challenge/"
        return too_long(name, 1024)

    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception means."""
        return errors.classify(error)

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none or no such bucket."""
        item = objects.head(self._bucket, key)
        return None if item is None or item.is_state else item.entry

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return objects.get(self._bucket, key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content."""
        return objects.stream(self._bucket, key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically."""
        objects.insert(self._bucket, key, content)

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
        copying.copy(self._bucket, source, dest)

    def move(self, source: str, dest: str, /) -> None:
        """Move an object over `dest`, on the server. A source that is written meanwhile stays."""
        item = copying.copy(self._bucket, source, dest)
        deleting.delete_generation(self._bucket, source, item.generation)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, many at a time."""
        deleting.delete(self._bucket, keys)

    def delete_tree(self, key: str, /) -> bool:
        """Delete everything at the key and below it, the uploads first; a small directory is listed once."""
        (page, is_last), own = both(
            lambda: next(listing.items(self._bucket, key + "/")), lambda: objects.head(self._bucket, key)
        )
        if not is_last:
            return super().delete_tree(key)
        found = [*page, *([own] if own is not None else [])]
        fan_out(lambda item: state.remove(self._bucket, item), [item for item in found if item.is_state], name="abort")
        keys = [item.key for item in found if not item.is_state]
        if keys:
            deleting.delete(self._bucket, keys)
        return bool(found)

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """A signed URL, None where the credentials hold no key."""
        return signing.sign(self._bucket, key, method, expires)

    def close(self) -> None:
        """Close the connections of this process."""
        self._client.close()
