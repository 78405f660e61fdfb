"""The path rule of the contract, and the two orders in which a walk can run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from storagedriver.errors import InvalidPathError

__all__ = [
    "ROOT",
    "SortKey",
    "WalkOrder",
    "ancestors",
    "are_valid",
    "check_directory",
    "check_path",
    "is_valid",
    "sort_key",
]

ROOT = "/"

#: The registry's PathRegexp (registry/storage/driver/storagedriver.go), to be
#: matched in full: ``$`` would let a trailing newline through.
#: Here it is the characters alone: a class that is repeated is matched far faster than a group.
_CHARACTERS = re.compile(r"/[A-Za-z0-9._/-]*")

WalkOrder = Literal["bytewise", "tree"]
SortKey = tuple[str, ...]


def is_valid(path: str) -> bool:
    """Whether `path` can name a file: ``(/[A-Za-z0-9._-]+)+`` without ``.`` and ``..``."""
    if _CHARACTERS.fullmatch(path) is None:
        return False
    closed = path + "/"
    return "//" not in closed and "/./" not in closed and "/../" not in closed


def are_valid(keys: Sequence[str]) -> bool:
    """Whether each of these keys, which are paths without their first ``/``, can name a file."""
    # The joined path has exactly their components: one check is one of each.
    return not keys or is_valid("/" + "/".join(keys))


def check_path(path: str, driver_name: str) -> None:
    """Raise `InvalidPathError` unless `path` can name a file."""
    if not isinstance(path, str) or not is_valid(path):
        raise InvalidPathError(driver_name=driver_name, path=repr(path))


def check_directory(path: str, driver_name: str) -> None:
    """Raise `InvalidPathError` unless `path` can name a file or is the root ``/``."""
    if path != ROOT:
        check_path(path, driver_name)


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
