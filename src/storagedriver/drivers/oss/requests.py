"""The requests about a bucket: signed, sent by the HTTP client, and read as the documents that they must be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from storagedriver.adapter.http.answer import Answer, HTTPBody, Signed
from storagedriver.adapter.http.bucket import Requests as BucketRequests
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.store import Entry
from storagedriver.drivers.oss.errors import is_passing
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.oss.signer import Credentials, Request, Signer, SignerV1, SignerV4

__all__ = ["Requests"]


class Requests(BucketRequests):
    """Requests about a bucket and its objects.

    Parameters
    ----------
    parameters : OSSParameters
        Where the store is, and how to speak to it.
    """

    def __init__(self, parameters: OSSParameters) -> None:
        self._parameters = parameters
        self._http = HTTPClient(timeout=parameters.timeout, is_passing=is_passing)
        credentials = Credentials(parameters.accesskeyid.strip(), parameters.accesskeysecret.strip())
        self._signer: Signer = SignerV1(credentials)
        if parameters.signs_v4:
            self._signer = SignerV4(credentials, parameters.region_id)

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
        return self._http.request(self._signed(method, key, query, headers), body=body, **options)

    def open(self, key: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """As the same method of `storagedriver.adapter.http.bucket.Requests`."""
        return self._http.stream(self._signed("GET", key, None, headers), entry)

    def presign(self, method: str, key: str, expires: int) -> str:
        """A signed URL for a method and a key, which lives for some seconds."""
        return self._signer.presign(self._request(method, key), time.time(), expires)

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self._http.close()

    def _signed(
        self, method: str, key: str, query: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> Callable[[], Signed]:
        request = self._request(method, key, query, headers)
        return lambda: self._signer.sign(request, time.time())

    def _request(
        self,
        method: str,
        key: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        bucket = self._parameters.bucket
        asked = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
        return Request(method, self._parameters.locate(bucket, key), f"/{bucket}/{key}", asked, headers or {})
