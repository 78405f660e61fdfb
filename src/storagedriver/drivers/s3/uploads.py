"""The requests of multipart uploads, with what S3 and the servers that follow it answer of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.multipart_requests import NO_SUCH_UPLOAD, Dialect, MultipartRequests
from storagedriver.adapter.http.reading import etag_of
from storagedriver.adapter.multipart import Part, composite_etag
from storagedriver.drivers.s3.bucket import COPY_RATE, NAMESPACE, Bucket
from storagedriver.drivers.s3.errors import code_of, status
from storagedriver.errors import StorageDriverError

__all__ = ["Uploads"]

_NOT_FOUND = 404
_INTERNAL = 500
#: The seconds that a store may take to put one part into place.
_PART_SECONDS = 0.1


class Uploads(MultipartRequests[Bucket]):
    """The requests.

    Keys of a list are not asked for in the url encoding: SeaweedFS then says
    that it encodes them, and does not.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    """

    def __init__(self, bucket: Bucket) -> None:
        document = {"Content-Type": "application/xml"}
        dialect = Dialect("x-amz-", code_of, creating=bucket.making, completing=document, namespace=NAMESPACE)
        super().__init__(bucket, dialect)

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview) -> Part:
        """Send a part. It has no checksum of its own: a registry must be able to complete the upload."""
        try:
            return super().put_part(key, upload_id, number, data)
        except Exception as error:
            _explain(self._bucket, key, upload_id, error)
            raise

    def complete(
        self, key: str, upload_id: str, parts: Sequence[Part], condition: Mapping[str, str] | None = None
    ) -> Answer:
        """Publish an upload of these parts.

        Raises
        ------
        StorageDriverError
            If the store cannot do it because there are keys below this one.
        """
        try:
            return super().complete(key, upload_id, parts, condition)
        except Exception as error:
            _explain(self._bucket, key, upload_id, error)
            if status(error) == _INTERNAL and _is_above_others(self._bucket, key):
                detail = "this store cannot complete an upload at a path that others lie below"
                raise StorageDriverError(detail) from error
            raise

    def consists_of(self, key: str, parts: Sequence[Part]) -> bool:
        """Whether the object's ETag is that of these parts. Under SSE-KMS it says nothing, and so does this."""
        try:
            answer = self._bucket.requests.send("HEAD", self._bucket.full(key))
        except AnswerError as error:
            if status(error) == _NOT_FOUND:
                return False
            raise
        return etag_of(answer).strip('"') == composite_etag(parts)

    def _copy_time(self, size: int) -> float:
        return size / COPY_RATE

    def _complete_time(self, parts: Sequence[Part]) -> float:
        # Amazon sends white space while it works, other stores are silent until they are done.
        return len(parts) * _PART_SECONDS + sum(part.size for part in parts) / (8 * COPY_RATE)

    def _markers(self, answer: Document, last: tuple[str, str]) -> dict[str, str]:
        """Where the next page begins.

        Amazon gives both markers. SeaweedFS sorts by the id alone, gives the id
        alone, and finds nothing with a key beside it. Swift gives none where a
        page has one upload only.
        """
        upload_id = answer.text("NextUploadIdMarker")
        if upload_id and not answer.text("NextKeyMarker"):
            return {"upload-id-marker": upload_id}
        return super()._markers(answer, last)


def _explain(bucket: Bucket, key: str, upload_id: str, error: Exception) -> None:
    """Raise "no such upload" where a store (moto for one) answered 500 for that reason."""
    if status(error) != _INTERNAL:
        return
    try:
        bucket.requests.send("GET", bucket.full(key), {"uploadId": upload_id, "max-parts": 1})
    except Exception as reason:
        if code_of(reason) == NO_SUCH_UPLOAD:
            raise reason from error


def _is_above_others(bucket: Bucket, key: str) -> bool:
    """Whether the key is a directory too, where SeaweedFS cannot complete an upload; it can put and copy there."""
    if not bucket.requests.is_seaweedfs:
        return False
    query = {"list-type": 2, "prefix": bucket.full(key) + "/", "max-keys": 1}
    return bucket.requests.ask("ListBucketResult", "GET", "", query).has("Contents")
