"""Servers that speak S3 in ways of their own, each made of a real server and a proxy that has its rules.

The rules are those of the vendors' documents, and of reports of those who use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from storagedriver.adapter.http.reading import iso_time
from storagedriver.testsuites.faults.actions import Action, Answer, ForgetQuery, OtherBody, Rewrite
from storagedriver.testsuites.faults.exchange import Exchange
from storagedriver.testsuites.faults.proxy import FaultProxy, Request

__all__ = ["VENDORS", "Vendor", "refusal"]

Rule = Callable[[FaultProxy], object]


@dataclass(frozen=True)
class Vendor:
    """A server.

    Attributes
    ----------
    source : str
        Where its rules stand.
    rules : sequence of callable
        Each gives the proxy one of them. The first that takes a request decides.
    parameters : mapping
        What the driver is given for it beside the endpoint.
    path : str
        What its endpoint has behind the host.
    """

    source: str
    rules: tuple[Rule, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


def refusal(status: int, code: str, message: str, more: str = "") -> Answer:
    """An error as S3 describes it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@dataclass(frozen=True)
class ForgetHeaders(Action):
    """The server gets the request without these headers, as if it did not know them."""

    names: tuple[str, ...]

    def perform(self, exchange: Exchange) -> None:
        names = "|".join(map(re.escape, self.names)).encode()
        exchange.change_request(lambda raw: re.sub(rb"(?im)^(?:%b): [^\r]*\r\n" % names, b"", raw))
        exchange.send_request()
        exchange.receive()
        exchange.send_reply()


@dataclass(frozen=True)
class BelowAPath(Action):
    """The server is behind a path."""

    path: str

    def perform(self, exchange: Exchange) -> None:
        exchange.change_request(lambda raw: raw.replace(f" {self.path}/".encode(), b" /", 1))
        exchange.send_request()
        exchange.receive()
        exchange.send_reply()


def refusing(answer: Answer, when: Callable[[Request], bool]) -> Rule:
    return lambda proxy: proxy.add(answer, when=when, times=None)


def without(*names: str, answer: Answer, method: str = "") -> Rule:
    """Refuse requests that have one of these headers."""
    return refusing(
        answer,
        lambda request: request.method in (method, request.method if not method else "") and _has(request, names),
    )


def answering(change: Callable[[bytes], bytes], when: Callable[[Request], bool]) -> Rule:
    return lambda proxy: proxy.add(OtherBody(change), when=when, times=None)


def _has(request: Request, names: tuple[str, ...]) -> bool:
    return any(header.startswith(names) for header in request.headers)


def _lists(request: Request) -> bool:
    return request.method == "GET" and "prefix=" in request.query and "uploads" not in request.query


def _writes(request: Request) -> bool:
    return request.method == "PUT" and "x-amz-copy-source" not in request.headers


def _is_bulk(request: Request) -> bool:
    return request.method == "POST" and request.query.startswith("delete")


def _copies_part(request: Request) -> bool:
    return "partNumber" in request.query and "x-amz-copy-source" in request.headers


def _etags(change: Callable[[bytes], bytes]) -> Rule:
    """Other ETags, in heads and in documents."""

    def rewritten(head: bytes, body: bytes) -> bytes:
        head = re.sub(rb'(?i)(etag: )("[^"]*")', lambda match: match[1] + change(match[2]), head)
        if body.startswith(b"<"):
            grown = re.sub(
                rb"<ETag>(?:\"|&quot;)([^<]*?)(?:\"|&quot;)</ETag>",
                lambda match: b"<ETag>" + change(b'"' + match[1] + b'"') + b"</ETag>",
                body,
            )
            head = re.sub(rb"(?i)content-length: \d+", b"Content-Length: %d" % len(grown), head)
            body = grown
        return head + body

    def needs_the_tag(request: Request) -> bool:
        sent = request.headers.get("if-match", "") + request.headers.get("x-amz-copy-source-if-match", "")
        return sent.startswith("W/")

    def add(proxy: FaultProxy) -> None:
        # RFC 9110, 13.1.1: a weak ETag never matches.
        proxy.add(refusal(412, "PreconditionFailed", "weak"), when=needs_the_tag, times=None)
        proxy.add(Rewrite(rewritten), when=lambda request: not _is_bulk(request), times=None)

    return add


def _weak(tag: bytes) -> bytes:
    return b"W/" + tag


def _bare(tag: bytes) -> bytes:
    return tag.strip(b'"')


def _without_token(body: bytes) -> bytes:
    return re.sub(rb"<((?:Next)?ContinuationToken)>.*?</\1>", b"", body)


def _in_http_form(body: bytes) -> bytes:
    def changed(match: re.Match[bytes]) -> bytes:
        return b"<LastModified>%b</LastModified>" % format_datetime(iso_time(match[1].decode()), usegmt=True).encode()

    return re.sub(rb"<LastModified>([^<]*)</LastModified>", changed, body)


def _with_zone(body: bytes) -> bytes:
    return re.sub(rb"<LastModified>([^<]*)Z</LastModified>", rb"<LastModified>\1+0000</LastModified>", body)


def _encoded_in_silence(body: bytes) -> bytes:
    def changed(match: re.Match[bytes]) -> bytes:
        return b"<%b>%b</%b>" % (match[1], quote(match[2].decode(), safe="").encode(), match[1])

    body = re.sub(rb"<EncodingType>.*?</EncodingType>", b"", body)
    head, contents, rest = body.partition(b"<Contents>")
    return head + contents + re.sub(rb"<(Key|Prefix)>([^<]*)</\1>", changed, rest)


def _not_encoded(body: bytes) -> bytes:
    return re.sub(rb"<EncodingType>.*?</EncodingType>", b"", body)


def _capital(body: bytes) -> bytes:
    return body.replace(b"<IsTruncated>true<", b"<IsTruncated>True<")


def _iso_header(head: bytes, body: bytes) -> bytes:
    return re.sub(rb"Last-Modified: [^\r]*", b"Last-Modified: 2024-05-06T07:08:09.000Z", head) + body


_NO_BULK_OF_GOOGLE = refusal(
    400, "InvalidArgument", "Invalid argument.", "<Details>Cannot create buckets using a POST.</Details>"
)
_NO_ACL_OF_GOOGLE = refusal(
    400,
    "InvalidArgument",
    "Invalid argument.",
    "<Details>Cannot insert legacy ACL for an object when uniform bucket-level access is enabled.</Details>",
)

VENDORS: dict[str, Vendor] = {
    "Amazon, with an owner of the bucket who owns all objects": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html",
        (
            refusing(
                refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"),
                lambda request: (
                    request.headers.get("x-amz-acl", "bucket-owner-full-control") != "bucket-owner-full-control"
                ),
            ),
        ),
    ),
    "Amazon, with object lock": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html",
        (
            refusing(
                refusal(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object"),
                lambda request: _writes(request) and not _has(request, ("content-md5", "x-amz-checksum-crc")),
            ),
        ),
    ),
    "IBM, with a retention of the bucket": Vendor(
        "https://cloud.ibm.com/docs/cloud-object-storage?topic=cloud-object-storage-immutable",
        (
            without("x-amz-checksum", answer=refusal(400, "InvalidRequest", "Unknown header")),
            refusing(
                refusal(400, "MissingContentMD5", "Missing required header for this request: Content-MD5"),
                lambda request: _writes(request) and "content-md5" not in request.headers,
            ),
        ),
    ),
    "MinIO behind a proxy that makes ETags weak": Vendor(
        "https://nginx.org/en/docs/http/ngx_http_gzip_module.html", (_etags(_weak),)
    ),
    "Ceph, which does not quote ETags": Vendor(
        "https://docs.ceph.com/en/latest/radosgw/s3/objectops/", (_etags(_bare),)
    ),
    "Ceph before 14, which lists in the first version": Vendor(
        "https://docs.ceph.com/en/latest/radosgw/s3/bucketops/",
        (
            lambda proxy: proxy.add(
                ForgetQuery(("list-type", "start-after", "continuation-token")), when=_lists, times=None
            ),
        ),
    ),
    "Cloudflare R2": Vendor(
        "https://developers.cloudflare.com/r2/api/s3/api/",
        (
            without(
                "x-amz-checksum",
                answer=refusal(501, "NotImplemented", "Header 'x-amz-checksum-crc32c' with value 'x' not implemented"),
            ),
            without("x-amz-acl", answer=refusal(501, "NotImplemented", "Header 'x-amz-acl' not implemented")),
        ),
        {"region": "auto", "equalparts": True},
    ),
    "Backblaze B2": Vendor(
        "https://www.backblaze.com/docs/cloud-storage-s3-compatible-api",
        (
            without(
                "x-amz-checksum",
                answer=refusal(
                    400, "InvalidArgument", "Unsupported header 'x-amz-checksum-crc32c' received for this API call."
                ),
            ),
            without("x-amz-acl", answer=refusal(400, "InvalidRequest", "Unsupported value for canned acl 'private'")),
        ),
    ),
    "a server without storage classes": Vendor(
        "https://docs.openstack.org/swift/latest/s3_compat.html",
        (
            without(
                "x-amz-storage-class",
                answer=refusal(400, "InvalidStorageClass", "The storage class you specified is not valid"),
            ),
        ),
    ),
    "a server that refuses all it does not know and says nothing of it": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        (
            without("x-amz-checksum", "x-amz-acl", "x-amz-storage-class", answer=Answer(501)),
            refusing(Answer(501), _is_bulk),
            refusing(Answer(501), _copies_part),
        ),
    ),
    "DigitalOcean Spaces, which cuts listings without a token": Vendor(
        "https://docs.digitalocean.com/reference/api/spaces/", (answering(_without_token, _lists),)
    ),
    "Google": Vendor(
        "https://cloud.google.com/storage/docs/interoperability",
        (
            refusing(_NO_BULK_OF_GOOGLE, _is_bulk),
            without("x-amz-acl", answer=_NO_ACL_OF_GOOGLE),
            refusing(
                refusal(400, "NotImplemented", "A header or query you provided is not implemented."), _copies_part
            ),
        ),
    ),
    "Google since 2023": Vendor(
        "https://github.com/minio/mc/issues/4778",
        (refusing(refusal(400, "NotImplemented", "POST ?delete is not implemented for objects."), _is_bulk),),
    ),
    "a server whose POST is for forms": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html",
        (refusing(refusal(412, "PreconditionFailed", "Bucket POST must be of the enclosure-type form"), _is_bulk),),
    ),
    "a server that has no route for DeleteObjects": Vendor(
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5",
        (refusing(Answer(404, b"404 page not found"), _is_bulk),),
    ),
    "a server that takes the copy of a part for a part": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html",
        (
            lambda proxy: proxy.add(
                ForgetHeaders(("x-amz-copy-source", "x-amz-copy-source-range", "x-amz-copy-source-if-match")),
                when=_copies_part,
                times=None,
            ),
        ),
    ),
    "Supabase, below a path": Vendor(
        "https://supabase.com/docs/guides/storage/s3/authentication",
        (lambda proxy: proxy.add(BelowAPath("/storage/v1/s3"), path="/storage/v1/s3/", times=None),),
        path="/storage/v1/s3",
    ),
    "a server that does not encode names": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html", (answering(_not_encoded, _lists),)
    ),
    "a server that encodes names and does not say so": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html",
        (answering(_encoded_in_silence, _lists),),
    ),
    "a server that writes True": Vendor(
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html", (answering(_capital, _lists),)
    ),
    "a server that lists times in the form of HTTP": Vendor(
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7", (answering(_in_http_form, _lists),)
    ),
    "a server that lists times with a zone": Vendor(
        "https://www.w3.org/TR/NOTE-datetime", (answering(_with_zone, _lists),)
    ),
    "a server whose header has the time of the listing": Vendor(
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2",
        (
            lambda proxy: proxy.add(
                Rewrite(_iso_header),
                when=lambda request: request.method in ("GET", "HEAD") and not _lists(request),
                times=None,
            ),
        ),
    ),
}
