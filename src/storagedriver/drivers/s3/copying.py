"""Copies on the server: small ones at once, large ones in parts of which many are copied at a time."""

from __future__ import annotations

from storagedriver.adapter.multipart import MultipartClient, copy_large
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.client import COPY_RATE

__all__ = ["copy"]


def copy(bucket: Bucket, client: MultipartClient, source: str, dest: str) -> None:
    """Copy an object over `dest`."""
    entry = client.head(source)
    parameters = bucket.parameters
    if entry is not None and entry.size > parameters.multipartcopythresholdsize:
        chunk, concurrency = parameters.multipartcopychunksize, parameters.multipartcopymaxconcurrency
        copy_large(client, entry, dest, chunk_size=chunk, concurrency=concurrency, equal=parameters.equal_parts)
        return
    # A copy of what is not there says whether the key or the bucket is missing; a HEAD does not.
    extra_time = (entry.size if entry else 0) / COPY_RATE
    origin = {"Bucket": bucket.name, "Key": bucket.full(source)}
    bucket.client.run(
        lambda: bucket.call("copy_object", dest, extra_time=extra_time, CopySource=origin, **bucket.writing)
    )
