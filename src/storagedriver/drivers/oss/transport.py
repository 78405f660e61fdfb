"""oss2's requests on our HTTP client: oss2 makes, signs and reads them, and the client sends them.

oss2's own session retries nothing, knows no deadline, loses the connections of
answers without a body, and puts a password of the user's netrc in the place of
the signature. The client brings all that, as to the other stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from oss2.http import Request

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.client import HTTPClient, Repeat
from storagedriver.adapter.http.document import with_document
from storagedriver.adapter.http.reading import without_content
from storagedriver.adapter.store import Entry
from storagedriver.errors import InvalidAnswerError

__all__ = ["Reply", "StreamTransport", "Transport"]


_COPY_SOURCE = "x-oss-copy-source"
#: What answers a request, by its method and a name in its query.
_ROOTS = {
    ("GET", "list-type"): "ListBucketResult",
    ("GET", "uploads"): "ListMultipartUploadsResult",
    ("GET", "uploadId"): "ListPartsResult",
    ("POST", "uploads"): "InitiateMultipartUploadResult",
    ("POST", "uploadId"): "CompleteMultipartUploadResult",
    ("POST", "delete"): "DeleteResult",
}


class Reply:
    """An answer as oss2 reads it, in place of `oss2.http.Response`.

    Attributes
    ----------
    answer : Answer
        Status, headers and, unless it is a stream, the content.
    body : HTTPBody or None
        The content while it is a stream.
    """

    def __init__(self, answer: Answer, body: HTTPBody | None = None) -> None:
        self.answer = answer
        self.body = body
        self._read = False

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are found in any case."""
        return self.answer.headers

    @property
    def request_id(self) -> str:
        """The server's own number of the request."""
        return self.answer.headers.get("x-oss-request-id", "")

    def read(self, amt: int | None = None) -> bytes:  # noqa: ARG002 - oss2 asks for an error's first bytes
        """The whole content, then nothing."""
        content = b"" if self._read else self.answer.content
        self._read = True
        return content


class Transport:
    """What an `oss2.Bucket` takes for its session; answers are read as a whole."""

    def __init__(self, http: HTTPClient) -> None:
        self.http = http

    def do_request(self, req: Request, timeout: Any) -> Reply:
        """Send the request, again if need be."""
        del timeout  # the client has its own, over all attempts
        signed = _signed(req)
        # Sent twice it would begin two uploads, and a resume might take the empty one.
        repeat: Repeat = "unsent" if req.method == "POST" and "uploads" in req.params else "idempotent"
        try:
            return Reply(
                self.http.request(
                    lambda: signed,
                    body=req.data,
                    repeat=repeat,
                    interpret=partial(_verified, req),
                    large=req.method == "GET" and not req.params,
                )
            )
        except AnswerError as error:
            return Reply(error.answer)


class StreamTransport(Transport):
    """The same for contents that are read as streams."""

    def do_request(self, req: Request, timeout: Any) -> Reply:
        """Send the request; a content stays unread, that of an error does not."""
        del timeout
        signed = _signed(req)
        try:
            body = self.http.stream(lambda: signed, lambda _: Entry(""))
        except AnswerError as error:
            return Reply(error.answer)
        return Reply(body.answer, body)


def _verified(req: Request, answer: Answer) -> Answer:
    """An answer that was a success by its status, if it is one of the protocol."""
    if req.method == "DELETE":
        return without_content(answer)
    root = _root_of(req)
    if root:
        answer = with_document(root, f"{req.method} of {urlsplit(req.url).path}")(answer)
    elif req.method in ("GET", "HEAD", "PUT") and not answer.headers.get("ETag"):
        raise InvalidAnswerError(f"HTTP {answer.status} without an ETag is no answer of OSS")
    return answer


def _root_of(req: Request) -> str:
    """The name of the document that answers a request, ``""`` where none does."""
    if req.method == "PUT" and _COPY_SOURCE in req.headers:
        return "CopyPartResult" if "uploadId" in req.params else "CopyObjectResult"
    return next((root for (method, name), root in _ROOTS.items() if method == req.method and name in req.params), "")


def _signed(req: Request) -> Signed:
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" if value else quote(name, safe="")
        for name, value in req.params.items()
    )
    headers = {name: str(value) for name, value in req.headers.items() if value is not None}
    return Signed(req.method, f"{req.url}?{query}" if query else req.url, headers)
