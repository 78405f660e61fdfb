"""The requests of multipart uploads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.servers.oss.content import Content
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity
from tests.servers.oss.multipart import Part, Uploads
from tests.servers.oss.object_calls import copied, copy_result, summed
from tests.servers.oss.objects import Attributes, Objects, acl_of
from tests.servers.oss.request import Request
from tests.servers.oss.response import Response, of_xml
from tests.servers.oss.xml import document, encoder, parsed

_MOST_PARTS = 10_000
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


def begin(request: Request, uploads: Uploads) -> Response:
    """InitiateMultipartUpload."""
    upload = uploads.begin(request.key, Attributes.of(request.headers))
    encode = encoder(request.query.get("encoding-type", ""))
    return of_xml(
        document(
            "InitiateMultipartUploadResult",
            ("Bucket", request.bucket),
            ("Key", encode(request.key)),
            ("UploadId", upload.id),
        )
    )


def put(request: Request, uploads: Uploads) -> Response:
    """UploadPart."""
    part = Part.of(_number(request), Content.of(request.checked_body()))
    uploads.put(request.key, request.query["uploadId"], part)
    return Response(200, headers={"ETag": f'"{part.etag}"', **summed(part.crc)})


def copy(request: Request, uploads: Uploads, buckets: Mapping[str, Objects], identity: Identity) -> Response:
    """UploadPartCopy."""
    uploads.check(request.key, request.query["uploadId"])
    content = copied(request, buckets, identity).content
    match = _RANGE.fullmatch(request.headers.get("x-oss-copy-source-range", ""))
    # A range of another form is ignored.
    if match:
        first, last = int(match[1]), int(match[2])
        if not first <= last < len(content):
            raise OSSError("InvalidRange", "The requested range cannot be satisfied.")
        content = content.part(first, last + 1)
    part = Part.of(_number(request), content)
    uploads.put(request.key, request.query["uploadId"], part)
    return of_xml(copy_result("CopyPartResult", part.etag, part.modified), summed(part.crc))


def complete(request: Request, uploads: Uploads, objects: Objects) -> Response:
    """CompleteMultipartUpload."""
    upload_id = request.query["uploadId"]
    uploads.check(request.key, upload_id)
    wanted = []
    for item in parsed(request.checked_body(), "CompleteMultipartUpload").findall("Part"):
        number, etag = item.findtext("PartNumber") or "", item.findtext("ETag") or ""
        if not number.isdecimal():
            raise OSSError("MalformedXML", "The XML you provided has a part without a number.")
        wanted.append((int(number), etag))
    made = uploads.complete(request.key, upload_id, wanted, acl_of(request.headers))
    objects.put(request.key, made)
    encode = encoder(request.query.get("encoding-type", ""))
    body = document(
        "CompleteMultipartUploadResult",
        ("Location", f"http://{request.headers.get('host', '')}/{request.key}"),
        ("Bucket", request.bucket),
        ("Key", encode(request.key)),
        ("ETag", f'"{made.etag}"'),
    )
    return of_xml(body, {"ETag": f'"{made.etag}"', **summed(made.crc)})


def abort(request: Request, uploads: Uploads) -> Response:
    """AbortMultipartUpload."""
    uploads.abort(request.key, request.query["uploadId"])
    return Response(204)


def _number(request: Request) -> int:
    number = request.number("partNumber", 0, 1, _MOST_PARTS)
    if number == 0:
        raise OSSError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    return number
