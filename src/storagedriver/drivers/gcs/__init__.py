"""The driver ``gcs``, also registered as ``gcs_next``: Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.gcs.parameters import load
from storagedriver.errors import ParameterError, needing_extra

__all__ = ["HINT", "create", "create_gcs_next"]

#: For those who look for it by another name.
HINT = "the driver for Google Cloud Storage is gcs"


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
    return _create("gcs", parameters)


def create_gcs_next(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the same driver under the name that GitLab's registry has for its newer one, ``gcs_next``."""
    return _create("gcs_next", parameters)


def _create(name: str, parameters: Mapping[str, Any]) -> FsspecDriver:
    with needing_extra(name, "gcs"):
        from storagedriver.drivers.gcs.store import GCSStore  # noqa: PLC0415 - needs google-auth, an extra

        parsed = load(name, parameters)
        try:
            return FsspecDriver(GCSStore(name, parsed), parsed)
        except ParameterError as error:
            error.driver_name = name
            raise
