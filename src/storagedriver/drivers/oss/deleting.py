"""Deleting many objects with few requests, and saying of each that stayed why.

DeleteMultipleObjects lists what it has deleted and is silent about the rest
(https://www.alibabacloud.com/help/en/oss/developer-reference/deletemultipleobjects),
so what it does not list is deleted by itself, which gives the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from oss2.exceptions import NoSuchKey, ServerError

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.store import Failure
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.errors import classify

__all__ = ["delete"]

#: A request takes up to 1000; smaller ones at the same time are done sooner.
_BATCH = 250
_BATCHES = 4
_SINGLES = 8
#: What XML 1.0 cannot carry (https://www.w3.org/TR/xml/#charsets), and the
#: carriage return, which its readers turn into a line feed.
_NOT_IN_XML = re.compile("[^\\t\\n\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def delete(connection: Connection, keys: Sequence[str]) -> None:
    """Delete objects. One that is missing is no error.

    Raises
    ------
    DeleteError
        With the store's reason for each key that it did not delete.
    """
    if len(keys) == 1:
        _delete_one(connection, keys[0])
        return
    singles = [key for key in keys if _NOT_IN_XML.search(key)]
    bulk = [key for key in keys if not _NOT_IN_XML.search(key)]

    def some(batch: Sequence[str]) -> list[str]:
        result = connection.bucket.batch_delete_objects([connection.full(key) for key in batch])
        deleted = {connection.relative(key) for key in result.deleted_keys}
        return [key for key in batch if key not in deleted]

    batches = [bulk[start : start + _BATCH] for start in range(0, len(bulk), _BATCH)]
    for left in fan_out(some, batches, threads=_BATCHES, name="delete"):
        singles += left
    failed = _delete_singly(connection, singles)
    if failed:
        raise DeleteError(failed, len(keys))


def _delete_one(connection: Connection, key: str) -> None:
    try:
        connection.bucket.delete_object(connection.full(key))
    except NoSuchKey:
        return


def _delete_singly(connection: Connection, keys: Sequence[str]) -> dict[str, Failure]:
    def one(key: str) -> Failure | None:
        try:
            _delete_one(connection, key)
        except ServerError as error:
            return classify(error)
        return None

    reasons = fan_out(one, keys, threads=_SINGLES, name="delete")
    return {key: reason for key, reason in zip(keys, reasons, strict=True) if reason is not None}
