"""The store of the azure driver: what the adapter asks for, and who does it."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.http.connection import HTTPError
from storagedriver.adapter.store import Body, Entry, Failure, UploadsStore
from storagedriver.driver import Capabilities
from storagedriver.drivers.azure import append, blobs, block_lists, copying, errors, listing
from storagedriver.drivers.azure.client import Client
from storagedriver.drivers.azure.errors import is_about_a_directory
from storagedriver.drivers.azure.legacy import hidden_names
from storagedriver.drivers.azure.parameters import Account, AzureParameters
from storagedriver.drivers.azure.uploads import Uploads
from storagedriver.errors import StorageDriverError, StorageDriverWarning

__all__ = ["AzureStore"]

_LONGEST_NAME = 1024
_MOST_SEGMENTS = 254
_NOT_TAKEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ufffe\uffff]")
_NO_LIMIT = 1 << 62
_LIKE_2_8 = (
    "accountkey without credentials.type is how a registry 2.x is configured: if one is to share the container, set"
    " trimlegacyrootprefix to false, since its names begin with a /"
)


class AzureStore(UploadsStore):
    """One container and root directory.

    Parameters
    ----------
    name : str
        The driver's name.
    loaded : tuple of AzureParameters and Account
        Checked by `storagedriver.drivers.azure.parameters.load`.
    """

    #: With the account's key and block blobs; another store declares its own.
    extra = "azure"
    capabilities = Capabilities(
        unfinished="invisible",
        multiprocess=True,
        key_and_prefix=True,
        empty_directories=False,
        conflicts_detected="always",
        server_side_copy=True,
        signs_urls=True,
        walk_order="bytewise",
    )
    #: Azure takes 5000 MiB in one request, but a body is in memory as a whole
    #: and is sent again as a whole.
    put_limit = 64 << 20
    #: Signatures with the account's key have no longest life.
    max_expires = timedelta(days=36500)

    def __init__(self, name: str, loaded: tuple[AzureParameters, Account]) -> None:
        for needed in ("adlfs", "azure.storage.blob"):
            # They are loaded when they are needed; a missing one is said at once.
            if find_spec(needed) is None:
                raise ModuleNotFoundError(f"No module named {needed!r}", name=needed)
        self._loaded = loaded
        parameters, account = loaded
        super().__init__(name, secrets=account.secrets)
        self.read_concurrency = parameters.readconcurrency
        self.root_directory = parameters.rootdirectory.strip("/")
        self._client = Client(parameters, account)
        self._has_warned = False
        appends = parameters.uploadblobtype == "append"
        self.capabilities = replace(
            type(self).capabilities,
            signs_urls=bool(account.key),
            unfinished="shown" if appends else "invisible",
        )
        if appends:
            # An upload would show what has come so far.
            self.put_limit = _NO_LIMIT
        self._uploads: Uploads = Uploads(
            self._client,
            self,
            self.limit,
            chunk_size=parameters.chunksize,
            concurrency=parameters.uploadconcurrency,
            appends=appends,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._loaded)

    @property
    def filesystem(self) -> Any:
        """adlfs, rooted at the root directory. It cannot name blobs that begin with ``/``."""
        return self.rooted(self._client.filesystem, self._client.container, self._client.prefix)

    def refuses(self, key: str, /) -> str:
        """1024 characters in 254 segments, and nothing that a URL or XML cannot carry.

        A backslash is none either: the store takes it for a ``/``.

        https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
        """
        name = self._client.full(key)
        if len(name) > _LONGEST_NAME or name.count("/") >= _MOST_SEGMENTS:
            size = f"{len(name)} characters in {name.count('/') + 1} segments"
            return f"with the root directory it has {size}, and the store takes {_LONGEST_NAME} in {_MOST_SEGMENTS}"
        if found := _NOT_TAKEN.search(name):
            return f"the store takes no name with {found[0]!r}"
        return ""

    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception of the SDK or of the HTTP client means."""
        return errors.classify(error)

    def head(self, key: str, /) -> Entry | None:
        """The blob, None if there is none."""
        blob = blobs.head(self._client, key)
        return None if blob is None or blob.is_clearing else blob.entry

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return blobs.get(self._client, key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content."""
        return blobs.stream(self._client, key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically, but over a blob of the other type."""
        if self._uploads.appends:
            append.put(self._client, key, content, self._uploads.chunk_size)
        else:
            blobs.put(self._client, key, content)

    def put_over(self, key: str, content: memoryview, version: str, /) -> bool:
        """Write the content atomically over one version."""
        if blobs.put_over(self._client, key, content, version):
            return True
        if version or blobs.head(self._client, key) is not None:
            return False
        # Azurite takes a blob that has only uncommitted blocks for one that exists.
        block_lists.clear(self._client, key)
        return blobs.put_over(self._client, key, content, version)

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str] = frozenset(),  # noqa: ARG002 - the store cannot begin behind them
    ) -> Iterator[Sequence[Entry]]:
        """List, a request at a time."""
        return listing.pages(
            self._client,
            prefix,
            recursive=recursive,
            start_after=start_after,
            limit=limit,
            on_empty=None if prefix or start_after else self._warn_of_hidden,
        )

    def root_exists(self) -> bool:
        """Whether anything is below it; what is not shown is a matter of the notes."""
        self._has_warned = True
        return super().root_exists()

    def root_notes(self) -> Sequence[str]:
        """Names that are not shown; or that they would not be, if the configuration is that of an old registry."""
        hidden = hidden_names(self._client)
        if hidden:
            return (hidden,)
        pages = self.pages("", recursive=True, limit=1)
        if not self._loaded[0].looks_like_2_8 or any(bool(page) for page in pages):
            return ()
        return (_LIKE_2_8,)

    def _warn_of_hidden(self) -> None:
        """Say once, where nothing is shown, that there are names which are not."""
        if self._has_warned:
            return
        self._has_warned = True
        hidden = ""
        with contextlib.suppress(AnswerError, HTTPError, StorageDriverError):
            hidden = hidden_names(self._client)
        if hidden:
            warnings.warn(f"{self.name}: {hidden}", StorageDriverWarning, stacklevel=2)

    def copy(self, source: str, dest: str, /) -> None:
        """Copy a blob over `dest`, on the server."""
        copying.copy(self._client, source, dest)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete blobs, several at a time."""
        blobs.delete(self._client, keys)

    def delete_tree(self, key: str, /) -> bool:
        """Delete the blob, everything below it and the unfinished uploads there."""
        below = False
        aside = listing.Aside()
        listed = listing.pages(self._client, f"{key}/", recursive=True, aside=aside)
        with closing(self.prefetcher.pages(listed, early=True)) as pages:
            uploads = self.abort_all(list(self.uploads(key)))
            for page in pages:
                below = below or bool(page)
                self.delete([entry.key for entry in page])
        # Of a hierarchical namespace only empty directories can be deleted: the deepest go first.
        for directory in sorted(aside.directories, reverse=True):
            blobs.delete_directory(self._client, directory)
        here = self._delete_here(key)
        if below:
            # What waited over a content is listed once that content is gone.
            self.abort_all(list(self._uploads.below(key)))
        return uploads or below or here

    def _delete_here(self, key: str) -> bool:
        """Delete the blob at the key; False if there is none, or only a directory."""
        if self._client.is_hierarchical and blobs.head(self._client, key) is None:
            blobs.delete_directory(self._client, key)
            return False
        try:
            return blobs.delete_one(self._client, key)
        except AnswerError as error:
            if not is_about_a_directory(error):
                raise
            return False

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:  # noqa: ARG002 - one signature is for both
        """A signed URL, None without the account's key."""
        return blobs.sign(self._client, key, expires)

    def close(self) -> None:
        """Close the connections of this process."""
        self._client.close()
