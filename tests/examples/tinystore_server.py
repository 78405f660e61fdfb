"""A server of the protocol that `examples.tinystore` speaks, with its state in memory.

Every request carries ``Authorization: Bearer <token>``. A failure has its code in ``X-Error-Code``.

    PUT, GET, HEAD, DELETE /<bucket>/objects/<key>   an object; ETag is the MD5 of its content. Range, If-Match and
                                                     If-None-Match are known; Copy-From: <key> copies in place of a body
    GET /<bucket>/objects?prefix=&delimiter=&after=&limit=            {"objects": [], "prefixes": [], "next": null}
    GET /<bucket>/uploads?prefix=&after=&limit=                       {"uploads": [], "next": null}
    POST /<bucket>/uploads?key=<key>                 begins an upload, {"id": ""}
    GET, DELETE /<bucket>/uploads/<id>               its parts, {"parts": [], "next": null}; gives it up
    PUT /<bucket>/uploads/<id>/<number>              a part; Copy-From: <key> and Copy-Range make it of an object
    POST /<bucket>/uploads/<id>                      publishes the parts with these ETags, {"parts": []}. The ETag is
                                                     then the MD5 of the MD5s of the parts, and their number. Each
                                                     part but the last must have 5 MiB or more
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["TinyServer", "serving"]

_MOST = 1000
_SMALLEST = 5 << 20
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


class Refusal(Exception):  # noqa: N818 - an answer
    """A failure, as it is answered."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code)
        self.status, self.code, self.headers = status, code, dict(headers or {})


@dataclass
class Blob:
    """An object or a part."""

    content: bytes
    etag: str = ""
    changed: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def __post_init__(self) -> None:
        self.etag = self.etag or f'"{hashlib.md5(self.content).hexdigest()}"'

    @property
    def headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Last-Modified": format_datetime(self.changed, usegmt=True)}

    @property
    def line(self) -> dict[str, Any]:
        """What listings say of it."""
        return {"size": len(self.content), "etag": self.etag, "changed": self.changed.isoformat()}


@dataclass
class Held:
    """An unfinished upload."""

    key: str
    parts: dict[int, Blob] = field(default_factory=dict)
    begun: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass
class Bucket:
    objects: dict[str, Blob] = field(default_factory=dict)
    uploads: dict[str, Held] = field(default_factory=dict)


@dataclass
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @classmethod
    def of(cls, document: dict[str, Any]) -> Reply:
        return cls(200, {"Content-Type": "application/json"}, json.dumps(document).encode())


@dataclass
class Asked:
    """A request."""

    method: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    def check(self, blob: Blob | None) -> None:
        """The conditions of RFC 9110, 13.1."""
        match = self.headers.get("If-Match")
        if match is not None and (blob is None or blob.etag != match):
            raise Refusal(412, "PreconditionFailed")
        if self.headers.get("If-None-Match") == "*" and blob is not None:
            raise Refusal(412, "PreconditionFailed")

    def content(self, bucket: Bucket) -> bytes:
        """The body, or what is to be copied."""
        key = self.headers.get("Copy-From")
        if key is None:
            return self.body
        blob = bucket.objects.get(unquote(key))
        if "Copy-If-Match" in self.headers and (blob is None or blob.etag != self.headers["Copy-If-Match"]):
            raise Refusal(412, "PreconditionFailed")
        if blob is None:
            raise Refusal(404, "NoSuchObject")
        found = _RANGE.fullmatch(self.headers.get("Copy-Range", ""))
        return blob.content[int(found[1]) : int(found[2]) + 1] if found else blob.content


def objects(bucket: Bucket, key: str, asked: Asked) -> Reply:
    """What is asked of an object, or of all."""
    if not key:
        return listed_objects(bucket, asked.query)
    blob = bucket.objects.get(key)
    asked.check(blob)
    if asked.method == "PUT":
        made = bucket.objects[key] = Blob(asked.content(bucket))
        return Reply(201, made.headers)
    if asked.method == "DELETE":
        bucket.objects.pop(key, None)
        return Reply(204)
    if blob is None:
        raise Refusal(404, "NoSuchObject")
    return ranged(blob, asked.headers.get("Range", ""))


def ranged(blob: Blob, wanted: str) -> Reply:
    found, size = _RANGE.fullmatch(wanted), len(blob.content)
    if found is None:
        return Reply(200, blob.headers, blob.content)
    first, last = int(found[1]), min(int(found[2] or size), size - 1)
    if first >= size:
        raise Refusal(416, "NoSuchRange", {"Content-Range": f"bytes */{size}"})
    return Reply(206, {**blob.headers, "Content-Range": f"bytes {first}-{last}/{size}"}, blob.content[first : last + 1])


def listed_objects(bucket: Bucket, query: dict[str, str]) -> Reply:
    prefix, delimiter, after = (query.get(name, "") for name in ("prefix", "delimiter", "after"))
    names: dict[str, Blob | None] = {}
    for key in sorted(bucket.objects):
        below, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        name = f"{prefix}{below}{delimiter}" if found else key
        if key.startswith(prefix) and name > after:
            names[name] = None if found else bucket.objects[key]
    page, following = cut(list(names), query)
    shown = [{"key": name, **blob.line} for name in page if (blob := names[name]) is not None]
    return Reply.of({"objects": shown, "prefixes": [name for name in page if names[name] is None], "next": following})


def cut(names: list[str], query: dict[str, str]) -> tuple[list[str], str | None]:
    """A page, and what the next one is asked for by."""
    limit = min(int(query.get("limit", _MOST)), _MOST)
    return names[:limit], names[limit - 1] if len(names) > limit else None


def uploads(bucket: Bucket, name: str, asked: Asked) -> Reply:
    """What is asked of an upload, or of all."""
    upload_id, _, number = name.partition("/")
    if not upload_id:
        return begun(bucket, asked) if asked.method == "POST" else listed_uploads(bucket, asked.query)
    if asked.method == "DELETE":
        bucket.uploads.pop(upload_id, None)
        return Reply(204)
    held = bucket.uploads.get(upload_id)
    if held is None:
        raise Refusal(404, "NoSuchUpload")
    if asked.method == "POST":
        return published(bucket, upload_id, held, asked)
    if asked.method == "PUT":
        part = held.parts[int(number)] = Blob(asked.content(bucket))
        return Reply(201, part.headers)
    names, following = cut(
        [f"{number:05}" for number in sorted(held.parts) if f"{number:05}" > asked.query.get("after", "")], asked.query
    )
    return Reply.of({"parts": [{"number": int(n), **held.parts[int(n)].line} for n in names], "next": following})


def begun(bucket: Bucket, asked: Asked) -> Reply:
    upload_id = uuid.uuid4().hex
    bucket.uploads[upload_id] = Held(asked.query["key"])
    return Reply.of({"id": upload_id})


def published(bucket: Bucket, upload_id: str, held: Held, asked: Asked) -> Reply:
    asked.check(bucket.objects.get(held.key))
    etags = json.loads(asked.body)["parts"]
    parts = [held.parts[number] for number in sorted(held.parts)][: len(etags)]
    if [part.etag for part in parts] != etags:
        raise Refusal(409, "OtherParts")
    if any(len(part.content) < _SMALLEST for part in parts[:-1]):
        raise Refusal(400, "PartTooSmall")
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)).hexdigest()
    made = Blob(b"".join(part.content for part in parts), f'"{digest}-{len(parts)}"')
    bucket.objects[held.key] = made
    del bucket.uploads[upload_id]
    return Reply(201, made.headers)


def listed_uploads(bucket: Bucket, query: dict[str, str]) -> Reply:
    after, prefix = query.get("after", ""), query.get("prefix", "")
    found = {name: held for name, held in bucket.uploads.items() if name > after and held.key.startswith(prefix)}
    page, following = cut(sorted(found), query)
    shown = [{"id": name, "key": found[name].key, "begun": found[name].begun.isoformat()} for name in page]
    return Reply.of({"uploads": shown, "next": following})


_RESOURCES: dict[str, Callable[[Bucket, str, Asked], Reply]] = {"objects": objects, "uploads": uploads}


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = "HTTP/1.1"
    # Head and content of an answer are one packet.
    wbufsize = -1
    server: TinyServer

    def answer(self) -> None:
        body = self.rfile.read(length := int(self.headers.get("Content-Length", 0)))
        if len(body) < length:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.title(): value for name, value in self.headers.items()}
        try:
            with self.server.lock:
                reply = self.act(unquote(url.path), Asked(self.command, query, headers, body))
        except Refusal as refusal:
            reply = Reply(refusal.status, {**refusal.headers, "X-Error-Code": refusal.code})
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - as http.server names them

    def act(self, path: str, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != f"Bearer {self.server.token}":
            raise Refusal(401, "BadToken")
        name, _, rest = path[1:].partition("/")
        resource, _, rest = rest.partition("/")
        bucket = self.server.buckets.get(name)
        if bucket is None or resource not in _RESOURCES:
            raise Refusal(404, "NoSuchBucket")
        return _RESOURCES[resource](bucket, rest, asked)

    def log_message(self, *_: Any) -> None:
        pass


class TinyServer(ThreadingHTTPServer):
    """The server.

    Attributes
    ----------
    buckets : dict
        What it holds.
    token : str
        What it wants to see.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *buckets: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.buckets = {name: Bucket() for name in buckets}
        self.token = "secret-token-of-a-test"
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """A connection that a client has given up is no news."""


@contextmanager
def serving(*buckets: str) -> Iterator[TinyServer]:
    """A server with these buckets, which are empty."""
    server = TinyServer(*buckets)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
