"""Drivers by name, modelled on the registry's factory and on Go's ``database/sql``.

A driver's name leads to a callable that takes the registry's map of parameters
and gives a `StorageDriver`. It comes from `register`, or from the entry point
group ``storagedriver.drivers`` of any installed package, which is loaded only
when `create` asks for it::

    from storagedriver import factory

    driver = factory.create("s3", {"bucket": "registry", "region": "eu-west-1"})

`translate` says the same to fsspec: where the driver's files are, and with
which options its filesystem reaches them without this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidStorageDriverError, StorageDriverError, UnsupportedMethodError
from storagedriver.plugins import Plugins
from storagedriver.translation import Translate, Translation

__all__ = ["GROUP", "HINTS", "DriverFactory", "create", "names", "register", "translate", "unregister"]

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


def translate(name: str, parameters: Mapping[str, Any] | None = None) -> Translation:
    """Say where a driver's files are, for fsspec and what is built on it. This is offline.

    ::

        url, options = factory.translate("s3", {"bucket": "data", "region": "eu-west-1"})
        pandas.read_parquet(f"{url}/table", storage_options=options)

    Nothing of the contract holds on that way: no put there is atomic because
    it is here, and unfinished uploads and other files of a driver's own can be
    seen. The page of each driver says how its parameters are translated.

    Parameters
    ----------
    name : str
        The driver's name.
    parameters : mapping, optional
        As for `create`.

    Returns
    -------
    url : str
        The root directory, without a ``/`` at its end unless it is the root of
        a filesystem: ``s3://data/prod``. It holds no secret.
    storage_options : dict
        The arguments of fsspec's filesystem for that URL. Plain data, with the
        secrets in it.

    Raises
    ------
    UnsupportedMethodError
        If no other filesystem reaches the files: those of ``inmemory``, or
        those that the parameters put where fsspec has no URL for them.
    InvalidStorageDriverError, MissingExtraError, ParameterError
        As `create` does.
    """
    found: Translate | None = getattr(_drivers.get(name), "translate", None)
    if found is None:
        detail = "no fsspec filesystem of another package reaches its files; storagedriver:// does"
        raise UnsupportedMethodError(detail, driver_name=name)
    try:
        return found(dict(parameters or {}))
    except StorageDriverError as error:
        error.driver_name = error.driver_name or name
        raise
