"""The SDK behind the driver: s3fs, which knows Amazon's endpoints and gets the credentials of the environment.

No request about an object is sent by it. It is loaded when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from storagedriver.adapter.limits import PerProcess
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.drivers.s3.signer import Credentials
from storagedriver.drivers.s3.translation import options
from storagedriver.drivers.s3.urls import Place

__all__ = ["SDK"]

T = TypeVar("T")

#: An open stream keeps its connection: with fewer connections than streams a request would wait for its own reader.
_CONNECTIONS = 4096


class SDK:
    """s3fs for one endpoint, made by each process when it first needs it.

    Parameters
    ----------
    parameters : S3Parameters
        Where the store is, and how to speak to it.
    endpoint : str
        The URL of the server, ``""`` for the one that the region says.
    """

    def __init__(self, parameters: S3Parameters, endpoint: str) -> None:
        self._parameters = parameters
        self._endpoint = endpoint
        self._own = PerProcess(self._make_own)
        self._given = PerProcess(self._make_filesystem)

    @property
    def filesystem(self) -> Any:
        """The s3fs filesystem of this process, for users: on fsspec's event loop. No call of the driver uses it."""
        return self._given.get()

    def credentials(self) -> Credentials | None:
        """The credentials of the environment, renewed if need be; None if there are none."""
        filesystem = self._own.get()

        async def frozen() -> Any:
            await filesystem.set_session()
            found = await filesystem.session.get_credentials()
            return None if found is None else await found.get_frozen_credentials()

        found = self._run(frozen)
        return None if found is None else Credentials(found.access_key, found.secret_key, found.token or "")

    def place(self) -> Place:
        """Where the bucket is."""
        url = urlsplit(self.presign("get_object", "k", timedelta(hours=1)))
        scope = parse_qs(url.query).get("X-Amz-Credential", ["////"])[0].split("/")
        return Place(f"{url.scheme}://{url.netloc}{url.path[:-1]}", scope[2])

    def presign(self, operation: str, key: str, expires: timedelta) -> str:
        """A signed URL.

        Parameters
        ----------
        operation : str
            The SDK's name of the request.
        key : str
            The object, with the root directory.
        expires : timedelta
            Its life.

        Raises
        ------
        botocore.exceptions.NoCredentialsError
            If there are no credentials to sign with.
        """

        async def url() -> Any:
            filesystem = self._own.get()
            await filesystem.set_session()
            sdk = await filesystem.get_s3(self._parameters.bucket)
            return await sdk.generate_presigned_url(
                operation,
                Params={"Bucket": self._parameters.bucket, "Key": key},
                ExpiresIn=max(1, int(expires.total_seconds())),
            )

        return str(self._run(url))

    def close(self) -> None:
        """Close the connections of this process."""
        for filesystem in (self._own.peek(), self._given.peek()):
            sdk = getattr(filesystem, "_s3", None)
            if filesystem is not None and sdk is not None:
                from storagedriver.adapter.loop import close_on  # noqa: PLC0415 - as below

                close_on(filesystem.loop, sdk.close, self._parameters.timeout)

    def _run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        from storagedriver.adapter.loop import run_on  # noqa: PLC0415 - asyncio is slow to load

        return run_on(self._own.get().loop, make)

    def _make_own(self) -> Any:
        from storagedriver.adapter.loop import own_loop  # noqa: PLC0415 - as above

        return self._make_filesystem(loop=own_loop())

    def _make_filesystem(self, **own: Any) -> Any:
        from s3fs import S3FileSystem  # noqa: PLC0415 - slow to load, and an extra

        found = options(self._parameters, self._endpoint)
        found["config_kwargs"]["max_pool_connections"] = _CONNECTIONS
        if self._endpoint.startswith("http://"):
            # Without TLS there is nothing to verify, and loading the certificates takes long.
            found["client_kwargs"]["verify"] = False
        return S3FileSystem(**found, **own, skip_instance_cache=True, use_listings_cache=False)
