"""The driver ``gcs``: Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.gcs.parameters import load
from storagedriver.errors import ParameterError, needing_extra

__all__ = ["create"]

_NAME = "gcs"


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver ``gcs``. This is offline; a key file is read, though.

    Parameters
    ----------
    parameters : mapping
        The registry's parameters and ours, see `storagedriver.drivers.gcs.parameters.GCSParameters`.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be.
    MissingExtraError
        If gcsfs is not installed.
    """
    with needing_extra(_NAME, "gcs"):
        from storagedriver.drivers.gcs.store import GCSStore  # noqa: PLC0415 - needs google-auth, an extra

        parsed = load(_NAME, parameters)
        try:
            return FsspecDriver(GCSStore(_NAME, parsed), parsed)
        except ParameterError as error:
            error.driver_name = _NAME
            raise
