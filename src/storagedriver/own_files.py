"""The names of the files that this package makes for itself, which no path of a user can have.

There are three kinds. A *staged* file holds what a put or an upload has written so far, beside the path that it is for.
A *spare* file is the old content while a new one takes its place; it is named like a staged one. A *temporary* file is
that of the filesystem ``storagedriver``, which writes through any driver, and so has a name that each driver takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "ASIDE",
    "PUT",
    "TEMPORARY",
    "UPLOAD",
    "are_made",
    "has_staged",
    "has_temporary",
    "is_own",
    "making_own_files",
]

#: What the driver ``filesystem`` has put under way, or a kill has left.
PUT = re.compile(r"(?P<name>.+)~[0-9a-f]{16}", re.DOTALL)
#: A staged or spare file of the driver ``fsspec``. In the stem each ``~`` of a name is written twice.
UPLOAD = re.compile(
    r"(?P<stem>(?:[^~]|~~)+(?:~[0-9a-f]{32})?)"
    r"~(?P<upload>[0-9a-f]{28})~(?P<kind>[mdwpo])(?P<number>[0-9a-f]{8})-(?P<session>[0-9a-f]{8})",
    re.DOTALL,
)
#: The directory of such files where directories are only implied.
ASIDE = "~storagedriver~"
#: A file of the filesystem ``storagedriver``.
TEMPORARY = re.compile(r"\.storagedriver-[0-9a-f]{32}\.part")

_making: ContextVar[bool] = ContextVar("storagedriver_making_own_files", default=False)


def is_own(component: str) -> bool:
    """Whether a component of a path is the name of one of our own files.

    Parameters
    ----------
    component : str
        What stands between two ``/``.
    """
    return _is_staged(component) or TEMPORARY.fullmatch(component) is not None


def has_staged(path: str) -> bool:
    """Whether a component is the name of a staged or a spare file. No driver shows these."""
    return "~" in path and any(map(_is_staged, path.split("/")))


def has_temporary(path: str) -> bool:
    """Whether a component is the name of a temporary file. A driver shows and deletes these like others."""
    return ".storagedriver-" in path and any(map(TEMPORARY.fullmatch, path.split("/")))


@contextmanager
def making_own_files() -> Iterator[None]:
    """Within the block, in this thread or task, a driver takes the name of a temporary file."""
    token = _making.set(True)
    try:
        yield
    finally:
        _making.reset(token)


def are_made() -> bool:
    """Whether this is within `making_own_files`."""
    return _making.get()


def _is_staged(component: str) -> bool:
    if "~" not in component:
        return False
    return component == ASIDE or any(pattern.fullmatch(component) for pattern in (PUT, UPLOAD))
