"""The requests about a bucket: signed, sent by the HTTP client, logged, and read as the documents that they must be."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from storagedriver import __about__
from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.bucket import Requests as BucketRequests
from storagedriver.adapter.http.client import TRUST, HTTPClient
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry
from storagedriver.drivers.s3.accepted import Accepted
from storagedriver.drivers.s3.errors import NoCredentialsError, code_of, is_passing
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.drivers.s3.sdk import SDK
from storagedriver.drivers.s3.signer import UNSIGNED, Credentials, Signer, SignerV2, SignerV4
from storagedriver.drivers.s3.urls import place_of, quoted
from storagedriver.errors import InvalidAnswerError

__all__ = ["Requests"]

T = TypeVar("T")

#: Seconds for which credentials are used before the SDK is asked again; it
#: renews those that end, minutes before they do.
_FRESH = 60.0
#: Tried with SeaweedFS 4.48.
_KEEPS_CONDITIONS = re.compile(r"AmazonS3$|SeaweedFS \S+ (?:[4-9]|[1-9][0-9])\.")
#: Google's server, which decompresses: https://cloud.google.com/storage/docs/transcoding. Behind another name its
#: answers about an object have this header.
_GOOGLE = "storage.googleapis.com"
_OF_GOOGLE = "x-goog-stored-content-encoding"
_AS_IT_IS = "identity"
_DECOMPRESSED = "the store decompresses what it has stored in gzip"
#: The SDK's variable, which goes before those of others.
_BUNDLE = "AWS_CA_BUNDLE"
_NONE = hashlib.sha256(b"").hexdigest()

_log = logging.getLogger("storagedriver.s3")


class Requests(BucketRequests):
    """Requests about a bucket and its objects.

    Parameters
    ----------
    parameters : S3Parameters
        Where the store is, and how to speak to it.
    sdk : SDK
        What knows the credentials of the environment and Amazon's endpoints.

    Attributes
    ----------
    server : str or None
        The ``Server`` header of the last answer that had one; None before the first answer.
    """

    def __init__(self, parameters: S3Parameters, sdk: SDK) -> None:
        self.server: str | None = None
        self._parameters = parameters
        bundle = os.environ.get(_BUNDLE)
        trust = TRUST.replace("REQUESTS_CA_BUNDLE", _BUNDLE) if bundle else TRUST
        self._http = HTTPClient(
            timeout=parameters.timeout,
            verify=not parameters.skipverify,
            ca_bundle=bundle,
            tls_advice=f"{trust}, or set skipverify",
            is_passing=is_passing,
        )
        self._is_google = (urlsplit(parameters.endpoint).hostname or "").endswith(_GOOGLE)
        self._accepted = Accepted(demands_checksums=parameters.checksums == "always")
        self._signing = PerProcess(lambda: _Signing(parameters, sdk))

    @property
    def is_seaweedfs(self) -> bool:
        """Whether the server says that it is SeaweedFS; False before the first answer."""
        return (self.server or "").startswith("SeaweedFS")

    @property
    def keeps_conditions(self) -> bool:
        """Whether the server is known to write only under the condition of a request; others may pass over it."""
        return _KEEPS_CONDITIONS.match(self.server or "") is not None

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
        """As the same method of `storagedriver.adapter.http.bucket.Requests`."""

        def send(accepted: Mapping[str, str]) -> Answer:
            sign = self._signer(method, key, query, accepted, body)
            return self._record(method, key, body, lambda: self._http.request(sign, body=body, **options))

        was_known = self._is_google
        answer = self._accepted.send(headers or {}, body, send)
        if method == "GET" and _is_decompressed(answer):
            if was_known:
                raise InvalidAnswerError(_DECOMPRESSED)
            return self.send(method, key, query, headers, body=body, **options)
        return answer

    def open(self, key: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """As the same method of `storagedriver.adapter.http.bucket.Requests`."""

        def send(accepted: Mapping[str, str]) -> HTTPBody:
            sign = self._signer("GET", key, None, accepted, None)
            return self._record("GET", key, None, lambda: self._http.stream(sign, entry))

        was_known = self._is_google
        body = self._accepted.send(headers, None, send)
        self._notice(body.answer)
        if _is_decompressed(body.answer):
            body.close()
            if was_known:
                raise InvalidAnswerError(_DECOMPRESSED)
            return self.open(key, headers, entry)
        return body

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self._http.close()

    def _signer(
        self,
        method: str,
        key: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        body: memoryview | None,
    ) -> Callable[[], Signed]:
        signing = self._signing.get()
        if self._is_google and key and not query and method in ("GET", "HEAD"):
            # Else it decompresses what was stored in gzip.
            headers = {**headers, "Accept-Encoding": "gzip"}
        asked = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
        if not self._parameters.signs_payloads:
            payload = UNSIGNED
        else:
            payload = _NONE if body is None else hashlib.sha256(body).hexdigest()
        return lambda: signing.sign(method, key, asked, headers, payload)

    def _notice(self, answer: Answer) -> None:
        self.server = answer.headers.get("Server", self.server or "")
        if _OF_GOOGLE in answer.headers:
            self._is_google = True

    def _record(self, method: str, key: str, body: memoryview | None, send: Callable[[], T]) -> T:
        """Do it, and log it as far as `loglevel` asks for it."""
        start = time.monotonic()
        outcome = "done"
        try:
            answer = send()
            if isinstance(answer, Answer):
                self._notice(answer)
        except AnswerError as error:
            self._notice(error.answer)
            # Never an answer's text, which may quote a signature.
            outcome = " ".join(filter(None, (type(error).__name__, code_of(error), str(error.answer.status))))
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        else:
            return answer
        finally:
            level = self._parameters.loglevel
            quiet = ("off", "debugwithrequesterrors", "debugwithrequestretries") if outcome == "done" else ("off",)
            if level not in quiet:
                size = f" {len(body)} bytes" if level == "debugwithhttpbody" and body is not None else ""
                who = self._parameters.accesskey or "the credentials of the environment"
                how = f" as {who}" if level == "debugwithsigning" else ""
                took = (time.monotonic() - start) * 1000
                _log.debug("%s %r%s%s: %s in %.0f ms", method, key, size, how, outcome, took)


def _is_decompressed(answer: Answer) -> bool:
    """Whether the content is another than the one that Google has stored."""
    return answer.headers.get(_OF_GOOGLE, _AS_IT_IS) != _AS_IT_IS and "Content-Encoding" not in answer.headers


class _Signing:
    """What one process signs with: the bucket's URL, the region, and the credentials of the moment."""

    def __init__(self, parameters: S3Parameters, sdk: SDK) -> None:
        self._sdk = sdk
        self._agent = f"storagedriver/{__about__.VERSION} {parameters.useragent}".strip()
        place = place_of(parameters, parameters.endpoint, sdk)
        self._url = place.url
        self._signer: Signer = SignerV4(place.region)
        if not parameters.v4auth:
            self._signer = SignerV2(parameters.bucket, in_host=place.in_host(parameters.bucket))
        self._credentials: Credentials | None = None
        self._asked = 0.0
        if parameters.accesskey:
            self._credentials, self._asked = Credentials(parameters.accesskey, parameters.secretkey), math.inf

    def sign(
        self, method: str, key: str, query: list[tuple[str, str]], headers: Mapping[str, str], payload: str
    ) -> Signed:
        url = self._url + quoted(key)
        return self._signer.sign(self._current(), method, url, query, {**headers, "User-Agent": self._agent}, payload)

    def _current(self) -> Credentials:
        now = time.monotonic()
        if self._credentials is None or now - self._asked > _FRESH:
            self._credentials, self._asked = self._sdk.credentials(), now
        if self._credentials is None:
            raise NoCredentialsError
        return self._credentials
