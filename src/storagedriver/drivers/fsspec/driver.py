"""The driver ``fsspec``: any filesystem that fsspec knows, by URL or as an object."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec import AbstractFileSystem
from fsspec.core import split_protocol, url_to_fs

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.limits import Limit
from storagedriver.adapter.loop import own_loop
from storagedriver.drivers.fsspec.files import Filesystem
from storagedriver.drivers.fsspec.infos import is_thread_safe, layers, makes_directories, protocols
from storagedriver.drivers.fsspec.loops import takes_loop
from storagedriver.drivers.fsspec.store import GenericStore
from storagedriver.errors import MissingExtraError, ParameterError
from storagedriver.parameters import NamingParameters, anything, choice, integer, mapping, parse, secrets, string

__all__ = ["FsspecParameters", "UrlFilesystem", "create"]

NAME = "fsspec"

#: Stores that have no directories: one is seen where a key with a ``/`` is.
_IMPLIED = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "wasb", "wasbs", "oss", "cos", "cosn", "obs", "tos"}
    | {"b2", "r2", "swift", "oci", "ocilake", "lakefs", "hf"}
)
#: adlfs does not wait for the end of a copy.
_SLOW_COPY = frozenset({"az", "abfs", "abfss", "adl"})
#: These fail where listings are not cached: `ls` looks for its own result in the cache.
_NEEDS_LISTINGS_CACHE = frozenset({"az", "abfs", "abfss", "adl", "oss"})
#: Of what keeps directories: where a rename is known to overwrite. SFTP, SMB,
#: HDFS and FTP leave that to the server.
_RENAMES_OVER = frozenset({"file", "local", "memory"})
#: How s3fs is asked to sign.
_SIGNING: dict[str, dict[str, Any]] = {"GET": {}, "HEAD": {"client_method": "head_object"}}
#: A shorter text is found everywhere in an error, and is no secret.
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class FsspecParameters(NamingParameters):
    """The parameters of the driver: either `url` or `fs`.

    Attributes
    ----------
    url : str
        A URL of fsspec, ``sftp://host/path`` or a chain such as
        ``dir::file:///path``: the root directory.
    storage_options : map
        The arguments of the URL's filesystem; for a chain, those of its inner
        ones in maps by their protocol. Nothing of it is ever printed.
    fs : AbstractFileSystem
        A filesystem that is ready.
    rootdirectory : str
        A path on `fs`, or below `url`.
    put : {"staged", "direct"}
        How `put_content` writes: beside the path, and renamed, or at the path.
    directories : {"auto", "kept", "implied"}
        Whether the filesystem keeps directories that have nothing in them;
        ``auto`` goes by the protocol.
    maxthreads : int or None
        How many calls run at a time. None: one, unless the filesystem is
        asynchronous or on this machine, since others cannot be shared by
        threads.
    """

    url: str = string()
    storage_options: dict[str, Any] | None = mapping(secret=True)
    fs: Any = anything(secret=True)
    rootdirectory: str = string()
    put: str = choice("staged", ("staged", "direct"))
    directories: str = choice("auto", ("auto", "kept", "implied"))
    maxthreads: int | None = integer(minimum=1)

    def __repr__(self) -> str:
        where = f"url={_shown(self.url)!r}" if self.url else f"fs={type(self.fs).__name__}"
        return f"FsspecParameters({where}, rootdirectory={self.rootdirectory!r}, put={self.put!r})"


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

    url: str
    storage_options: Mapping[str, Any] = field(repr=False)

    def __call__(self) -> tuple[AbstractFileSystem, str]:
        """The filesystem, and the path of the URL on it."""
        first, *others = _protocols(self.url)
        options: dict[str, Any] = {**_own_options(first), **self.storage_options}
        for protocol in others:
            options[protocol] = {**_own_options(protocol), **options.get(protocol, {})}
        fs, path = url_to_fs(self.url, **options)
        if not protocols(fs) & _NEEDS_LISTINGS_CACHE:
            for layer in layers(fs):
                layer.dircache.use_listings_cache = False
        for layer in layers(fs):
            _send_at_once(layer)
        # fsspec hands the path of what is below a "dir" to both of them.
        return fs, "" if re.match(r"dir(://)?::", self.url) else path


def _own_options(protocol: str) -> dict[str, Any]:
    own: dict[str, Any] = {"skip_instance_cache": True}
    return {**own, "loop": own_loop()} if takes_loop(fsspec.get_filesystem_class(protocol)) else own


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
    if given.fs is None:
        if not given.url:
            raise ParameterError("it is required, or else fs", driver_name=NAME, path="url")
        chain = _protocols(given.url)
        kinds = _classes(chain)
        filesystem: Filesystem = UrlFilesystem(given.url, given.storage_options or {})
        names = set(chain)
        kept = not names & _IMPLIED
    else:
        filesystem = _checked(given)
        kinds = [type(layer) for layer in layers(filesystem)]
        names = protocols(given.fs)
        kept = not names & _IMPLIED and makes_directories(given.fs)
    directories = ("kept" if kept else "implied") if given.directories == "auto" else given.directories
    return FsspecDriver(
        GenericStore(
            NAME,
            filesystem,
            given.rootdirectory,
            put=given.put,
            directories=directories,
            multiprocess="memory" not in names,
            atomic_replace=directories == "implied" or bool(names & _RENAMES_OVER),
            native_copy=not names & _SLOW_COPY,
            signing=_SIGNING if _can_sign(given, names, kinds[-1]) else None,
            limit=Limit(given.maxthreads or (None if is_thread_safe(kinds[-1]) else 1)),
            secrets=_secrets(given),
        ),
        given,
    )


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
        _send_at_once(layer)
    return given.fs


def _send_at_once(fs: AbstractFileSystem) -> None:
    """Keep TCP from holding back the end of each packet of SFTP: paramiko waits for an answer to every one.

    It makes a factor of a hundred.
    """
    transport = getattr(getattr(fs, "client", None), "get_transport", lambda: None)()
    sock = getattr(transport, "sock", None)
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _classes(chain: Iterable[str]) -> list[type[AbstractFileSystem]]:
    kinds = []
    for protocol in chain:
        try:
            kinds.append(fsspec.get_filesystem_class(protocol))
        except ImportError as error:
            raise MissingExtraError(f"{protocol} needs a package: {error}", driver_name=NAME) from error
        except ValueError as error:
            detail = f"fsspec knows no protocol {protocol!r}; fsspec.available_protocols() gives those it knows"
            raise ParameterError(detail, driver_name=NAME, path="url") from error
    return kinds


def _can_sign(given: FsspecParameters, names: set[str], kind: type[AbstractFileSystem]) -> bool:
    options = (given.storage_options or {}) if given.fs is None else given.fs.storage_options
    anonymous = any(isinstance(of, Mapping) and of.get("anon") for of in (options, options.get("s3")))
    return bool(names & {"s3", "s3a"}) and kind.sign is not AbstractFileSystem.sign and not anonymous


def _protocols(url: str) -> list[str]:
    """The protocols of a URL and of what it is chained to, the outermost first."""
    bits = url.split("::")
    names = []
    for bit in bits:
        protocol = split_protocol(bit)[0]
        if protocol is None:
            protocol = bit if len(bits) > 1 and re.fullmatch(r"[a-z]+", bit) else "file"
        names.append(protocol)
    return names


def _secrets(given: FsspecParameters) -> list[str]:
    found = set(secrets(given))
    if given.fs is not None:
        found.update(_texts((given.fs.storage_args, given.fs.storage_options)))
    for bit in given.url.split("::"):
        password = urlsplit(bit).password
        if password:
            found.add(password)
    return sorted((text for text in found if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _shown(url: str) -> str:
    return re.sub(r"(://[^/:@]*):[^/@]*@", r"\1:***@", url)
