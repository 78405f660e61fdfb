"""The driver ``gcs``, also registered as ``gcs_next``: Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.gcs.parameters import load
from storagedriver.errors import ParameterError, needing_extra
from storagedriver.translation import Translation, translated_by

__all__ = ["HINT", "create", "create_gcs_next", "translate"]

#: For those who look for it by another name.
HINT = "the driver for Google Cloud Storage is gcs"


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for gcsfs. A key file is read."""
    return _translate("gcs", parameters)


def translate_gcs_next(parameters: Mapping[str, Any]) -> Translation:
    """The same, with the other name in errors."""
    return _translate("gcs_next", parameters)


@translated_by(translate)
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


@translated_by(translate_gcs_next)
def create_gcs_next(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the same driver under the name that GitLab's registry has for its newer one, ``gcs_next``."""
    return _create("gcs_next", parameters)


def _translate(name: str, parameters: Mapping[str, Any]) -> Translation:
    with needing_extra(name, "gcs"):
        from storagedriver.drivers.gcs.translation import translate as translated  # noqa: PLC0415 - as the store

        parsed = load(name, parameters)
        try:
            return translated(parsed)
        except ParameterError as error:
            error.driver_name = name
            raise


def _create(name: str, parameters: Mapping[str, Any]) -> FsspecDriver:
    with needing_extra(name, "gcs"):
        from storagedriver.drivers.gcs.store import GCSStore  # noqa: PLC0415 - needs google-auth, an extra

        parsed = load(name, parameters)
        try:
            return FsspecDriver(GCSStore(name, parsed), parsed)
        except ParameterError as error:
            error.driver_name = name
            raise
