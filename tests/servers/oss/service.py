"""Which request is which call, and who may make it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from tests.servers.oss import bucket_calls, listing, object_calls, upload_calls
from tests.servers.oss.bucket_calls import Bucket
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity
from tests.servers.oss.objects import Objects
from tests.servers.oss.request import Request
from tests.servers.oss.response import Response, of_xml
from tests.servers.oss.signature import authenticate


class Service:
    """All buckets."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Do what a request asks for.

        Raises
        ------
        OSSError
            If it cannot be done.
        """
        identity = authenticate(request, time.time())
        if not request.bucket:
            if request.method != "GET":
                raise OSSError("MethodNotAllowed", "The specified method is not allowed against this resource.")
            identity.require("ListBuckets")
            return bucket_calls.list_buckets(dict(self._buckets))
        if not request.key and request.method == "PUT" and not request.query:
            identity.require("PutBucket")
            with self._lock:
                return bucket_calls.create(request, self._buckets)
        bucket = self._buckets.get(request.bucket)
        if bucket is None:
            raise OSSError("NoSuchBucket", "The specified bucket does not exist.")
        if request.key:
            return self._about_object(request, bucket, identity)
        return self._about_bucket(request, bucket, identity)

    def _about_bucket(self, request: Request, bucket: Bucket, identity: Identity) -> Response:
        match (request.method, _named(request.query, "bucketInfo", "location", "uploads", "delete")):
            case ("GET" | "HEAD", "bucketInfo"):
                identity.require("GetBucketInfo")
                return bucket_calls.info(bucket)
            case ("GET", "location"):
                identity.require("GetBucketInfo")
                return bucket_calls.location()
            case ("GET", "uploads"):
                identity.require("ListMultipartUploads")
                return of_xml(listing.list_uploads(request, bucket.uploads))
            case ("POST", "delete"):
                return bucket_calls.delete_objects(request, bucket, identity)
            case ("GET", ""):
                identity.require("ListObjects")
                version2 = request.query.get("list-type") == "2"
                make = listing.list_objects_v2 if version2 else listing.list_objects
                return of_xml(make(request, bucket.objects))
            case ("DELETE", ""):
                identity.require("DeleteBucket")
                with self._lock:
                    return bucket_calls.remove(bucket, self._buckets)
        raise OSSError("MethodNotAllowed", "The specified method is not allowed against this resource.")

    def _about_object(self, request: Request, bucket: Bucket, identity: Identity) -> Response:
        named = _named(request.query, "uploads", "uploadId", "append", "acl")
        if named in ("uploads", "uploadId"):
            return self._about_upload(request, bucket, identity, named)
        match (request.method, named):
            case ("GET", "acl"):
                identity.require("GetObject", request.key)
                return object_calls.acl(request, bucket.objects)
            case ("GET", ""):
                identity.require("GetObject", request.key)
                return object_calls.get(request, bucket.objects)
            case ("HEAD", ""):
                identity.require("GetObject", request.key)
                return object_calls.head(request, bucket.objects)
            case ("PUT", ""):
                identity.require("PutObject", request.key)
                if "x-oss-copy-source" in request.headers:
                    return object_calls.copy(request, bucket.objects, self._objects(), identity)
                return object_calls.put(request, bucket.objects)
            case ("POST", "append"):
                identity.require("PutObject", request.key)
                return object_calls.append(request, bucket.objects)
            case ("DELETE", ""):
                identity.require("DeleteObject", request.key)
                return object_calls.delete(request, bucket.objects)
        raise OSSError("MethodNotAllowed", "The specified method is not allowed against this resource.")

    def _about_upload(self, request: Request, bucket: Bucket, identity: Identity, named: str) -> Response:
        match (request.method, named):
            case ("POST", "uploads"):
                identity.require("PutObject", request.key)
                return upload_calls.begin(request, bucket.uploads)
            case ("PUT", "uploadId"):
                identity.require("PutObject", request.key)
                if "x-oss-copy-source" in request.headers:
                    return upload_calls.copy(request, bucket.uploads, self._objects(), identity)
                return upload_calls.put(request, bucket.uploads)
            case ("POST", "uploadId"):
                identity.require("PutObject", request.key)
                return upload_calls.complete(request, bucket.uploads, bucket.objects)
            case ("GET", "uploadId"):
                identity.require("ListParts", request.key)
                return of_xml(listing.list_parts(request, bucket.uploads))
            case ("DELETE", "uploadId"):
                identity.require("AbortMultipartUpload", request.key)
                return upload_calls.abort(request, bucket.uploads)
        raise OSSError("MethodNotAllowed", "The specified method is not allowed against this resource.")

    def _objects(self) -> Mapping[str, Objects]:
        return {name: bucket.objects for name, bucket in dict(self._buckets).items()}


def _named(query: Mapping[str, str], *names: str) -> str:
    """The first of the names that the request has as a parameter."""
    return next((name for name in names if name in query), "")
