"""The driver ``filesystem``: files below a root directory of a local, POSIX filesystem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.filesystem.parameters import FilesystemParameters
from storagedriver.drivers.filesystem.store import FilesystemStore
from storagedriver.parameters import parse

__all__ = ["FilesystemParameters", "FilesystemStore", "create"]


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver."""
    parsed = parse(FilesystemParameters, "filesystem", parameters)
    return FsspecDriver(FilesystemStore("filesystem", parsed), parsed)
