"""The requests of multipart uploads, with the CRC-64 that OSS gives of each part and of the whole.

Source: https://www.alibabacloud.com/help/en/oss/user-guide/multipart-upload
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.multipart_requests import Dialect, MultipartRequests
from storagedriver.adapter.multipart import Part
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.checksums import combined
from storagedriver.drivers.oss.errors import code_of
from storagedriver.drivers.oss.objects import with_etag
from storagedriver.errors import StorageDriverError

__all__ = ["Uploads"]

_NOT_FOUND = 404
_CRC = "x-oss-hash-crc64ecma"


@dataclass(frozen=True)
class SummedPart(Part):
    """A part with the CRC-64 that the store computed of it, None where it did not say."""

    crc: int | None = None


class Uploads(MultipartRequests[Bucket]):
    """The requests.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    """

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(
            bucket,
            Dialect("x-oss-", code_of, creating=bucket.creating, completing=bucket.publishing, decode=unquote),
        )

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview) -> Part:
        """Send a part."""
        query = {"partNumber": number, "uploadId": upload_id}
        headers = self._bucket.checking(data)
        answer = self._bucket.requests.send(
            "PUT", self._bucket.full(key), query, headers, body=data, interpret=with_etag
        )
        return self._made(Part(number, data.nbytes, answer.headers["ETag"]), answer)

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> Answer:
        """Publish an upload of these parts, and see that the object's sum is that of the parts.

        Raises
        ------
        StorageDriverError
            If it is another.
        """
        answer = super().complete(key, upload_id, parts)
        expected, crc = _sum_of(parts), _sum_in(answer)
        if expected is not None and crc is not None and crc != expected:
            raise StorageDriverError("the store has put the parts together to something else: their checksums differ")
        return answer

    def consists_of(self, key: str, parts: Sequence[Part]) -> bool:
        """Whether the object has the size and the CRC-64 of these parts."""
        size, crc = sum(part.size for part in parts), _sum_of(parts)
        if crc is None:
            return False
        try:
            answer = self._bucket.requests.send("HEAD", self._bucket.full(key), interpret=with_etag)
        except AnswerError as error:
            if error.answer.status == _NOT_FOUND:
                return False
            raise
        return answer.headers.get("Content-Length") == str(size) and _sum_in(answer) == crc

    def _made(self, part: Part, answer: Answer) -> Part:
        return SummedPart(part.number, part.size, part.etag, crc=_sum_in(answer))

    def _listed(self, answer: Document, item: Element) -> Part:
        part = super()._listed(answer, item)
        crc = item.findtext(answer.space + "HashCrc64ecma")
        return SummedPart(part.number, part.size, part.etag, part.mod_time, int(crc) if crc else None)


def _sum_in(answer: Answer) -> int | None:
    crc = answer.headers.get(_CRC)
    return int(crc) if crc else None


def _sum_of(parts: Sequence[Part]) -> int | None:
    sums = [(part.crc, part.size) for part in parts if isinstance(part, SummedPart) and part.crc is not None]
    return combined(sums) if len(sums) == len(parts) else None
