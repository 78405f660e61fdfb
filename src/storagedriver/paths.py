"""The path rules of the contract, and the two orders in which a walk can run.

This is the one place that says which paths there are. There are two rules, and
each driver follows one of them (`storagedriver.StorageDriver.name_rule`):

``registry``
    A path is ``(/[A-Za-z0-9._-]+)+``, as in a container registry.
``any``
    A path is ``(/component)+``, and a component is any text that UTF-8 can
    write, without ``/`` and NUL, at most as long as the store takes. What is
    written below ``/docker/registry/v2`` follows ``registry`` all the same: a
    registry's own walk ends at a name that it cannot have.

In both no component is ``.`` or ``..`` or the name of one of our own files,
see `storagedriver.own_files`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from storagedriver.errors import InvalidPathError
from storagedriver.own_files import are_made, has_staged, has_temporary

__all__ = [
    "NAME_RULES",
    "ROOT",
    "NameRule",
    "SortKey",
    "WalkOrder",
    "ancestors",
    "are_valid",
    "check_directory",
    "check_path",
    "check_written",
    "is_valid",
    "sort_key",
]

ROOT = "/"

NameRule = Literal["registry", "any"]
NAME_RULES: tuple[NameRule, ...] = ("registry", "any")

#: What is allowed between and including the slashes, to be matched in full: ``$`` would let a trailing newline through.
#: It is the characters alone: a class that is repeated is matched far faster than a group.
_CHARACTERS = {
    # The registry's PathRegexp (registry/storage/driver/storagedriver.go).
    "registry": re.compile(r"/[A-Za-z0-9._/-]*"),
    # A lone surrogate is what Python makes of a byte that is no UTF-8.
    "any": re.compile("/[^\\0\\ud800-\\udfff]*"),
}
#: Where a registry keeps what it walks (registry/storage/paths.go).
_REGISTRY = "/docker/registry/v2/"

WalkOrder = Literal["bytewise", "tree"]
SortKey = tuple[str, ...]


def is_valid(path: str, names: NameRule = "registry") -> bool:
    """Whether `path` can name a file under a rule. How long a name may be is the store's affair."""
    if _CHARACTERS[names].fullmatch(path) is None:
        return False
    closed = path + "/"
    if "//" in closed or "/./" in closed or "/../" in closed:
        return False
    return not has_staged(path)


def are_valid(keys: Sequence[str], names: NameRule = "registry") -> bool:
    """Whether each of these keys, which are paths without their first ``/``, can name a file."""
    # The joined path has exactly their components: one check is one of each.
    return not keys or is_valid("/" + "/".join(keys), names)


def check_path(path: str, driver_name: str, names: NameRule = "registry") -> None:
    """Raise `InvalidPathError` unless `path` can name a file under a rule."""
    if not isinstance(path, str) or not is_valid(path, names):
        raise InvalidPathError(_rule(path, names), driver_name=driver_name, path=repr(path))


def check_directory(path: str, driver_name: str, names: NameRule = "registry") -> None:
    """Raise `InvalidPathError` unless `path` can name a file, or is the root ``/``."""
    if path != ROOT:
        check_path(path, driver_name, names)


def check_written(path: str, driver_name: str, names: NameRule = "registry") -> None:
    """Raise `InvalidPathError` unless a file can be made at `path`.

    What `check_path` refuses is refused, and the name of a temporary file of
    ours, which could only be read and deleted. Below ``/docker/registry/v2`` it
    is what `registry` refuses.
    """
    check_path(path, driver_name, names)
    if has_temporary(path) and not are_made():
        raise InvalidPathError(_OWN, driver_name=driver_name, path=repr(path))
    if names != "registry" and path.startswith(_REGISTRY) and not is_valid(path):
        detail = (
            f"below {_REGISTRY[:-1]} a name has the characters A-Z a-z 0-9 . _ - only, or a registry cannot walk it"
        )
        raise InvalidPathError(detail, driver_name=driver_name, path=repr(path))


_OWN = "a file of that name is a temporary file of storagedriver itself; choose another name"


def _rule(path: object, names: NameRule) -> str:
    """What is allowed, for a path that is not."""
    if isinstance(path, str) and has_staged(path):
        return _OWN
    begin = "a path begins with / and does not end with one, no component is empty, . or .."
    if names == "any":
        return f"{begin}, and each is UTF-8 without NUL"
    allowed = f"{begin}, and each has the characters A-Z a-z 0-9 . _ - only"
    if isinstance(path, str) and is_valid(path, "any"):
        return f"{allowed}; a driver with the parameter names: any takes this one"
    return allowed


def ancestors(path: str) -> list[str]:
    """The directories above `path`, the root left out, the topmost first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def sort_key(path: str, *, is_dir: bool, order: WalkOrder) -> SortKey:
    """The key by which `path` is sorted in a walk.

    Parameters
    ----------
    path : str
        An absolute path.
    is_dir : bool
        Whether the path is meant as a directory.
    order : {"bytewise", "tree"}
        ``bytewise`` compares the paths as bytes, a directory counting as
        ``path/``. ``tree`` compares component by component, a file before the
        directory of the same name: the order of a server that keeps a real
        tree.

    Returns
    -------
    tuple of str
        Keys of one order compare with each other.
    """
    if order == "bytewise":
        return (path + "/",) if is_dir else (path,)
    parts = tuple(path.split("/"))
    return (*parts, "") if is_dir else parts
