"""The names of the filesystem. They are the driver's own paths: ``/data/x.parquet``."""

from __future__ import annotations

import uuid

from fsspec.utils import stringify_path

from storagedriver.own_files import has_temporary

__all__ = ["PROTOCOL", "is_staged", "staged_path", "to_path"]

PROTOCOL = "storagedriver"


def to_path(url: object) -> str:
    """The driver's path of a URL or a name: ``storagedriver://data/x``, ``data/x`` and ``/data/x/`` are ``/data/x``."""
    name = str(stringify_path(url))
    for separator in ("://", "::"):
        name = name.removeprefix(PROTOCOL + separator)
    return "/" + name.strip("/")


def staged_path(path: str) -> str:
    """A new path beside `path`, which listings of the filesystem leave out."""
    return f"{path.rpartition('/')[0]}/.storagedriver-{uuid.uuid4().hex}.part"


def is_staged(path: str) -> bool:
    """Whether `staged_path` made this path."""
    return has_temporary(path.rpartition("/")[2])
