"""ossfs, the plain filesystem over the same bucket. No request of the driver is sent by it."""

from __future__ import annotations

from typing import Any

from storagedriver.adapter.limits import PerProcess
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.oss.translation import options

__all__ = ["SDK"]

#: ossfs cannot list without its cache, so it gets one that forgets soon, in seconds.
_CACHED = 1.0


class SDK:
    """ossfs, made by each process when it is first asked for.

    Parameters
    ----------
    parameters : OSSParameters
        Where the store is, and how to speak to it.
    """

    def __init__(self, parameters: OSSParameters) -> None:
        self._parameters = parameters
        self._filesystems = PerProcess(self._make_filesystem)

    @property
    def filesystem(self) -> Any:
        """The ossfs filesystem of this process."""
        return self._filesystems.get()

    def _make_filesystem(self) -> Any:
        from ossfs import OSSFileSystem  # noqa: PLC0415 - slow to load, and an extra

        parameters = self._parameters

        class FileSystem(OSSFileSystem):  # type: ignore[misc]
            """ossfs, which finds the bucket where the driver finds it."""

            def _get_bucket(self, bucket_name: str, connect_timeout: int | None = None) -> Any:
                return _adapted(super()._get_bucket(bucket_name, connect_timeout), parameters)

        return FileSystem(**options(parameters), listings_expiry_time=_CACHED, skip_instance_cache=True)


def _adapted(bucket: Any, parameters: OSSParameters) -> Any:
    """The same bucket, with the URLs and the version of the signature that the parameters say.

    oss2 guesses the URLs by the host alone, and ossfs signs in version 1.
    """
    if parameters.signs_v4:
        from oss2 import ProviderAuthV4  # noqa: PLC0415 - as ossfs

        bucket.auth = ProviderAuthV4(bucket.auth.credentials_provider)
        bucket.region = parameters.region_id

    def locate(name: str, key: str, slash_safe: bool = False) -> str:  # noqa: ARG001 - a slash needs no quoting
        return parameters.locate(name, key)

    bucket._make_url = locate  # noqa: SLF001 - it has no other way
    return bucket
