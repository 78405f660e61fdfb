"""The requests about one object, with what S3 and the servers that follow it answer of their own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from storagedriver.adapter.checksums import Checksum, crc_of, encoded
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.object_requests import ObjectRequests
from storagedriver.adapter.http.reading import etag_of
from storagedriver.adapter.store import Body, EmptyBody, Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import code_of, status

__all__ = ["Objects"]

_MD5 = re.compile("[0-9a-f]{32}")
_UNSATISFIABLE = 416
_CONFLICT = 409
_PRECONDITION_FAILED = 412
#: Seconds before a request is made again that another one has disturbed.
_PAUSES = (0.1, 0.3)
_NOT_IMPLEMENTED = 501
#: The statuses that HEAD gives without a reason for what another request explains.
_UNEXPLAINED = (301, 400)
#: Encryptions under which the ETag is no MD5: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
_OPAQUE = ("x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-aws-kms-key-id")


class Objects(ObjectRequests[Bucket]):
    """The requests.

    Checksums: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """

    asking: Mapping[str, str] = {"x-amz-checksum-mode": "ENABLED"}

    def head(self, key: str) -> Entry | None:
        """The object, None if there is none or no such bucket: HEAD cannot tell the two apart."""
        try:
            return super().head(key)
        except AnswerError as error:
            if status(error) in _UNEXPLAINED:
                query = {"list-type": 2, "prefix": self._bucket.full(key), "max-keys": 1}
                self._bucket.requests.send("GET", "", query)
            raise

    def stream(self, key: str, offset: int, length: int | None, version: str) -> Body:
        """Open the content from `offset` on, of `version` only if that is not empty."""
        try:
            return super().stream(key, offset, length, version)
        except AnswerError as error:
            if code_of(error) != "InvalidRange" or status(error) == _UNSATISFIABLE:
                raise
            # Some servers answer 400 to what is past the end.
            return EmptyBody(self._head(key, {"If-Match": version} if version else {}))

    def written_over(self, key: str, version: str, write: Callable[[Mapping[str, str]], object]) -> bool:
        """As `ObjectRequests.written_over`.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
        """
        bucket = self._bucket
        if not bucket.requests.keeps_conditions and not self.is_still(key, version):
            return False
        condition = {"If-Match": version} if version else {"If-None-Match": "*"}
        for pause in (*_PAUSES, None):
            try:
                write(condition if bucket.takes_conditions else {})
            except AnswerError as error:
                if status(error) != _CONFLICT or pause is None:
                    return self._written_without(error, key, version, write)
                # Another request was under way at the same key: this one is to be made again.
                time.sleep(pause)
            else:
                break
        return True

    def _written_without(
        self, error: AnswerError, key: str, version: str, write: Callable[[Mapping[str, str]], object]
    ) -> bool:
        """Go on after a refusal: without the condition, if that is what the server has not understood."""
        if status(error) == _NOT_IMPLEMENTED:
            # OpenStack's server takes one of the two only.
            self._bucket.takes_conditions = False
        elif status(error) != _PRECONDITION_FAILED and not (version and code_of(error) == "NoSuchKey"):
            raise error
        elif not (self._bucket.requests.is_seaweedfs and self.is_still(key, version)):
            return False
        # SeaweedFS takes a directory of the same name for an object.
        write({})
        return True

    def _put(self, key: str, content: memoryview, headers: Mapping[str, str]) -> None:
        super()._put(key, content, {**headers, **self._summed(content)})

    def _summed(self, content: memoryview) -> dict[str, str]:
        """The headers by which the server checks what it receives, and keeps the checksum."""
        if self._checksums == "never":
            return {}
        headers = {"x-amz-checksum-crc32c": encoded("crc32c", crc_of("crc32c", content))}
        return {**headers, **self._bucket.checking(content)}

    def _checksum_in(self, answer: Answer) -> Checksum | None:
        headers = answer.headers
        if headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
            for name in ("crc32c", "crc64nvme"):
                if text := headers.get(f"x-amz-checksum-{name}"):
                    return Checksum.of_text(name, text)
        etag = etag_of(answer).strip('"')
        if self._checksums != "always" or not _MD5.fullmatch(etag) or any(name in headers for name in _OPAQUE):
            return None
        return Checksum("md5", bytes.fromhex(etag))
