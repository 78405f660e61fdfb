"""The requests: the filesystem's own client, and around each request its deadline, retries and log."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import random
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.credentials import ReadOnlyCredentials

from storagedriver.adapter.limits import PerProcess
from storagedriver.adapter.loop import run_on
from storagedriver.drivers.s3.errors import error_code, is_transient, status
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.errors import UnavailableError

__all__ = ["COPY_RATE", "Client"]

T = TypeVar("T")

#: The slowest copying store that is waited for, in bytes a second.
COPY_RATE = 16 << 20

_ATTEMPTS = 6
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
#: An open stream keeps its connection, and nobody bounds how many are open:
#: with fewer connections than streams a request would wait for its own reader.
_CONNECTIONS = 4096
#: For what is done on the plain filesystem; our requests have deadlines of their own.
_READ_TIMEOUT = 60.0

_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")

_log = logging.getLogger("storagedriver.s3")


class Client:
    """The connection to one endpoint, made by each process when it first needs it.

    Parameters
    ----------
    parameters : S3Parameters
        Where the store is, and how to speak to it.
    endpoint : str
        The URL of the server, ``""`` for the one that the region says.

    Attributes
    ----------
    server : str or None
        The ``Server`` header of the last answer that had one; None before the first answer.
    """

    def __init__(self, parameters: S3Parameters, endpoint: str) -> None:
        self.server: str | None = None
        self.timeout = parameters.timeout
        self._parameters = parameters
        self._endpoint = endpoint
        self._connections = PerProcess(lambda: _Connection(self._make_filesystem()))

    @property
    def is_seaweedfs(self) -> bool:
        """Whether the server says that it is SeaweedFS; False before the first answer."""
        return (self.server or "").startswith("SeaweedFS")

    @property
    def filesystem(self) -> Any:
        """The s3fs filesystem of this process."""
        return self._connections.get().filesystem

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the filesystem's loop and wait for it.

        A coroutine that somebody cancels is an error here; `fsspec.asyn.sync`
        would return None for it, which looks like success.
        """
        return run_on(self.filesystem.loop, make)

    async def call(self, method: str, *, extra_time: float = 0.0, **params: Any) -> dict[str, Any]:
        """Send a request, again if need be, and return the parsed answer.

        Parameters
        ----------
        method : str
            The SDK's name of the request.
        extra_time : float
            The seconds that it may take on top of `timeout`, for its body or
            for what the store has to do.
        **params
            Its parameters.
        """
        now = asyncio.get_running_loop().time
        end = now() + self.timeout + extra_time
        for number in range(1, _ATTEMPTS + 1):
            try:
                return await self._send(method, end, params)
            except Exception as error:
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (number - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                if not is_transient(error) or number == _ATTEMPTS or now() + pause >= end:
                    raise
                if self._parameters.loglevel not in ("off", "debugwithrequesterrors"):
                    _log.debug("%s is sent again in %.1f s, after %s", method, pause, _told(error))
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        connection = self._connections.peek()
        if connection is not None and connection.sdk is not None:
            self.run(connection.sdk.close)

    async def connected(self) -> Any:
        """The SDK's client, made and prepared if need be."""
        connection = self._connections.get()
        await connection.filesystem.set_session()
        sdk = await connection.filesystem.get_s3(self._parameters.bucket)
        if sdk is not connection.sdk:
            sdk.meta.events.register("before-call.s3", _stay_in_region)
            sdk.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
            if not self._parameters.v4auth:
                sdk.meta.events.register("before-sign.s3", _sign_what_is_sent)
            connection.sdk = sdk
        return sdk

    async def _send(self, method: str, end: float, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request once, and return the parsed answer if it comes before `end`, in the loop's time."""
        left = end - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(self._answer(method, params), max(0.001, left))
        except asyncio.TimeoutError as error:
            where = self._endpoint or "the store"
            raise UnavailableError(f"{where} did not answer within {self.timeout:g} s") from error

    async def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        try:
            sdk = await self.connected()
            response: dict[str, Any] = await getattr(sdk, method)(**params)
        except Exception as error:
            self._notice(getattr(error, "response", None) or {})
            self.record(method, params, start, error)
            raise
        self._notice(response)
        self.record(method, params, start, None)
        return response

    def _notice(self, response: Mapping[str, Any]) -> None:
        if "ResponseMetadata" in response:
            self.notice(response["ResponseMetadata"].get("HTTPHeaders", {}))

    def notice(self, headers: Mapping[str, str]) -> None:
        """Keep what the headers of an answer say of the server."""
        self.server = headers.get("server", self.server or "")

    async def credentials(self) -> Any:
        """The credentials of the moment, renewed if need be; None if there are none."""
        parameters = self._parameters
        if parameters.accesskey:
            return ReadOnlyCredentials(parameters.accesskey, parameters.secretkey, None)
        await self.connected()
        found = await self._connections.get().filesystem.session.get_credentials()
        return None if found is None else await found.get_frozen_credentials()

    def record(self, method: str, params: dict[str, Any], start: float, error: Exception | None) -> None:
        """Log a request as far as `loglevel` asks for it."""
        level = self._parameters.loglevel
        if level == "off" or (level in ("debugwithrequesterrors", "debugwithrequestretries") and error is None):
            return
        body = params.get("Body")
        size = f" {len(body)} bytes" if level == "debugwithhttpbody" and body is not None else ""
        how = ""
        if level == "debugwithsigning":
            how = f" as {self._parameters.accesskey or 'the credentials of the environment'}"
        took = (time.monotonic() - start) * 1000
        _log.debug("%s %r%s%s: %s in %.0f ms", method, params.get("Key", ""), size, how, _told(error), took)

    def _make_filesystem(self) -> Any:
        from s3fs import S3FileSystem  # noqa: PLC0415 - slow to load, and an extra

        parameters = self._parameters
        s3: dict[str, Any] = {
            "addressing_style": _addressing(parameters, self._endpoint),
            "payload_signing_enabled": parameters.signs_payloads,
        }
        if parameters.accelerate:
            s3["use_accelerate_endpoint"] = True
        config: dict[str, Any] = {
            "connect_timeout": parameters.timeout,
            "read_timeout": max(_READ_TIMEOUT, parameters.timeout + self._longest_copy() / COPY_RATE),
            "max_pool_connections": _CONNECTIONS,
            # `attempt` does it: botocore has no deadline over all attempts.
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "signature_version": "s3v4" if parameters.v4auth else "s3",
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "s3": s3,
        }
        if parameters.usedualstack:
            config["use_dualstack_endpoint"] = True
        if parameters.usefipsendpoint:
            config["use_fips_endpoint"] = True
        if parameters.useragent:
            config["user_agent_extra"] = parameters.useragent
        client: dict[str, Any] = {}
        if parameters.region:
            client["region_name"] = parameters.region
        if parameters.skipverify or self._endpoint.startswith("http://"):
            # Without TLS there is nothing to verify, and loading the certificates takes long.
            client["verify"] = False
        return S3FileSystem(
            key=parameters.accesskey or None,
            secret=parameters.secretkey or None,
            endpoint_url=self._endpoint or None,
            use_ssl=parameters.secure,
            config_kwargs=config,
            client_kwargs=client,
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    def _longest_copy(self) -> int:
        return max(self._parameters.multipartcopychunksize, self._parameters.multipartcopythresholdsize)


class _Connection:
    """What one process has: the filesystem, and the SDK's client in it that was prepared."""

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem
        self.sdk: Any = None


def _addressing(parameters: S3Parameters, endpoint: str) -> str:
    if parameters.forcepathstyle is not None:
        return "path" if parameters.forcepathstyle else "virtual"
    if not endpoint and _HOST_LABEL.fullmatch(parameters.bucket):
        # What "auto" comes to, but for signed URLs: those it makes for the
        # global endpoint, which new regions answer with a redirect.
        return "virtual"
    return "auto"


def _stay_in_region(context: dict[str, Any], **_: Any) -> None:
    """Keep botocore from looking for the bucket in another region.

    Our requests would succeed, each after two that fail, and signed URLs would
    not work at all: the user shall hear which region to set.
    """
    if "s3_redirect" in context:
        context["s3_redirect"]["redirected"] = True


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Send the MD5 that DeleteObjects was specified with; older servers know no other checksum."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"].setdefault("Content-MD5", base64.b64encode(digest).decode())


def _sign_what_is_sent(request: Any, **_: Any) -> None:
    """Sign the path of a bucket as it is sent: for version 2 botocore adds a ``/``, which servers do not find."""
    path = urlsplit(request.url).path
    if request.auth_path == path + "/":
        request.auth_path = path


def _told(error: BaseException | None) -> str:
    """What a log says of the outcome: never an answer's text, which may quote a signature."""
    if error is None:
        return "done"
    return " ".join(filter(None, (type(error).__name__, error_code(error), str(status(error) or ""))))
