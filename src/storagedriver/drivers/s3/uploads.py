"""The requests of multipart uploads, but for the part itself, which is in `objects`.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from storagedriver.adapter.http.document import Document, time_of
from storagedriver.adapter.http.reading import without_content
from storagedriver.adapter.multipart import OpenUpload, Part
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import COPY_RATE, NAMESPACE, Bucket
from storagedriver.drivers.s3.errors import code_of, status
from storagedriver.errors import InvalidAnswerError, StorageDriverError

__all__ = [
    "abort",
    "complete",
    "copy_part",
    "create",
    "explain",
    "is_no_such_upload",
    "list_parts",
    "list_uploads",
]

_PAGE = 1000
_INTERNAL = 500
#: The seconds that a store may take to put one part into place.
_PART_SECONDS = 0.1


def is_no_such_upload(error: BaseException) -> bool:
    """Whether the store says that the upload does not exist."""
    return code_of(error) == "NoSuchUpload"


def create(bucket: Bucket, key: str) -> str:
    """Begin an upload and return its id."""
    # Sent twice it would begin two uploads, and a resume might take the empty one.
    return bucket.requests.ask(
        "InitiateMultipartUploadResult",
        "POST",
        bucket.full(key),
        {"uploads": ""},
        headers=bucket.writing,
        repeat="unsent",
    ).needed("UploadId")


def copy_part(bucket: Bucket, key: str, upload_id: str, number: int, source: Entry, first: int, size: int) -> Part:
    """Make a part of `size` bytes of `source` from the byte `first` on."""
    headers = {**bucket.source(source.key), "x-amz-copy-source-range": f"bytes={first}-{first + size - 1}"}
    if source.version:
        headers["x-amz-copy-source-if-match"] = source.version
    query = {"partNumber": number, "uploadId": upload_id}
    answer = bucket.requests.ask(
        "CopyPartResult", "PUT", bucket.full(key), query, headers=headers, extra_time=size / COPY_RATE
    )
    return Part(number, size, answer.needed("ETag"))


def list_parts(bucket: Bucket, key: str, upload_id: str) -> list[Part]:
    """All parts, as the store lists them. SeaweedFS lists one that was sent twice, twice."""
    found: list[Part] = []
    marker = 0
    while True:
        query = {"uploadId": upload_id, "max-parts": _PAGE, "part-number-marker": marker}
        answer = bucket.requests.ask("ListPartsResult", "GET", bucket.full(key), query)
        changed = answer.space + "LastModified"
        page = [
            Part(
                answer.number(item, "PartNumber"),
                answer.number(item, "Size"),
                answer.required(item, "ETag"),
                time_of(item.findtext(changed)),
            )
            for item in answer.elements("Part")
        ]
        found += page
        if answer.text("IsTruncated") != "true":
            return found
        # Some servers leave the marker out, or say 0.
        following = int(answer.text("NextPartNumberMarker") or 0) or max((part.number for part in page), default=0)
        if following <= marker:
            raise InvalidAnswerError(f"the store's list of the parts of an upload does not go on after {marker}")
        marker = following


def complete(
    bucket: Bucket, key: str, upload_id: str, parts: Sequence[Part], condition: Mapping[str, str] | None = None
) -> None:
    """Publish an upload of these parts.

    If the reply is lost it is sent again, and may then find no such upload:
    whoever calls has to look whether the object is there.
    """
    # Amazon sends white space while it works, other stores are silent until they are done.
    extra_time = len(parts) * _PART_SECONDS + sum(part.size for part in parts) / (8 * COPY_RATE)
    try:
        bucket.requests.ask(
            "CompleteMultipartUploadResult",
            "POST",
            bucket.full(key),
            {"uploadId": upload_id},
            headers={"Content-Type": "application/xml", **(condition or {})},
            body=_named(parts),
            extra_time=extra_time,
        )
    except Exception as error:
        explain(bucket, key, upload_id, error)
        if status(error) == _INTERNAL and _lies_above_others(bucket, key):
            detail = "this store cannot complete an upload at a path that others lie below"
            raise StorageDriverError(detail) from error
        raise


def _named(parts: Sequence[Part]) -> memoryview:
    """The body that names the parts of an upload."""
    root = ET.Element("CompleteMultipartUpload", xmlns=NAMESPACE)
    for part in parts:
        element = ET.SubElement(root, "Part")
        ET.SubElement(element, "ETag").text = part.etag
        ET.SubElement(element, "PartNumber").text = str(part.number)
    return memoryview(ET.tostring(root))


def explain(bucket: Bucket, key: str, upload_id: str, error: Exception) -> None:
    """Raise "no such upload" where a store (moto for one) answered 500 for that reason."""
    if status(error) != _INTERNAL:
        return
    try:
        bucket.requests.send("GET", bucket.full(key), {"uploadId": upload_id, "max-parts": 1})
    except Exception as reason:
        if is_no_such_upload(reason):
            raise reason from error


def _lies_above_others(bucket: Bucket, key: str) -> bool:
    """Whether the key is a directory too, where SeaweedFS cannot complete an upload; it can put and copy there."""
    if not bucket.requests.is_seaweedfs:
        return False
    query = {"list-type": 2, "prefix": bucket.full(key) + "/", "max-keys": 1}
    return bucket.requests.ask("ListBucketResult", "GET", "", query).has("Contents")


def abort(bucket: Bucket, key: str, upload_id: str) -> None:
    """Give the upload up; one that is gone is no error."""
    try:
        bucket.requests.send("DELETE", bucket.full(key), {"uploadId": upload_id}, interpret=without_content)
    except Exception as error:
        if not is_no_such_upload(error):
            raise


def list_uploads(bucket: Bucket, prefix: str) -> Iterator[OpenUpload]:
    """All open uploads of keys that begin with `prefix`.

    Their keys are not asked for in the url encoding: SeaweedFS then says that
    it encodes them, and does not.
    """
    full = bucket.full(prefix)
    seen: set[tuple[str, str]] = set()
    markers: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": full, "max-uploads": _PAGE, **markers}
        answer = bucket.requests.ask("ListMultipartUploadsResult", "GET", "", query)
        page = _uploads(answer)
        new = [upload for upload in page if upload not in seen]
        for key, upload_id in new:
            # Swift answers a prefix `a/` with the uploads of `a` as well.
            if key.startswith(full):
                yield OpenUpload(bucket.relative(key), upload_id, page[key, upload_id])
        if answer.text("IsTruncated") != "true":
            return
        if not new:
            raise InvalidAnswerError("the store's list of unfinished uploads does not go on")
        seen.update(new)
        markers = _markers(answer, new[-1])


def _uploads(answer: Document) -> dict[tuple[str, str], datetime]:
    """When the uploads of a page were begun, by their keys and ids."""
    initiated = answer.space + "Initiated"
    return {
        (answer.required(item, "Key"), answer.required(item, "UploadId")): time_of(item.findtext(initiated))
        for item in answer.elements("Upload")
    }


def _markers(answer: Document, last: tuple[str, str]) -> dict[str, str]:
    """Where the next page begins.

    Amazon gives both markers. SeaweedFS sorts by the id alone, gives the id
    alone, and finds nothing with a key beside it. Swift gives none where a
    page has one upload only.
    """
    key, upload_id = answer.text("NextKeyMarker"), answer.text("NextUploadIdMarker")
    if key and upload_id:
        return {"key-marker": key, "upload-id-marker": upload_id}
    if upload_id:
        return {"upload-id-marker": upload_id}
    return {"key-marker": last[0], "upload-id-marker": last[1]}
