"""The driver ``inmemory``: objects in the memory of this process, for tests and for trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.inmemory.store import InMemoryStore
from storagedriver.parameters import NamingParameters, parse

__all__ = ["InMemoryParameters", "InMemoryStore", "create"]


@dataclass(frozen=True)
class InMemoryParameters(NamingParameters):
    """The driver has none of its own."""


def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver; each has a store of its own."""
    return FsspecDriver(InMemoryStore("inmemory"), parse(InMemoryParameters, "inmemory", parameters))
