"""What the requests that several stores have in common need of a backend's bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from storagedriver.adapter.http.answer import Answer, HTTPBody
from storagedriver.adapter.http.document import Document
from storagedriver.adapter.store import Entry

__all__ = ["Bucket", "Requests"]


class Requests(Protocol):
    """Signs and sends requests about one bucket and its objects.

    The parameters of the methods: the HTTP method; the key of an object on
    the server, ``""`` for the bucket itself; the query, of which values that
    are None are left out; the headers; the body; and the options of
    `storagedriver.adapter.http.client.HTTPClient.request`.
    """

    def send(
        self,
        method: str,
        key: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: memoryview | None = None,
        **options: Any,
    ) -> Answer:
        """Send a request and read the answer."""

    def ask(self, root: str, method: str, key: str, query: Mapping[str, Any], **options: Any) -> Document:
        """Send a request whose answer must be a document with the outermost element `root`."""

    def open(self, key: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """GET an object and give its content as a stream; `entry` reads the head of the answer."""


class Bucket(Protocol):
    """One bucket and the root directory in it."""

    @property
    def requests(self) -> Requests:
        """The requests about it."""

    @property
    def making(self) -> Mapping[str, str]:
        """The headers of a request by which an object comes into being at once."""

    def full(self, key: str) -> str:
        """The key as the server knows it."""

    def relative(self, key: str) -> str:
        """The key without the root directory."""

    def source(self, key: str) -> dict[str, str]:
        """The header that names an object as the source of a copy."""

    def checking(self, data: memoryview) -> dict[str, str]:
        """The headers by which the server checks what it receives, where nothing cheaper does."""
