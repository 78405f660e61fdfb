"""An answer, as far as HTTP goes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.servers.oss.content import Content
from tests.servers.oss.failures import OSSError
from tests.servers.oss.request import Request
from tests.servers.oss.xml import document


@dataclass(frozen=True)
class Response:
    """An answer.

    Attributes
    ----------
    length : int or None
        The Content-Length where there is no body to tell it, as for HEAD.
    """

    status: int = 200
    body: bytes | Content = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


def of_xml(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(200, body, {"Content-Type": "application/xml", **(headers or {})})


def of_error(error: OSSError, request: Request, request_id: str) -> Response:
    """What the client is told. To a HEAD it goes into a header."""
    about = {"Code": error.code, "Message": error.message, "RequestId": request_id}
    about |= {"HostId": request.headers.get("host", ""), "BucketName": request.bucket, **error.details}
    body = document("Error", *about.items())
    headers = {"Content-Type": "application/xml", **error.headers}
    if error.status == 304:
        return Response(304, b"", error.headers)
    if request.method == "HEAD":
        return Response(error.status, b"", {**headers, "x-oss-err": base64.b64encode(body).decode()})
    return Response(error.status, body, headers)
