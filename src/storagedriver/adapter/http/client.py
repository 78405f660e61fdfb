"""The client: it sends requests that a backend has signed, and gives answers that are whole.

Everything that happens between a signature and an answer is here, once for all
stores: repetition under one deadline, the bounds of an answer, and what a
failure means as far as HTTP says it.
"""

from __future__ import annotations

import logging
import os
import random
import re
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from storagedriver import __about__
from storagedriver.adapter.http.answer import PIECE, Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.connection import (
    BrokenAnswerError,
    HTTPError,
    NotSentError,
    TLSError,
    WantsTLSError,
)
from storagedriver.adapter.http.pools import Pools
from storagedriver.adapter.http.strangers import WANTS_TLS
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry, Failure
from storagedriver.adapter.traffic import count_request
from storagedriver.errors import (
    ConflictError,
    InvalidAnswerError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["TRUST", "HTTPClient", "Repeat", "classify", "kind_of"]

#: When a request may be sent again: whatever became of it, if the store certainly did nothing, or not at all.
Repeat = Literal["idempotent", "unsent", "never"]

_OK = range(200, 300)
_UNAUTHORIZED = 401
_NOT_IMPLEMENTED = 501
#: What can be done where a certificate is not trusted.
TRUST = "name the certificates to trust in REQUESTS_CA_BUNDLE"
#: The parts of a query that are credentials: with such a URL its reader can do what its owner can.
_SIGNATURES = re.compile(r"(?i)((?:[a-z-]*signature|sig|upload_id|temp_url_sig|[a-z-]*security-token)=)[^&\s\"]+")
#: Statuses that say "try again": RFC 9110, 15.5.9 and 15.6, and RFC 6585, 4.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
#: Those by which a server says that it did not begin: RFC 9110, 15.6.4, and RFC 6585, 4.
_REFUSED = frozenset({429, 503})
#: The failures after which a request is sent again.
_AGAIN: Mapping[Repeat, tuple[type[HTTPError], ...]] = {
    "idempotent": (NotSentError, BrokenAnswerError),
    "unsent": (NotSentError,),
    "never": (),
}
#: The most bytes of an answer that is read as a whole: of an error, and of any other.
_LONGEST_ERROR = 1 << 20
_LONGEST = 64 << 20
#: The longest pause between two attempts in seconds, unless the server asks for a longer one.
_LONGEST_PAUSE = 30.0
#: What to do where there is no connection, by the reason.
_NO_CONNECTION: tuple[tuple[type[OSError], str], ...] = (
    (socket.gaierror, "the host has no address: mend its name in the endpoint, or the region, or see to DNS"),
    (ConnectionRefusedError, "nothing listens there: start the store, or mend host and port of the endpoint"),
)
_AGENT = f"storagedriver/{__about__.VERSION}"

_log = logging.getLogger("storagedriver.http")


def classify(error: Exception) -> Failure | None:
    """What a failure of the client means, as far as HTTP says it; None for any other exception.

    404 is `StorageDriverError` here: what is not there, only the store can tell.
    """
    if isinstance(error, AnswerError):
        return Failure(kind_of(error.answer.status), str(error))
    if isinstance(error, TLSError):
        return Failure(StorageDriverError, f"TLS failed: {error.text}", error.hint)
    if isinstance(error, WantsTLSError):
        return Failure(ParameterError, str(error), WANTS_TLS)
    if isinstance(error, (HTTPError, ConnectionError, TimeoutError)):
        return Failure(UnavailableError, f"no connection or no answer: {error}", _hint_of(error))
    return None


def _hint_of(error: BaseException) -> str:
    """What a user can do where there is no connection; empty where it may be anything."""
    cause: BaseException | None = error
    while cause is not None:
        for kind, hint in _NO_CONNECTION:
            if isinstance(cause, kind):
                return hint
        cause = cause.__cause__ or cause.__context__
    return ""


def kind_of(status: int) -> type[StorageDriverError]:
    """What an HTTP status means that is no success, where the store says nothing more."""
    if status in (_UNAUTHORIZED, 403):
        return PermissionDeniedError
    if status in (409, 412):
        return ConflictError
    if status in _PASSING or (status >= 500 and status != _NOT_IMPLEMENTED):  # noqa: PLR2004 - 5xx
        return UnavailableError
    return StorageDriverError


@dataclass(frozen=True)
class _Call:
    """A request with everything that is to be done with it; see `HTTPClient.request`."""

    sign: Callable[[], Signed]
    body: Any = None
    repeat: Repeat = "idempotent"
    expected: Collection[int] = _OK
    refresh: Callable[[], None] | None = None
    extra_time: float = 0.0
    interpret: Callable[[Answer], Answer] | None = None
    large: bool = False
    stream: bool = False


class HTTPClient:
    """The client of one driver.

    Parameters
    ----------
    timeout : float
        Seconds within which a request is connected and answered, all attempts
        together, and the longest silence of a content that is read as a stream.
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
    is_passing : callable, optional
        Whether a failure that an answer tells may pass, so that a request may be sent again.
    tls_advice : str
        What a user can do where TLS fails, in the words of the backend's parameters.
    """

    def __init__(
        self,
        *,
        timeout: float,
        verify: bool = True,
        ca_bundle: str | None = None,
        attempts: int = 5,
        pause: float = 0.1,
        is_passing: Callable[[Answer], bool] | None = None,
        tls_advice: str = TRUST,
    ) -> None:
        self._timeout = timeout
        self._verify = verify
        self._ca_bundle = ca_bundle
        self._attempts = attempts
        self._first_pause = pause
        self._is_passing = is_passing or _passes
        self._tls_advice = tls_advice
        self._pools: PerProcess[Pools] = PerProcess(self._make_pools)

    def request(
        self,
        sign: Callable[[], Signed],
        *,
        body: Any = None,
        repeat: Repeat = "idempotent",
        expected: Collection[int] = _OK,
        refresh: Callable[[], None] | None = None,
        extra_time: float = 0.0,
        interpret: Callable[[Answer], Answer] | None = None,
        large: bool = False,
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
        extra_time : float
            The seconds that the server may work on it, on top of the timeout.
        interpret : callable, optional
            Makes of an expected answer what it means, where a store hides a
            failure in a 200. `InvalidAnswerError` counts as a failure that may pass.
        large : bool
            Whether an expected answer may have any length, and any byte of it
            is progress. Others have to be complete within the timeout.

        Raises
        ------
        AnswerError
            For a status that is not expected.
        HTTPError
            If no answer came, or no whole one.
        """
        call = _Call(sign, body, repeat, expected, refresh, extra_time, interpret, large=large)
        return self._attempt(call)[1]

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
        body, answer = self._attempt(_Call(sign, expected=expected, refresh=refresh, stream=True))
        body.answer = answer
        try:
            body.entry = entry(answer)
        except BaseException:
            body.close()
            raise
        return body

    def close(self) -> None:
        """Close the connections of this process."""
        pools = self._pools.peek()
        if pools is not None:
            pools.close()

    def _attempt(self, call: _Call) -> tuple[HTTPBody, Answer]:
        """Send a request until there is an answer, or none is to be expected any more."""
        deadline = time.monotonic() + self._timeout + call.extra_time
        refresh = call.refresh
        attempt = 0
        is_repeated = False
        while True:
            attempt += 1
            request = call.sign()
            count_request(is_repeated=attempt > 1)
            try:
                opened, answer = self._send(request, call, deadline, is_repeated=is_repeated)
            except InvalidAnswerError:
                # Half an answer, or one of a proxy that has just been started: the next one may be the store's.
                if call.repeat != "idempotent" or not self._pause(attempt, deadline, ""):
                    raise
                is_repeated = True
                continue
            except HTTPError as error:
                # An old connection of the pool may be dead: that is found out by using it.
                if not isinstance(error, _AGAIN[call.repeat]) or not self._pause(attempt, deadline, ""):
                    raise self._explained(error, request) from error
                is_repeated = is_repeated or not isinstance(error, NotSentError)
                continue
            if answer.status in call.expected:
                return opened, answer
            if answer.status == _UNAUTHORIZED and refresh is not None:
                refresh()
                refresh = None
                continue
            if not self._may_pass(call, answer) or not self._pause(
                attempt, deadline, answer.headers.get("Retry-After", "")
            ):
                raise AnswerError(answer, request)
            is_repeated = True

    def _may_pass(self, call: _Call, answer: Answer) -> bool:
        """Whether a request that has failed is worth another attempt, and may have one."""
        if call.repeat == "unsent":
            return answer.status in _REFUSED
        return call.repeat == "idempotent" and self._is_passing(answer)

    def _explained(self, error: HTTPError, request: Signed) -> HTTPError:
        """The error with the server that it is about, and with what a user can do."""
        if isinstance(error, TLSError):
            return TLSError(error.text, error.hint or self._tls_advice)
        return type(error)(f"{urlsplit(request.url).netloc}, timeout {self._timeout:g} s: {error}")

    def _send(self, request: Signed, call: _Call, deadline: float, *, is_repeated: bool) -> tuple[HTTPBody, Answer]:
        """Send a request once, and give what the answer means; a stream that is wanted stays unread."""
        left = max(1.0, deadline - time.monotonic())
        scheme, _, rest = request.url.partition("://")
        host, slash, target = rest.partition("/")
        pool = self._pools.get().get(scheme, host)
        target = request.url if pool.is_forwarded else f"/{target}" if slash else "/"
        start = time.monotonic()
        connection = pool.take(min(left, self._timeout))
        try:
            connection.send(_head(request, target, host, call.body, pool.forwarded_headers), call.body, left)
            status, headers, content = connection.receive(request.method, max(deadline, start + 1.0))
            opened = HTTPBody(pool, connection, content, self._timeout)
        except BaseException:
            connection.close()
            raise
        if _log.isEnabledFor(logging.DEBUG):
            took = (time.monotonic() - start) * 1e3
            _log.debug("%s %s: %d in %.0f ms", request.method, hidden(request.url), status, took)
        if call.stream and status in call.expected:
            return opened, Answer(status, headers, b"", content.is_framed, is_repeated)
        try:
            if status not in call.expected:
                whole = opened.whole(_LONGEST_ERROR, deadline, cut=True)
            elif call.large and not content.is_complete:
                whole = b"".join(iter(partial(opened.read, PIECE), b""))
            else:
                whole = opened.whole(_LONGEST, deadline, cut=False)
        finally:
            opened.close()
        answer = Answer(status, headers, whole, content.is_framed, is_repeated)
        return opened, call.interpret(answer) if call.interpret and status in call.expected else answer

    def _pause(self, attempt: int, deadline: float, retry_after: str) -> bool:
        """Wait before the next attempt; False if there is to be none."""
        pause = min(_LONGEST_PAUSE, self._first_pause * 2 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if retry_after.isdecimal():
            pause = max(pause, float(retry_after))
        if attempt >= self._attempts or time.monotonic() + pause >= deadline:
            return False
        time.sleep(pause)
        return True

    def _make_pools(self) -> Pools:
        bundle = self._ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None
        return Pools(verify=self._verify, ca_bundle=bundle)


def _passes(answer: Answer) -> bool:
    return answer.status in _PASSING


def hidden(url: str) -> str:
    """A URL without what is a credential in it."""
    return _SIGNATURES.sub(r"\1***", url)


def _head(request: Signed, target: str, host: str, body: Any, more: Mapping[str, str]) -> bytes:
    """The head of a request (RFC 9112, 2 and 3)."""
    given = {name.lower() for name in request.headers}
    headers = dict(request.headers)
    if "host" not in given:
        headers["Host"] = host
    if "user-agent" not in given:
        headers["User-Agent"] = _AGENT
    if "accept-encoding" not in given:
        headers["Accept-Encoding"] = "identity"
    if "content-length" not in given and (body is not None or request.method in ("PUT", "POST")):
        headers["Content-Length"] = str(0 if body is None else len(body))
    headers |= more
    text = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    if text.count("\n") != len(headers) - 1 or "\n" in target or "\r" in target:
        raise ValueError("a header of the request has a line break in it")
    return f"{request.method} {target} HTTP/1.1\r\n{text}\r\n\r\n".encode("latin-1")
