"""The requests of multipart uploads, with the CRC-64 that OSS gives of each part and of the whole.

Source: https://www.alibabacloud.com/help/en/oss/user-guide/multipart-upload
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from storagedriver.adapter.checksums import combined
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.multipart_requests import Dialect, MultipartRequests
from storagedriver.adapter.http.reading import with_etag
from storagedriver.adapter.multipart import Part
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.checksums import NAME, sent, sum_in
from storagedriver.drivers.oss.errors import code_of
from storagedriver.errors import IntegrityError

__all__ = ["Uploads"]

_NOT_FOUND = 404


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
    checksums : {"auto", "always", "never"}
        What is compared with checksums.
    """

    def __init__(self, bucket: Bucket, checksums: str) -> None:
        super().__init__(
            bucket,
            Dialect("x-oss-", code_of, creating=bucket.creating, completing=bucket.publishing, decode=unquote),
        )
        self._checksums = checksums

    def complete(
        self, key: str, upload_id: str, parts: Sequence[Part], condition: Mapping[str, str] | None = None
    ) -> Answer:
        """Publish an upload of these parts, and see that the object's CRC-64 is that of the parts.

        Raises
        ------
        IntegrityError
            If it is another.
        """
        answer = super().complete(key, upload_id, parts, condition)
        expected, crc = _sum_of(parts), sum_in(answer)
        if expected is not None and crc is not None and crc != expected:
            raise IntegrityError("the store has put the parts together to something else")
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
        return answer.headers.get("Content-Length") == str(size) and sum_in(answer) == crc

    def _put(self, query: Mapping[str, object], full: str, data: memoryview) -> Answer:
        send = super()._put
        if self._checksums == "never":
            return send(query, full, data)
        return sent(data, lambda: send(query, full, data))

    def _made(self, part: Part, answer: Answer) -> Part:
        return SummedPart(part.number, part.size, part.etag, crc=sum_in(answer))

    def _listed(self, answer: Document, item: Element) -> Part:
        part = super()._listed(answer, item)
        crc = item.findtext(answer.space + "HashCrc64ecma")
        return SummedPart(part.number, part.size, part.etag, part.mod_time, int(crc) if crc else None)


def _sum_of(parts: Sequence[Part]) -> int | None:
    sums = [(part.crc, part.size) for part in parts if isinstance(part, SummedPart) and part.crc is not None]
    return combined(NAME, sums) if len(sums) == len(parts) else None
