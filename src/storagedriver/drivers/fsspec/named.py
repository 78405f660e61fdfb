"""Named drivers: a dataclass of parameters, and a function that says where in fsspec the files are.

A whole driver::

    @dataclass(frozen=True)
    class DavParameters:
        url: str = string(required=True)
        username: str = string()
        password: str = string(secret=True)
        rootdirectory: str = string()

    def translate(parameters):
        auth = (parameters.username, parameters.password)
        return f"webdav://{parameters.rootdirectory}", {"base_url": parameters.url, "auth": auth}

    create = fsspec_driver("dav", DavParameters, translate)

docs/writing-a-driver.md goes through one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.limits import Limit
from storagedriver.drivers.fsspec.files import Filesystem
from storagedriver.drivers.fsspec.store import GenericStore
from storagedriver.drivers.fsspec.traits import Rename, Traits
from storagedriver.drivers.fsspec.urls import (
    TranslatedFilesystem,
    UrlFilesystem,
    chain_of,
    classes_of,
    is_importable,
    passwords_of,
)
from storagedriver.errors import ParameterError, StorageDriverError
from storagedriver.parameters import NamingParameters, parse, secrets
from storagedriver.translation import Translation

__all__ = ["NamedDriver", "driver_over", "fsspec_driver", "hidden", "texts_of"]

P = TypeVar("P")

#: A shorter text is found everywhere in an error, and is no secret.
_SHORTEST_SECRET = 4


class NamedDriver:
    """What makes the drivers of one name, and says where their files are.

    `fsspec_driver` makes it. It is what an entry point of the group
    ``storagedriver.drivers`` leads to, or what `storagedriver.factory.register`
    is given.

    Attributes
    ----------
    name : str
        The driver's name.
    parameters : type
        The dataclass of its parameters.
    """

    def __init__(
        self, name: str, parameters: type[Any], translation: Callable[[Any], Translation], traits: Traits
    ) -> None:
        self.name = name
        self.parameters = parameters
        self._translation = translation
        self._traits = traits

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __call__(self, parameters: Mapping[str, Any]) -> FsspecDriver:
        """Make the driver. This is offline.

        Raises
        ------
        MissingExtraError
            If fsspec needs a package that is not installed.
        ParameterError
            If a parameter is missing or has a bad value.
        """
        given, naming = self._parsed(parameters)
        url, options = self._translated(given)
        chain = chain_of(url)
        kinds = classes_of(chain, self.name, "")
        traits = self._traits.chosen(given).found(set(chain), kinds)
        # What is made of a secret is one, and so may be what was read from a file.
        plain = [str(getattr(given, field.name)) for field in dataclasses.fields(given) if field.repr]
        hide = [*hidden([*secrets(given), *passwords_of(url)]), *hidden(texts_of(options), but_not=plain)]
        filesystem: Filesystem = UrlFilesystem(url, options)
        if is_importable(self._translation) and is_importable(self.parameters):
            filesystem = TranslatedFilesystem(self._translation, given)
        return driver_over(self.name, filesystem, traits, hide, naming)

    def translate(self, parameters: Mapping[str, Any]) -> Translation:
        """The URL and the storage options, for `storagedriver.factory.translate`.

        Raises
        ------
        ParameterError
            If a parameter is missing or has a bad value.
        """
        return self._translated(self._parsed(parameters)[0])

    def _parsed(self, parameters: Mapping[str, Any]) -> tuple[Any, NamingParameters]:
        """The driver's own parameters, and those that every driver has."""
        if issubclass(self.parameters, NamingParameters):
            given = parse(self.parameters, self.name, parameters)
            return given, given
        both = dataclasses.make_dataclass("both", [], bases=(self.parameters, NamingParameters), frozen=True)
        found = vars(parse(both, self.name, parameters))
        own = {field.name: found[field.name] for field in dataclasses.fields(self.parameters) if field.init}
        naming = {field.name: found[field.name] for field in dataclasses.fields(NamingParameters)}
        return self.parameters(**own), NamingParameters(**naming)

    def _translated(self, given: Any) -> Translation:
        try:
            url, options = self._translation(given)
        except StorageDriverError as error:
            error.driver_name = error.driver_name or self.name
            error.detail = _without(secrets(given), error.detail)
            error.hint = _without(secrets(given), error.hint)
            raise
        except ValueError as error:
            raise ParameterError(_without(secrets(given), str(error)), driver_name=self.name) from None
        for secret in secrets(given):
            if len(secret) >= _SHORTEST_SECRET and secret in url:
                # Neither the URL nor the secret is shown.
                detail = "a secret parameter is in the URL of the translation; it belongs into the storage options"
                raise ParameterError(detail, driver_name=self.name)
        return url, dict(options)


def fsspec_driver(  # noqa: PLR0913 - each is a thing of its own in which filesystems differ
    name: str,
    parameters: type[P],
    translate: Callable[[P], tuple[str, Mapping[str, Any]]],
    *,
    put: Literal["staged", "direct"] = "staged",
    directories: Literal["kept", "implied"] | None = None,
    read_only: bool | None = None,
    multiprocess: bool | None = None,
    atomic_replace: bool | None = None,
    native_copy: bool | None = None,
    maxthreads: int | None = None,
    rename: Rename | None = None,
    signing: Mapping[str, Mapping[str, Any]] | None = None,
) -> NamedDriver:
    """Make a driver of its own name from an fsspec filesystem.

    Parameters
    ----------
    name : str
        The name, which errors carry.
    parameters : type
        A frozen dataclass whose fields are made with the functions of
        `storagedriver.parameters`. A field that has the name of one of the
        options below lets the user choose it (``maxthreads`` for one).
    translate : callable
        From an instance of `parameters` to the URL of the root directory and
        the arguments of its filesystem. Secrets belong into the arguments. It
        must not connect. A value that cannot be is a `ParameterError`.
    put, directories, read_only, multiprocess, atomic_replace, native_copy, maxthreads, rename, signing
        What the filesystem is like, where its protocol and its class do not
        say it: see `storagedriver.drivers.fsspec.traits.Traits`.

    Returns
    -------
    NamedDriver
        For an entry point of the group ``storagedriver.drivers``, or for
        `storagedriver.factory.register`.

    Raises
    ------
    TypeError
        If `parameters` is no dataclass, or has a field that no function of
        `storagedriver.parameters` made.
    """
    kind: Any = parameters
    frozen = getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)
    if not isinstance(kind, type) or not frozen:
        raise TypeError(f"{name}: {kind!r} is no dataclass that is frozen")
    for field in dataclasses.fields(kind):
        if field.init and "convert" not in field.metadata:
            detail = "make it with one of the functions of storagedriver.parameters, such as string()"
            raise TypeError(f"{name}: the parameter {field.name!r} says nothing of its values: {detail}")
    traits = Traits(
        put=put,
        directories=directories,
        read_only=read_only,
        multiprocess=multiprocess,
        atomic_replace=atomic_replace,
        native_copy=native_copy,
        maxthreads=maxthreads,
        rename=rename,
        signing=signing,
    )
    return NamedDriver(name, parameters, translate, traits)  # type: ignore[arg-type]


def driver_over(
    name: str, filesystem: Filesystem, traits: Traits, secrets: Iterable[str], naming: NamingParameters, root: str = ""
) -> FsspecDriver:
    """The driver over a filesystem whose traits are all found."""
    store = GenericStore(
        name,
        filesystem,
        root,
        put=traits.put,
        directories=traits.directories or "kept",
        read_only=bool(traits.read_only),
        multiprocess=bool(traits.multiprocess),
        atomic_replace=bool(traits.atomic_replace),
        native_copy=bool(traits.native_copy),
        rename=traits.rename,
        signing=traits.signing,
        limit=Limit(traits.maxthreads),
        secrets=list(secrets),
    )
    return FsspecDriver(store, naming)


def _without(hide: Iterable[str], text: str) -> str:
    for secret in hide:
        text = text.replace(secret, "***")
    return text


def texts_of(value: Any) -> Iterable[str]:
    """All texts of a map, nested ones included. Any of them may be a secret."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_of(item)


def hidden(texts: Iterable[str], but_not: Iterable[str] = ()) -> list[str]:
    """Those of the texts that must not be in an error, the longest first."""
    found = {text for text in texts if len(text) >= _SHORTEST_SECRET}
    return sorted(found.difference(but_not), key=len, reverse=True)
