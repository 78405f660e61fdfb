"""The objects of a bucket, in the order of their keys' bytes."""

from __future__ import annotations

import hashlib
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import crcmod

from tests.servers.oss.content import Content
from tests.servers.oss.failures import OSSError

_ACLS = ("default", "private", "public-read", "public-read-write")
_ALGORITHMS = ("AES256", "KMS", "SM4")
_LONGEST_SUM = 256 << 20

#: CRC-64 of ECMA-182, as OSS keeps it of everything.
_crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF)


def crc64(content: Content) -> int | None:
    """The sum, None for what would take longer than a client waits."""
    if len(content) > _LONGEST_SUM:
        return None
    crc = 0
    for piece in content:
        crc = int(_crc64(piece, crc))
    return crc


def md5(content: Content) -> str:
    """An entity tag, without its quotes. OSS writes them in capitals."""
    digest = hashlib.md5()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest().upper()


@dataclass(frozen=True)
class Attributes:
    """What a request says about the object that it makes."""

    content_type: str
    encryption: str = ""
    acl: str = "default"
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Attributes:
        """From a request's headers."""
        encryption = headers.get("x-oss-server-side-encryption", "")
        if encryption and encryption not in _ALGORITHMS:
            raise OSSError("InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid.")
        return cls(
            content_type=headers.get("content-type") or "application/octet-stream",
            encryption=encryption,
            acl=acl_of(headers),
            metadata={name: value for name, value in headers.items() if name.startswith("x-oss-meta-")},
        )


def acl_of(headers: Mapping[str, str]) -> str:
    """The ACL that a request gives its object."""
    acl = headers.get("x-oss-object-acl", "default")
    if acl not in _ACLS:
        raise OSSError("InvalidArgument", "no such object access control", {"ArgumentName": "x-oss-object-acl"})
    return acl


@dataclass(frozen=True)
class Object:
    """An object.

    Attributes
    ----------
    etag : str
        Without quotes.
    modified : float
        Seconds of the epoch.
    kind : {"Normal", "Multipart", "Appendable"}
        How it was made.
    """

    content: Content = field(repr=False)
    etag: str
    crc: int | None
    attributes: Attributes
    kind: str = "Normal"
    modified: float = field(default_factory=time.time)

    @classmethod
    def normal(cls, content: Content, attributes: Attributes) -> Object:
        return cls(content, md5(content), crc64(content), attributes)


class Objects:
    """The objects of one bucket. Each call is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._order: list[bytes] = []

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: str) -> Object:
        found = self._objects.get(key)
        if found is None:
            raise OSSError("NoSuchKey", "The specified key does not exist.", {"Key": key})
        return found

    def put(self, key: str, made: Object, *, overwrite: bool = True) -> None:
        with self._lock:
            if key not in self._objects:
                insort(self._order, key.encode())
            elif not overwrite:
                raise OSSError(
                    "FileAlreadyExists", "The object you specified already exists and can not be overwritten."
                )
            self._objects[key] = made

    def delete(self, key: str) -> None:
        """Delete it; one that is missing is no error."""
        with self._lock:
            if self._objects.pop(key, None) is not None:
                del self._order[bisect_left(self._order, key.encode())]

    def append(self, key: str, position: int, content: Content, attributes: Attributes) -> Object:
        """Append to an object that was begun so, or begin one."""
        with self._lock:
            old = self._objects.get(key)
            if old is not None and old.kind != "Appendable":
                raise OSSError("ObjectNotAppendable", "The object is not appendable.")
            length = len(old.content) if old else 0
            if position != length:
                raise OSSError(
                    "PositionNotEqualToLength",
                    "Position is not equal to file length.",
                    headers={"x-oss-next-append-position": str(length)},
                )
            whole = Content.joined([old.content, content]) if old else content
            made = Object(whole, md5(whole), crc64(whole), old.attributes if old else attributes, "Appendable")
            if old is None:
                insort(self._order, key.encode())
            self._objects[key] = made
            return made

    def after(self, prefix: str, marker: str) -> Iterator[tuple[str, Object]]:
        """Those that begin with `prefix` and come after `marker`, in order, as they are now."""
        with self._lock:
            start = max(bisect_left(self._order, prefix.encode()), bisect_right(self._order, marker.encode()))
            order = self._order[start:]
            objects = dict(self._objects)
        for raw in order:
            key = raw.decode()
            if not key.startswith(prefix):
                return
            yield key, objects[key]
