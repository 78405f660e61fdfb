"""The requests of multipart uploads, as S3 has them and the stores that follow it.

The limits are those of S3
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from storagedriver.adapter.fanout import in_context
from storagedriver.adapter.one_put import OnePutClient
from storagedriver.adapter.store import Body, Entry
from storagedriver.errors import ConflictError

__all__ = [
    "LARGEST_PART",
    "MOST_PARTS",
    "SMALLEST_PART",
    "MultipartClient",
    "OpenUpload",
    "Part",
    "complete",
    "composite_etag",
    "copy_large",
    "copy_parts",
]

SMALLEST_PART = 5 << 20
LARGEST_PART = 5 << 30
MOST_PARTS = 10_000
#: A copy never takes more parts than this, so that there are some left to go on with.
_MOST_COPIED_PARTS = 4000


@dataclass(frozen=True)
class Part:
    """A part that the store has.

    Attributes
    ----------
    number : int
        From 1 on.
    size : int
        Bytes.
    etag : str
        As the store gave it, quotes included.
    mod_time : datetime or None
        When it was written; None for one that was just sent.
    """

    number: int
    size: int
    etag: str
    mod_time: datetime | None = None


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that the store lists as open."""

    key: str
    id: str
    initiated: datetime


class MultipartClient(OnePutClient, Protocol):
    """The requests that multipart uploads are made of. The version of an `Entry` is its ETag, quotes included."""

    def create_multipart(self, key: str, /) -> str:
        """Begin an upload and return its id."""

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview, /) -> Part:
        """Send a part, over one of the same number."""

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int, /) -> Part:
        """Make a part of `size` bytes of the object `source` from the byte `first` on, if it is still that version."""

    def list_parts(self, key: str, upload_id: str, /) -> Sequence[Part]:
        """All parts, every page of them, as the store lists them."""

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part], over: str | None = None, /) -> None:
        """Publish.

        An upload that is gone is the store's own error, see
        `is_no_such_upload`. With `over`, raise `ConflictError` where something
        else is at the key than that version, as for `put_over`.
        """

    def abort_multipart(self, key: str, upload_id: str, /) -> None:
        """Give the upload up; one that is gone is no error."""

    def list_multiparts(self, prefix: str, /) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix` (a plain prefix: ``a`` finds ``ab``), every page."""

    def consists_of(self, key: str, parts: Sequence[Part], /) -> bool:
        """Whether the object at the key is the one that these parts make, by the store's own checksum of it."""

    def is_no_such_upload(self, error: Exception, /) -> bool:
        """Whether the exception says that the upload does not exist (any more)."""

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """As `Store.stream`."""

    def delete(self, keys: Sequence[str], /) -> None:
        """As `Store.delete`."""


def copy_parts(
    client: MultipartClient,
    source: Entry,
    key: str,
    upload_id: str,
    *,
    chunk_size: int,
    concurrency: int,
    size: int | None = None,
    equal: bool = False,
) -> list[Part]:
    """Copy an object into an upload, in parts of about one size, several at a time.

    Parameters
    ----------
    client : MultipartClient
        The requests.
    source : Entry
        The object, of at least 5 MiB if parts are to follow; it must stay the
        version that the entry names.
    key, upload_id : str
        The upload.
    chunk_size : int
        The bytes of a part at least.
    concurrency : int
        How many parts are copied at a time.
    size : int, optional
        How many bytes of the object are copied; None: all.
    equal : bool
        Whether all parts but the last have exactly `chunk_size` bytes.

    Returns
    -------
    list of Part
        From 1 on. The first is made last: until everything is there the upload
        holds nothing, since what it holds are its parts from 1 on.
    """
    size = source.size if size is None else size
    if equal:
        bounds = [*range(0, size, chunk_size), size]
    else:
        count = max(1, min(size // chunk_size, _MOST_COPIED_PARTS))
        bounds = [size * number // count for number in range(count + 1)]
    count = len(bounds) - 1

    def copy(number: int) -> Part:
        first, end = bounds[number - 1], bounds[number]
        return client.copy_part(key, upload_id, number, source, first, end - first)

    with ThreadPoolExecutor(min(count, concurrency), thread_name_prefix="storagedriver-copy") as pool:
        try:
            copies = [pool.submit(in_context(copy), number) for number in range(2, count + 1)]
            others = [each.result() for each in copies]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [copy(1), *others]


def complete(client: MultipartClient, key: str, upload_id: str, parts: Sequence[Part], over: str | None = None) -> None:
    """Publish an upload, whose earlier attempt may have succeeded with its answer lost.

    Raises
    ------
    ConflictError
        If another writer has completed or aborted the upload, or has written
        the key where `over` is the version that has to lie there.
    """
    try:
        client.complete_multipart(key, upload_id, parts, over)
    except Exception as error:
        is_gone = client.is_no_such_upload(error)
        if not is_gone and not isinstance(error, ConflictError):
            raise
        if client.consists_of(key, parts):
            return
        if not is_gone:
            raise
        raise ConflictError("the upload was completed or aborted by another writer") from error


def copy_large(
    client: MultipartClient, source: Entry, dest: str, *, chunk_size: int, concurrency: int, equal: bool = False
) -> None:
    """Copy an object over another one in parts; of a copy that fails nothing is left.

    Parameters
    ----------
    client : MultipartClient
        The requests.
    source : Entry
        The object.
    dest : str
        The key that is written.
    chunk_size, concurrency, equal
        As for `copy_parts`.
    """
    upload_id = client.create_multipart(dest)
    try:
        parts = copy_parts(client, source, dest, upload_id, chunk_size=chunk_size, concurrency=concurrency, equal=equal)
        complete(client, dest, upload_id, parts)
    except BaseException:
        # The parts cost money, and a later append would go on from them.
        with contextlib.suppress(Exception):
            client.abort_multipart(dest, upload_id)
        raise


def composite_etag(parts: Sequence[Part]) -> str:
    """The ETag of a completed upload, without quotes: the MD5 of its parts' MD5s, and their number."""
    try:
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    except ValueError:
        return ""
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
