"""The requests about one object of a bucket, as S3 defined them and the stores that follow it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from storagedriver.adapter.checksums import Checksum, read_twice
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody
from storagedriver.adapter.http.bucket import Bucket
from storagedriver.adapter.http.reading import (
    etag_of,
    first_byte,
    http_time,
    measured,
    open_range,
    size_in,
    whole,
    with_etag,
)
from storagedriver.adapter.one_put import version_of
from storagedriver.adapter.store import Body, Entry

__all__ = ["ObjectRequests"]

B = TypeVar("B", bound=Bucket)


class ObjectRequests(ABC, Generic[B]):
    """The requests.

    A backend derives from it; the methods with an underscore are for what its
    store has to say.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    checksums : {"auto", "always", "never"}
        What is compared with checksums.
    """

    #: What a request for a range has beside it.
    ranged: Mapping[str, str] = {}
    #: By what the answer to a request for a whole content says its checksum.
    asking: Mapping[str, str] = {}

    def __init__(self, bucket: B, checksums: str) -> None:
        self._bucket = bucket
        self._checksums = checksums

    def head(self, key: str) -> Entry | None:
        """The object, None if there is none. It may be that there is no bucket: HEAD need not tell the two apart."""
        try:
            return self._head(key, {})
        except AnswerError as error:
            if self._says_missing(error):
                return None
            raise

    def get(self, key: str) -> bytes:
        """The whole content."""
        full = self._bucket.full(key)

        def read() -> tuple[bytes, Checksum | None]:
            answer = self._bucket.requests.send("GET", full, headers=self._asked, large=True, interpret=with_etag)
            content = whole(answer, lambda: self._head(key, _same(etag_of(answer))).size)
            return content, self._checksum(answer)

        return read_twice(read)

    def stream(self, key: str, offset: int, length: int | None, version: str) -> Body:
        """Open the content from `offset` on, of `version` only if that is not empty."""
        same = _same(version)
        return open_range(partial(self._open, key, same), partial(self._head, key, same), offset, length)

    def put(self, key: str, content: memoryview, condition: Mapping[str, str] | None = None) -> None:
        """Write the content in one request, which makes it visible as a whole."""
        self._put(key, content, {**self._bucket.making, **(condition or {})})

    @abstractmethod
    def written_over(self, key: str, version: str, write: Callable[[Mapping[str, str]], object]) -> bool:
        """Write where nothing but one version of the object is, ``""`` for nothing; False if something else does.

        Parameters
        ----------
        key, version : str
            The object.
        write : callable
            Writes it, with the headers of the condition.
        """

    def is_still(self, key: str, version: str) -> bool:
        """Whether this version is at the key, ``""`` for nothing."""
        return version_of(self.head(key)) == version

    def _put(self, key: str, content: memoryview, headers: Mapping[str, str]) -> None:
        """Send what is written, with what protects it."""
        self._bucket.requests.send("PUT", self._bucket.full(key), headers=headers, body=content, interpret=with_etag)

    def _says_missing(self, error: AnswerError) -> bool:
        """Whether the store says that there is no such object."""
        return error.answer.status == 404  # noqa: PLR2004 - HTTP's

    def _checksum_in(self, answer: Answer) -> Checksum | None:
        """What an answer says of the whole content."""
        del answer
        return None

    def _checksum(self, answer: Answer) -> Checksum | None:
        return None if self._checksums == "never" else self._checksum_in(answer)

    @property
    def _asked(self) -> Mapping[str, str]:
        return {} if self._checksums == "never" else self.asking

    def _open(self, key: str, same: Mapping[str, str], part: Mapping[str, str]) -> HTTPBody:
        more = self.ranged if part else self._asked

        def entry(answer: Answer) -> Entry:
            return replace(self._entry(key, answer), checksum=self._checksum(answer))

        return self._bucket.requests.open(self._bucket.full(key), {**same, **part, **more}, entry)

    def _head(self, key: str, same: Mapping[str, str]) -> Entry:
        """The object, with its size."""
        full = self._bucket.full(key)
        entry = self._entry(key, self._bucket.requests.send("HEAD", full, headers=same))
        return measured(entry, lambda: first_byte(partial(self._open, key, same)), lambda: self._listed_size(full))

    def _entry(self, key: str, answer: Answer) -> Entry:
        with_etag(answer)
        time = http_time(answer.headers.get("Last-Modified"))
        return Entry(key, size_in(answer), time, version=etag_of(answer))

    def _listed_size(self, full: str) -> int | None:
        query = {"list-type": 2, "prefix": full, "max-keys": 1}
        listed = self._bucket.requests.ask("ListBucketResult", "GET", "", query)
        for item in listed.elements("Contents"):
            if listed.required(item, "Key") == full:
                return listed.number(item, "Size")
        return None


def _same(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}
