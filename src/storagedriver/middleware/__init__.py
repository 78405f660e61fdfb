"""Storage middleware: what a registry puts around its driver, modelled on the registry's own.

A middleware's name leads to a callable that takes a driver and the options of
the registry's ``config.yml`` and gives a driver, which is the first one with
something changed. Those of this package change the URLs of `redirect_url`:
``redirect``, ``rewrite``, ``cloudfront`` and ``alicdn``. Others come from
`register`, or from the entry point group ``storagedriver.middleware`` of any
installed package, loaded only when `create` asks for them::

    from storagedriver import factory, middleware

    driver = factory.create("s3", {"bucket": "registry", "region": "eu-west-1"})
    driver = middleware.create("redirect", driver, {"baseurl": "https://mirror.example"})

`storagedriver.configuration.Configuration.create_driver` does that with the
list ``middleware.storage`` of a configuration. The pattern is that of
registry/storage/driver/middleware/storagemiddleware.go in distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidMiddlewareError
from storagedriver.middleware.driver import MiddlewareDriver, for_urls, is_for_urls
from storagedriver.plugins import Plugins

__all__ = [
    "GROUP",
    "MiddlewareDriver",
    "MiddlewareFactory",
    "changes_urls_alone",
    "create",
    "for_urls",
    "names",
    "register",
    "unregister",
]

#: The entry point group that middleware is found in.
GROUP = "storagedriver.middleware"

MiddlewareFactory = Callable[[StorageDriver, Mapping[str, Any]], StorageDriver]

_middleware: Plugins[MiddlewareFactory] = Plugins(GROUP, "middleware", InvalidMiddlewareError)


def register(name: str, factory: MiddlewareFactory | None) -> None:
    """Make a middleware available by a name; it wins over an entry point of that name.

    Parameters
    ----------
    name : str
        The name for `create`.
    factory : callable
        Takes the driver and the map of options and gives the driver to use.

    Raises
    ------
    ValueError
        If `factory` is None, or if the name is registered already.
    """
    _middleware.register(name, factory)


def unregister(name: str) -> None:
    """Take back what `register` did.

    Raises
    ------
    KeyError
        If nothing is registered by that name.
    """
    _middleware.unregister(name)


def names() -> list[str]:
    """The names that `create` knows, sorted. Nothing is loaded for it."""
    return _middleware.names()


def create(name: str, driver: StorageDriver, options: Mapping[str, Any] | None = None) -> StorageDriver:
    """Put a middleware around a driver. This is offline.

    Parameters
    ----------
    name : str
        The middleware's name: ``redirect``, ``cloudfront``, ...
    driver : StorageDriver
        The driver, or another middleware around one. Closing what this
        returns closes it.
    options : mapping, optional
        The registry's own options, as its ``config.yml`` has them.

    Raises
    ------
    InvalidMiddlewareError
        If there is no middleware of this name, or more than one package brings it.
    MissingExtraError
        If a package that the middleware needs is not installed.
    ParameterError
        If an option is missing or has a bad value.
    """
    return _middleware.get(name)(driver, dict(options or {}))


def changes_urls_alone(name: str) -> bool:
    """Whether a middleware is marked by `for_urls`; it is loaded for that.

    Raises
    ------
    InvalidMiddlewareError
        As for `create`.
    """
    return is_for_urls(_middleware.get(name))
