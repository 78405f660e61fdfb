"""URLs of fsspec, and the filesystems that are made of them."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec import AbstractFileSystem
from fsspec.core import split_protocol, url_to_fs
from fsspec.implementations.cached import CachingFileSystem

from storagedriver.adapter.loop import own_loop
from storagedriver.drivers.fsspec.infos import layers, protocols
from storagedriver.drivers.fsspec.loops import takes_loop
from storagedriver.errors import MissingExtraError, ParameterError, UnsupportedMethodError

__all__ = [
    "TranslatedFilesystem",
    "UrlFilesystem",
    "below",
    "chain_of",
    "classes_of",
    "is_importable",
    "passwords_of",
    "send_at_once",
    "shown",
    "without_passwords",
]

#: These fail where listings are not cached: `ls` looks for its own result in the cache.
_NEEDS_LISTINGS_CACHE = frozenset({"az", "abfs", "abfss", "adl", "oss"})
_PASSWORD = re.compile(r"(://[^/:@]*):[^/@]*@")


@dataclass(frozen=True)
class UrlFilesystem:
    """Makes the filesystem of a URL, an own one that caches no listings and waits for no loop but our own.

    Attributes
    ----------
    url : str
        The URL.
    storage_options : map
        Its options.
    """

    url: str = field(repr=False)
    storage_options: Mapping[str, Any] = field(repr=False)

    def __call__(self) -> tuple[AbstractFileSystem, str]:
        """The filesystem, and the path of the URL on it."""
        first, *others = chain_of(self.url)
        options: dict[str, Any] = {**_own_options(first), **self.storage_options}
        for protocol in others:
            options[protocol] = {**_own_options(protocol), **options.get(protocol, {})}
        fs, path = url_to_fs(self.url, **options)
        if not protocols(fs) & _NEEDS_LISTINGS_CACHE:
            for layer in layers(fs):
                layer.dircache.use_listings_cache = False
        for layer in layers(fs):
            send_at_once(layer)
        # fsspec hands the path of what is below a "dir" to both of them.
        return fs, "" if re.match(r"dir(://)?::", self.url) else path


def _own_options(protocol: str) -> dict[str, Any]:
    own: dict[str, Any] = {"skip_instance_cache": True}
    return {**own, "loop": own_loop()} if takes_loop(fsspec.get_filesystem_class(protocol)) else own


@dataclass(frozen=True)
class TranslatedFilesystem:
    """Makes the filesystem that a translation says.

    It is translated anew in each process, which may have to register the
    protocol first, or to read a file that has changed.

    Attributes
    ----------
    translation : callable
        Gives the URL and the options; a function of a module, since it is
        pickled.
    parameters : object
        What it is given.
    """

    translation: Callable[[Any], tuple[str, Mapping[str, Any]]]
    parameters: Any = field(repr=False)

    def __call__(self) -> tuple[AbstractFileSystem, str]:
        """The filesystem, and the path of the URL on it."""
        return UrlFilesystem(*self.translation(self.parameters))()


def is_importable(thing: Any) -> bool:
    """Whether another process finds a function or a class by its name."""
    found: Any = sys.modules.get(getattr(thing, "__module__", None) or "")
    for name in getattr(thing, "__qualname__", "<locals>").split("."):
        found = getattr(found, name, None)
    return found is thing


def send_at_once(fs: AbstractFileSystem) -> None:
    """Keep TCP from holding back the end of each packet of SFTP: paramiko waits for an answer to every one.

    It makes a factor of a hundred.
    """
    transport = getattr(getattr(fs, "client", None), "get_transport", lambda: None)()
    sock = getattr(transport, "sock", None)
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def chain_of(url: str) -> list[str]:
    """The protocols of a URL and of what it is chained to, the outermost first."""
    bits = url.split("::")
    names = []
    for bit in bits:
        protocol = split_protocol(bit)[0]
        if protocol is None:
            protocol = bit if len(bits) > 1 and re.fullmatch(r"[a-z]+", bit) else "file"
        names.append(protocol)
    return names


def classes_of(chain: list[str], name: str, parameter: str) -> list[type[AbstractFileSystem]]:
    """The classes of the protocols of a chain.

    Parameters
    ----------
    chain : list of str
        The protocols.
    name : str
        The driver's name, for errors.
    parameter : str
        The parameter that a user can change if there is no such protocol.

    Raises
    ------
    MissingExtraError
        If fsspec needs a package that is not installed.
    ParameterError
        If fsspec knows no such protocol.
    """
    kinds = []
    for protocol in chain:
        try:
            kinds.append(fsspec.get_filesystem_class(protocol))
        except ImportError as error:
            raise MissingExtraError(f"{protocol} needs a package: {error}", driver_name=name) from error
        except ValueError as error:
            detail = f"fsspec knows no protocol {protocol!r}; fsspec.available_protocols() gives those it knows"
            raise ParameterError(detail, driver_name=name, path=parameter) from error
    return kinds


def below(url: str, directory: str) -> str:
    """The URL of a directory below the one of a URL.

    Raises
    ------
    UnsupportedMethodError
        If there is none: below the home directory of an SFTP login for one.
    """
    directory = directory.strip("/")
    if not directory:
        return url
    first, separator, rest = url.partition("::")
    if separator and "://" not in first:
        if issubclass(fsspec.get_filesystem_class(first), CachingFileSystem):
            # Its path is that of what it is chained to.
            return f"{first}::{below(rest, directory)}"
        return f"{first}://{directory}::{rest}"
    if split_protocol(first)[0] in ("sftp", "ssh") and not urlsplit(first).path:
        raise UnsupportedMethodError("the url names no path, and fsspec has no URL below the home directory of a login")
    return f"{first}{'' if first.endswith('/') else '/'}{directory}{separator}{rest}"


def passwords_of(url: str) -> list[str]:
    """The passwords that a URL holds, as they are written there and as they are meant."""
    found = []
    for bit in url.split("::"):
        password = urlsplit(bit).password
        if password:
            found += [password, unquote(password)]
    return found


def without_passwords(url: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same place, with the passwords of the URL among the options.

    Raises
    ------
    UnsupportedMethodError
        If a filesystem takes its password from the URL alone.
    """
    moved = dict(options)
    bits = []
    for number, (bit, protocol) in enumerate(zip(url.split("::"), chain_of(url), strict=True)):
        if not urlsplit(bit).password:
            bits.append(bit)
            continue
        password = fsspec.get_filesystem_class(protocol)._get_kwargs_from_urls(bit).get("password")  # noqa: SLF001
        if not password:
            detail = f"{protocol} takes the password from the URL alone, which is then no URL without secrets"
            raise UnsupportedMethodError(detail)
        if number:
            moved[protocol] = {"password": password, **moved.get(protocol, {})}
        else:
            moved = {"password": password, **moved}
        bits.append(_PASSWORD.sub(r"\1@", bit))
    return "::".join(bits), moved


def shown(url: str) -> str:
    """The URL with a sign in the place of each password."""
    return _PASSWORD.sub(r"\1:***@", url)
