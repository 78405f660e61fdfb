"""The hot requests: signed here with the filesystem's credentials, and sent by the HTTP client."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from botocore.auth import UNSIGNED_PAYLOAD, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.model import Shape
from botocore.parsers import create_parser

from storagedriver import __about__
from storagedriver.adapter.http.client import TRUST, Answer, AnswerError, HTTPBody, HTTPClient, Repeat, Signed
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.client import Client
from storagedriver.drivers.s3.parameters import S3Parameters

__all__ = ["SignedRequests"]

T = TypeVar("T")

_METHODS = {
    "abort_multipart_upload": "DELETE",
    "complete_multipart_upload": "POST",
    "create_multipart_upload": "POST",
    "delete_object": "DELETE",
    "get_object": "GET",
    "head_object": "HEAD",
    "list_multipart_uploads": "GET",
    "list_objects_v2": "GET",
    "put_object": "PUT",
    "upload_part": "PUT",
}
#: What the SDK sends of its own accord.
_FIXED = {
    "create_multipart_upload": "uploads=",
    "list_multipart_uploads": "uploads=",
    "list_objects_v2": "list-type=2",
}
#: Where the SDK's parameters stand in a request.
_QUERY = {
    "ContinuationToken": "continuation-token",
    "Delimiter": "delimiter",
    "EncodingType": "encoding-type",
    "KeyMarker": "key-marker",
    "MaxKeys": "max-keys",
    "MaxUploads": "max-uploads",
    "PartNumber": "partNumber",
    "Prefix": "prefix",
    "StartAfter": "start-after",
    "UploadId": "uploadId",
    "UploadIdMarker": "upload-id-marker",
}
_HEADERS = {
    "ACL": "x-amz-acl",
    "ContentType": "Content-Type",
    "IfMatch": "If-Match",
    "Range": "Range",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
}
#: Seconds for which credentials are used before the SDK is asked again; it
#: renews those that end, minutes before they do.
_FRESH = 60.0


class SignedRequests:
    """Requests about the objects of a bucket, in the SDK's words.

    Parameters
    ----------
    client : Client
        The connection of the filesystem.
    parameters : S3Parameters
        How to sign, and for which bucket.
    """

    def __init__(self, client: Client, parameters: S3Parameters) -> None:
        self._client = client
        self._parameters = parameters
        self._http = HTTPClient(
            timeout=parameters.timeout,
            verify=not parameters.skipverify,
            ca_bundle=os.environ.get("AWS_CA_BUNDLE"),
            tls_advice=f"{TRUST}, or set skipverify",
        )
        self._signers = PerProcess(lambda: _Signer(client, parameters))

    def send(
        self,
        operation: str,
        key: str,
        *,
        body: memoryview | None = None,
        repeat: Repeat = "idempotent",
        extra_time: float = 0.0,
        interpret: Callable[[Answer], Answer] | None = None,
        **params: Any,
    ) -> Answer:
        """Send a request and read the answer.

        Parameters
        ----------
        operation : str
            The SDK's name of it.
        key : str
            The object, with the root directory; ``""`` for the bucket itself.
        body : memoryview, optional
            What is sent; it is not copied.
        repeat, extra_time, interpret
            As for `HTTPClient.request`.
        **params
            The SDK's parameters of the request.

        Raises
        ------
        botocore.exceptions.ClientError
            What the store answered, as the SDK would raise it.
        """
        signer = self._signers.get()
        payload = self._hash(body)
        return self._record(
            operation,
            {"Key": key, "Body": body},
            lambda: self._http.request(
                lambda: signer.sign(operation, key, params, payload),
                body=body,
                repeat=repeat,
                extra_time=extra_time,
                interpret=interpret,
            ),
        )

    def open(self, key: str, entry: Callable[[Answer], Entry], **params: Any) -> HTTPBody:
        """GET an object and give its content as a stream; `entry` reads the answer's head."""
        signer = self._signers.get()
        payload = self._hash(None)

        def noticed(answer: Answer) -> Entry:
            self._client.notice(answer.headers)
            return entry(answer)

        return self._record(
            "get_object",
            {"Key": key},
            lambda: self._http.stream(lambda: signer.sign("get_object", key, params, payload), noticed),
        )

    def close(self) -> None:
        """Close the connections of this process."""
        self._http.close()

    def _hash(self, body: memoryview | None) -> str:
        if not self._parameters.signs_payloads:
            return UNSIGNED_PAYLOAD
        return hashlib.sha256(body or b"").hexdigest()

    def _record(self, operation: str, params: dict[str, Any], send: Callable[[], T]) -> T:
        start = time.monotonic()
        failure: Exception | None = None
        try:
            answer = send()
            if isinstance(answer, Answer):
                self._client.notice(answer.headers)
        except AnswerError as error:
            self._client.notice(error.answer.headers)
            failure = _as_sdk(error, operation)
            raise failure from error
        except Exception as error:
            failure = error
            raise
        else:
            return answer
        finally:
            self._client.record(operation, params, start, failure)


class _Signer:
    """What one process signs with: the bucket's URL, the region, and the credentials of the moment."""

    def __init__(self, client: Client, parameters: S3Parameters) -> None:
        self._client = client
        self._parameters = parameters
        self._agent = f"storagedriver/{__about__.VERSION} {parameters.useragent}".strip()
        # The SDK knows the endpoints, and how a bucket stands in a URL.
        url = urlsplit(self._presign("get_object", {"Key": "k"}))
        self._base = f"{url.scheme}://{url.netloc}{url.path[:-1]}"
        self._host = url.netloc
        scope = parse_qs(url.query).get("X-Amz-Credential", ["////"])[0].split("/")
        self._region = scope[2]
        self._auth: _Auth | None = None
        self._asked = 0.0

    def sign(self, operation: str, key: str, params: Mapping[str, Any], payload: str) -> Signed:
        """The request, signed now."""
        method = _METHODS[operation]
        headers = {_HEADERS[name]: str(value) for name, value in params.items() if name in _HEADERS}
        headers["User-Agent"] = self._agent
        if not self._parameters.v4auth:
            named = {"Key": key, **params} if key else params
            return Signed(method, self._presign(operation, named), headers)
        told = [f"{_QUERY[name]}={quote(str(params[name]), '')}" for name in _QUERY if name in params]
        query = "&".join([_FIXED[operation], *told] if operation in _FIXED else told)
        url = self._base + quote(key, safe="/~") + ("?" + query if query else "")
        # The signer would take it from the URL, twice.
        headers["Host"] = self._host
        request = AWSRequest(method, url, headers)
        request.context["payload"] = payload
        self._current().add_auth(request)
        return Signed(method, url, dict(request.headers.items()))

    def _current(self) -> _Auth:
        now = time.monotonic()
        if self._auth is None or now - self._asked > _FRESH:
            credentials = self._client.run(self._client.credentials)
            self._auth, self._asked = _Auth(credentials, "s3", self._region), now
        return self._auth

    def _presign(self, operation: str, params: Mapping[str, Any]) -> str:
        async def presign() -> Any:
            sdk = await self._client.connected()
            return await sdk.generate_presigned_url(operation, Params={"Bucket": self._parameters.bucket, **params})

        return str(self._client.run(presign))


class _Auth(S3SigV4Auth):
    """The SDK's signature, over a payload that was hashed before."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])

    def headers_to_sign(self, request: AWSRequest) -> Any:
        # The signer asks twice, and going through headers is most of what signing costs.
        if "to_sign" not in request.context:
            request.context["to_sign"] = super().headers_to_sign(request)
        return request.context["to_sign"]


def _as_sdk(error: AnswerError, operation: str) -> ClientError:
    answer = error.answer
    response = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.content}
    return ClientError(create_parser("rest-xml").parse(response, Shape("Error", {"type": "structure"})), operation)
