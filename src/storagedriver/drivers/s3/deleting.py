"""Deleting many objects with few requests, and saying of each that stayed why."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.reading import without_content
from storagedriver.adapter.store import Failure
from storagedriver.drivers.s3.bucket import NAMESPACE, Bucket
from storagedriver.drivers.s3.errors import classify, code_of, kind_of, status
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
        bucket.requests.send("DELETE", bucket.full(key), interpret=without_content)
    except AnswerError as error:
        if code_of(error) != "NoSuchKey":
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
    """The reasons of the keys that were not deleted."""
    root = ET.Element("Delete", xmlns=NAMESPACE)
    ET.SubElement(root, "Quiet").text = "true"
    for key in keys:
        ET.SubElement(ET.SubElement(root, "Object"), "Key").text = bucket.full(key)
    body = ET.tostring(root)
    # The request was specified with this digest. Older servers know no other.
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    headers = {"Content-MD5": digest, "Content-Type": "application/xml"}
    extra_time = len(keys) * _KEY_SECONDS
    answer = bucket.requests.ask(
        "DeleteResult", "POST", "", {"delete": ""}, headers=headers, body=memoryview(body), extra_time=extra_time
    )
    failed = {}
    for item in answer.elements("Error"):
        code, message = (item.findtext(answer.space + name) or "" for name in ("Code", "Message"))
        if kind_of(code) is not PathNotFoundError:
            key = bucket.relative(item.findtext(answer.space + "Key") or "")
            failed[key] = Failure(kind_of(code), f"{code}: {message}")
    return failed


def _delete_singly(bucket: Bucket, keys: Sequence[str]) -> _Failed:
    def one(key: str) -> Failure | None:
        try:
            _delete_one(bucket, key)
        except Exception as error:
            if not code_of(error):
                raise
            return classify(error)
        return None

    outcomes = fan_out(one, keys, threads=_SINGLES, name="delete")
    return {key: failure for key, failure in zip(keys, outcomes, strict=True) if failure is not None}
