"""The requests about one blob: look, get, stream, put, delete, sign."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from storagedriver.adapter.checksums import Checksum, read_twice
from storagedriver.adapter.deleting import delete_each
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import etag_of, first_byte, http_time, measured, open_range, size_in, whole
from storagedriver.adapter.store import Body, EmptyBody, Entry
from storagedriver.drivers.azure.client import Client
from storagedriver.drivers.azure.errors import INVALID_BLOB_TYPE, NO_BLOB, classify, code_of, is_about_a_directory
from storagedriver.errors import PathNotFoundError

__all__ = [
    "CLEARING_TYPE",
    "CONTENT_TYPE",
    "STAGED",
    "Blob",
    "condition_on",
    "delete",
    "delete_directory",
    "delete_one",
    "existing",
    "get",
    "head",
    "is_directory",
    "put",
    "put_over",
    "sign",
    "staged_beside",
    "stream",
]

#: What the registry gives everything it writes.
CONTENT_TYPE = "application/octet-stream"
#: The type of the empty blob that is at a key for a moment, while uncommitted blocks are dropped. It is no file.
CLEARING_TYPE = "application/x-storagedriver-clearing"
#: The key of an append blob that is to be copied over another one, which it begins with. It is no file.
STAGED = re.compile(r"(.+)~(staged~[0-9a-f]{16})", re.DOTALL)
_DELETED = (200, 202)
_SINGLES = 16
#: What the store answers where another blob is, or none any more.
_OVERTAKEN = ("BlobAlreadyExists", "ConditionNotMet", NO_BLOB)


@dataclass(frozen=True)
class Blob:
    """What a HEAD says of a blob.

    Attributes
    ----------
    entry : Entry
        Its key, size, time and ETag.
    is_append : bool
        Whether it is an append blob; a block blob otherwise.
    blocks : int
        How many blocks an append blob has.
    headers : mapping
        The answer's headers.
    """

    entry: Entry
    is_append: bool
    blocks: int
    headers: Mapping[str, str]

    @property
    def is_clearing(self) -> bool:
        """Whether it is there only to drop uncommitted blocks, and no file."""
        return is_clearing(self.headers)


def staged_beside(key: str) -> str:
    """A key for what is to be copied over `key`, which no other writer has."""
    return f"{key}~staged~{secrets.token_hex(8)}"


def is_clearing(headers: Mapping[str, str]) -> bool:
    """Whether the headers of an answer are those of a blob that is there only to drop uncommitted blocks."""
    return headers.get("Content-Type", "") == CLEARING_TYPE


def is_directory(headers: Mapping[str, str]) -> bool:
    """Whether they are those of a directory, which an account with a hierarchical namespace keeps as a blob.

    https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues
    """
    kind = headers.get("x-ms-resource-type", "") == "directory"
    return kind or headers.get("x-ms-meta-hdi_isfolder", "").lower() == "true"


def head(client: Client, key: str, headers: Mapping[str, str] | None = None) -> Blob | None:
    """The blob, None if there is none. A missing container raises."""
    try:
        answer = client.send("HEAD", key, headers=headers)
    except AnswerError as error:
        # A 404 without this code does not say that there is no such blob.
        if code_of(error) == NO_BLOB:
            return None
        raise
    if is_directory(answer.headers):
        client.is_hierarchical = True
        return None
    entry = measured(
        _entry(key, answer),
        lambda: first_byte(lambda part: _open(client, key, {**(headers or {}), **part})),
        lambda: _listed_size(client, key),
    )
    is_append = answer.headers.get("x-ms-blob-type") == "AppendBlob"
    return Blob(entry, is_append, int(answer.headers.get("x-ms-blob-committed-block-count") or 0), answer.headers)


def existing(client: Client, key: str, version: str = "") -> Entry:
    """The entry of a blob that must be there, and of this version if one is given."""
    blob = head(client, key, _same(version))
    if blob is None or blob.is_clearing:
        raise PathNotFoundError
    return blob.entry


def get(client: Client, key: str) -> bytes:
    """The whole content."""

    def read() -> tuple[bytes, Checksum | None]:
        answer = client.send("GET", key, large=True)
        if is_clearing(answer.headers) or is_directory(answer.headers):
            raise PathNotFoundError
        content = whole(answer, lambda: existing(client, key, etag_of(answer)).size)
        return content, client.checksum_in(answer)

    return read_twice(read)


def put(client: Client, key: str, content: memoryview) -> None:
    """Write the content in one request, which makes it visible as a whole.

    An append blob cannot be replaced so, nor in any other single step: it is
    deleted first.
    """
    try:
        _put(client, key, content, {})
    except AnswerError as error:
        if code_of(error) != INVALID_BLOB_TYPE:
            raise
        delete_one(client, key)
        _put(client, key, content, {})


def put_over(client: Client, key: str, content: memoryview, version: str) -> bool:
    """The same where nothing but one version of the blob is, ``""`` for nothing; False if something else does."""
    try:
        try:
            _put(client, key, content, condition_on(version))
        except AnswerError as error:
            if code_of(error) != INVALID_BLOB_TYPE or not version:
                raise
            delete_one(client, key, version)
            _put(client, key, content, condition_on(""))
    except AnswerError as error:
        if code_of(error) in _OVERTAKEN:
            return False
        raise
    return True


def condition_on(version: str) -> dict[str, str]:
    """The header by which a request changes one version of a blob only, ``""`` for none at all."""
    return {"If-Match": version} if version else {"If-None-Match": "*"}


def _put(client: Client, key: str, content: memoryview, condition: Mapping[str, str]) -> None:
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": CONTENT_TYPE, **condition}
    client.send_content(key, None, headers, content)


def stream(client: Client, key: str, offset: int, length: int | None, version: str) -> Body:
    """Open the content from `offset` on, of `version` only if that is not empty."""
    if length == 0:
        return EmptyBody(existing(client, key, version))
    return open_range(
        lambda part: _open(client, key, {**_same(version), **part}),
        lambda: existing(client, key, version),
        offset,
        length,
    )


def _open(client: Client, key: str, headers: Mapping[str, str]) -> HTTPBody:
    def entry(answer: Answer) -> Entry:
        if is_clearing(answer.headers) or is_directory(answer.headers):
            raise PathNotFoundError
        return replace(_entry(key, answer), checksum=client.checksum_in(answer))

    # The signature of a shared key covers this name of the header, and not `Range` alone.
    named = {"x-ms-range" if name == "Range" else name: value for name, value in headers.items()}
    return client.open(key, named, entry)


def _listed_size(client: Client, key: str) -> int | None:
    query = {"restype": "container", "comp": "list", "prefix": client.full(key), "maxresults": "1"}
    listed = client.ask("EnumerationResults", "GET", None, query)
    for element in listed.elements("Blobs/Blob"):
        if element.findtext("Name") == client.full(key):
            return listed.number(element, "Properties/Content-Length")
    return None


def delete_one(client: Client, key: str, version: str = "") -> bool:
    """Delete a blob with its snapshots, of this version if one is given; False if there is none."""
    headers = {"x-ms-delete-snapshots": "include", **_same(version)}
    try:
        client.send("DELETE", key, headers=headers, expected=_DELETED)
    except AnswerError as error:
        if code_of(error) != NO_BLOB:
            raise
        # The answer to an earlier attempt may have been lost.
        return error.answer.is_repeated
    return True


def delete_directory(client: Client, key: str) -> None:
    """Delete an empty directory of a hierarchical namespace. One that the store keeps is not shown by any call."""
    try:
        delete_one(client, key)
    except AnswerError as error:
        if not is_about_a_directory(error):
            raise


def delete(client: Client, keys: Sequence[str]) -> None:
    """Delete blobs, several at a time. One that is missing is no error.

    The store has a batch request too, but not on every kind of account, and it
    says less of what went wrong.

    Raises
    ------
    DeleteError
        With the reason for each key that was not deleted.
    """
    delete_each(lambda key: delete_one(client, key), keys, classify, threads=_SINGLES)


def sign(client: Client, key: str, expires: timedelta) -> str | None:
    """A URL with a shared access signature for reading; None without the account's key."""
    now = datetime.now(timezone.utc)
    # The signature's times are whole seconds.
    end = (now + max(expires, timedelta(seconds=1))).replace(microsecond=0) + timedelta(seconds=1)
    return client.signed_url(key, end)


def _same(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}


def _entry(key: str, answer: Answer) -> Entry:
    time = http_time(answer.headers.get("Last-Modified"))
    return Entry(key, size_in(answer), time, version=etag_of(answer))
