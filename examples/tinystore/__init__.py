"""The driver ``tinystore``: the smallest complete backend, which docs/writing-a-backend.md explains.

Its store is made up, and so is its protocol: a server of it is in ``tests/examples/tinystore_server.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.tinystore.requests import load
from examples.tinystore.store import TinyStore
from storagedriver.adapter.driver import FsspecDriver

__all__ = ["create"]


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver, for `storagedriver.factory`. This is offline."""
    parsed = load("tinystore", parameters)
    return FsspecDriver(TinyStore("tinystore", parsed), parsed)
