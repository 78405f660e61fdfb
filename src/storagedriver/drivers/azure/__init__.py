"""The driver ``azure``: Azure Blob Storage and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import needing_extra

__all__ = ["create"]

_NAME = "azure"


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver ``azure``. This is offline.

    Parameters
    ----------
    parameters : mapping
        The registry's parameters and ours, see `storagedriver.drivers.azure.parameters.AzureParameters`.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be.
    MissingExtraError
        If adlfs, azure-identity or urllib3 is not installed.
    """
    with needing_extra(_NAME, "azure"):
        from storagedriver.drivers.azure.parameters import load  # noqa: PLC0415 - needs the SDK, an extra
        from storagedriver.drivers.azure.store import AzureStore  # noqa: PLC0415 - the same

        loaded = load(_NAME, parameters)
        return FsspecDriver(AzureStore(_NAME, loaded), loaded[0])
