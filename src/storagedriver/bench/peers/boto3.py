"""boto3: Amazon's SDK."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from storagedriver.bench.peers.libraries import version_of
from storagedriver.bench.peers.places import s3_client
from storagedriver.bench.subject import Subject
from storagedriver.drivers.s3.parameters import load

__all__ = ["Boto3"]


class Boto3(Subject):
    """One client, with the SDK's own ways of transfer where it has them."""

    drivers = frozenset({"s3", "s3aws"})

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        parsed = load(driver, parameters)
        self._bucket = parsed.bucket
        self._prefix = parsed.prefix
        self._client = s3_client(parsed)
        self.version = version_of("boto3")

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """By `upload_fileobj`, which sends the parts of a large object by threads."""
        with io.BufferedReader(_Pieces(pieces)) as file:
            self._client.upload_fileobj(file, self._bucket, self._key(path))

    def read(self, path: str, piece: int) -> int:
        """By the streaming body of `get_object`."""
        total = 0
        with closing(self._client.get_object(Bucket=self._bucket, Key=self._key(path))["Body"]) as body:
            while data := body.read(piece):
                total += len(data)
        return total

    def put(self, path: str, content: bytes) -> None:
        """By `put_object`."""
        self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=content)

    def get(self, path: str) -> bytes:
        """By `get_object`."""
        with closing(self._client.get_object(Bucket=self._bucket, Key=self._key(path))["Body"]) as body:
            content: bytes = body.read()
        return content

    def stat(self, path: str) -> None:
        """By `head_object`."""
        self._client.head_object(Bucket=self._bucket, Key=self._key(path))

    def list(self, path: str) -> int:
        """By pages of `list_objects_v2` with a delimiter."""
        pages = self._pages(path, Delimiter="/")
        return sum(len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ())) for page in pages)

    def walk(self, path: str) -> int:
        """By pages of `list_objects_v2`."""
        return sum(len(page.get("Contents", ())) for page in self._pages(path))

    def move(self, source: str, dest: str) -> None:
        """By `copy`, which copies a large object in parts by threads, and `delete_object`."""
        found = {"Bucket": self._bucket, "Key": self._key(source)}
        self._client.copy(found, self._bucket, self._key(dest))
        self._client.delete_object(**found)

    def delete(self, path: str) -> None:
        """By a `delete_objects` for each page of a listing."""
        for page in self._pages(path):
            if found := [{"Key": item["Key"]} for item in page.get("Contents", ())]:
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _key(self, path: str) -> str:
        return self._prefix + path.lstrip("/")

    def _pages(self, path: str, **options: str) -> Iterable[Mapping[str, Any]]:
        prefix = self._key(path).rstrip("/")
        pages: Iterable[Mapping[str, Any]] = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{prefix}/" if prefix else "", **options
        )
        return pages


class _Pieces(io.RawIOBase):
    """Pieces as a file, which is what the SDK reads from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
