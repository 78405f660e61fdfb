"""The requests: signed with the account's key or a token of the SDK's, and sent by the HTTP client.

Source of the headers: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from storagedriver.adapter.http.client import TRUST, Answer, AnswerError, HTTPBody, HTTPClient, Signed
from storagedriver.adapter.http.document import Document, document_in
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry
from storagedriver.drivers.azure.errors import classify
from storagedriver.drivers.azure.parameters import Account, AzureParameters
from storagedriver.drivers.azure.signer import SharedKey
from storagedriver.errors import InvalidAnswerError, UnavailableError

__all__ = ["Client", "Query", "of_the_store"]

T = TypeVar("T")

Query = Mapping[str, str]
Method = Literal["GET", "HEAD", "PUT", "DELETE"]

#: The version of the protocol that is spoken.
_VERSION = "2023-11-03"
_SCOPE = "https://storage.azure.com/.default"
#: A token is renewed so many seconds before its end.
_RENEWED = 300
_LONGEST_PAUSE = 30.0
_OK = range(200, 300)


class _Connection:
    """What one process has: the filesystem and the last token."""

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem
        self.token = ""
        self.expires = 0.0


class Client:
    """The connection to one container, made by each process when it first needs it.

    Parameters
    ----------
    parameters : AzureParameters
        How to speak to the store.
    account : Account
        Where it is and who asks.

    Attributes
    ----------
    container : str
        The container's name.
    prefix : str
        What stands before every key.
    timeout : float
        Seconds within which a request is answered, all attempts together.
    """

    def __init__(self, parameters: AzureParameters, account: Account) -> None:
        self.account = account
        self.container = parameters.container
        self.prefix = parameters.prefix
        self.timeout = parameters.timeout
        self._retries = max(0, parameters.max_retries)
        self._pause = parameters.retry_delay.total_seconds()
        self._parameters = parameters
        self._key = SharedKey(account.name, account.key) if account.type == "shared_key" else None
        self._connections = PerProcess(self._connect)
        # `attempt` sends again, as often as the parameters of this driver say.
        self._http = HTTPClient(
            timeout=parameters.timeout,
            verify=not parameters.skipverify,
            attempts=1,
            tls_advice=f"{TRUST}, or set skipverify",
        )

    @property
    def filesystem(self) -> Any:
        """The adlfs filesystem of this process."""
        return self._connections.get().filesystem

    def full(self, key: str) -> str:
        """The blob's name."""
        return self.prefix + key

    def relative(self, name: str) -> str:
        """The key of a blob's name."""
        return name[len(self.prefix) :]

    def url(self, key: str | None = None) -> str:
        """The URL of a blob, or of the container."""
        container = f"{self.account.url}/{self.container}"
        return container if key is None else f"{container}/{_quoted(self.full(key))}"

    def send(
        self,
        method: Method,
        key: str | None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: Any = b"",
        again: bool = True,
        **options: Any,
    ) -> Answer:
        """Send a request and read the answer.

        Parameters
        ----------
        method : str
            The HTTP method.
        key : str or None
            The blob, None for the container.
        query, headers : mapping, optional
            What the operation takes.
        body : bytes, bytearray or memoryview
            What a PUT sends; it is not copied.
        again : bool
            Whether it may be sent again when its fate is unknown.
        **options
            As for `HTTPClient.request`.

        Raises
        ------
        InvalidAnswerError
            If the answer is not the store's.
        """
        options.setdefault("interpret", of_the_store)
        sign, sent = self._signer(method, key, query, headers, body)
        refresh = self._forget if self.account.type != "shared_key" else None
        return self.attempt(lambda: self._http.request(sign, body=sent, refresh=refresh, **options), again=again)

    def ask(self, root: str, method: Method, key: str | None, query: Query) -> Document:
        """Send a request whose answer is a document, with an outermost element of this name."""
        found: list[Document] = []

        def interpret(answer: Answer) -> Answer:
            if of_the_store(answer).status in _OK:
                found.append(document_in(answer, root, f"{method} of {key or 'the container'}")[1])
            return answer

        self.send(method, key, query, interpret=interpret)
        return found[-1]

    def open(self, key: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> tuple[HTTPBody, Answer]:
        """Send a GET of a blob and give its content as a stream, with its head; `entry` reads that."""
        answers: list[Answer] = []

        def read(answer: Answer) -> Entry:
            answers.append(of_the_store(answer))
            return entry(answer)

        sign, _ = self._signer("GET", key, None, headers, b"")
        refresh = self._forget if self.account.type != "shared_key" else None
        return self.attempt(lambda: self._http.stream(sign, read, refresh=refresh)), answers[-1]

    def attempt(self, make: Callable[[], T], *, again: bool = True) -> T:
        """Do something, again after a failure that may pass, at most ``max_retries`` times within ``timeout``."""
        deadline = time.monotonic() + self.timeout
        number = 0
        while True:
            try:
                return make()
            except Exception as error:
                pause = min(_LONGEST_PAUSE, self._pause * 2**number) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                pause = max(pause, _retry_after(error))
                number += 1
                passing = again and issubclass(classify(error).kind, (UnavailableError, InvalidAnswerError))
                if not passing or number > self._retries or time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)

    def close(self) -> None:
        """Close the connections of this process."""
        self._http.close()
        connection = self._connections.peek()
        if connection is None:
            return
        self._run(connection.filesystem.service_client.close)
        if connection.filesystem.credential is not None:
            self._run(connection.filesystem.credential.close)

    def _connect(self) -> _Connection:
        from storagedriver.drivers.azure.filesystem import make_filesystem  # noqa: PLC0415 - adlfs is slow to load

        return _Connection(make_filesystem(self._parameters, self.account))

    def _run(self, make: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine on the filesystem's loop and wait for it, for `timeout` at most."""
        from storagedriver.adapter.loop import run_on  # noqa: PLC0415 - asyncio is slow to load

        return run_on(self.filesystem.loop, make, self.timeout)

    def _signer(
        self, method: Method, key: str | None, query: Query | None, headers: Mapping[str, str] | None, body: Any
    ) -> tuple[Callable[[], Signed], Any]:
        plain = self.url(key)
        asked = list((query or {}).items())
        url = f"{plain}?{urlencode(asked, quote_via=quote)}" if asked else plain
        sent = body if method == "PUT" else None
        fixed = {"x-ms-version": _VERSION, **(headers or {})}
        if sent is not None:
            fixed["Content-Length"] = str(len(sent))

        def sign() -> Signed:
            if self._key is not None:
                return Signed(method, url, self._key.signed(method, plain, asked, fixed))
            token = {"Authorization": f"Bearer {self._token()}", "x-ms-date": formatdate(usegmt=True)}
            return Signed(method, url, {**fixed, **token})

        return sign, sent

    def _token(self) -> str:
        connection = self._connections.get()
        now = time.time()
        if now > connection.expires - _RENEWED:
            try:
                token = self._run(lambda: connection.filesystem.credential.get_token(_SCOPE))
            except Exception:
                if now >= connection.expires:
                    raise
            else:
                connection.token, connection.expires = token.token, token.expires_on
        return connection.token

    def _forget(self) -> None:
        """The store has refused the token: get another one."""
        self._connections.get().expires = 0.0


def of_the_store(answer: Answer) -> Answer:
    """An answer as it is, if it is the store's: each has a header with the number of its request.

    https://learn.microsoft.com/rest/api/storageservices/common-rest-api-response-headers

    Raises
    ------
    InvalidAnswerError
        If a success has no such header.
    """
    if answer.status in _OK and "x-ms-request-id" not in answer.headers:
        raise InvalidAnswerError(f"HTTP {answer.status} without x-ms-request-id is no answer of Azure's")
    return answer


def _quoted(name: str) -> str:
    """Quote a name for a URL.

    HTTP clients take ``.`` and ``..`` out of a path, and would address another blob.
    """
    parts = quote(name, safe="/~").split("/")
    return "/".join(part.replace(".", "%2E") if part in (".", "..") else part for part in parts)


def _retry_after(error: Exception) -> float:
    told = error.answer.headers.get("Retry-After", "") if isinstance(error, AnswerError) else ""
    return float(told) if told.isdecimal() else 0.0
