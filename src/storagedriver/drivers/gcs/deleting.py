"""Deleting objects, many at a time, and saying of each that stayed why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.http.client import AnswerError
from storagedriver.drivers.gcs.bucket import Bucket
from storagedriver.drivers.gcs.errors import NOT_FOUND, OK_DELETED, PRECONDITION_FAILED, classify, has_status

__all__ = ["delete", "delete_generation"]

#: Google's batch request saves round trips only: 100 deletes in it count and cost as 100 requests.
_AT_A_TIME = 32
#: Some emulators let no more than five connections wait.
_AT_AN_EMULATOR = 5


def delete(bucket: Bucket, keys: Sequence[str]) -> None:
    """Delete objects. One that is missing is no error.

    Raises
    ------
    DeleteError
        With the reason of each key that was not deleted.
    """
    bucket.client.run(lambda: _delete(bucket, keys))


def delete_generation(bucket: Bucket, key: str, generation: str) -> bool:
    """Delete an object if it is still this generation, and say whether it was there."""
    try:
        answer = bucket.client.call(
            "DELETE",
            "b/{}/o/{}",
            bucket.name,
            bucket.full(key),
            params={"ifGenerationMatch": generation},
            expected=OK_DELETED,
        )
    except AnswerError as error:
        if has_status(error, PRECONDITION_FAILED):
            return False
        raise
    return answer.status != NOT_FOUND


async def _delete(bucket: Bucket, keys: Sequence[str]) -> None:
    slots = asyncio.Semaphore(_AT_A_TIME if bucket.client.is_google else _AT_AN_EMULATOR)

    async def one(key: str) -> None:
        async with slots:
            await bucket.client.send("DELETE", "b/{}/o/{}", bucket.name, bucket.full(key), expected=OK_DELETED)

    results = await asyncio.gather(*(one(key) for key in keys), return_exceptions=True)
    failed: dict[str, Exception] = {}
    for key, result in zip(keys, results, strict=True):
        if isinstance(result, Exception):
            failed[key] = result
        elif isinstance(result, BaseException):
            raise result
    if len(keys) == 1 and failed:
        raise failed[keys[0]]
    if failed:
        raise DeleteError({key: classify(error) for key, error in failed.items()}, len(keys))
