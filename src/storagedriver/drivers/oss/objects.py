"""The requests about one object, with the CRC-64 that OSS keeps of each.

https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity-by-using-crc-64
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storagedriver.adapter.checksums import Checksum, md5_header
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.object_requests import ObjectRequests
from storagedriver.adapter.http.reading import etag_of, with_etag, without_content
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.checksums import NAME, check, sum_in
from storagedriver.drivers.oss.errors import code_of
from storagedriver.errors import IntegrityError

__all__ = ["Objects"]

_EXISTS = "FileAlreadyExists"


class Objects(ObjectRequests[Bucket]):
    """The requests."""

    #: Without it OSS answers a range that it cannot satisfy with the whole object:
    #: https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
    ranged: Mapping[str, str] = {"x-oss-range-behavior": "standard"}

    def written_over(self, key: str, version: str, write: Callable[[Mapping[str, str]], object]) -> bool:
        """As `ObjectRequests.written_over`.

        OSS knows one condition, that there is nothing:
        https://www.alibabacloud.com/help/en/oss/developer-reference/putobject
        """
        if version and not self.is_still(key, version):
            return False
        try:
            write({} if version else {"x-oss-forbid-overwrite": "true"})
        except AnswerError as error:
            if code_of(error) == _EXISTS:
                return False
            raise
        return True

    def _put(self, key: str, content: memoryview, headers: Mapping[str, str]) -> None:
        answer = self._send(key, content, {**headers, **self._bucket.checking(content)})
        if self._checksums == "never":
            return
        try:
            check(content, answer)
        except IntegrityError:
            if not self.is_still(key, etag_of(answer)):
                raise
            # What was damaged on its way is there now. With the MD5 the store takes nothing else in its place.
            try:
                self._send(key, content, {**self._bucket.making, **md5_header(content)})
            except AnswerError:
                if self.is_still(key, etag_of(answer)):
                    self._bucket.requests.send("DELETE", self._bucket.full(key), interpret=without_content)
                raise

    def _send(self, key: str, content: memoryview, headers: Mapping[str, str]) -> Answer:
        return self._bucket.requests.send(
            "PUT", self._bucket.full(key), headers=headers, body=content, interpret=with_etag
        )

    def _says_missing(self, error: AnswerError) -> bool:
        """OSS puts its reason into a header of the answer. Of another server a missing bucket is None as well."""
        return super()._says_missing(error) and code_of(error) in ("", "NoSuchKey")

    def _checksum_in(self, answer: Answer) -> Checksum | None:
        crc = sum_in(answer)
        return None if crc is None else Checksum.of_number(NAME, crc)
