"""The driver ``swift``: OpenStack Swift, with the registry's layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import needing_extra
from storagedriver.translation import Translation, translated_by

__all__ = ["create", "translate"]


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for the filesystem ``swift``."""
    with needing_extra("swift", "swift"):
        from storagedriver.drivers.swift.parameters import load  # noqa: PLC0415 - needs urllib3, an extra
        from storagedriver.drivers.swift.translation import translate as translated  # noqa: PLC0415 - the same

        return translated(load("swift", parameters))


@translated_by(translate)
def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver. This is offline.

    Parameters
    ----------
    parameters : mapping
        The registry's parameters and ours, see `storagedriver.drivers.swift.parameters.SwiftParameters`.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be.
    MissingExtraError
        If urllib3 or keystoneauth1 is not installed.
    """
    with needing_extra("swift", "swift"):
        from storagedriver.drivers.swift.parameters import load  # noqa: PLC0415 - needs urllib3, an extra
        from storagedriver.drivers.swift.store import SwiftStore  # noqa: PLC0415 - the same

        parsed = load("swift", parameters)
        return FsspecDriver(SwiftStore("swift", parsed), parsed)
