"""The requests about the service and about a bucket."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.servers.oss import REGION
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity
from tests.servers.oss.multipart import Uploads
from tests.servers.oss.objects import Objects
from tests.servers.oss.request import Request
from tests.servers.oss.response import Response, of_xml
from tests.servers.oss.xml import Node, document, encoder, iso_time, parsed

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_MOST_KEYS = 1000
_OWNER: Node = ("Owner", [("ID", "1"), ("DisplayName", "tests")])


@dataclass
class Bucket:
    """A bucket."""

    name: str
    created: float = field(default_factory=time.time)
    objects: Objects = field(default_factory=Objects)
    uploads: Uploads = field(default_factory=Uploads)

    def about(self) -> list[Node]:
        return [
            ("Name", self.name),
            ("Location", REGION),
            ("CreationDate", iso_time(self.created)),
            ("ExtranetEndpoint", f"{REGION}.example.com"),
            ("IntranetEndpoint", f"{REGION}-internal.example.com"),
            ("StorageClass", "Standard"),
        ]


def list_buckets(buckets: Mapping[str, Bucket]) -> Response:
    """ListBuckets (GetService)."""
    listed: list[Node] = [("Bucket", buckets[name].about()) for name in sorted(buckets)]
    return of_xml(document("ListAllMyBucketsResult", _OWNER, ("Buckets", listed)))


def create(request: Request, buckets: dict[str, Bucket]) -> Response:
    """PutBucket; of one's own bucket it is no error."""
    if not _NAME.fullmatch(request.bucket):
        raise OSSError("InvalidBucketName", "The specified bucket is not valid.")
    buckets.setdefault(request.bucket, Bucket(request.bucket))
    return Response(200, headers={"Location": f"/{request.bucket}"})


def remove(bucket: Bucket, buckets: dict[str, Bucket]) -> Response:
    """DeleteBucket."""
    if len(bucket.objects) or len(bucket.uploads):
        raise OSSError("BucketNotEmpty", "The bucket you tried to delete is not empty.")
    del buckets[bucket.name]
    return Response(204)


def info(bucket: Bucket) -> Response:
    """GetBucketInfo."""
    grant: Node = ("AccessControlList", [("Grant", "private")])
    return of_xml(document("BucketInfo", ("Bucket", [*bucket.about(), _OWNER, grant])))


def location() -> Response:
    """GetBucketLocation."""
    return of_xml(document("LocationConstraint", text=REGION))


def delete_objects(request: Request, bucket: Bucket, identity: Identity) -> Response:
    """DeleteMultipleObjects. What it lists was deleted; what was not, it does not list."""
    if "content-md5" not in request.headers:
        raise OSSError("MissingArgument", "Missing Some Required Arguments.", {"ArgumentName": "Content-MD5"})
    wanted = parsed(request.checked_body(), "Delete")
    keys = [item.findtext("Key") or "" for item in wanted.findall("Object")]
    if not 0 < len(keys) <= _MOST_KEYS or "" in keys:
        raise OSSError("MalformedXML", f"The XML you provided must name 1 to {_MOST_KEYS} objects.")
    encode = encoder(request.query.get("encoding-type", ""))
    deleted = []
    for key in keys:
        if identity.may("DeleteObject", key):
            bucket.objects.delete(key)
            deleted.append(key)
    if (wanted.findtext("Quiet") or "").lower() == "true":
        return Response(200)
    nodes: list[Node] = [("EncodingType", "url")] if request.query.get("encoding-type") else []
    nodes += [("Deleted", [("Key", encode(key))]) for key in deleted]
    return of_xml(document("DeleteResult", *nodes))
