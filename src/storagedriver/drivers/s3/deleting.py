"""Deleting many objects with few requests, and saying of each that stayed why."""

from __future__ import annotations

import time
from collections.abc import Sequence

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.store import Failure
from storagedriver.drivers.s3.bucket import Bucket
from storagedriver.drivers.s3.errors import classify, error_code, kind_of, status
from storagedriver.errors import PathNotFoundError, UnavailableError

__all__ = ["delete"]

#: A request takes up to 1000, which servers delete one after the other: small ones at the same time are done sooner.
_BATCH = 100
_BATCHES = 10
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
    if len(keys) == 1:
        _delete_one(bucket, keys[0])
        return
    batches = [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)]
    outcomes = fan_out(lambda batch: _delete_batch(bucket, batch), batches, threads=_BATCHES, name="delete")
    failed = {key: failure for outcome in outcomes if outcome for key, failure in outcome.items()}
    singles = [key for batch, outcome in zip(batches, outcomes, strict=True) if outcome is None for key in batch]
    failed |= _delete_singly(bucket, singles)
    if failed:
        raise DeleteError(failed, len(keys))


def _delete_one(bucket: Bucket, key: str) -> None:
    try:
        bucket.signed.send("delete_object", bucket.full(key))
    except Exception as error:
        if error_code(error) != "NoSuchKey":
            raise


def _delete_batch(bucket: Bucket, keys: Sequence[str]) -> _Failed | None:
    """Delete up to 1000; those that the store was too busy for are asked for again. None if it cannot do it."""
    final: _Failed = {}
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            failed = _request(bucket, keys)
        except Exception as error:
            if status(error) not in _NOT_THERE:
                raise
            return None
        busy = [key for key, failure in failed.items() if failure.kind is UnavailableError]
        if not busy or attempt == _ATTEMPTS:
            return {**final, **failed}
        final.update((key, reason) for key, reason in failed.items() if key not in busy)
        keys = busy
        time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


def _request(bucket: Bucket, keys: Sequence[str]) -> _Failed:
    objects = [{"Key": bucket.full(key)} for key in keys]
    response = bucket.client.run(
        lambda: bucket.call(
            "delete_objects", extra_time=len(keys) * _KEY_SECONDS, Delete={"Objects": objects, "Quiet": True}
        )
    )
    return {
        bucket.relative(item.get("Key", "")): Failure(
            kind_of(item.get("Code", "")), f"{item.get('Code', '')}: {item.get('Message', '')}"
        )
        for item in response.get("Errors", [])
        if kind_of(item.get("Code", "")) is not PathNotFoundError
    }


def _delete_singly(bucket: Bucket, keys: Sequence[str]) -> _Failed:
    def one(key: str) -> Failure | None:
        try:
            _delete_one(bucket, key)
        except Exception as error:
            if not error_code(error):
                raise
            return classify(error)
        return None

    outcomes = fan_out(one, keys, threads=_SINGLES, name="delete")
    return {key: failure for key, failure in zip(keys, outcomes, strict=True) if failure is not None}
