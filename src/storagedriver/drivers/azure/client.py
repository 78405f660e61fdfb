"""The requests: signed with the account's key or a token of the SDK's, and sent by the HTTP client.

Source of the headers: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import formatdate
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from storagedriver.adapter.checksums import Checksum, crc_of, md5_header
from storagedriver.adapter.http.answer import Answer, HTTPBody, Signed
from storagedriver.adapter.http.client import TRUST, HTTPClient
from storagedriver.adapter.http.document import Document, with_document
from storagedriver.adapter.http.strangers import NO_STORE
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry
from storagedriver.drivers.azure.errors import is_passing
from storagedriver.drivers.azure.parameters import Account, AzureParameters
from storagedriver.drivers.azure.signing import VERSION, SharedKey
from storagedriver.errors import InvalidAnswerError

__all__ = ["Client", "Query", "of_the_store"]

T = TypeVar("T")

Query = Mapping[str, str]
Method = Literal["GET", "HEAD", "PUT", "DELETE"]

_SCOPE = "https://storage.azure.com/.default"
#: A token is renewed so many seconds before its end.
_RENEWED = 300


class _Tokens:
    """What one process gets its tokens from, and the last one."""

    def __init__(self, account: Account) -> None:
        from storagedriver.drivers.azure.filesystem import token_credential  # noqa: PLC0415 - adlfs is slow to load

        self.credential = token_credential(account)
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
    checksums : {"auto", "always", "never"}
        What is compared with checksums.
    is_hierarchical : bool
        Whether an answer has shown a directory, which an account with a
        hierarchical namespace keeps.
    """

    def __init__(self, parameters: AzureParameters, account: Account) -> None:
        self.account = account
        self.container = parameters.container
        self.prefix = parameters.prefix
        self.timeout = parameters.timeout
        self.checksums = parameters.checksums
        self._takes_crc64 = ".blob.core." in account.url
        self.is_hierarchical = False
        self._parameters = parameters
        self._key = SharedKey(account.name, account.key) if account.type == "shared_key" else None
        self._tokens = PerProcess(lambda: _Tokens(account))
        self._filesystems = PerProcess(self._make_filesystem)
        self._http = HTTPClient(
            timeout=parameters.timeout,
            verify=not parameters.skipverify,
            attempts=1 + max(0, parameters.max_retries),
            pause=parameters.retry_delay.total_seconds(),
            is_passing=is_passing,
            tls_advice=f"{TRUST}, or set skipverify",
        )

    @property
    def filesystem(self) -> Any:
        """The adlfs filesystem of this process, for users: on fsspec's event loop. No call of the driver uses it."""
        return self._filesystems.get()

    def full(self, key: str) -> str:
        """The blob's name."""
        return self.prefix + key

    def relative(self, name: str) -> str:
        """The key of a blob's name."""
        return name[len(self.prefix) :]

    def signed_url(self, key: str, expires: datetime) -> str | None:
        """A URL by which anybody can read a blob until then; None without the account's key."""
        if self._key is None:
            return None
        secure = self.account.url.startswith("https://")
        return f"{self.url(key)}?{self._key.query(self.container, self.full(key), expires, secure=secure)}"

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
        **options
            As for `HTTPClient.request`.

        Raises
        ------
        InvalidAnswerError
            If the answer is not the store's.
        """
        options.setdefault("interpret", of_the_store)
        sign, sent = self._signer(method, key, query, headers, body)
        return self._http.request(sign, body=sent, refresh=self._refresh, **options)

    def send_content(self, key: str, query: Query | None, headers: Mapping[str, str], body: memoryview) -> Answer:
        """Send a PUT of a content with its checksum, which the store compares before it takes it; parameters as there.

        https://learn.microsoft.com/rest/api/storageservices/put-block
        """
        answer = self.send("PUT", key, query, {**headers, **self._sums(body)}, body=body)
        # An emulator answers 500 to a CRC-64, and other servers have not been tried.
        self._takes_crc64 = self._takes_crc64 or answer.headers.get("Server", "").startswith("Windows-Azure-Blob")
        return answer

    def checksum_in(self, answer: Answer) -> Checksum | None:
        """What an answer with a content says of the whole of it: an MD5, which is compared where that is demanded."""
        # That of an append blob is not renewed by what is appended.
        is_wanted = self.checksums == "always" and answer.headers.get("x-ms-blob-type") == "BlockBlob"
        md5 = answer.headers.get("Content-MD5", "") if is_wanted else ""
        return Checksum.of_text("md5", md5) if md5 else None

    def _sums(self, body: memoryview) -> dict[str, str]:
        if self.checksums == "always":
            return md5_header(body)
        if self.checksums == "never" or not self._takes_crc64:
            return {}
        # The lowest byte comes first.
        crc = crc_of("crc64nvme", body).to_bytes(8, "little")
        return {"x-ms-content-crc64": base64.b64encode(crc).decode()}

    def ask(self, root: str, method: Method, key: str | None, query: Query) -> Document:
        """Send a request whose answer is a document, with an outermost element of this name."""
        read = with_document(root, f"{method} of {key or 'the container'}")
        answer = self.send(method, key, query, interpret=lambda answer: read(of_the_store(answer)))
        document: Document = answer.document
        return document

    def open(self, key: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """Send a GET of a blob and give its content as a stream; `entry` reads its head."""
        sign, _ = self._signer("GET", key, None, headers, b"")
        return self._http.stream(sign, lambda answer: entry(of_the_store(answer)), refresh=self._refresh)

    def close(self) -> None:
        """Close the connections of this process."""
        self._http.close()
        tokens, filesystem = self._tokens.peek(), self._filesystems.peek()
        if tokens is None and filesystem is None:
            return
        from storagedriver.adapter.loop import close_on, own_loop  # noqa: PLC0415 - asyncio is slow to load

        if tokens is not None:
            close_on(own_loop(), tokens.credential.close, self.timeout)
        if filesystem is not None:
            close_on(filesystem.loop, filesystem.service_client.close, self.timeout)
            if filesystem.credential is not None:
                close_on(filesystem.loop, filesystem.credential.close, self.timeout)

    def _make_filesystem(self) -> Any:
        from storagedriver.drivers.azure.filesystem import make_filesystem  # noqa: PLC0415 - adlfs is slow to load

        return make_filesystem(self._parameters, self.account)

    def _run(self, make: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine on our own loop and wait for it, for `timeout` at most."""
        from storagedriver.adapter.loop import own_loop, run_on  # noqa: PLC0415 - asyncio is slow to load

        return run_on(own_loop(), make, self.timeout)

    def _signer(
        self, method: Method, key: str | None, query: Query | None, headers: Mapping[str, str] | None, body: Any
    ) -> tuple[Callable[[], Signed], Any]:
        url = self.url(key)
        if query:
            url += "?" + urlencode(query, quote_via=quote)
        sent = body if method == "PUT" else None
        fixed = {"x-ms-version": VERSION, **(headers or {})}
        if sent is not None:
            fixed["Content-Length"] = str(len(sent))

        def sign() -> Signed:
            signed = {**fixed, "x-ms-date": formatdate(usegmt=True)}
            if self._key is not None:
                signed["Authorization"] = self._key.authorization(method, url, signed)
            else:
                signed["Authorization"] = f"Bearer {self._token()}"
            return Signed(method, url, signed)

        return sign, sent

    @property
    def _refresh(self) -> Callable[[], None] | None:
        return None if self._key is not None else self._forget

    def _token(self) -> str:
        tokens = self._tokens.get()
        now = time.time()
        if now > tokens.expires - _RENEWED:
            try:
                token = self._run(lambda: tokens.credential.get_token(_SCOPE))
            except Exception:
                if now >= tokens.expires:
                    raise
            else:
                tokens.token, tokens.expires = token.token, token.expires_on
        return tokens.token

    def _forget(self) -> None:
        """The store has refused the token: get another one."""
        self._tokens.get().expires = 0.0


def of_the_store(answer: Answer) -> Answer:
    """A successful answer as it is, if it is the store's: each has a header with the number of its request.

    https://learn.microsoft.com/rest/api/storageservices/common-rest-api-response-headers

    Raises
    ------
    InvalidAnswerError
        If it has no such header.
    """
    if "x-ms-request-id" not in answer.headers:
        error = InvalidAnswerError(f"HTTP {answer.status} without x-ms-request-id is no answer of Azure's")
        error.hint = NO_STORE
        raise error
    return answer


def _quoted(name: str) -> str:
    """Quote a name for a URL.

    HTTP clients take ``.`` and ``..`` out of a path, and would address another blob.
    """
    parts = quote(name, safe="/~").split("/")
    return "/".join(part.replace(".", "%2E") if part in (".", "..") else part for part in parts)
