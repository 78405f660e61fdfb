"""The requests of multipart uploads, but for the part itself, which is in `objects`.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError

from storagedriver.adapter.http.client import Answer
from storagedriver.adapter.multipart import OpenUpload, Part
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket, in_utc
from storagedriver.drivers.s3.client import COPY_RATE
from storagedriver.drivers.s3.document import Document, time_of
from storagedriver.drivers.s3.errors import error_code, status
from storagedriver.errors import StorageDriverError

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

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_PAGE = 1000
_OK = 200
_INTERNAL = 500
#: The seconds that a store may take to put one part into place.
_PART_SECONDS = 0.1


def is_no_such_upload(error: BaseException) -> bool:
    """Whether the store says that the upload does not exist."""
    return error_code(error) == "NoSuchUpload"


def create(bucket: Bucket, key: str) -> str:
    """Begin an upload and return its id."""
    # Sent twice it would begin two uploads, and a resume might take the empty one.
    answer = bucket.signed.send("create_multipart_upload", bucket.full(key), repeat="unsent", **bucket.writing)
    upload_id = Document(answer.content).text("UploadId")
    if not upload_id:
        raise StorageDriverError("the store has begun an upload and does not say its id")
    return upload_id


def copy_part(bucket: Bucket, key: str, upload_id: str, number: int, source: Entry, first: int, size: int) -> Part:
    """Make a part of `size` bytes of `source` from the byte `first` on."""
    same: dict[str, Any] = {"CopySourceIfMatch": source.version} if source.version else {}
    request = partial(
        bucket.call,
        "upload_part_copy",
        key,
        extra_time=size / COPY_RATE,
        UploadId=upload_id,
        PartNumber=number,
        CopySource={"Bucket": bucket.name, "Key": bucket.full(source.key)},
        CopySourceRange=f"bytes={first}-{first + size - 1}",
        **same,
    )
    return Part(number, size, bucket.client.run(request)["CopyPartResult"]["ETag"])


def list_parts(bucket: Bucket, key: str, upload_id: str) -> list[Part]:
    """All parts, as the store lists them. SeaweedFS lists one that was sent twice, twice."""

    async def parts() -> list[Part]:
        found: list[Part] = []
        marker = 0
        while True:
            response = await bucket.call("list_parts", key, UploadId=upload_id, MaxParts=_PAGE, PartNumberMarker=marker)
            page = [
                Part(item["PartNumber"], item["Size"], item["ETag"], in_utc(item["LastModified"]))
                for item in response.get("Parts", [])
            ]
            found += page
            if not response.get("IsTruncated"):
                return found
            # Some servers leave the marker out, or say 0.
            following = int(response.get("NextPartNumberMarker") or 0) or max((part.number for part in page), default=0)
            if following <= marker:
                raise StorageDriverError(f"the store's list of the parts of an upload does not go on after {marker}")
            marker = following

    return bucket.client.run(parts)


def complete(bucket: Bucket, key: str, upload_id: str, parts: Sequence[Part]) -> None:
    """Publish an upload of these parts.

    If the reply is lost it is sent again, and may then find no such upload:
    whoever calls has to look whether the object is there.
    """
    # Amazon sends white space while it works, other stores are silent until they are done.
    extra_time = len(parts) * _PART_SECONDS + sum(part.size for part in parts) / (8 * COPY_RATE)
    try:
        bucket.signed.send(
            "complete_multipart_upload",
            bucket.full(key),
            body=_named(parts),
            extra_time=extra_time,
            interpret=_interpret,
            UploadId=upload_id,
        )
    except Exception as error:
        explain(bucket, key, upload_id, error)
        if status(error) == _INTERNAL and _lies_above_others(bucket, key):
            detail = "this store cannot complete an upload at a path that others lie below"
            raise StorageDriverError(detail) from error
        raise


def _named(parts: Sequence[Part]) -> memoryview:
    """The body that names the parts of an upload."""
    root = ET.Element("CompleteMultipartUpload", xmlns=_NAMESPACE)
    for part in parts:
        element = ET.SubElement(root, "Part")
        ET.SubElement(element, "ETag").text = part.etag
        ET.SubElement(element, "PartNumber").text = str(part.number)
    return memoryview(ET.tostring(root))


def _interpret(answer: Answer) -> Answer:
    """What an answer to the end of an upload means: with its status the store says only that it has begun.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    if answer.status != _OK:
        return answer
    try:
        failed = Document(answer.content).name == "Error"
    except ResponseParserError:
        failed = True
    return replace(answer, status=_INTERNAL) if failed else answer


def explain(bucket: Bucket, key: str, upload_id: str, error: Exception) -> None:
    """Raise "no such upload" where a store (moto for one) answered 500 for that reason."""
    if status(error) != _INTERNAL:
        return
    try:
        bucket.client.run(partial(bucket.call, "list_parts", key, UploadId=upload_id, MaxParts=1))
    except Exception as reason:
        if is_no_such_upload(reason):
            raise reason from error


def _lies_above_others(bucket: Bucket, key: str) -> bool:
    """Whether the key is a directory too, where SeaweedFS cannot complete an upload; it can put and copy there."""
    if not bucket.client.is_seaweedfs:
        return False
    request = partial(bucket.call, "list_objects_v2", Prefix=bucket.full(key) + "/", MaxKeys=1)
    response = bucket.client.run(request)
    return bool(response.get("Contents"))


def abort(bucket: Bucket, key: str, upload_id: str) -> None:
    """Give the upload up; one that is gone is no error."""
    try:
        bucket.signed.send("abort_multipart_upload", bucket.full(key), UploadId=upload_id)
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
    markers: dict[str, Any] = {}
    while True:
        params = {"Prefix": full, "MaxUploads": _PAGE, **markers}
        answer = Document(bucket.signed.send("list_multipart_uploads", "", **params).content)
        page = _uploads(answer)
        new = [upload for upload in page if upload not in seen]
        for key, upload_id in new:
            # Swift answers a prefix `a/` with the uploads of `a` as well.
            if key.startswith(full):
                yield OpenUpload(bucket.relative(key), upload_id, page[key, upload_id])
        if answer.text("IsTruncated") != "true":
            return
        if not new:
            raise StorageDriverError("the store's list of unfinished uploads does not go on")
        seen.update(new)
        markers = _markers(answer, new[-1])


def _uploads(answer: Document) -> dict[tuple[str, str], datetime]:
    """When the uploads of a page were begun, by their keys and ids."""
    key, upload_id, initiated = (answer.space + name for name in ("Key", "UploadId", "Initiated"))
    return {
        (item.findtext(key) or "", item.findtext(upload_id) or ""): time_of(item.findtext(initiated))
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
        return {"KeyMarker": key, "UploadIdMarker": upload_id}
    if upload_id:
        return {"UploadIdMarker": upload_id}
    return {"KeyMarker": last[0], "UploadIdMarker": last[1]}
