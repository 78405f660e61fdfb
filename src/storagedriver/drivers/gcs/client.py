"""The requests: gcsfs brings the credentials, the endpoint and the client; the hot requests are sent by ours."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from storagedriver.adapter.http.client import Answer, AnswerError, HTTPClient, Repeat, Signed
from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.loop import run_on
from storagedriver.drivers.gcs.credentials import emulator, token_of
from storagedriver.drivers.gcs.errors import PASSING, is_broken_connection
from storagedriver.drivers.gcs.parameters import GCSParameters

__all__ = ["OK", "Client"]

T = TypeVar("T")

OK = range(200, 300)
_UNAUTHORIZED = 401
#: A header of Google's own answers, which are sent from behind other names too.
_GOOGLE = "X-GUploader-UploadID"
_ATTEMPTS = 5
_FIRST_PAUSE = 0.1


class Client:
    """The connection to one endpoint, made by each process when it first needs it.

    Parameters
    ----------
    parameters : GCSParameters
        Where the store is, and who asks.

    Attributes
    ----------
    http : HTTPClient
        The blocking connections.
    timeout : float
        Seconds within which a request is answered.
    says_generation : bool
        Whether the server says with a content which generation it is; true until it did not.
    status_publishes : bool or None
        Whether a session that is asked for its status is published, as
        fake-gcs-server does it; None until that is known.
    """

    def __init__(self, parameters: GCSParameters) -> None:
        self.http = HTTPClient(timeout=parameters.timeout)
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
    def endpoint(self) -> str:
        """The URL of the server, without a path."""
        return str(self.filesystem._location)  # noqa: SLF001 - gcsfs decides it, and says it nowhere else

    @property
    def is_google(self) -> bool:
        """Whether the server is Google's own, also under a private endpoint, and no emulator."""
        host = urlsplit(self.endpoint).hostname or ""
        return not self.is_custom or host.endswith(".googleapis.com")

    @property
    def is_custom(self) -> bool:
        """Whether the endpoint was given, by the parameter or the environment."""
        return bool(self._parameters.endpoint or emulator())

    def signed(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Callable[[], Signed]:
        """A signed request, with a token that is good whenever it is sent."""
        return lambda: Signed(method, url, self._headers(headers))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        repeat: Repeat = "idempotent",
        expected: Collection[int] = OK,
        extra_time: float = 0.0,
    ) -> Answer:
        """Send a request and read the whole answer, see `HTTPClient.request`."""
        answer = self.http.request(
            self.signed(method, url, headers),
            body=body,
            repeat=repeat,
            expected=expected,
            refresh=self.refresh,
            extra_time=extra_time,
        )
        if self.status_publishes is None and (self.is_google or _GOOGLE in answer.headers):
            self.status_publishes = False
        return answer

    def refresh(self) -> None:
        """Have gcsfs get a new token, though it holds the present one for good."""
        holder = self.filesystem.credentials
        if holder.credentials is not None:
            holder.credentials.token = None
            holder.maybe_refresh()

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the filesystem's loop and wait for it.

        A coroutine that somebody cancels is an error here; `fsspec.asyn.sync`
        would return None for it, which looks like success.
        """
        # Here and not on the loop, where everybody would wait for it.
        self.filesystem.credentials.maybe_refresh()
        return self._run(make)

    def call(self, method: str, path: str, *names: str, **options: Any) -> Answer:
        """As `send`, from any thread but the loop's."""
        return self.run(lambda: self.send(method, path, *names, **options))

    async def send(
        self,
        method: str,
        path: str,
        *names: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Collection[int] = OK,
    ) -> Answer:
        """Send a request with the filesystem's client, again after a failure that may pass.

        Not by the filesystem's `_call`: that one goes on for a minute and more
        whatever the timeout, and of an answer it keeps too little to tell a
        missing bucket from a missing key.

        Parameters
        ----------
        method : str
            The HTTP method. The request must be one that may be repeated.
        path : str
            A URL, or a path below the JSON API, with ``{}`` for each of `names`.
        params, headers : mapping, optional
            The query, and headers besides those of the credentials.
        expected : collection of int
            The statuses that are an answer; any other raises `AnswerError`.
        """
        now = asyncio.get_running_loop().time
        end = now() + self.timeout
        url = self.filesystem._format_path(path, names)  # noqa: SLF001 - its quoting
        refreshed = False
        attempt = 0
        while True:
            attempt += 1
            pause = _FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            try:
                answer = await asyncio.wait_for(self._once(method, url, params, headers), max(0.001, end - now()))
            except Exception as error:
                if not is_broken_connection(error) or attempt == _ATTEMPTS or now() + pause >= end:
                    raise
            else:
                if answer.status in expected:
                    return answer
                if answer.status == _UNAUTHORIZED and not refreshed:
                    refreshed = True
                    await asyncio.to_thread(self.refresh)
                    continue
                asked = answer.headers.get("Retry-After", "")
                pause = max(pause, float(asked)) if asked.isdecimal() else pause
                if answer.status not in PASSING or attempt == _ATTEMPTS or now() + pause >= end:
                    raise AnswerError(answer, Signed(method, url))
            await asyncio.sleep(pause)

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self.http.close()
        filesystem = self._filesystems.peek()
        session = getattr(filesystem, "_session", None)
        if session is not None:
            filesystem._session = None  # type: ignore[union-attr] # noqa: SLF001 - it would not open another one
            self._run(session.close)

    def _run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return run_on(self.filesystem.loop, make)

    async def _once(
        self, method: str, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> Answer:
        session = await self.filesystem._set_session()  # noqa: SLF001 - the client of its requests
        async with session.request(
            method, url, params=params, headers=self._headers(headers), allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        given = dict(headers or {})
        if self._parameters.useragent:
            given["User-Agent"] = self._parameters.useragent
        signed: dict[str, str] = self.filesystem._get_headers(given)  # noqa: SLF001 - the token, renewed if need be
        return signed

    def _make_filesystem(self) -> Any:
        # Not the package's default class: on an emulator it waits a minute for a gRPC service.
        from gcsfs.core import GCSFileSystem  # noqa: PLC0415 - slow to load

        return GCSFileSystem(
            token=token_of(self._parameters),
            endpoint_url=self._parameters.endpoint.rstrip("/") or emulator() or None,
            requests_timeout=None,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
