"""Copies on the server: small ones at once, large ones in parts of which several are copied at a time."""

from __future__ import annotations

from storagedriver.adapter.multipart import MultipartClient, copy_large
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.objects import head

__all__ = ["CHUNK", "CONCURRENCY", "copy"]

#: The bytes that OSS copies in one request in well under the deadline. It
#: would take 5 GiB, but says nothing while it works.
CHUNK = 32 << 20
#: As many as the registry copies (registry/storage/driver/oss/oss.go).
CONCURRENCY = 10


def copy(bucket: Bucket, client: MultipartClient, source: str, dest: str) -> None:
    """Copy an object over `dest`."""
    entry = head(bucket, source)
    if entry is None or entry.size <= CHUNK:
        # A copy of what is not there says whether the key or the bucket is missing.
        headers = {**bucket.creating, **bucket.publishing, **bucket.source(source)}
        # What was made says its ETag. Without one there may be nothing, and a move would delete the source.
        bucket.requests.ask("CopyObjectResult", "PUT", bucket.full(dest), {}, headers=headers).needed("ETag")
        return
    copy_large(client, entry, dest, chunk_size=CHUNK, concurrency=CONCURRENCY)
