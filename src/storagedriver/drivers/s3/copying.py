"""Copies on the server: small ones at once, large ones in parts of which many are copied at a time."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count

from storagedriver.adapter.multipart import Part
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.client import COPY_RATE
from storagedriver.drivers.s3.objects import head_entry
from storagedriver.drivers.s3.uploads import (
    abort_upload,
    complete_upload,
    copy_range,
    create_upload,
    is_no_such_upload,
)
from storagedriver.errors import ConflictError

__all__ = ["copy"]

_MOST_PARTS = 10_000


def copy(bucket: Bucket, source: str, dest: str) -> None:
    """Copy an object over `dest`."""
    bucket.client.run(lambda: _copy(bucket, source, dest))


async def _copy(bucket: Bucket, source: str, dest: str) -> None:
    entry = await head_entry(bucket, source)
    if entry is None or entry.size <= bucket.parameters.multipartcopythresholdsize:
        # A copy of what is not there says whether the key or the bucket is missing; a HEAD does not.
        await bucket.call(
            "copy_object",
            dest,
            allowance=(entry.size if entry else 0) / COPY_RATE,
            CopySource={"Bucket": bucket.name, "Key": bucket.full(source)},
            **bucket.writing,
        )
        return
    upload_id = await create_upload(bucket, dest)
    try:
        parts = await _copy_parts(bucket, entry, dest, upload_id)
        await _complete(bucket, dest, upload_id, parts)
    except BaseException:
        # The parts cost money, and a later append would go on from them.
        with contextlib.suppress(Exception):
            await asyncio.shield(abort_upload(bucket, dest, upload_id))
        raise


async def _copy_parts(bucket: Bucket, source: Entry, dest: str, upload_id: str) -> list[Part]:
    size = max(bucket.parameters.multipartcopychunksize, -(-source.size // _MOST_PARTS))
    slots = asyncio.Semaphore(bucket.parameters.multipartcopymaxconcurrency)

    async def part(number: int, first: int) -> Part:
        async with slots:
            return await copy_range(bucket, dest, upload_id, number, source, first, min(size, source.size - first))

    tasks = [
        asyncio.ensure_future(part(number, first))
        for number, first in zip(count(1), range(0, source.size, size), strict=False)
    ]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # An abort while a part is under way would leave that part behind.
        await asyncio.gather(*tasks, return_exceptions=True)


async def _complete(bucket: Bucket, dest: str, upload_id: str, parts: list[Part]) -> None:
    try:
        await complete_upload(bucket, dest, upload_id, parts)
    except Exception as error:
        if not is_no_such_upload(error):
            raise
        # It was done and the reply was lost; or somebody else aborted it.
        entry = await head_entry(bucket, dest)
        if entry is None or entry.size != sum(part.size for part in parts):
            raise ConflictError("the upload of the copy was aborted by somebody else") from error
