"""The driver's parameters in the words of the filesystem ``swift``, which is of this package."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from storagedriver.drivers.swift.layout import Layout
from storagedriver.drivers.swift.parameters import SwiftParameters
from storagedriver.translation import Translation, place

__all__ = ["options", "translate"]


def options(parameters: SwiftParameters) -> dict[str, Any]:
    """The options of the filesystem; what is empty is left out."""
    found: dict[str, Any] = {name: value for name, value in asdict(parameters.credentials).items() if value}
    found.update(verify=not parameters.insecureskipverify, timeout=parameters.timeout)
    if parameters.secretkey:
        found["temp_url_key"] = parameters.secretkey
    return found


def translate(parameters: SwiftParameters) -> Translation:
    """The URL of the registry's folder for files, and the options of the filesystem."""
    return place("swift", parameters.container, Layout(parameters.prefix).files), {
        **options(parameters),
        "block_size": parameters.chunksize,
    }
