"""Listings of objects, in both versions, of uploads and of parts: order, prefixes and paging.

https://www.alibabacloud.com/help/en/oss/developer-reference/listobjectsv2
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.servers.oss.failures import OSSError
from tests.servers.oss.multipart import Upload, Uploads
from tests.servers.oss.objects import Object, Objects
from tests.servers.oss.request import Request
from tests.servers.oss.xml import Node, document, encoder, flag, iso_time

_MOST = 1000
_DEFAULT = 100


@dataclass
class _Page:
    """A page of keys and of the prefixes that stand for several; `last` is the last of both."""

    objects: list[tuple[str, Object]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    truncated: bool = False


def list_objects(request: Request, objects: Objects) -> bytes:
    """The answer to GetBucket (ListObjects)."""
    encode = encoder(request.query.get("encoding-type", ""))
    prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
    most = request.number("max-keys", _DEFAULT, 1, _MOST)
    delimiter = request.query.get("delimiter", "")
    page = _page(objects.after(prefix, marker), prefix, delimiter, marker, most)
    nodes: list[Node] = [
        ("Name", request.bucket),
        ("Prefix", encode(prefix)),
        ("Marker", encode(marker)),
        ("MaxKeys", str(most)),
        ("Delimiter", encode(delimiter)),
        *_encoding(request),
        ("IsTruncated", flag(page.truncated)),
    ]
    if page.truncated:
        nodes.append(("NextMarker", encode(page.last)))
    return document("ListBucketResult", *nodes, *_contents(request, page, owner=True))


def list_objects_v2(request: Request, objects: Objects) -> bytes:
    """The answer to ListObjectsV2."""
    encode = encoder(request.query.get("encoding-type", ""))
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    most = request.number("max-keys", _DEFAULT, 1, _MOST)
    token, start_after = request.query.get("continuation-token", ""), request.query.get("start-after", "")
    marker = _from_token(token) if token else start_after
    page = _page(objects.after(prefix, marker), prefix, delimiter, marker, most)
    nodes: list[Node] = [
        ("Name", request.bucket),
        ("Prefix", encode(prefix)),
        ("StartAfter", encode(start_after)),
        ("MaxKeys", str(most)),
        ("Delimiter", encode(delimiter)),
        *_encoding(request),
        ("IsTruncated", flag(page.truncated)),
        ("KeyCount", str(len(page.objects) + len(page.prefixes))),
    ]
    if token:
        nodes.append(("ContinuationToken", token))
    if page.truncated:
        nodes.append(("NextContinuationToken", _to_token(page.last)))
    owner = request.query.get("fetch-owner") == "true"
    return document("ListBucketResult", *nodes, *_contents(request, page, owner=owner))


def list_uploads(request: Request, uploads: Uploads) -> bytes:
    """The answer to ListMultipartUploads."""
    encode = encoder(request.query.get("encoding-type", ""))
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    key_marker, id_marker = request.query.get("key-marker", ""), request.query.get("upload-id-marker", "")
    most = request.number("max-uploads", _MOST, 1, _MOST)
    found: list[Upload] = []
    prefixes: list[str] = []
    truncated = False
    following = _uploads_after(uploads.ordered(prefix), key_marker, id_marker)
    for upload in following:
        group = _group(upload.key, prefix, delimiter)
        if group and group in (*prefixes, key_marker):
            continue
        if len(found) + len(prefixes) == most:
            truncated = True
            break
        if group:
            prefixes.append(group)
            last = (group, "")
        else:
            found.append(upload)
            last = (upload.key, upload.id)
    next_key, next_id = last if truncated else ("", "")
    nodes: list[Node] = [
        ("Bucket", request.bucket),
        ("KeyMarker", encode(key_marker)),
        ("UploadIdMarker", id_marker),
        ("NextKeyMarker", encode(next_key)),
        ("NextUploadIdMarker", next_id),
        ("Delimiter", encode(delimiter)),
        ("Prefix", encode(prefix)),
        ("MaxUploads", str(most)),
        *_encoding(request),
        ("IsTruncated", flag(truncated)),
    ]
    for upload in found:
        times = ("Initiated", iso_time(upload.initiated))
        nodes.append(("Upload", [("Key", encode(upload.key)), ("UploadId", upload.id), times]))
    nodes += [("CommonPrefixes", [("Prefix", encode(group))]) for group in prefixes]
    return document("ListMultipartUploadsResult", *nodes)


def list_parts(request: Request, uploads: Uploads) -> bytes:
    """The answer to ListParts."""
    encode = encoder(request.query.get("encoding-type", ""))
    upload_id = request.query["uploadId"]
    most = request.number("max-parts", _MOST, 1, _MOST)
    marker = request.number("part-number-marker", 0, 0, 10_000)
    parts = [part for part in uploads.parts(request.key, upload_id) if part.number > marker]
    page = parts[:most]
    nodes: list[Node] = [
        ("Bucket", request.bucket),
        ("Key", encode(request.key)),
        ("UploadId", upload_id),
        *_encoding(request),
        ("PartNumberMarker", str(marker)),
        ("NextPartNumberMarker", str(page[-1].number if page else 0)),
        ("MaxParts", str(most)),
        ("IsTruncated", flag(len(parts) > len(page))),
    ]
    for part in page:
        about: list[Node] = [
            ("PartNumber", str(part.number)),
            ("LastModified", iso_time(part.modified)),
            ("ETag", f'"{part.etag}"'),
            ("Size", str(len(part.content))),
        ]
        if part.crc is not None:
            about.append(("HashCrc64ecma", str(part.crc)))
        nodes.append(("Part", about))
    return document("ListPartsResult", *nodes)


def _page(objects: Iterable[tuple[str, Object]], prefix: str, delimiter: str, marker: str, most: int) -> _Page:
    page = _Page()
    for key, found in objects:
        group = _group(key, prefix, delimiter)
        if group and (group == marker or (page.prefixes and page.prefixes[-1] == group)):
            continue
        if len(page.objects) + len(page.prefixes) == most:
            page.truncated = True
            break
        if group:
            page.prefixes.append(group)
        else:
            page.objects.append((key, found))
        page.last = group or key
    return page


def _group(key: str, prefix: str, delimiter: str) -> str:
    """The prefix that stands for the key, ``""`` if it stands for itself."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: end + len(delimiter)] if end >= 0 else ""


def _uploads_after(uploads: Iterable[Upload], key_marker: str, id_marker: str) -> Iterable[Upload]:
    found = list(uploads)
    if not key_marker:
        return found
    same = [upload.id for upload in found if upload.key == key_marker]
    # The marker itself may be over by now: then what is left of its key is shown again.
    passed = set(same[: same.index(id_marker) + 1]) if id_marker in same else set()
    if not id_marker:
        passed = set(same)
    return [upload for upload in found if upload.key.encode() >= key_marker.encode() and upload.id not in passed]


def _contents(request: Request, page: _Page, *, owner: bool) -> list[Node]:
    encode = encoder(request.query.get("encoding-type", ""))
    nodes: list[Node] = []
    for key, found in page.objects:
        about: list[Node] = [
            ("Key", encode(key)),
            ("LastModified", iso_time(found.modified)),
            ("ETag", f'"{found.etag}"'),
            ("Type", found.kind),
            ("Size", str(len(found.content))),
            ("StorageClass", "Standard"),
        ]
        if owner:
            about.append(("Owner", [("ID", "1"), ("DisplayName", "tests")]))
        nodes.append(("Contents", about))
    return nodes + [("CommonPrefixes", [("Prefix", encode(group))]) for group in page.prefixes]


def _encoding(request: Request) -> list[Node]:
    encoding = request.query.get("encoding-type", "")
    return [("EncodingType", encoding)] if encoding else []


def _to_token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().replace("=", "-")


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.rstrip("-") + "=" * (-len(token.rstrip("-")) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OSSError("InvalidArgument", "The continuation token provided is incorrect.") from None
