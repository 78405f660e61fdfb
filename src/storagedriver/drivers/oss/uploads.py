"""The requests of multipart uploads.

Source: https://www.alibabacloud.com/help/en/oss/user-guide/multipart-upload
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from oss2.exceptions import NoSuchUpload, ServerError
from oss2.models import PartInfo

from storagedriver.adapter.multipart import OpenUpload, Part
from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.checksums import combined
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.objects import from_unixtime
from storagedriver.errors import InvalidAnswerError, StorageDriverError

__all__ = ["abort", "complete", "consists_of", "copy_part", "create", "list_parts", "list_uploads", "put_part"]

_NOT_FOUND = 404
_PAGE = 1000
_CRC = "x-oss-hash-crc64ecma"


@dataclass(frozen=True)
class SummedPart(Part):
    """A part with the CRC-64 that the store computed of it, None where it did not say."""

    crc: int | None = None


def create(connection: Connection, key: str) -> str:
    """Begin an upload and return its id."""
    result: Any = connection.bucket.init_multipart_upload(connection.full(key), headers=connection.creating())
    if not result.upload_id:
        raise InvalidAnswerError("the store has begun an upload and does not say its id")
    return str(result.upload_id)


def put_part(connection: Connection, key: str, upload_id: str, number: int, data: memoryview) -> Part:
    """Send a part."""
    result: Any = connection.bucket.upload_part(
        connection.full(key), upload_id, number, data, headers=connection.checking(data)
    )
    return SummedPart(number, data.nbytes, result.headers["ETag"], crc=result.crc)


def copy_part(
    connection: Connection, key: str, upload_id: str, number: int, source: Entry, first: int, size: int
) -> Part:
    """Make a part of `size` bytes of `source` from the byte `first` on."""
    same = {"x-oss-copy-source-if-match": source.version} if source.version else {}
    result: Any = connection.bucket.upload_part_copy(
        connection.parameters.bucket,
        connection.full(source.key),
        (first, first + size - 1),
        connection.full(key),
        upload_id,
        number,
        headers=same,
    )
    # The entity tag is in the body, which oss2 does not read.
    etag = _document(result).findtext("ETag") or result.headers.get("ETag", "")
    if not etag:
        raise InvalidAnswerError("the store has copied a part of an upload and does not say its ETag")
    return SummedPart(number, size, etag, crc=result.crc)


def list_parts(connection: Connection, key: str, upload_id: str) -> list[Part]:
    """All parts, as the store lists them."""
    found: list[Part] = []
    marker = ""
    while True:
        result: Any = connection.bucket.list_parts(connection.full(key), upload_id, marker=marker, max_parts=_PAGE)
        # oss2 leaves the sums out.
        sums = {
            item.findtext("PartNumber"): int(item.findtext("HashCrc64ecma") or -1)
            for item in _document(result).findall("Part")
        }
        for part in result.parts:
            crc = sums.get(str(part.part_number), -1)
            changed = from_unixtime(part.last_modified)
            found.append(SummedPart(part.part_number, part.size, f'"{part.etag}"', changed, crc if crc >= 0 else None))
        if not result.is_truncated:
            return found
        if result.next_marker in ("", marker):
            raise InvalidAnswerError(f"the store's list of the parts of an upload does not go on after {marker!r}")
        marker = result.next_marker


def complete(
    connection: Connection, key: str, upload_id: str, parts: Sequence[Part], condition: Mapping[str, str]
) -> None:
    """Publish an upload of these parts.

    If the reply is lost it is sent again, and may then find no such upload:
    if what lies at the key has the parts' size and sum, it was done.
    """
    listed = [PartInfo(part.number, part.etag.strip('"')) for part in parts]
    expected = _sum_of(parts)
    try:
        result: Any = connection.bucket.complete_multipart_upload(
            connection.full(key), upload_id, listed, headers={**connection.publishing(), **condition}
        )
    except NoSuchUpload:
        if not consists_of(connection, key, parts):
            raise
        return
    if expected is not None and result.crc is not None and result.crc != expected:
        raise StorageDriverError("the store has put the parts together to something else: their checksums differ")


def abort(connection: Connection, key: str, upload_id: str) -> None:
    """Give the upload up; one that is gone is no error."""
    try:
        connection.bucket.abort_multipart_upload(connection.full(key), upload_id)
    except NoSuchUpload:
        return


def list_uploads(connection: Connection, prefix: str) -> Iterator[OpenUpload]:
    """All open uploads of keys that begin with `prefix`."""
    markers = ("", "")
    while True:
        result: Any = connection.bucket.list_multipart_uploads(
            prefix=connection.full(prefix), key_marker=markers[0], upload_id_marker=markers[1], max_uploads=_PAGE
        )
        for upload in result.upload_list:
            initiated = from_unixtime(upload.initiation_date)
            yield OpenUpload(connection.relative(upload.key), upload.upload_id, initiated)
        if not result.is_truncated:
            return
        following = (result.next_key_marker, result.next_upload_id_marker)
        if following == markers:
            raise InvalidAnswerError("the store's list of unfinished uploads does not go on")
        markers = following


def _document(result: Any) -> Element:
    """The whole answer, of which oss2 passes on a part."""
    return fromstring(result.resp.answer.content)  # noqa: S314 - the store that is trusted with the data


def _sum_of(parts: Sequence[Part]) -> int | None:
    sums = [(part.crc, part.size) for part in parts if isinstance(part, SummedPart) and part.crc is not None]
    return combined(sums) if len(sums) == len(parts) else None


def consists_of(connection: Connection, key: str, parts: Sequence[Part]) -> bool:
    """Whether the object has the size and the CRC-64 of these parts."""
    size, crc = sum(part.size for part in parts), _sum_of(parts)
    if crc is None:
        return False
    try:
        headers = connection.bucket.head_object(connection.full(key)).headers
    except ServerError as error:
        if error.status == _NOT_FOUND:
            return False
        raise
    return bool(headers.get("Content-Length") == str(size) and headers.get(_CRC) == str(crc))
