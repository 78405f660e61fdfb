"""Deleting many objects with few requests, and saying of each that stayed why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.bulk import BatchOutcome, Bulk, ask_to_delete
from storagedriver.adapter.store import Failure
from storagedriver.drivers.s3.bucket import NAMESPACE, Bucket
from storagedriver.drivers.s3.errors import classify, code_of, kind_of, status
from storagedriver.errors import (
    BucketNotFoundError,
    IntegrityError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    UnavailableError,
)

__all__ = ["bulk"]

#: A request takes up to 1000, which servers delete one after the other: small ones at the same time are done sooner.
_BATCH = 100
_BATCHES = 10
_SINGLES = 16
_ATTEMPTS = 4
#: Swift deletes one object after the other and answers at the end.
_KEY_SECONDS = 0.1
_FIRST_PAUSE = 0.2
#: What servers answer that have no DeleteObjects: Google 400, those whose POST is for forms 412, some 404.
_NOT_THERE = (400, 404, 405, 411, 412, 415, 501)
#: What is about the bucket or about who asks, and would be answered for each key too.
_ABOUT_ALL = (BucketNotFoundError, IntegrityError, ParameterError, PermissionDeniedError, UnavailableError)


def bulk(bucket: Bucket) -> Bulk:
    """What deletes the objects of a bucket."""
    request = partial(_delete_batch, bucket)
    return Bulk(bucket, request, code_of, classify, batch=_BATCH, batches=_BATCHES, singles=_SINGLES)


def _delete_batch(bucket: Bucket, keys: Sequence[str]) -> BatchOutcome:
    """Delete up to 1000; those that the store was too busy for are asked for again."""
    final: dict[str, Failure] = {}
    left = keys
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            failed = _request(bucket, left)
        except AnswerError as error:
            if status(error) not in _NOT_THERE or issubclass(classify(error).kind, _ABOUT_ALL):
                raise
            return BatchOutcome(left=keys)
        busy = [key for key, failure in failed.items() if failure.kind is UnavailableError]
        if not busy or attempt == _ATTEMPTS:
            return BatchOutcome({**final, **failed})
        final.update((key, reason) for key, reason in failed.items() if key not in busy)
        left = busy
        time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


def _request(bucket: Bucket, keys: Sequence[str]) -> dict[str, Failure]:
    """The reasons of the keys that were not deleted."""
    answer = ask_to_delete(
        bucket,
        keys,
        {},
        quiet=True,
        namespace=NAMESPACE,
        headers={"Content-Type": "application/xml"},
        extra_time=len(keys) * _KEY_SECONDS,
    )
    failed = {}
    for item in answer.elements("Error"):
        code, message = (item.findtext(answer.space + name) or "" for name in ("Code", "Message"))
        if kind_of(code) is not PathNotFoundError:
            key = bucket.relative(item.findtext(answer.space + "Key") or "")
            failed[key] = Failure(kind_of(code), f"{code}: {message}")
    return failed
