"""What is sent to the server, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.client import HTTPClient, kind_of
from storagedriver.adapter.http.document import with_json
from storagedriver.adapter.http.failures import classified
from storagedriver.adapter.multipart import SMALLEST_PART
from storagedriver.adapter.store import Entry, Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    InvalidAnswerError,
    ParameterError,
    PathNotFoundError,
    StorageDriverError,
)
from storagedriver.parameters import NamingParameters, integer, number, parse, string

__all__ = ["Page", "Requests", "TinyParameters", "classify", "code_of", "condition", "load", "value_in"]

T = TypeVar("T")

_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?/?")
_NAME = re.compile(r"[a-z0-9-]+")
#: What the server's own codes mean. Whatever has no code here means what HTTP says.
_KINDS: dict[str, type[StorageDriverError]] = {
    "NoSuchObject": PathNotFoundError,
    "NoSuchBucket": BucketNotFoundError,
    "NoSuchUpload": ConflictError,
}

#: What a page of a listing holds, and what the next one is asked for by: None after the last.
Page = tuple[Mapping[str, Any], str | None]


@dataclass(frozen=True)
class TinyParameters(NamingParameters):
    """The driver's parameters."""

    url: str = string(required=True)
    bucket: str = string(required=True)
    token: str = string(required=True, secret=True)
    rootdirectory: str = string()
    chunksize: int = integer(8 << 20, minimum=SMALLEST_PART, unit="bytes")
    timeout: float = number(15)
    readconcurrency: int = integer(1, minimum=1)
    uploadconcurrency: int = integer(4, minimum=1)

    @property
    def prefix(self) -> str:
        """What stands before every key: the root directory with a ``/`` at its end, or nothing."""
        root = self.rootdirectory.strip("/")
        return f"{root}/" if root else ""


def load(name: str, parameters: Mapping[str, Any] | None) -> TinyParameters:
    """Parse the map that a user gave, and check what does not need a server.

    Raises
    ------
    ParameterError
        If a parameter is missing or has a value that cannot be.
    """
    parsed = parse(TinyParameters, name, parameters)
    if not _URL.fullmatch(parsed.url):
        # The value is not shown: a URL can hold a password.
        raise ParameterError("it must be http:// or https://, a host and maybe a port", driver_name=name, path="url")
    if not _NAME.fullmatch(parsed.bucket):
        raise ParameterError(f"{parsed.bucket!r} cannot be a bucket's name", driver_name=name, path="bucket")
    return parsed


class Requests:
    """Signs and sends requests about one bucket."""

    def __init__(self, parameters: TinyParameters) -> None:
        self._base = f"{parameters.url.rstrip('/')}/{parameters.bucket}"
        self._prefix = parameters.prefix
        self._token = parameters.token
        self._http = HTTPClient(timeout=parameters.timeout)

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self._prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self._prefix) :]

    def path(self, key: str) -> str:
        """Where an object is, below the bucket."""
        return f"objects/{quote(self.full(key))}"

    def copying(self, key: str, version: str = "") -> dict[str, str]:
        """The headers by which the content is a copy of an object, of one version if that is not empty."""
        source = {"Copy-From": quote(self.full(key))}
        return {**source, "Copy-If-Match": version} if version else source

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        interpret: Callable[[Answer], Answer],
        **options: Any,
    ) -> Answer:
        """Send a request and read its answer, which `interpret` verifies; the options are those of the client."""
        return self._http.request(self._signing(method, path, headers or {}), interpret=interpret, **options)

    def open(self, path: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """GET an object and give its content as a stream; `entry` reads its head."""
        return self._http.stream(self._signing("GET", path, headers), entry)

    def ask(self, method: str, resource: str, query: Mapping[str, object], **options: Any) -> dict[str, Any]:
        """Send a request whose answer must be a JSON object."""
        asked = urlencode({name: value for name, value in query.items() if value}, quote_via=quote)
        read = with_json(dict, f"{method} of {resource}")
        document: dict[str, Any] = self.send(method, f"{resource}?{asked}", interpret=read, **options).document
        return document

    def page(self, resource: str, query: Mapping[str, object]) -> Page:
        """A page of a listing."""
        document = self.ask("GET", resource, query)
        if "next" not in document:
            raise InvalidAnswerError(f"the list of {resource} does not say whether it goes on")
        return document, None if document["next"] is None else value_in(document, "next", str)

    def close(self) -> None:
        """Close the connections of this process."""
        self._http.close()

    def _signing(self, method: str, path: str, headers: Mapping[str, str]) -> Callable[[], Signed]:
        """What signs the request: it is called for each attempt, since most signatures hold the time."""
        return partial(Signed, method, f"{self._base}/{path}", {**headers, "Authorization": f"Bearer {self._token}"})


def condition(version: str) -> dict[str, str]:
    """The header by which a request is for one version only, ``""`` for nothing."""
    return {"If-Match": version} if version else {"If-None-Match": "*"}


def value_in(document: Any, name: str, kind: type[T]) -> T:
    """A value of a JSON object.

    Raises
    ------
    InvalidAnswerError
        If it is not there, or of another type.
    """
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise InvalidAnswerError(f"the store's answer has no {kind.__name__} {name!r}")
    return value


def code_of(error: Exception) -> str:
    """The server's code of a failure; ``""`` for what is no answer of the server."""
    return error.answer.headers.get("X-Error-Code", "") if isinstance(error, AnswerError) else ""


def classify(error: Exception) -> Failure:
    """Say what an exception means. When in doubt: `StorageDriverError`."""
    return classified(error, _answered)


def _answered(error: AnswerError) -> Failure:
    """What an answer means: by the server's code, and without one by the status."""
    code = code_of(error)
    kind = _KINDS.get(code) or kind_of(error.answer.status)
    # Of what is not there the path says all there is to say.
    return Failure(kind, "" if kind is PathNotFoundError else f"{error} {code}".strip())
