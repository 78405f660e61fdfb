"""One bucket and the root directory in it: names and addresses that every request shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from storagedriver.adapter.checksums import Checksum
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import time_of
from storagedriver.adapter.store import Entry
from storagedriver.drivers.gcs.client import Client
from storagedriver.drivers.gcs.errors import NOT_FOUND, has_status, is_own, says_missing_bucket, says_missing_object
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.errors import BucketNotFoundError, InvalidAnswerError, PathNotFoundError, StorageDriverError

__all__ = ["CONTENT_TYPE", "NOTHING", "STATE_TYPE", "Bucket", "Item"]

#: What the registry gives everything it writes, and what it gives the state of an upload.
CONTENT_TYPE = "application/octet-stream"
STATE_TYPE = "application/x-docker-upload-session"
#: The generation of a key where nothing is: https://cloud.google.com/storage/docs/request-preconditions
NOTHING = "0"


@dataclass(frozen=True)
class Item:
    """An object as the JSON API describes it.

    Attributes
    ----------
    key : str
        Relative to the root directory.
    generation : str
        What changes whenever the object is written.
    metadata : dict
        The user's own; that of an upload's state holds a secret.
    """

    key: str
    size: int
    generation: str
    updated: datetime
    content_type: str
    md5: str = ""
    crc32c: str = ""
    metadata: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_state(self) -> bool:
        """Whether it is the state of an unfinished upload, and no content."""
        return self.content_type == STATE_TYPE

    @property
    def entry(self) -> Entry:
        """The object as the adapter sees it."""
        return Entry(self.key, self.size, self.updated, version=self.generation)

    @property
    def checksum(self) -> Checksum | None:
        """What the store says of the whole content."""
        return Checksum.of_text("crc32c", self.crc32c) if self.crc32c else None


class Bucket:
    """Where the objects lie.

    Parameters
    ----------
    client : Client
        The connection.
    parameters : GCSParameters
        The driver's parameters.

    Attributes
    ----------
    name : str
        The bucket's name.
    prefix : str
        What stands before every key.
    checks : bool
        Whether contents are compared with checksums.
    """

    def __init__(self, client: Client, parameters: GCSParameters) -> None:
        self.client = client
        self.name = parameters.bucket
        self.prefix = parameters.prefix
        self.checks = parameters.checksums != "never"

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self.prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self.prefix) :]

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The object of a resource of the JSON API."""
        name, size = resource.get("name"), str(resource.get("size", ""))
        if not isinstance(name, str) or not size.isdecimal():
            raise InvalidAnswerError(f"the description of an object has no name or no size: {str(resource)[:80]}")
        return Item(
            key=self.relative(name),
            size=int(size),
            generation=str(resource.get("generation", "")),
            updated=time_of(str(resource.get("updated", ""))),
            content_type=str(resource.get("contentType", "")),
            md5=str(resource.get("md5Hash") or ""),
            crc32c=str(resource.get("crc32c") or ""),
            metadata=dict(resource.get("metadata") or {}),
        )

    def object_url(self, key: str) -> str:
        """Where the description of an object is."""
        return f"{self.client.endpoint}/storage/v1/b/{quote(self.name)}/o/{quote(self.full(key), safe='')}"

    def media_url(self, key: str, generation: str = "") -> str:
        """Where the content of an object is, of one generation only if that is not empty."""
        name = quote(self.full(key), safe="")
        url = f"{self.client.endpoint}/download/storage/v1/b/{quote(self.name)}/o/{name}?alt=media"
        return f"{url}&generation={generation}" if generation else url

    def upload_url(self, key: str, kind: str, **params: str) -> str:
        """Where an object is written."""
        query = urlencode({"uploadType": kind, "name": self.full(key), **params})
        return f"{self.client.endpoint}/upload/storage/v1/b/{quote(self.name)}/o?{query}"

    def require(self) -> None:
        """Raise unless the bucket exists and may be listed."""
        try:
            self.client.ask("GET", "b/{}/o", self.name, params={"prefix": self.prefix, "maxResults": "1"})
        except AnswerError as error:
            raise self.not_listed(error) from error

    def not_listed(self, error: AnswerError) -> Exception:
        """The error for a listing that failed: with a 404 of the store's it is always the bucket that is missing."""
        if has_status(error, NOT_FOUND) and is_own(error.answer):
            return BucketNotFoundError(f"the bucket {self.name!r} does not exist")
        return error

    def not_found(self, answer: Answer) -> StorageDriverError:
        """The error for a 404 about a key: the key or the bucket is missing."""
        if not is_own(answer):
            return InvalidAnswerError(f"HTTP {answer.status} with a page that is not the store's")
        if says_missing_bucket(answer):
            return BucketNotFoundError(f"the bucket {self.name!r} does not exist")
        if not says_missing_object(answer):
            self.require()
        return PathNotFoundError()
