"""The requests, sent by the HTTP client. gcsfs brings the credentials, and is not loaded where none are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from storagedriver.adapter.http.answer import Answer, HTTPBody, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.document import with_json
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.store import Entry
from storagedriver.drivers.gcs.credentials import emulator, is_anonymous, token_of
from storagedriver.drivers.gcs.errors import is_passing
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.drivers.gcs.translation import options
from storagedriver.errors import InvalidAnswerError

__all__ = ["OK", "Client"]

T = TypeVar("T")

OK = range(200, 300)
_GOOGLE = "https://storage.googleapis.com"
#: A header of Google's own answers, which are sent from behind other names too.
_UPLOADER = "X-GUploader-UploadID"


class Client:
    """The connection to one endpoint, made by each process when it first needs it.

    Parameters
    ----------
    parameters : GCSParameters
        Where the store is, and who asks.

    Attributes
    ----------
    endpoint : str
        The URL of the server, without a path.
    is_anonymous : bool
        Whether requests carry no token.
    timeout : float
        Seconds within which a request is answered.
    says_generation : bool
        Whether the server says with a content which generation it is; true until it did not.
    status_publishes : bool or None
        Whether a session that is asked for its status is published, as
        fake-gcs-server does it; None until that is known.
    """

    def __init__(self, parameters: GCSParameters) -> None:
        self.endpoint = parameters.endpoint.rstrip("/") or emulator() or _GOOGLE
        self._http = HTTPClient(timeout=parameters.timeout, is_passing=is_passing)
        self.is_anonymous = is_anonymous(parameters)
        self.timeout = parameters.timeout
        self.says_generation = True
        self.status_publishes: bool | None = None
        self._parameters = parameters
        self._filesystems = PerProcess(self._make_filesystem)

    @property
    def filesystem(self) -> Any:
        """The gcsfs filesystem of this process."""
        return self._filesystems.get()

    @property
    def is_google(self) -> bool:
        """Whether the server is Google's own, also under a private endpoint, and no emulator."""
        host = urlsplit(self.endpoint).hostname or ""
        return not self.is_custom or host.endswith(".googleapis.com")

    @property
    def is_custom(self) -> bool:
        """Whether the endpoint was given, by the parameter or the environment."""
        return bool(self._parameters.endpoint or emulator())

    def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """Send a request and read the whole answer; the options are those of `HTTPClient.request`."""
        answer = self._http.request(self._signed(method, url, headers), refresh=self._refresh, **options)
        if self.status_publishes is None and (self.is_google or _UPLOADER in answer.headers):
            self.status_publishes = False
        return answer

    def stream(self, url: str, headers: Mapping[str, str], entry: Callable[[Answer], Entry]) -> HTTPBody:
        """GET a content as a stream; `entry` reads the answer's head."""
        return self._http.stream(self._signed("GET", url, headers), entry, refresh=self._refresh)

    def call(
        self, method: str, path: str, *names: str, params: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """Send a request of the JSON API, one that may be repeated.

        Parameters
        ----------
        method : str
            The HTTP method.
        path : str
            The path below the API, with ``{}`` for each of `names`.
        params : mapping, optional
            The query.
        **options
            As for `request`.
        """
        url = f"{self.endpoint}/storage/v1/{path.format(*(quote(name, safe='') for name in names))}"
        return self.request(method, f"{url}?{urlencode(params)}" if params else url, **options)

    def ask(self, method: str, path: str, *names: str, kind: str = "", **options: Any) -> dict[str, Any]:
        """The same for a request that is answered with a JSON object, of this kind if one is given.

        Raises
        ------
        InvalidAnswerError
            If it is answered with something else.
        """
        what = f"{method} of {'/'.join(names)}"
        read = with_json(dict, what)

        def of_the_kind(answer: Answer) -> Answer:
            answer = read(answer)
            if kind and answer.document.get("kind") != kind:
                raise InvalidAnswerError(f"{what} was answered with no {kind}")
            return answer

        resource: dict[str, Any] = self.call(method, path, *names, interpret=of_the_kind, **options).document
        return resource

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self._http.close()

    @property
    def _refresh(self) -> Callable[[], None] | None:
        return None if self.is_anonymous else self._renew

    def _renew(self) -> None:
        """Have gcsfs get a new token, though it holds the present one for good."""
        holder = self.filesystem.credentials
        if holder.credentials is not None:
            holder.credentials.token = None
            holder.maybe_refresh()

    def _signed(self, method: str, url: str, headers: Mapping[str, str] | None) -> Callable[[], Signed]:
        """A request with a token that is good whenever it is sent."""
        given = dict(headers or {})
        if self._parameters.useragent:
            given["User-Agent"] = self._parameters.useragent
        if self.is_anonymous:
            return lambda: Signed(method, url, given)

        def sign() -> Signed:
            credentials = self.filesystem.credentials
            credentials.maybe_refresh()
            signed = dict(given)
            credentials.apply(signed)
            return Signed(method, url, signed)

        return sign

    def _make_filesystem(self) -> Any:
        # Not the package's default class: on an emulator it waits a minute for a gRPC service.
        from gcsfs.core import GCSFileSystem  # noqa: PLC0415 - slow to load

        found = options(self._parameters)
        # The token of a key is waited for no longer than for anything else.
        found["token"] = token_of(self._parameters)
        return GCSFileSystem(**found, requests_timeout=None, use_listings_cache=False, skip_instance_cache=True)
