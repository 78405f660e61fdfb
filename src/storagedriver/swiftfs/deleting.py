"""Deleting many objects, with few requests where the cluster can, and saying of each that stayed why.

https://docs.openstack.org/swift/latest/middleware.html#bulk-delete
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from storagedriver.adapter.deleting import DeleteError, delete_each
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.store import Failure
from storagedriver.errors import InvalidAnswerError, PermissionDeniedError, StorageDriverError, UnavailableError
from storagedriver.swiftfs.client import Client, quoted
from storagedriver.swiftfs.errors import classify

__all__ = ["delete"]

_NOT_FOUND = 404
_THREADS = 8
#: Swift deletes them two at a time before it answers, and we wait for it: so many at once, and so many seconds each.
_BATCH = 200
_BATCHES = 4
_SLOWEST = 0.1
#: More are not worth the threads.
_FEW = 2
_ATTEMPTS = 3


def delete(client: Client, names: Sequence[str]) -> None:
    """Delete objects, named as ``container/object``. One that is missing is no error.

    Raises
    ------
    DeleteError
        With the store's reason for each object that stayed.
    """
    most = 0
    if len(names) > _FEW:
        most = int(client.info().get("bulk_delete", {}).get("max_deletes_per_request", 0))
    if not most:
        delete_each(lambda name: _delete_one(client, name), names, classify, threads=_THREADS)
        return
    size = min(most, _BATCH)
    batches = [names[start : start + size] for start in range(0, len(names), size)]
    failed: dict[str, str] = {}
    for part in fan_out(lambda batch: _delete_batch(client, batch), batches, threads=_BATCHES, name="delete"):
        failed.update(part)
    if failed:
        raise DeleteError({name: _failure(reason) for name, reason in failed.items()}, len(names))


def _delete_one(client: Client, name: str) -> None:
    client.request("DELETE", name, expected={200, 202, 204, _NOT_FOUND})


def _delete_batch(client: Client, names: Sequence[str]) -> dict[str, str]:
    """Delete up to a batch; what the store was too busy for, or the token too old, is asked for again."""
    final: dict[str, str] = {}
    for attempt in range(1, _ATTEMPTS + 1):
        used = client.account.access().token
        failed = _request(client, names)
        again = [name for name, reason in failed.items() if reason[:3] in ("401", "408", "429", "500", "503")]
        if not again or attempt == _ATTEMPTS:
            return {**final, **failed}
        if any(failed[name].startswith("401") for name in again):
            client.account.renew(used)
        final.update((name, reason) for name, reason in failed.items() if name not in again)
        names = again
    raise AssertionError("unreachable")


def _request(client: Client, names: Sequence[str]) -> dict[str, str]:
    # The status is always 200, sent before anything was done; the body says how it went.
    outcome = client.ask(
        dict,
        "POST",
        query={"bulk-delete": "1"},
        headers={"Content-Type": "text/plain", "Accept": "application/json"},
        body="\n".join(map(quoted, names)).encode(),
        extra_time=len(names) * _SLOWEST,
    )
    failed = {unquote(name).lstrip("/"): reason for name, reason in outcome.get("Errors", [])}
    code = str(outcome.get("Response Status", ""))
    if not code:
        raise InvalidAnswerError("the answer to a bulk delete does not say how it went")
    if not failed and not code.startswith("200"):
        reason = f"{code} {outcome.get('Response Body', '')}".strip()
        return dict.fromkeys(names, reason)
    return failed


def _failure(reason: str) -> Failure:
    """What a status line means."""
    code = reason[:3]
    if code in ("401", "403"):
        return Failure(PermissionDeniedError, reason)
    if code.startswith("5") or code in ("408", "429"):
        return Failure(UnavailableError, reason)
    return Failure(StorageDriverError, reason)
