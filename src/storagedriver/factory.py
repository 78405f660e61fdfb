"""Drivers by name, modelled on the registry's factory and on Go's ``database/sql``.

A driver's name leads to a callable that takes the registry's map of parameters
and gives a `StorageDriver`. It comes from `register`, or from the entry point
group ``storagedriver.drivers`` of any installed package, which is loaded only
when `create` asks for it::

    from storagedriver import factory

    driver = factory.create("s3", {"bucket": "registry", "region": "eu-west-1"})
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidStorageDriverError, StorageDriverError

__all__ = ["GROUP", "DriverFactory", "create", "names", "register", "unregister"]

#: The entry point group that drivers are found in.
GROUP = "storagedriver.drivers"

DriverFactory = Callable[[Mapping[str, Any]], StorageDriver]

_registered: dict[str, DriverFactory] = {}
#: What was found, by the name and the places where packages were looked for.
_loaded: dict[tuple[str, ...], DriverFactory] = {}


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
    if factory is None:
        message = f"the factory of the storage driver {name!r} must not be None"
        raise ValueError(message)
    if name in _registered:
        message = f"a storage driver named {name!r} is registered already"
        raise ValueError(message)
    _registered[name] = factory


def unregister(name: str) -> None:
    """Take back what `register` did.

    Raises
    ------
    KeyError
        If nothing is registered by that name.
    """
    del _registered[name]


def names() -> list[str]:
    """The names that `create` knows, sorted. Nothing is loaded for it."""
    return sorted({*_registered, *(point.name for point in entry_points(group=GROUP))})


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
    factory = _registered.get(name)
    if factory is None:
        factory = _load(name)
    return factory(dict(parameters or {}))


def _load(name: str) -> DriverFactory:
    # To read what all installed packages bring costs as much as twenty requests.
    place = (name, *sys.path)
    factory = _loaded.get(place)
    if factory is None:
        factory = _loaded[place] = _found(name)
    return factory


def _found(name: str) -> DriverFactory:
    points = {_identity(point): point for point in entry_points(group=GROUP, name=name)}
    if not points:
        known = names()
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        detail = f"there is no such driver; {hint}known are {', '.join(known)}"
        raise InvalidStorageDriverError(detail, driver_name=str(name))
    if len(points) > 1:
        packages = ", ".join(sorted(package for package, _ in points))
        detail = f"more than one package brings it: {packages}; uninstall all but one of them"
        raise InvalidStorageDriverError(detail, driver_name=name)
    (point,) = points.values()
    try:
        factory: DriverFactory = point.load()
    except StorageDriverError:
        raise
    except Exception as error:
        detail = f"{point.value} cannot be loaded: {error}"
        raise InvalidStorageDriverError(detail, driver_name=name) from error
    return factory


def _identity(point: EntryPoint) -> tuple[str, str]:
    """The package and the target: one entry point that is found twice on the path counts once."""
    return (point.dist.name if point.dist else "an unknown package", point.value)
