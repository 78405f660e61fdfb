"""The driver ``fsspec``: any filesystem that fsspec knows; and `fsspec_driver`, which gives one a name of its own."""

from __future__ import annotations

from storagedriver.drivers.fsspec.driver import create, translate
from storagedriver.drivers.fsspec.named import NamedDriver, fsspec_driver
from storagedriver.drivers.fsspec.traits import Traits

__all__ = ["NamedDriver", "Traits", "create", "fsspec_driver", "translate"]
