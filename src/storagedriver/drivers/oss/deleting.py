"""Deleting many objects with few requests, and saying of each that stayed why.

DeleteMultipleObjects lists what it has deleted and is silent about the rest
(https://www.alibabacloud.com/help/en/oss/developer-reference/deletemultipleobjects),
so what it does not list is deleted by itself, which gives the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import unquote

from storagedriver.adapter.http.bulk import BatchOutcome, Bulk, ask_to_delete
from storagedriver.drivers.oss.bucket import Bucket
from storagedriver.drivers.oss.errors import classify, code_of

__all__ = ["bulk"]

#: A request takes up to 1000; smaller ones at the same time are done sooner.
_BATCH = 250
_BATCHES = 4
_SINGLES = 8


def bulk(bucket: Bucket) -> Bulk:
    """What deletes the objects of a bucket."""
    request = partial(_request, bucket)
    return Bulk(bucket, request, code_of, classify, batch=_BATCH, batches=_BATCHES, singles=_SINGLES)


def _request(bucket: Bucket, keys: Sequence[str]) -> BatchOutcome:
    answer = ask_to_delete(bucket, keys, {"encoding-type": "url"}, quiet=False)
    names = [answer.required(item, "Key") for item in answer.elements("Deleted")]
    if answer.text("EncodingType") == "url":
        names = [unquote(name) for name in names]
    deleted = {bucket.relative(name) for name in names}
    return BatchOutcome(left=[key for key in keys if key not in deleted])
