"""The path rule of the contract, and the two orders in which a walk can run."""

from __future__ import annotations

import re
from typing import Literal

from storagedriver.errors import InvalidPathError

__all__ = [
    "ROOT",
    "SortKey",
    "WalkOrder",
    "ancestors",
    "check_directory",
    "check_path",
    "is_valid",
    "sort_key",
]

ROOT = "/"

#: The registry's PathRegexp (registry/storage/driver/storagedriver.go), to be
#: matched in full: ``$`` would let a trailing newline through.
_PATH = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
_DOTS = re.compile(r"/\.{1,2}(?:/|\Z)")

WalkOrder = Literal["bytewise", "tree"]
SortKey = tuple[str, ...]


def is_valid(path: str) -> bool:
    """Whether `path` can name a file: ``(/[A-Za-z0-9._-]+)+`` without ``.`` and ``..``."""
    return _PATH.fullmatch(path) is not None and _DOTS.search(path) is None


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
