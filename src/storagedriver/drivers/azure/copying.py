"""Copies on the server, which may go on after the request was answered.

Source: https://learn.microsoft.com/rest/api/storageservices/copy-blob
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from storagedriver.adapter.http.answer import Answer
from storagedriver.drivers.azure import blobs
from storagedriver.drivers.azure.client import Client, of_the_store
from storagedriver.drivers.azure.errors import INVALID_BLOB_TYPE, code_of, status_of
from storagedriver.errors import (
    ConflictError,
    InvalidAnswerError,
    PathNotFoundError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["copy", "copy_onto_itself"]

#: The slowest copy that is waited for, in bytes a second: large blobs get more time.
_RATE = 16 << 20
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_NOT_FOUND = 404
_OK = range(200, 300)
_ID, _STATUS = "x-ms-copy-id", "x-ms-copy-status"


def copy(client: Client, source: str, dest: str) -> None:
    """Copy a blob over `dest`, and wait until it is there."""
    try:
        started = _start(client, source, dest)
    except Exception as error:
        if status_of(error) == _NOT_FOUND:
            # Whether the source or the container is missing, not every server says.
            if blobs.head(client, source) is None:
                raise PathNotFoundError from error
            raise
        if code_of(error) != INVALID_BLOB_TYPE or source == dest:
            raise
        # A blob of another type must go first, but not for a source that is not there.
        if blobs.head(client, source) is None:
            raise PathNotFoundError from error
        blobs.delete_one(client, dest)
        started = _start(client, source, dest)
    _wait(client, dest, started)


def copy_onto_itself(client: Client, key: str, version: str) -> None:
    """Replace a blob by itself, which removes uncommitted blocks and gives it another ETag."""
    _wait(client, key, _start(client, key, key, {"If-Match": version}))


def _start(client: Client, source: str, dest: str, conditions: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Begin the copy, and give the headers of the answer.

    Source and destination are of one account, so the request's own signature is enough.
    """
    return client.send(
        "PUT", dest, headers={"x-ms-copy-source": client.url(source), **(conditions or {})}, interpret=_started
    ).headers


def _started(answer: Answer) -> Answer:
    """The answer to the begin of a copy, as it is: it says which copy it is, and how far."""
    if not all(of_the_store(answer).headers.get(name) for name in (_ID, _STATUS)):
        raise InvalidAnswerError("the store has answered a copy and does not say what became of it")
    return answer


def _wait(client: Client, dest: str, started: Mapping[str, str]) -> None:
    """Poll until the copy has succeeded.

    Raises
    ------
    StorageDriverError
        If it failed or was aborted.
    ConflictError
        If another writer has written to `dest` in the meantime.
    UnavailableError
        If it is pending at the deadline; the server goes on with it.
    """
    if started.get(_STATUS) == "success":
        return
    begin, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        blob = blobs.head(client, dest)
        if blob is None or blob.headers.get(_ID) != started[_ID]:
            raise ConflictError(f"another writer has written to /{dest} while it was copied to")
        status = blob.headers.get(_STATUS, "")
        if status == "success":
            return
        if status != "pending":
            reason = blob.headers.get("x-ms-copy-status-description", "")
            raise StorageDriverError(f"the store's copy to /{dest} ended with {status or 'no status'!r}: {reason}")
        progress = blob.headers.get("x-ms-copy-progress", "").partition("/")[2]
        patience = client.timeout + (int(progress) / _RATE if progress.isdecimal() else 0)
        if time.monotonic() - begin + pause >= patience:
            raise UnavailableError(f"the store's copy to /{dest} is still pending after {patience:.0f} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
