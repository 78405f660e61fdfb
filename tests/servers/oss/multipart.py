"""The multipart uploads of a bucket.

https://www.alibabacloud.com/help/en/oss/developer-reference/multipart-upload/
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.servers.oss.content import Content
from tests.servers.oss.failures import OSSError
from tests.servers.oss.objects import Attributes, Object, crc64, md5

_SMALLEST = 100 << 10


@dataclass(frozen=True)
class Part:
    """A part of an upload."""

    number: int
    content: Content = field(repr=False)
    etag: str
    crc: int | None
    modified: float = field(default_factory=time.time)

    @classmethod
    def of(cls, number: int, content: Content) -> Part:
        return cls(number, content, md5(content), crc64(content))


@dataclass
class Upload:
    """An upload that was begun."""

    key: str
    id: str
    order: int
    attributes: Attributes
    initiated: float = field(default_factory=time.time)
    parts: dict[int, Part] = field(default_factory=dict)


class Uploads:
    """The uploads of one bucket. Each call is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._uploads)

    def begin(self, key: str, attributes: Attributes) -> Upload:
        with self._lock:
            upload = Upload(key, uuid.uuid4().hex.upper(), next(self._numbers), attributes)
            self._uploads[upload.id] = upload
            return upload

    def put(self, key: str, upload_id: str, part: Part) -> None:
        """Keep a part, in place of one with its number."""
        with self._lock:
            self._find(key, upload_id).parts[part.number] = part

    def parts(self, key: str, upload_id: str) -> Sequence[Part]:
        """The parts by their numbers."""
        with self._lock:
            parts = self._find(key, upload_id).parts
            return [parts[number] for number in sorted(parts)]

    def check(self, key: str, upload_id: str) -> None:
        """Raise NoSuchUpload unless it is there."""
        with self._lock:
            self._find(key, upload_id)

    def abort(self, key: str, upload_id: str) -> None:
        with self._lock:
            self._find(key, upload_id)
            del self._uploads[upload_id]

    def complete(self, key: str, upload_id: str, wanted: Sequence[tuple[int, str]], acl: str) -> Object:
        """End the upload; the object that it makes.

        Parameters
        ----------
        key, upload_id : str
            The upload.
        wanted : sequence of tuple
            Number and entity tag of each part.
        acl : str
            The ACL of the object.
        """
        with self._lock:
            upload = self._find(key, upload_id)
            parts = _chosen(upload, wanted)
            del self._uploads[upload_id]
        content = Content.joined(part.content for part in parts)
        # Unlike that of S3 it cannot be foretold: OSS does not document how it is made.
        digest = hashlib.md5("".join(part.etag for part in parts).encode()).hexdigest().upper()
        attributes = replace(upload.attributes, acl=acl)
        return Object(content, f"{digest}-{len(parts)}", crc64(content), attributes, "Multipart")

    def ordered(self, prefix: str) -> Iterator[Upload]:
        """Those of keys that begin with `prefix`, by key and then by age."""
        with self._lock:
            found = [upload for upload in self._uploads.values() if upload.key.startswith(prefix)]
        yield from sorted(found, key=lambda upload: (upload.key.encode(), upload.order))

    def _find(self, key: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            message = (
                "The specified upload does not exist. The upload ID may be invalid,"
                " or the upload may have been aborted or completed."
            )
            raise OSSError("NoSuchUpload", message, {"UploadId": upload_id})
        return upload


def _chosen(upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Part]:
    if not wanted:
        raise OSSError("MalformedXML", "The XML you provided names no part.")
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise OSSError("InvalidPartOrder", "The list of parts was not in ascending order.")
    chosen = []
    for number, etag in wanted:
        part = upload.parts.get(number)
        if part is None or part.etag != etag.strip('"').upper():
            message = (
                "One or more of the specified parts could not be found or the specified entity tag might not match."
            )
            raise OSSError("InvalidPart", message, {"PartNumber": str(number), "ETag": etag, "UploadId": upload.id})
        chosen.append(part)
    for part in chosen[:-1]:
        if len(part.content) < _SMALLEST:
            raise OSSError("EntityTooSmall", "Your proposed upload smaller than the minimum allowed size.")
    return chosen
