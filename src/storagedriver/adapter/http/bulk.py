"""Deleting many objects with few requests, as S3 defined it and the stores that follow it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.bucket import Bucket
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.http.reading import without_content
from storagedriver.adapter.store import Failure

__all__ = ["BatchOutcome", "Bulk", "ask_to_delete"]


@functools.lru_cache(maxsize=1)
def _not_in_xml() -> re.Pattern[str]:
    """What XML 1.0 cannot carry, and the carriage return, which its readers turn into a line feed.

    https://www.w3.org/TR/xml/#charsets. It takes milliseconds to make.
    """
    return re.compile("[^\\t\\n\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class BatchOutcome:
    """What became of the keys of one request.

    Attributes
    ----------
    failed : mapping
        The keys that were not deleted, and for each the store's reason.
    left : sequence of str
        The keys that are to be deleted by a request each.
    """

    failed: Mapping[str, Failure] = field(default_factory=dict)
    left: Sequence[str] = ()


@dataclass(frozen=True)
class Bulk:
    """How a bucket deletes many keys.

    Attributes
    ----------
    bucket : Bucket
        The bucket.
    request : callable
        Deletes the keys of one batch.
    code_of : callable
        Gives the store's code for a failure.
    classify : callable
        Says what a failure means.
    batch : int
        How many keys a request has at most.
    batches, singles : int
        How many requests for a batch, and for one key, run at a time.
    """

    bucket: Bucket
    request: Callable[[Sequence[str]], BatchOutcome]
    code_of: Callable[[BaseException], str]
    classify: Callable[[Exception], Failure]
    batch: int
    batches: int
    singles: int

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects. One that is missing is no error.

        Raises
        ------
        DeleteError
            With the store's reason for each key that it did not delete.
        """
        if len(keys) == 1:
            self._one(keys[0])
            return
        cannot_be_named = _not_in_xml().search
        named = [key for key in keys if not cannot_be_named(key)]
        left = [key for key in keys if cannot_be_named(key)]
        batches = [named[start : start + self.batch] for start in range(0, len(named), self.batch)]
        failed: dict[str, Failure] = {}
        for outcome in fan_out(self.request, batches, threads=self.batches, name="delete"):
            failed |= outcome.failed
            left += outcome.left
        reasons = fan_out(self._reason, left, threads=self.singles, name="delete")
        failed |= {key: reason for key, reason in zip(left, reasons, strict=True) if reason is not None}
        if failed:
            raise DeleteError(failed, len(keys))

    def _one(self, key: str) -> None:
        try:
            self.bucket.requests.send("DELETE", self.bucket.full(key), interpret=without_content)
        except AnswerError as error:
            if self.code_of(error) != "NoSuchKey":
                raise

    def _reason(self, key: str) -> Failure | None:
        """Delete a key; why the store did not, None if it did. What is no answer of a store is raised."""
        try:
            self._one(key)
        except AnswerError as error:
            return self.classify(error)
        return None


def ask_to_delete(
    bucket: Bucket,
    keys: Sequence[str],
    query: Mapping[str, str],
    *,
    quiet: bool,
    namespace: str = "",
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Document:
    """Send a request that deletes up to 1000 keys.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    keys : sequence of str
        The keys, without the root directory.
    query : mapping
        What the query has besides ``delete``.
    quiet : bool
        Whether the answer names only the keys that were not deleted.
    namespace : str
        That of the document that is sent; ``""`` for none.
    headers : mapping, optional
        What is sent besides the digest of the body.
    **options
        As for `storagedriver.adapter.http.client.HTTPClient.request`.
    """
    root = ET.Element("Delete", {"xmlns": namespace} if namespace else {})
    ET.SubElement(root, "Quiet").text = str(quiet).lower()
    for key in keys:
        ET.SubElement(ET.SubElement(root, "Object"), "Key").text = bucket.full(key)
    body = ET.tostring(root)
    # The request was specified with this digest. Older servers know no other.
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    sent = {"Content-MD5": digest, **(headers or {})}
    return bucket.requests.ask(
        "DeleteResult", "POST", "", {"delete": "", **query}, headers=sent, body=memoryview(body), **options
    )
