"""The registry's own configuration: its ``config.yml`` and its ``REGISTRY_*`` environment.

::

    from storagedriver import configuration

    driver = configuration.load("/etc/docker/registry/config.yml").create_driver()

It follows the registry (configuration/parser.go and configuration.go in
distribution) but for two things. Scalars keep the text they were written as,
so that a secret such as ``0123``, ``no`` or ``1e3`` arrives as it is; the type
that the driver declares converts. And a key that holds ``_`` itself can be
reached from the environment. It needs PyYAML: ``pip install "storagedriver[yaml]"``.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storagedriver import _yaml, factory, middleware, parameters
from storagedriver.errors import ParameterError, StorageDriverWarning

if TYPE_CHECKING:
    from storagedriver.driver import StorageDriver

__all__ = ["UNDERSCORED", "Configuration", "Middleware", "Storage", "assign", "load"]

#: Names with an underscore that the environment can create below a driver: the
#: parameters of this package's drivers, and the fields of a Google service
#: account, which gcs takes as ``credentials``.
UNDERSCORED = (
    "max_retries",
    "retry_delay",
    "storage_options",
    "auth_provider_x509_cert_url",
    "auth_uri",
    "client_email",
    "client_id",
    "client_x509_cert_url",
    "private_key",
    "private_key_id",
    "project_id",
    "token_uri",
    "universe_domain",
)

#: What may stand beside the driver in the storage section.
_NO_DRIVERS = ("maintenance", "cache", "delete", "redirect", "tag")
_PREFIX = "REGISTRY_"
_VERSION = "0.1"

Chosen = tuple[str, Sequence[str]]
Choose = Callable[[Mapping[str, Any], Sequence[str], Sequence[str]], Chosen]


@dataclass(frozen=True)
class Storage:
    """The storage section: which driver, and its parameters as they were written."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Middleware:
    """One entry of ``middleware.storage``."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Configuration:
    """What a registry's configuration says about storage.

    Attributes
    ----------
    storage : Storage
        The driver and its parameters.
    middleware : tuple of Middleware
        The storage middleware in its order, the innermost first; those that
        are disabled are left out.
    """

    storage: Storage
    middleware: tuple[Middleware, ...] = ()

    def create_driver(self, *, urls: bool = True) -> StorageDriver:
        """Make the driver, with the middleware around it. This is offline.

        Parameters
        ----------
        urls : bool
            Whether URLs are wanted. False leaves out the middleware that
            changes nothing else, and what is not installed, with a warning.

        Raises
        ------
        InvalidStorageDriverError
            If there is no such driver or middleware.
        MissingExtraError
            If a package that one of them needs is not installed.
        ParameterError
            If one of them does not allow a parameter or an option.
        """
        driver = factory.create(self.storage.name, self.storage.parameters)
        try:
            for entry in self.middleware:
                if urls or _changes_content(entry.name):
                    driver = middleware.create(entry.name, driver, entry.options)
        except BaseException:
            driver.close()
            raise
        return driver


@dataclass(frozen=True)
class _MiddlewareEntry:
    name: str = parameters.string(required=True)
    options: Mapping[str, Any] | None = parameters.mapping(secret=True)
    disabled: bool = parameters.boolean()


def _changes_content(name: str) -> bool:
    """Whether a middleware that is installed may change more than URLs."""
    if name in middleware.names():
        return not middleware.changes_urls_alone(name)
    message = f"middleware {name} is not installed and not applied: what it changes is missing here"
    warnings.warn(message, StorageDriverWarning, stacklevel=3)
    return False


def load(
    source: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    known: Iterable[str] = UNDERSCORED,
) -> Configuration:
    """Read a configuration, and apply the environment over it.

    Parameters
    ----------
    source : str or path, optional
        A file's name, or YAML itself: a string that holds a line break or a
        colon and a space is YAML, a `Path` never is. None: the environment
        alone.
    environ : mapping
        Where the ``REGISTRY_*`` variables are looked for.
    known : iterable of str
        Names with an underscore that a variable may create below the driver.

    Raises
    ------
    ParameterError
        If the file cannot be read or is no YAML, or if it does not name
        exactly one driver. It says where, and never shows a value.
    MissingExtraError
        If PyYAML is not installed.
    """
    text, origin = _read(source)
    tree = _yaml.parse(text, origin)
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ParameterError(f"it must be a map with the key storage, not {_kind(tree)}", path=origin)
    if tree.get("version", _VERSION) != _VERSION:
        message = f"{origin}: the configuration's version is not {_VERSION}, it is read as if it were"
        warnings.warn(message, StorageDriverWarning, stacklevel=2)
    tree, origins = _override(_expand(tree), origin, environ, _Keys(tuple(known)))
    return Configuration(_storage(tree, origin, origins), tuple(_middleware(tree, origin)))


def _read(source: str | os.PathLike[str] | None) -> tuple[str, str]:
    """The YAML and what to call it."""
    if source is None:
        return "", "the environment"
    if isinstance(source, str) and ("\n" in source or ": " in source):
        return source, "the configuration"
    name = os.fspath(source)
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise ParameterError(f"it cannot be read: {error.strerror or error}", path=name) from error
    try:
        return data.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParameterError(f"line {line}: it is not UTF-8", path=name) from None


@dataclass(frozen=True)
class _Keys:
    """Which key the segments of a variable mean: `known` names may hold underscores."""

    known: Sequence[str]

    def __call__(self, node: Mapping[str, Any], trail: Sequence[str], segments: Sequence[str]) -> Chosen:
        """The longest run of segments that joins to a key of `node` or a known name; else the first one."""
        names = [*node, *self._known(trail)]
        for end in range(len(segments), 0, -1):
            joined = "_".join(segments[:end]).lower()
            rest = segments[end:]
            for name in names:
                if name.lower() == joined and not (rest and isinstance(node.get(name), str)):
                    return name, rest
        return segments[0].lower(), segments[1:]

    def _known(self, trail: Sequence[str]) -> Iterable[str]:
        if not trail or trail[0] != "storage":
            return ()
        return self._drivers if len(trail) == 1 else self.known

    @functools.cached_property
    def _drivers(self) -> Iterable[str]:
        return factory.names()


def _first(node: Mapping[str, Any], trail: Sequence[str], segments: Sequence[str]) -> Chosen:  # noqa: ARG001
    return segments[0], segments[1:]


def assign(node: Any, path: Sequence[str], value: Any, *, choose: Choose = _first, trail: Sequence[str] = ()) -> Any:
    """A copy of a tree in which `value` stands at `path`; what is missing on the way is made.

    Parameters
    ----------
    node : object
        Maps, lists and texts.
    path : sequence of str
        Keys and, as decimal digits, indexes of lists; an index may be the one
        after the last.
    value : object
        What to put there.
    choose : callable
        Which key of a map the path goes on with, and the path below that.
    trail : sequence of str
        Where `node` stands in the whole tree, for `choose` and for errors.

    Raises
    ------
    ParameterError
        If an index is out of range, or a text stands where the path goes on.
    """
    if not path:
        return value
    if node is None:
        node = [] if _is_index(path[0]) else {}
    here = ".".join(trail)
    if isinstance(node, dict):
        if not path[0]:
            raise ParameterError("an empty name", path=here)
        key, rest = choose(node, trail, path)
        return {**node, key: assign(node.get(key), rest, value, choose=choose, trail=(*trail, key))}
    if not isinstance(node, list):
        raise ParameterError("it is no map and no list, so that nothing can stand below it", path=here)
    if not _is_index(path[0]) or int(path[0]) > len(node):
        raise ParameterError(f"it is a list of {len(node)}, and {path[0].lower()!r} is no index of it", path=here)
    items: list[Any] = [*node, None] if int(path[0]) == len(node) else list(node)
    at = int(path[0])
    items[at] = assign(items[at], path[1:], value, choose=choose, trail=(*trail, path[0]))
    return items


def _is_index(segment: str) -> bool:
    return segment.isascii() and segment.isdecimal()


def _rank(variable: str) -> tuple[list[tuple[int, int, str]], str]:
    """The sort key of a variable: segment by segment, indexes as numbers."""
    segments = variable[len(_PREFIX) :].split("_")
    ranks = [(0, int(segment), "") if _is_index(segment) else (1, 0, segment) for segment in segments]
    return ranks, variable


def _override(
    tree: dict[str, Any], origin: str, environ: Mapping[str, str], choose: Choose
) -> tuple[dict[str, Any], dict[str, str]]:
    """The tree with the environment applied, and where each key of its storage section comes from."""
    storage = tree.get("storage")
    origins = dict.fromkeys(storage, origin) if isinstance(storage, dict) else {}
    for variable in sorted((name for name in environ if name.startswith(_PREFIX)), key=_rank):
        segments = variable[len(_PREFIX) :].split("_")
        if segments[0] not in ("STORAGE", "MIDDLEWARE"):
            continue
        try:
            tree = _expand(assign(tree, segments, _yaml.parse_variable(environ[variable], variable), choose=choose))
        except ParameterError as error:
            where = "" if error.path == variable or not error.path else f"{error.path}: "
            raise ParameterError(f"{where}{error.detail}", path=variable) from None
        storage = tree.get("storage")
        before = {} if segments == ["STORAGE"] else origins
        origins = {key: before.get(key, variable) for key in storage} if isinstance(storage, dict) else {}
    return tree, origins


def _expand(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with a bare driver name made the section that it stands for."""
    storage = tree.get("storage")
    return {**tree, "storage": {storage: {}}} if isinstance(storage, str) and storage else tree


def _storage(tree: Mapping[str, Any], origin: str, origins: Mapping[str, str]) -> Storage:
    section = tree.get("storage")
    if section is None:
        others = ", ".join(name for name in tree if name != "storage")
        hint = f"only {others}" if others else "give a file that has one, or set REGISTRY_STORAGE"
        raise ParameterError(f"there is no storage section, {hint}", path=origin)
    if not isinstance(section, dict):
        raise ParameterError(f"storage must be a map or a driver's name, not {_kind(section)}", path=origin)
    names = [name for name in section if name not in _NO_DRIVERS]
    if not names:
        found = ", ".join(section) or "nothing"
        raise ParameterError(f"storage must name exactly one driver, found {found}", path=origin)
    if len(names) > 1:
        found = ", ".join(f"{name} (from {origins[name]})" for name in names)
        raise ParameterError(f"storage must name exactly one driver, found {found}", path=origin)
    (name,) = names
    given = section[name]
    if given is not None and not isinstance(given, dict):
        raise ParameterError(f"storage.{name} must be a map, not {_kind(given)}", path=origin)
    return Storage(name, given or {})


def _middleware(tree: Mapping[str, Any], origin: str) -> Iterable[Middleware]:
    section = tree.get("middleware")
    entries = section.get("storage") if isinstance(section, dict) else section
    if entries is None:
        return
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ParameterError("middleware.storage must be a list of maps with name and options", path=origin)
    for index, given in enumerate(entries):
        entry = parameters.parse(_MiddlewareEntry, f"middleware.storage.{index}", given)
        if not entry.disabled:
            yield Middleware(entry.name, entry.options or {})


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    return "a list" if isinstance(value, list) else "a text"
