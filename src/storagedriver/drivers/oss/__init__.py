"""The driver ``oss``: Alibaba Cloud's Object Storage Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.oss.parameters import load
from storagedriver.drivers.oss.translation import translate as translate_parameters
from storagedriver.errors import needing_extra
from storagedriver.translation import Translation, translated_by

__all__ = ["create", "translate"]


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for ossfs."""
    return translate_parameters(load("oss", parameters))


@translated_by(translate)
def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver. This is offline.

    Parameters
    ----------
    parameters : mapping
        The registry's parameters and ours, see `storagedriver.drivers.oss.parameters.OSSParameters`.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be.
    MissingExtraError
        If ossfs is not installed.
    """
    with needing_extra("oss", "oss"):
        from storagedriver.drivers.oss.store import OSSStore  # noqa: PLC0415 - needs httptools and urllib3, an extra

        parsed = load("oss", parameters)
        return FsspecDriver(OSSStore("oss", parsed), parsed)
