"""The requests about one object, but for those of multipart uploads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import unquote

from tests.servers.oss.content import Content
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity
from tests.servers.oss.objects import Attributes, Object, Objects
from tests.servers.oss.request import Request
from tests.servers.oss.response import Response, of_xml
from tests.servers.oss.xml import document, iso_time

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OVERRIDES = ("content-type", "content-language", "expires", "cache-control", "content-disposition")


def put(request: Request, objects: Objects) -> Response:
    """PutObject."""
    made = Object.normal(Content.of(request.checked_body()), Attributes.of(request.headers))
    objects.put(request.key, made, overwrite=request.headers.get("x-oss-forbid-overwrite") != "true")
    return Response(200, headers=_about_new(made))


def append(request: Request, objects: Objects) -> Response:
    """AppendObject."""
    position = request.query.get("position", "")
    if not position.isdecimal():
        raise OSSError("InvalidArgument", "Position must be a non-negative integer.", {"ArgumentName": "position"})
    attributes = Attributes.of(request.headers)
    made = objects.append(request.key, int(position), Content.of(request.checked_body()), attributes)
    return Response(200, headers={**_about_new(made), "x-oss-next-append-position": str(len(made.content))})


def copy(request: Request, objects: Objects, buckets: Mapping[str, Objects], identity: Identity) -> Response:
    """CopyObject."""
    source = copied(request, buckets, identity)
    replaces = request.headers.get("x-oss-metadata-directive", "COPY").upper() == "REPLACE"
    given = Attributes.of(request.headers)
    kept = given if replaces else Attributes(source.attributes.content_type, metadata=source.attributes.metadata)
    made = Object.normal(source.content, Attributes(kept.content_type, given.encryption, given.acl, kept.metadata))
    objects.put(request.key, made, overwrite=request.headers.get("x-oss-forbid-overwrite") != "true")
    return of_xml(copy_result("CopyObjectResult", made.etag, made.modified), _about_new(made))


def copied(request: Request, buckets: Mapping[str, Objects], identity: Identity) -> Object:
    """The object that a copy is made of, if it is what the request takes it for."""
    bucket, _, key = unquote(request.headers["x-oss-copy-source"]).removeprefix("/").partition("/")
    if bucket not in buckets:
        raise OSSError("NoSuchBucket", "The specified bucket does not exist.", {"BucketName": bucket})
    identity.require("GetObject", key)
    source = buckets[bucket].get(key)
    conditions = {
        name.removeprefix("x-oss-copy-source-"): value
        for name, value in request.headers.items()
        if name.startswith("x-oss-copy-source-if-")
    }
    _check_conditions(conditions, source)
    return source


def copy_result(root: str, etag: str, modified: float) -> bytes:
    return document(root, ("LastModified", iso_time(modified)), ("ETag", f'"{etag}"'))


def get(request: Request, objects: Objects) -> Response:
    """GetObject."""
    found = objects.get(request.key)
    _check_conditions(request.headers, found)
    headers = _about(found) | {
        name.title(): request.query[f"response-{name}"] for name in _OVERRIDES if f"response-{name}" in request.query
    }
    content = found.content
    bounds = _range(request, len(content))
    if bounds is None:
        return Response(200, content, headers)
    first, end = bounds
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
    return Response(206, content.part(first, end), headers)


def head(request: Request, objects: Objects) -> Response:
    """HeadObject, and GetObjectMeta, which says less."""
    found = objects.get(request.key)
    _check_conditions(request.headers, found)
    headers = _about(found)
    if "objectMeta" in request.query:
        headers = {name: headers[name] for name in ("ETag", "Last-Modified")}
    return Response(200, b"", headers, len(found.content))


def acl(request: Request, objects: Objects) -> Response:
    """GetObjectACL."""
    grant = objects.get(request.key).attributes.acl
    return of_xml(
        document(
            "AccessControlPolicy",
            ("Owner", [("ID", "1"), ("DisplayName", "tests")]),
            ("AccessControlList", [("Grant", grant)]),
        )
    )


def delete(request: Request, objects: Objects) -> Response:
    """DeleteObject: a missing object is no error."""
    objects.delete(request.key)
    return Response(204)


def summed(crc: int | None) -> dict[str, str]:
    """The header of the CRC-64, if it was made."""
    return {} if crc is None else {"x-oss-hash-crc64ecma": str(crc)}


def _about(found: Object) -> dict[str, str]:
    headers = {
        "Content-Type": found.attributes.content_type,
        "ETag": f'"{found.etag}"',
        "Last-Modified": formatdate(int(found.modified), usegmt=True),
        "Accept-Ranges": "bytes",
        "x-oss-object-type": found.kind,
        "x-oss-storage-class": "Standard",
        **summed(found.crc),
        **found.attributes.metadata,
    }
    if found.attributes.encryption:
        headers["x-oss-server-side-encryption"] = found.attributes.encryption
    if found.kind == "Appendable":
        headers["x-oss-next-append-position"] = str(len(found.content))
    return headers


def _about_new(made: Object) -> dict[str, str]:
    headers = {"ETag": f'"{made.etag}"', **summed(made.crc)}
    if made.attributes.encryption:
        headers["x-oss-server-side-encryption"] = made.attributes.encryption
    return headers


def _range(request: Request, size: int) -> tuple[int, int] | None:
    """First byte and end of what is asked for; None for all of it."""
    text = request.headers.get("range")
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    bounds = None
    if match and (match[1] or match[2]):
        first = int(match[1]) if match[1] else max(0, size - int(match[2]))
        end = min(size, int(match[2]) + 1) if match[1] and match[2] else size
        strict = request.headers.get("x-oss-range-behavior") != "standard"
        if first < end and not (strict and match[1] and match[2] and int(match[2]) >= size):
            bounds = first, end
    if bounds is None and match and request.headers.get("x-oss-range-behavior") == "standard":
        raise OSSError("InvalidRange", "The requested range cannot be satisfied.")
    # Without that header an invalid range is no error, and the whole object is the answer.
    return bounds


def _check_conditions(headers: Mapping[str, str], found: Object) -> None:
    """The conditional headers, by the names that GET has for them."""
    if "if-match" in headers and found.etag not in _tags(headers["if-match"]):
        raise OSSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    if "if-unmodified-since" in headers and int(found.modified) > _seconds(headers["if-unmodified-since"]):
        raise OSSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    if "if-none-match" in headers and found.etag in _tags(headers["if-none-match"]):
        raise OSSError("NotModified", headers={"ETag": f'"{found.etag}"'})
    if "if-modified-since" in headers and int(found.modified) <= _seconds(headers["if-modified-since"]):
        raise OSSError("NotModified", headers={"ETag": f'"{found.etag}"'})


def _tags(text: str) -> list[str]:
    return [tag.strip().strip('"') for tag in text.split(",")]


def _seconds(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise OSSError("InvalidArgument", "The date is not one of HTTP's.") from None
