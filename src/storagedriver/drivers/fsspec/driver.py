"""The driver ``fsspec``: any filesystem that fsspec knows, by URL or as an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fsspec import AbstractFileSystem

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.fsspec.files import Filesystem
from storagedriver.drivers.fsspec.infos import layers, makes_directories, protocols
from storagedriver.drivers.fsspec.named import driver_over, hidden, texts_of
from storagedriver.drivers.fsspec.parameters import FsspecParameters
from storagedriver.drivers.fsspec.traits import Traits
from storagedriver.drivers.fsspec.urls import (
    UrlFilesystem,
    below,
    chain_of,
    classes_of,
    passwords_of,
    send_at_once,
    without_passwords,
)
from storagedriver.errors import ParameterError, UnsupportedMethodError
from storagedriver.parameters import parse, secrets
from storagedriver.translation import Translation, translated_by

__all__ = ["create", "translate"]

NAME = "fsspec"

#: How s3fs is asked to sign.
_SIGNING: dict[str, dict[str, Any]] = {"GET": {}, "HEAD": {"client_method": "head_object"}}


def translate(parameters: Mapping[str, Any]) -> Translation:
    """The URL with the root directory, and the options, which get the passwords of the URL.

    Raises
    ------
    UnsupportedMethodError
        If a filesystem was given as an object, or if there is no such URL.
    ParameterError
        As `create`.
    """
    given = parse(FsspecParameters, NAME, parameters)
    if given.fs is not None:
        _checked(given)
        raise UnsupportedMethodError("a filesystem that is given as fs has no URL", driver_name=NAME)
    _check_url(given)
    classes_of(chain_of(given.url), NAME, "url")
    return without_passwords(below(given.url, given.rootdirectory), given.storage_options or {})


@translated_by(translate)
def create(parameters: Mapping[str, Any]) -> FsspecDriver:
    """Make the driver.

    Raises
    ------
    MissingExtraError
        If fsspec needs a package for the URL that is not installed.
    ParameterError
        If a parameter has a bad value, or there is not one of `url` and `fs`.
    """
    given = parse(FsspecParameters, NAME, parameters)
    traits = Traits().chosen(given)
    if given.fs is None:
        _check_url(given)
        chain = chain_of(given.url)
        kinds = classes_of(chain, NAME, "url")
        filesystem: Filesystem = UrlFilesystem(given.url, given.storage_options or {})
        names = set(chain)
        traits = traits.found(names, kinds)
    else:
        filesystem = _checked(given)
        kinds = [type(layer) for layer in layers(filesystem)]
        names = protocols(filesystem)
        traits = traits.found(names, kinds, makes_directories=makes_directories(filesystem))
    if _can_sign(given, names, kinds[-1]):
        traits = replace(traits, signing=_SIGNING)
    return driver_over(NAME, filesystem, traits, _secrets(given), given, given.rootdirectory)


def _check_url(given: FsspecParameters) -> None:
    if not given.url:
        raise ParameterError("it is required, or else fs", driver_name=NAME, path="url")


def _checked(given: FsspecParameters) -> AbstractFileSystem:
    if given.url:
        raise ParameterError("it cannot be given together with url", driver_name=NAME, path="fs")
    if given.storage_options:
        raise ParameterError("it is for url, fs has its options already", driver_name=NAME, path="storage_options")
    if not isinstance(given.fs, AbstractFileSystem):
        detail = f"{type(given.fs).__name__} is not allowed, it must be an fsspec filesystem"
        raise ParameterError(detail, driver_name=NAME, path="fs")
    if given.fs.async_impl and given.fs.asynchronous:
        raise ParameterError("it must not be made with asynchronous=True", driver_name=NAME, path="fs")
    for layer in layers(given.fs):
        send_at_once(layer)
    return given.fs


def _can_sign(given: FsspecParameters, names: set[str], kind: type[AbstractFileSystem]) -> bool:
    options = (given.storage_options or {}) if given.fs is None else given.fs.storage_options
    anonymous = any(isinstance(of, Mapping) and of.get("anon") for of in (options, options.get("s3")))
    return bool(names & {"s3", "s3a"}) and kind.sign is not AbstractFileSystem.sign and not anonymous


def _secrets(given: FsspecParameters) -> list[str]:
    found = [*secrets(given), *texts_of(given.storage_options), *passwords_of(given.url)]
    if given.fs is not None:
        found += texts_of((given.fs.storage_args, given.fs.storage_options))
    return hidden(found)
