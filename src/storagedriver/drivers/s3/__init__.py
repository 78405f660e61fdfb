"""The driver ``s3``, also registered as ``s3aws`` and ``s3_v2``: Amazon S3 and the stores that speak its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.s3.parameters import load
from storagedriver.drivers.s3.translation import translate as translate_parameters
from storagedriver.errors import needing_extra
from storagedriver.translation import Translation, translated_by

__all__ = ["HINT", "create", "create_s3_v2", "create_s3aws", "translate"]

#: For those who look for a driver of their own for a store that this one speaks to.
HINT = "the driver s3 speaks to every store of its protocol, set its regionendpoint"


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for s3fs."""
    return _translate("s3", parameters)


def translate_s3aws(parameters: Mapping[str, Any]) -> Translation:
    """The same, with the other name in errors."""
    return _translate("s3aws", parameters)


def translate_s3_v2(parameters: Mapping[str, Any]) -> Translation:
    """The same, with the third name."""
    return _translate("s3_v2", parameters)


@translated_by(translate)
def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver ``s3``. This is offline.

    Parameters
    ----------
    parameters : mapping
        The registry's parameters and ours, see `storagedriver.drivers.s3.parameters.S3Parameters`.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be.
    MissingExtraError
        If s3fs is not installed.
    """
    return _create("s3", parameters)


@translated_by(translate_s3aws)
def create_s3aws(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the same driver under the registry's other name for it, ``s3aws``."""
    return _create("s3aws", parameters)


@translated_by(translate_s3_v2)
def create_s3_v2(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the same driver under the name that GitLab's registry has for its newer one, ``s3_v2``."""
    return _create("s3_v2", parameters)


def _translate(name: str, parameters: Mapping[str, Any]) -> Translation:
    with needing_extra(name, "s3"):
        return translate_parameters(load(name, parameters))


def _create(name: str, parameters: Mapping[str, Any]) -> FsspecDriver:
    with needing_extra(name, "s3"):
        from storagedriver.drivers.s3.store import S3Store  # noqa: PLC0415 - needs botocore, an extra

        parsed = load(name, parameters)
        return FsspecDriver(S3Store(name, parsed), parsed)
