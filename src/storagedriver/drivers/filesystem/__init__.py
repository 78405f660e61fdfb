"""The driver ``filesystem``: files below a root directory of a local, POSIX filesystem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.filesystem.parameters import FilesystemParameters
from storagedriver.drivers.filesystem.store import FilesystemStore
from storagedriver.parameters import parse
from storagedriver.translation import Translation, place, translated_by

__all__ = ["FilesystemParameters", "FilesystemStore", "create", "translate"]


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The parameters for fsspec's filesystem of the local disk."""
    root = Path(parse(FilesystemParameters, "filesystem", parameters).rootdirectory).absolute()
    return place("file", "", str(root).removeprefix("/")), {"auto_mkdir": True}


@translated_by(translate)
def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver."""
    parsed = parse(FilesystemParameters, "filesystem", parameters)
    return FsspecDriver(FilesystemStore("filesystem", parsed), parsed)
