"""Removing a tree of a filesystem that keeps directories: however deep it is, and nothing that is behind a link."""

from __future__ import annotations

import errno

from storagedriver.drivers.fsspec.files import Files, parent_of

__all__ = ["remove_tree"]


def remove_tree(files: Files, key: str) -> bool:
    """Remove a file, a link, or a directory with all that is in it, unfinished content included.

    Parameters
    ----------
    files : Files
        The files of the store.
    key : str
        What to remove.

    Returns
    -------
    bool
        Whether there was anything.
    """
    try:
        info = files.info(key)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        info = None
    if info is None:
        # A link that leads nowhere, or in a loop, is not seen, and is removed all the same.
        return _remove_link(files, key)
    if info.get("type") != "directory" or info.get("islink"):
        files.remove(key)
        return True
    # The directories on the way down, each with those in it that are left.
    levels = [(key, _empty(files, key))]
    while levels:
        directory, below = levels[-1]
        if below:
            name = f"{directory}/{below.pop()}"
            levels.append((name, _empty(files, name)))
        else:
            files.remove_directory(directory)
            levels.pop()
    return True


def _empty(files: Files, key: str) -> list[str]:
    """Remove what is in a directory but for the directories, and name these."""
    directories = []
    try:
        lines = list(files.listing(key))
    except FileNotFoundError:
        return []
    for name, line in lines:
        if line.get("type") == "directory" and not line.get("islink"):
            directories.append(name)
        else:
            files.remove(f"{key}/{name}")
    return directories


def _remove_link(files: Files, key: str) -> bool:
    try:
        lines = dict(files.listing(parent_of(key)))
    except FileNotFoundError:
        return False
    line = lines.get(key.rpartition("/")[2])
    if line is None or not (line.get("type") == "link" or line.get("islink")):
        return False
    files.remove(key)
    return True
