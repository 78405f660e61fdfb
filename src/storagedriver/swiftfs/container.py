"""One container: its objects, one request each.

https://docs.openstack.org/api-ref/object-store/
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from storagedriver.adapter.checksums import Checksum
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.reading import SIZE_UNKNOWN, first_byte, http_time, measured, strong_etag
from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.errors import BucketNotMadeError, InvalidAnswerError
from storagedriver.swiftfs.client import Client
from storagedriver.swiftfs.errors import status

__all__ = ["CONTENT_TYPE", "EMPTY", "LARGEST", "Container", "ObjectInfo", "described", "info_of"]

#: What the registry gives everything it writes.
CONTENT_TYPE = "application/octet-stream"
#: The ETag of no bytes: of a manifest of a dynamic large object in a listing, for one.
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
#: The most bytes of one object, unless the operator has set another limit.
#: https://docs.openstack.org/swift/latest/overview_large_objects.html
LARGEST = 5 << 30

#: The slowest copy on the server that is waited for, in bytes a second.
_COPY_RATE = 8 << 20
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
#: How many bytes the segments of a manifest have together, as its writer knows
#: it. A listing that shows fewer is late, or segments are gone.
_SIZE = "X-Object-Meta-Storagedriver-Size"
#: Says which writer an object comes from, where more than one may write it.
_WRITER = "X-Object-Meta-Storagedriver-Writer"
_MD5 = re.compile(r"[0-9a-f]{32}")
#: Of large objects, what is asked for is the manifest.
RAW = {"multipart-manifest": "get"}


@dataclass(frozen=True)
class ObjectInfo:
    """What the headers of an object say.

    Attributes
    ----------
    size : int or None
        Bytes; None for a large object of more segments than Swift counts.
    mod_time : datetime
        Aware, in UTC.
    etag : str
        As Swift gave it: that of a large object is in quotes.
    manifest : str
        Of a dynamic large object ``container/prefix``, else empty.
    static : bool
        Whether it is a static large object.
    whole : int or None
        The size that the writer of a manifest has noted.
    content_type : str
        Its type.
    writer : str
        The writer that it comes from, if it said so.
    """

    size: int | None
    mod_time: datetime
    etag: str
    manifest: str = ""
    static: bool = False
    whole: int | None = None
    content_type: str = ""
    writer: str = ""

    @property
    def is_large(self) -> bool:
        """Whether its content is in segments."""
        return bool(self.manifest) or self.static


def info_of(headers: Mapping[str, str]) -> ObjectInfo:
    """Read the headers of a HEAD or a GET of a whole object."""
    length, whole = headers.get("Content-Length", ""), headers.get(_SIZE, "")
    return ObjectInfo(
        int(length) if length.isdecimal() else None,
        _moment(headers),
        strong_etag(headers.get("Etag")),
        unquote(headers.get("X-Object-Manifest", "")),
        headers.get("X-Static-Large-Object", "").lower() == "true",
        int(whole) if whole.isdecimal() else None,
        headers.get("Content-Type", ""),
        headers.get(_WRITER, ""),
    )


def described(answer: Answer) -> Answer:
    """An answer about an object, or one by which it was written, as it is: it has an Etag, or is that of a manifest.

    Raises
    ------
    InvalidAnswerError
        If it has none: then it is not Swift's.
    """
    if not answer.headers.get("Etag") and "X-Object-Manifest" not in answer.headers:
        raise InvalidAnswerError(f"HTTP {answer.status} without an Etag is no answer of Swift about an object")
    return answer


def _moment(headers: Mapping[str, str]) -> datetime:
    # Of the two only the first has fractions of a second.
    with contextlib.suppress(ValueError, KeyError):
        return datetime.fromtimestamp(float(headers["X-Timestamp"]), timezone.utc)
    with contextlib.suppress(InvalidAnswerError):
        return http_time(headers.get("Last-Modified"))
    return EPOCH


class Container:
    """A container and the objects in it.

    Parameters
    ----------
    client : Client
        The account's requests.
    name : str
        The container's name.
    checks : bool
        Whether contents that are written and read are compared with their MD5.
    """

    def __init__(self, client: Client, name: str, *, checks: bool = False) -> None:
        self.client = client
        self.name = name
        self._checks = checks

    def sibling(self, name: str) -> Container:
        """Another container of the account."""
        return self if name == self.name else Container(self.client, name, checks=self._checks)

    def request(self, method: str, key: str, **options: Any) -> Answer:
        """Send a request about an object; the options are those of `Client.request`."""
        return self.client.request(method, f"{self.name}/{key}", **options)

    def make(self) -> None:
        """Make the container; one that is there stays as it is."""
        self.client.request("PUT", self.name)

    def check(self) -> None:
        """Raise `BucketNotMadeError` unless the container exists."""
        try:
            self.client.request("HEAD", self.name)
        except AnswerError as error:
            if status(error) == _NOT_FOUND:
                raise BucketNotMadeError(f"there is no container {self.name!r}; the first write makes it") from error
            raise

    def head(self, key: str, *, raw: bool = False) -> ObjectInfo | None:
        """The object's headers, None if there is no such object or no such container.

        Parameters
        ----------
        key : str
            The object.
        raw : bool
            Of a large object, ask for its manifest: Swift then need not look at the segments.
        """
        try:
            answer = self.request("HEAD", key, query=RAW if raw else None, interpret=described)
        except AnswerError as error:
            if status(error) == _NOT_FOUND:
                return None
            raise
        info = info_of(answer.headers)
        if info.size is not None or info.is_large:
            return info
        entry = measured(
            Entry(key, SIZE_UNKNOWN), lambda: first_byte(partial(self._open, key)), lambda: self._listed_size(key)
        )
        return replace(info, size=entry.size)

    def _open(self, key: str, headers: Mapping[str, str]) -> HTTPBody:
        return self.client.stream(f"{self.name}/{key}", lambda _: Entry(key), headers=headers)

    def _listed_size(self, key: str) -> int | None:
        query = {"prefix": key, "limit": 1, "format": "json"}
        lines = self.client.ask(list, "GET", self.name, query=query)
        return next((line.get("bytes") for line in lines if line.get("name") == key), None)

    def checksum(self, info: ObjectInfo) -> Checksum | None:
        """What the headers say of the whole content, where contents are checked. Of a large object they say nothing."""
        if not self._checks or info.is_large or not _MD5.fullmatch(info.etag):
            return None
        return Checksum("md5", bytes.fromhex(info.etag))

    def put(self, key: str, content: Any, *, headers: Mapping[str, str] | None = None, writer: str = "") -> None:
        """Write an object, making the container if need be.

        With an ETag Swift compares the content, and answers 422 if it is another one:
        https://docs.openstack.org/api-ref/object-store/#create-or-replace-object
        """
        sent = {"Content-Type": CONTENT_TYPE, **(headers or {})}
        if self._checks and len(content):
            sent["ETag"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if writer:
            sent[_WRITER] = writer
        try:
            self.request("PUT", key, body=content, headers=sent, interpret=described)
        except AnswerError as error:
            if status(error) != _NOT_FOUND:
                raise
            self.make()
            self.request("PUT", key, body=content, headers=sent, interpret=described)

    def create(self, key: str, content: Any, *, writer: str = "") -> bool:
        """Write an object unless there is one already; say whether it was written.

        A server that knows no conditions writes it in any case. With a
        `writer` an object of this size counts as written that says it is from
        that writer: the answer to an earlier attempt may have been lost.
        """
        try:
            self.put(key, content, headers={"If-None-Match": "*"}, writer=writer)
        except AnswerError as error:
            if status(error) != _PRECONDITION_FAILED:
                raise
            there = self.head(key, raw=True) if writer else None
            return there is not None and there.writer == writer and there.size == len(content)
        return True

    def put_manifest(self, key: str, manifest: str, whole: int | None, *, writer: str = "") -> None:
        """Write the manifest of a dynamic large object.

        https://docs.openstack.org/swift/latest/overview_large_objects.html
        """
        headers = {"X-Object-Manifest": quote(manifest)}
        if whole is not None:
            headers[_SIZE] = str(whole)
        self.put(key, b"", headers=headers, writer=writer)

    def copy(
        self,
        key: str,
        dest: str,
        *,
        size: int,
        raw: bool = False,
        to: Container | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Copy an object on the server, making the container if need be.

        Parameters
        ----------
        key, dest : str
            From where, and to where.
        size : int
            Its bytes; a large copy is waited for longer.
        raw : bool
            Of a large object, copy the manifest, which then has the same segments.
        to : Container, optional
            The container of `dest`, if it is another one.
        headers : mapping, optional
            Conditions on the source, or a range of it.
        """
        target = to or self
        sent = {"Destination": f"{quote(target.name)}/{quote(dest)}", **(headers or {})}
        options: dict[str, Any] = {
            "headers": sent,
            "query": RAW if raw else None,
            "extra_time": size / _COPY_RATE,
            "interpret": described,
        }
        try:
            self.request("COPY", key, **options)
        except AnswerError as error:
            # Either of the two may be missing.
            if status(error) != _NOT_FOUND or self.head(key, raw=True) is None:
                raise
            target.make()
            self.request("COPY", key, **options)
