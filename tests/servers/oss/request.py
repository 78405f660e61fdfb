"""A request, as far as HTTP goes, and which bucket and key it is about."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tests.servers.oss.failures import OSSError


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes
    ----------
    bucket, key : str
        ``""`` for the service, and for the bucket itself.
    query : mapping
        The decoded parameters; ``""`` for one without a value.
    headers : mapping
        By their lower-case names.
    """

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    def checked_body(self) -> bytes:
        """The body, if it has the MD5 that the headers say, or they say none."""
        expected = self.headers.get("content-md5")
        if expected is not None:
            try:
                digest = base64.b64decode(expected, validate=True)
            except binascii.Error:
                digest = b""
            if digest != hashlib.md5(self.body).digest():
                raise OSSError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        return self.body

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A parameter that is a number."""
        text = self.query.get(name, "")
        if text == "":
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            details = {"ArgumentName": name, "ArgumentValue": text}
            raise OSSError("InvalidArgument", f"Argument {name} must be an integer between {least} and {most}", details)
        return int(text)


def locate(target: str, host: str, own_bucket: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, key and query of a request.

    Parameters
    ----------
    target : str
        The request's target: a path, or from a client that takes this server
        for a proxy a whole URL.
    host : str
        The ``Host`` header.
    own_bucket : str
        The bucket whose own port the request came to; ``""`` for the port of
        them all.
    """
    if not target.startswith("/"):
        parts = urlsplit(target)
        host = parts.netloc
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path, _, query = target.partition("?")
    parameters = {}
    for item in query.split("&") if query else []:
        name, _, value = item.partition("=")
        parameters[_decoded(name)] = _decoded(value)
    bucket = own_bucket or _bucket_of(host)
    if bucket:
        return bucket, unquote(path[1:]), parameters
    bucket, _, key = path[1:].partition("/")
    return unquote(bucket), unquote(key), parameters


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "))


def _bucket_of(host: str) -> str:
    """The label that stands before the server's name, where there is a name."""
    name = host.rpartition(":")[0] if ":" in host else host
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "" if name == "localhost" else name.partition(".")[0]
    return ""
