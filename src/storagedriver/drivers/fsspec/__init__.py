"""The driver ``fsspec``: any filesystem that fsspec knows, by URL or as an object."""

from __future__ import annotations

from storagedriver.drivers.fsspec.driver import create

__all__ = ["create"]
