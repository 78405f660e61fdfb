"""Drivers by name, modelled on the registry's factory and on Go's ``database/sql``.

A driver's name leads to a callable that takes the registry's map of parameters
and gives a `StorageDriver`. It comes from `register`, or from the entry point
group ``storagedriver.drivers`` of any installed package, which is loaded only
when `create` asks for it::

    from storagedriver import factory

    driver = factory.create("s3", {"bucket": "registry", "region": "eu-west-1"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidStorageDriverError
from storagedriver.plugins import Plugins

__all__ = ["GROUP", "HINTS", "DriverFactory", "create", "names", "register", "unregister"]

#: The entry point group that drivers are found in.
GROUP = "storagedriver.drivers"
#: The entry point group of what to use in place of a driver that is not there: by its name, a text in one line.
HINTS = "storagedriver.hints"

DriverFactory = Callable[[Mapping[str, Any]], StorageDriver]

_drivers: Plugins[DriverFactory] = Plugins(GROUP, "driver", InvalidStorageDriverError, hints=HINTS)


def register(name: str, factory: DriverFactory | None) -> None:
    """Make a driver available by a name; it wins over an entry point of that name.

    Parameters
    ----------
    name : str
        The name for `create`.
    factory : callable
        Takes the map of parameters and gives the driver.

    Raises
    ------
    ValueError
        If `factory` is None, or if the name is registered already.
    """
    _drivers.register(name, factory)


def unregister(name: str) -> None:
    """Take back what `register` did.

    Raises
    ------
    KeyError
        If nothing is registered by that name.
    """
    _drivers.unregister(name)


def names() -> list[str]:
    """The names that `create` knows, sorted. Nothing is loaded for it."""
    return _drivers.names()


def create(name: str, parameters: Mapping[str, Any] | None = None) -> StorageDriver:
    """Make a driver. This is offline: no connection is opened.

    Parameters
    ----------
    name : str
        The driver's name: ``filesystem``, ``s3``, ...
    parameters : mapping, optional
        The registry's own parameters, as its ``config.yml`` has them.

    Raises
    ------
    InvalidStorageDriverError
        If there is no driver of this name, or more than one package brings it.
    MissingExtraError
        If a package that the driver needs is not installed.
    ParameterError
        If a parameter is missing or has a bad value.
    """
    return _drivers.get(name)(dict(parameters or {}))
