"""Deleting objects, many at a time, and saying of each that stayed why."""

from __future__ import annotations

from collections.abc import Sequence

from storagedriver.adapter.deleting import delete_each
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.reading import without_content
from storagedriver.drivers.gcs.bucket import Bucket
from storagedriver.drivers.gcs.errors import NOT_FOUND, OK_DELETED, PRECONDITION_FAILED, classify, has_status, is_own
from storagedriver.errors import InvalidAnswerError

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
    threads = _AT_A_TIME if bucket.client.is_google else _AT_AN_EMULATOR
    delete_each(lambda key: _delete_one(bucket, key), keys, classify, threads=threads)


def delete_generation(bucket: Bucket, key: str, generation: str) -> bool:
    """Delete an object if it is still this generation, and say whether it was there."""
    try:
        answer = _delete_one(bucket, key, ifGenerationMatch=generation)
    except AnswerError as error:
        if has_status(error, PRECONDITION_FAILED):
            return False
        raise
    return answer.status != NOT_FOUND


def _delete_one(bucket: Bucket, key: str, **params: str) -> Answer:
    return bucket.client.call(
        "DELETE",
        "b/{}/o/{}",
        bucket.name,
        bucket.full(key),
        params=params,
        expected=OK_DELETED,
        interpret=_deleted,
    )


def _deleted(answer: Answer) -> Answer:
    """The answer to a delete, as it is. An emulator sends the word null."""
    if answer.status == NOT_FOUND and not is_own(answer):
        raise InvalidAnswerError("HTTP 404 with a page that is not the store's does not say that it is removed")
    return answer if answer.content.strip() == b"null" else without_content(answer)
