"""Copies on the server: small ones at once, large ones in parts of which many are copied at a time."""

from __future__ import annotations

from storagedriver.adapter.multipart import MultipartClient, copy_large
from storagedriver.drivers.s3.bucket import COPY_RATE, Bucket

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
    headers = {**bucket.writing, **bucket.source(source)}
    # What was made says its ETag. Without one there may be nothing, and a move would delete the source.
    bucket.requests.ask(
        "CopyObjectResult", "PUT", bucket.full(dest), {}, headers=headers, extra_time=extra_time
    ).needed("ETag")
