"""The driver ``azure``, also registered as ``azure_v2``: Azure Blob Storage and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import needing_extra
from storagedriver.translation import Translation, translated_by

__all__ = ["HINT", "create", "create_azure_v2", "translate"]

#: For those who look for it by another name.
HINT = "the driver for Azure Blob Storage is azure"


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for adlfs."""
    return _translate("azure", parameters)


def translate_azure_v2(parameters: Mapping[str, Any]) -> Translation:
    """The same, with the other name in errors."""
    return _translate("azure_v2", parameters)


@translated_by(translate)
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
    return _create("azure", parameters)


@translated_by(translate_azure_v2)
def create_azure_v2(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the same driver under the name that GitLab's registry has for its newer one, ``azure_v2``."""
    return _create("azure_v2", parameters)


def _translate(name: str, parameters: Mapping[str, Any]) -> Translation:
    with needing_extra(name, "azure"):
        from storagedriver.drivers.azure.parameters import load  # noqa: PLC0415 - needs the SDK, an extra
        from storagedriver.drivers.azure.translation import translate as translated  # noqa: PLC0415 - the same

        return translated(*load(name, parameters))


def _create(name: str, parameters: Mapping[str, Any]) -> FsspecDriver:
    with needing_extra(name, "azure"):
        from storagedriver.drivers.azure.parameters import load  # noqa: PLC0415 - needs the SDK, an extra
        from storagedriver.drivers.azure.store import AzureStore  # noqa: PLC0415 - the same

        loaded = load(name, parameters)
        return FsspecDriver(AzureStore(name, loaded), loaded[0])
