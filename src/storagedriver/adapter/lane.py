"""The lane: requests that a store has signed, on a pool of blocking connections.

fsspec's filesystems know the credentials, their refresh and the endpoint; what
costs is their event loop and their file objects. So the hot calls of a remote
store (read a stream, send a part, get, put and head) take this way: the store
says how a request is signed, and everything else happens here, once for all
stores: the pool, proxies and certificates, retries under one deadline, and what
a failure means.
"""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.pools import Pools
from storagedriver.adapter.store import Entry, Failure
from storagedriver.errors import (
    ConflictError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["Answer", "AnswerError", "HTTPBody", "Lane", "Repeat", "Signed", "classify", "whole_size"]

#: When a request may be sent again: whatever became of it, if the store certainly did nothing, or not at all.
Repeat = Literal["idempotent", "unsent", "never"]

_OK = range(200, 300)
_UNAUTHORIZED = 401
#: gcp-storage-emulator says `0--1/0` of an empty object.
_CONTENT_RANGE = re.compile(r"bytes (?:\*|[0-9]+--?[0-9]+)/([0-9]+)")
#: The parts of a query by which whoever has the URL may do what its owner may.
_SIGNATURES = re.compile(r"(?i)((?:[a-z-]*signature|sig|upload_id|temp_url_sig|[a-z-]*security-token)=)[^&\s\"]+")
#: A body is sent in pieces, because the socket's timeout is that of one sending.
_PIECE = 1 << 20
#: Statuses that say "try again": RFC 9110, 15.5.9 and 15.6, and RFC 6585, 4.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
#: Those by which a server says that it did not begin: RFC 9110, 15.6.4, and RFC 6585, 4.
_REFUSED = frozenset({429, 503})
#: The failures and the statuses after which a request is sent again.
_AGAIN: Mapping[Repeat, tuple[tuple[type[HTTPError], ...], Collection[int]]] = {
    "idempotent": ((HTTPError,), _PASSING),
    "unsent": ((NewConnectionError, ConnectTimeoutError), _REFUSED),
    "never": ((), ()),
}


@dataclass(frozen=True)
class Signed:
    """A request that a store has signed.

    Attributes
    ----------
    method : str
        The HTTP method.
    url : str
        The whole URL, quoted.
    headers : mapping
        Its headers, those of the signature included.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes
    ----------
    status : int
        The HTTP status.
    headers : mapping
        The headers; names are found in any case.
    content : bytes
        The whole content; empty while it is a stream.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # The headers of some clients cannot be pickled, and an error may have to be.
        return type(self), (self.status, dict(self.headers), self.content)


def whole_size(answer: Answer) -> int:
    """The size of the object of which an answer holds all or a range: RFC 9110, 14.4."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else int(answer.headers.get("Content-Length", 0))


class AnswerError(Exception):
    """The answer was not the one that was hoped for.

    Attributes
    ----------
    answer : Answer
        The answer; its content is the store's own description.
    """

    def __init__(self, answer: Answer, request: Signed) -> None:
        # Without the query: that of a signed URL is a credential.
        super().__init__(f"HTTP {answer.status} for {request.method} {urlsplit(request.url).path}")
        self.answer = answer
        self._request = Signed(request.method, urlsplit(request.url)._replace(query="").geturl())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.answer, self._request)


def classify(error: Exception) -> Failure | None:
    """What a failure of the lane means, as far as HTTP says it; None for any other exception.

    404 is `StorageDriverError` here: what is not there, only the store can tell.
    """
    if isinstance(error, AnswerError):
        status = error.answer.status
        if status in (_UNAUTHORIZED, 403):
            return Failure(PermissionDeniedError, str(error))
        if status in (409, 412):
            return Failure(ConflictError, str(error))
        if status in _PASSING or status >= 500:  # noqa: PLR2004 - 5xx
            return Failure(UnavailableError, str(error))
        return Failure(StorageDriverError, str(error))
    if isinstance(error, SSLError) or isinstance(getattr(error, "reason", None), SSLError):
        hint = "name the certificates to trust in REQUESTS_CA_BUNDLE, or set skipverify"
        return Failure(StorageDriverError, f"TLS failed: {error}; {hint}")
    if isinstance(error, (HTTPError, ConnectionError, TimeoutError)):
        return Failure(UnavailableError, f"no connection or no answer: {error}")
    return None


class _HideSignatures(logging.Filter):
    """Keeps what is a credential in a URL out of urllib3's log of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_SIGNATURES.sub(r"\1***", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


_hide_signatures = _HideSignatures()


class HTTPBody:
    """The content of an answer, as a `Body`.

    Read to its end, it gives the connection back to the pool; closed before,
    the connection is closed too.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, entry: Entry) -> None:
        self._response = response
        self._pid = os.getpid()
        self.entry = entry

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        if self._pid != os.getpid():
            # The connection stayed with the parent: what is read here would be missing there.
            raise UnavailableError("the stream was opened by another process")
        return self._response.read(size, decode_content=False)

    def close(self) -> None:
        """Give up what is left."""
        if self._pid == os.getpid():
            self._response.close()


class Lane:
    """A pool of connections for signed requests.

    Parameters
    ----------
    timeout : float
        Seconds within which a request is connected and answered, all attempts
        together. The transfer of a content may take longer.
    verify : bool
        Whether the server's certificate is checked.
    ca_bundle : str, optional
        A file of certificates to trust, before ``REQUESTS_CA_BUNDLE``,
        ``CURL_CA_BUNDLE`` and what OpenSSL trusts (``SSL_CERT_FILE``).
    attempts : int
        How often a request is sent at most.
    pause : float
        Seconds before the second attempt; they double with each, less a
        random part.
    """

    def __init__(
        self,
        *,
        timeout: float,
        verify: bool = True,
        ca_bundle: str | None = None,
        attempts: int = 5,
        pause: float = 0.1,
    ) -> None:
        self._timeout = timeout
        self._verify = verify
        self._ca_bundle = ca_bundle
        self._attempts = attempts
        self._first_pause = pause
        # urllib3 logs whole URLs, and there is no other place to keep that from its log.
        logging.getLogger("urllib3.connectionpool").addFilter(_hide_signatures)
        self._pools: PerProcess[Pools] = PerProcess(self._make_pools)

    def request(
        self,
        sign: Callable[[], Signed],
        *,
        body: Any = None,
        repeat: Repeat = "idempotent",
        expected: Collection[int] = _OK,
        refresh: Callable[[], None] | None = None,
        allowance: float = 0.0,
        judge: Callable[[Answer], Answer] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer.

        Parameters
        ----------
        sign : callable
            Gives the signed request; called anew for each attempt.
        body : bytes, bytearray or memoryview, optional
            What is sent; it is not copied.
        repeat : {"idempotent", "unsent", "never"}
            When it may be sent again.
        expected : collection of int
            The statuses that are an answer; any other raises.
        refresh : callable, optional
            Renews the credentials; called once, after a 401.
        allowance : float
            The seconds that the server may work on it, on top of the timeout.
        judge : callable, optional
            Makes of an answer what it means, where a store hides a failure in a 200.

        Raises
        ------
        AnswerError
            For a status that is not expected.
        urllib3.exceptions.HTTPError
            If no answer came.
        """
        return self._attempt(sign, body, repeat, expected, refresh, allowance=allowance, judge=judge)[1]

    def stream(
        self,
        sign: Callable[[], Signed],
        entry: Callable[[Answer], Entry],
        *,
        expected: Collection[int] = _OK,
        refresh: Callable[[], None] | None = None,
    ) -> HTTPBody:
        """Send a GET and give its content as a stream.

        Parameters
        ----------
        sign, expected, refresh
            As for `request`.
        entry : callable
            Makes the entry of the object from the answer's status and headers.
        """
        response, answer = self._attempt(sign, None, "idempotent", expected, refresh, stream=True)
        try:
            return HTTPBody(response, entry(answer))
        except BaseException:
            response.close()
            raise

    def close(self) -> None:
        """Close the connections of this process."""
        pools = self._pools.peek()
        if pools is not None:
            pools.clear()

    def _attempt(
        self,
        sign: Callable[[], Signed],
        body: Any,
        repeat: Repeat,
        expected: Collection[int],
        refresh: Callable[[], None] | None,
        *,
        stream: bool = False,
        allowance: float = 0.0,
        judge: Callable[[Answer], Answer] | None = None,
    ) -> tuple[urllib3.BaseHTTPResponse, Answer]:
        failures, statuses = _AGAIN[repeat]
        deadline = time.monotonic() + self._timeout + allowance
        attempt = 0
        while True:
            attempt += 1
            request = sign()
            try:
                response = self._send(request, body, deadline)
                opened = stream and response.status in expected
                content = b"" if opened else response.read(decode_content=False)
            except HTTPError as error:
                # An old connection of the pool may be dead: that is found out by using it.
                again = isinstance(error, failures) and not _is_tls(error)
                if not again or not self._pause(attempt, deadline, ""):
                    raise
                continue
            answer = Answer(response.status, response.headers, content)
            answer = answer if judge is None else judge(answer)
            if answer.status in expected:
                return response, answer
            if answer.status == _UNAUTHORIZED and refresh is not None:
                refresh()
                refresh = None
                continue
            again = answer.status in statuses
            if not again or not self._pause(attempt, deadline, answer.headers.get("Retry-After", "")):
                raise AnswerError(answer, request)

    def _send(self, request: Signed, body: Any, deadline: float) -> urllib3.BaseHTTPResponse:
        left = max(1.0, deadline - time.monotonic())
        headers = {"Accept-Encoding": "identity", **request.headers}
        if body is not None and len(body) > _PIECE:
            headers["Content-Length"] = str(len(body))
            body = _pieces(memoryview(body))
        return self._pools.get().send(
            request.method,
            request.url,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=min(left, self._timeout), read=left),
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
        )

    def _pause(self, attempt: int, deadline: float, retry_after: str) -> bool:
        """Wait before the next attempt; False if there is to be none."""
        pause = self._first_pause * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if retry_after.isdecimal():
            pause = max(pause, float(retry_after))
        if attempt >= self._attempts or time.monotonic() + pause >= deadline:
            return False
        time.sleep(pause)
        return True

    def _make_pools(self) -> Pools:
        bundle = self._ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None
        verify = "CERT_REQUIRED" if self._verify else "CERT_NONE"
        return Pools({"cert_reqs": verify, "ca_certs": bundle})


def _pieces(body: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


def _is_tls(error: HTTPError) -> bool:
    return isinstance(error, SSLError) or isinstance(getattr(error, "reason", None), SSLError)
