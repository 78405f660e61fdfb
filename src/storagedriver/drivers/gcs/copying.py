"""Copies on the server: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite."""

from __future__ import annotations

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.drivers.gcs.bucket import Bucket, Item
from storagedriver.drivers.gcs.errors import NOT_FOUND, has_status
from storagedriver.drivers.gcs.objects import head
from storagedriver.errors import ConflictError, InvalidAnswerError, PathNotFoundError

__all__ = ["copy"]


def copy(bucket: Bucket, source: str, dest: str) -> Item:
    """Copy an object over `dest`, and say what was copied.

    Raises
    ------
    PathNotFoundError
        If there is none, or only the state of an unfinished upload.
    """
    item = head(bucket, source)
    if item is None:
        bucket.require()
    if item is None or item.is_state:
        raise PathNotFoundError
    names = (bucket.name, bucket.full(source), bucket.name, bucket.full(dest))
    params = {"sourceGeneration": item.generation, "fields": "done,rewriteToken"}
    while True:
        try:
            state = bucket.client.ask(
                "POST",
                "b/{}/o/{}/rewriteTo/b/{}/o/{}",
                *names,
                params=params,
                headers={"Content-Type": "application/json"},
            )
        except AnswerError as error:
            if has_status(error, NOT_FOUND):
                raise ConflictError("it was replaced or deleted while it was copied") from error
            raise
        if state.get("done") is True:
            return item
        if not state.get("rewriteToken"):
            raise InvalidAnswerError("the answer to a copy says neither that it is done nor how it goes on")
        # A large object that changes its place or its class takes many requests.
        params["rewriteToken"] = str(state["rewriteToken"])
