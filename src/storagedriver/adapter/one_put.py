"""Publishing a content by one request, for an upload that was not begun yet."""

from __future__ import annotations

import hashlib
from typing import Protocol

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Entry
from storagedriver.errors import ConflictError

__all__ = ["OVERTAKEN", "OnePut", "OnePutClient", "version_of"]

#: The reason of a conflict.
OVERTAKEN = "another writer has written the path in the meantime"


class OnePutClient(Protocol):
    """The requests that it takes. Keys are those of the `Store`."""

    def put_over(self, key: str, content: memoryview, version: str, /) -> bool:
        """Write an object as `Store.put` does, if this version is still what is at the key; ``""`` for nothing.

        The server decides where it knows such a condition, else the object is
        looked at before.

        Returns
        -------
        bool
            False if something else is there and nothing was written. It may
            be what was written by an attempt whose answer was lost.
        """

    def head(self, key: str, /) -> Entry | None:
        """As `Store.head`."""

    def get(self, key: str, /) -> bytes:
        """As `Store.get`."""


def version_of(entry: Entry | None) -> str:
    """What is at a key: the version of the object, ``""`` for nothing."""
    return "" if entry is None else entry.version


class OnePut:
    """Writes an object over the version that lay at the key as its upload was made.

    Parameters
    ----------
    client : OnePutClient
        The requests.
    limit : Limit
        How many of them run at a time.
    key : str
        The object.
    version : str
        What is there, ``""`` for nothing.

    Attributes
    ----------
    version : str
        What has to lie there, so that nothing of another writer is replaced.
    """

    def __init__(self, client: OnePutClient, limit: Limit, key: str, version: str) -> None:
        self.version = version
        self._client = client
        self._limit = limit
        self._key = key
        self._in_doubt = False

    def publish(self, content: memoryview) -> None:
        """Write the content. After a failure it can be called again.

        Raises
        ------
        ConflictError
            If another writer has written the key.
        """
        self._in_doubt = True
        with self._limit.slot():
            while not self._client.put_over(self._key, content, self.version):
                entry = self._client.head(self._key)
                if entry is not None or not self.version:
                    self._check(entry, content)
                    return
                # It was deleted: nothing of another writer is replaced.
                self.version = ""

    def settle(self, content: memoryview) -> bool:
        """Find out what became of a `publish` that raised.

        Parameters
        ----------
        content : memoryview
            What it has tried to write.

        Returns
        -------
        bool
            Whether it was written; `version` is its version then.
        """
        if not self._in_doubt:
            return False
        with self._limit.slot():
            entry = self._client.head(self._key)
            is_written = entry is not None and entry.version != self.version
            self.version = self._check(entry, content).version if is_written else version_of(entry)
        self._in_doubt = False
        return is_written

    def _check(self, entry: Entry | None, content: memoryview) -> Entry:
        """The object, which must have this content. Its ETag is the MD5 of it, but not on every store."""
        if entry is not None and entry.size == len(content):
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if entry.version.strip('"') == digest or self._client.get(self._key) == content:
                return entry
        raise ConflictError(OVERTAKEN)
