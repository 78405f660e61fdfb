"""What the requests that several stores have in common need of a backend's bucket."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from storagedriver.adapter.http.answer import Answer, HTTPBody
from storagedriver.adapter.http.document import Document, with_document
from storagedriver.adapter.store import Entry

__all__ = ["Bucket", "Requests"]


class Requests(ABC):
    """Signs and sends requests about one bucket and its objects."""

    @abstractmethod
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
        """Send a request and read the answer.

        Parameters
        ----------
        method : str
            The HTTP method.
        key : str
            The object, with the root directory; ``""`` for the bucket itself.
        query, headers : mapping, optional
            What the request takes; of the query those that are None are left out.
        body : memoryview, optional
            What is sent; it is not copied.
        **options
            As for `HTTPClient.request`.
        """

    def ask(self, root: str, method: str, key: str, query: Mapping[str, Any], **options: Any) -> Document:
        """Send a request whose answer is a document.

        A store that has answered 200 may still say in the document that it
        has failed:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

        Parameters
        ----------
        root : str
            The name of the document's outermost element.
        method, key, query, **options
            As for `send`.

        Raises
        ------
        InvalidAnswerError
            If the answer is another document, or none.
        """
        read = with_document(root, f"{method} of {key or 'the bucket'}")
        document: Document = self.send(method, key, query, interpret=read, **options).document
        return document

    @abstractmethod
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
