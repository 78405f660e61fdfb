"""Deleting many objects with few requests, and saying of each that stayed why.

DeleteMultipleObjects lists what it has deleted and is silent about the rest
(https://www.alibabacloud.com/help/en/oss/developer-reference/deletemultipleobjects),
so what it does not list is deleted by itself, which gives the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from oss2.exceptions import NoSuchKey, ServerError

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.store import Failure
from storagedriver.drivers.oss.connection import Connection
from storagedriver.drivers.oss.errors import classify

__all__ = ["delete"]

_BATCH = 1000
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
    for start in range(0, len(bulk), _BATCH):
        batch = bulk[start : start + _BATCH]
        result = connection.bucket.batch_delete_objects([connection.full(key) for key in batch])
        deleted = {connection.relative(key) for key in result.deleted_keys}
        singles += [key for key in batch if key not in deleted]
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

    if not keys:
        return {}
    with ThreadPoolExecutor(min(_SINGLES, len(keys)), thread_name_prefix="storagedriver-delete") as pool:
        reasons = list(pool.map(one, keys))
    return {key: reason for key, reason in zip(keys, reasons, strict=True) if reason is not None}
