"""Deleting many objects with few requests, and saying of each that stayed why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.store import Failure
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import classify, error_code, kind_of, status
from storagedriver.errors import PathNotFoundError, UnavailableError

__all__ = ["delete"]

_BATCH = 1000
_SINGLES = 16
_ATTEMPTS = 4
#: Swift deletes one object after the other and answers at the end.
_KEY_SECONDS = 0.1
_FIRST_PAUSE = 0.2
#: What servers answer that have no DeleteObjects.
_NOT_THERE = (405, 501)

_Failed = dict[str, Failure]


def delete(bucket: Bucket, keys: Sequence[str]) -> None:
    """Delete objects. One that is missing is no error.

    Raises
    ------
    DeleteError
        With the store's reason for each key that it did not delete.
    """
    bucket.client.run(lambda: _delete(bucket, keys))


async def _delete(bucket: Bucket, keys: Sequence[str]) -> None:
    if len(keys) == 1:
        await _delete_one(bucket, keys[0])
        return
    failed: _Failed = {}
    for start in range(0, len(keys), _BATCH):
        failed.update(await _delete_batch(bucket, keys[start : start + _BATCH]))
    if failed:
        raise DeleteError(failed, len(keys))


async def _delete_one(bucket: Bucket, key: str) -> None:
    try:
        await bucket.call("delete_object", key)
    except Exception as error:
        if error_code(error) != "NoSuchKey":
            raise


async def _delete_batch(bucket: Bucket, keys: Sequence[str]) -> _Failed:
    """Delete up to 1000; those that the store was too busy for are asked for again."""
    final: _Failed = {}
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            failed = await _request(bucket, keys)
        except Exception as error:
            if status(error) not in _NOT_THERE:
                raise
            await _delete_singly(bucket, keys)
            return final
        busy = [key for key, failure in failed.items() if failure.kind is UnavailableError]
        if not busy or attempt == _ATTEMPTS:
            return {**final, **failed}
        final.update((key, reason) for key, reason in failed.items() if key not in busy)
        keys = busy
        await asyncio.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


async def _request(bucket: Bucket, keys: Sequence[str]) -> _Failed:
    response = await bucket.call(
        "delete_objects",
        allowance=len(keys) * _KEY_SECONDS,
        Delete={"Objects": [{"Key": bucket.full(key)} for key in keys], "Quiet": True},
    )
    return {
        bucket.relative(item.get("Key", "")): Failure(
            kind_of(item.get("Code", "")), f"{item.get('Code', '')}: {item.get('Message', '')}"
        )
        for item in response.get("Errors", [])
        if kind_of(item.get("Code", "")) is not PathNotFoundError
    }


async def _delete_singly(bucket: Bucket, keys: Sequence[str]) -> None:
    slots = asyncio.Semaphore(_SINGLES)

    async def one(key: str) -> None:
        async with slots:
            await _delete_one(bucket, key)

    results = await asyncio.gather(*(one(key) for key in keys), return_exceptions=True)
    failed: _Failed = {}
    for key, result in zip(keys, results, strict=True):
        if isinstance(result, BaseException):
            if not error_code(result):
                raise result
            failed[key] = classify(result)
    if failed:
        raise DeleteError(failed, len(keys))
