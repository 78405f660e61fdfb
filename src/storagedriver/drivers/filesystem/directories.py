"""The directories below the root, which may be nested deeper than a path can say or Python's stack can go."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone

from storagedriver.adapter.store import Entry
from storagedriver.drivers.filesystem.disk import open_directory

__all__ = ["Child", "Directories", "entry_of", "time_of"]

#: A path of a directory of this length can have a name put behind it.
_SHORT = 3800


@dataclass(frozen=True)
class Child:
    """What is in a directory: a file or a directory, or what a link leads to.

    Attributes
    ----------
    name : str
        Its name.
    is_dir, is_link : bool
        Whether it is, or leads to, a directory; whether it is a link.
    status : os.stat_result or None
        None where it was not asked for.
    """

    name: str
    is_dir: bool
    is_link: bool
    status: os.stat_result | None

    def entry(self, key: str) -> Entry:
        """The child as an entry of a store."""
        return Entry(key, is_dir=self.is_dir) if self.status is None else entry_of(key, self.status)


class Directories:
    """The directories below a root, by key.

    Parameters
    ----------
    root : str
        The path of the root.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, key: str) -> str:
        """The path of a key on the disk."""
        return os.path.join(self.root, key) if key else self.root

    def children(self, key: str, *, sized: bool) -> list[Child]:
        """What is in a directory, in no order.

        A link that leads nowhere, or in a loop, is left out, and so is what is
        neither a file nor a directory.

        Parameters
        ----------
        key : str
            The directory.
        sized : bool
            Whether the status of each child is wanted: it is a call for each.

        Raises
        ------
        FileNotFoundError
            If there is no such directory.
        """
        path = self.path(key)
        file = None if len(os.fsencode(path)) <= _SHORT else open_directory(path)
        try:
            with os.scandir(path if file is None else file) as listing:
                return [child for child in (_child(found, sized=sized) for found in listing) if child is not None]
        except NotADirectoryError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        finally:
            if file is not None:
                os.close(file)

    @contextmanager
    def opened(self, key: str) -> Iterator[int]:
        """Open a directory, whatever the length of its path, and give its descriptor."""
        file = open_directory(self.path(key))
        try:
            yield file
        finally:
            os.close(file)

    def leads_up(self, key: str) -> bool:
        """Whether a link leads to one of the directories that it is in."""
        own = self._identity(key)
        while key:
            key = key.rpartition("/")[0]
            if self._identity(key) == own:
                return True
        return False

    def below(self, key: str, enter: Callable[[str, Child], bool]) -> Iterator[tuple[str, list[Child]]]:
        """A directory and all those below it, with what is in each. Links are followed, but not in a circle.

        Parameters
        ----------
        key : str
            Where to begin. If there is nothing, nothing is given.
        enter : callable
            Says of a directory, by the key of the one that it is in, whether
            to go there.
        """
        waiting = [key]
        while waiting:
            key = waiting.pop()
            try:
                children = self.children(key, sized=False)
            except FileNotFoundError:
                continue
            yield key, children
            prefix = key + "/" if key else ""
            waiting.extend(
                prefix + child.name
                for child in children
                if child.is_dir and enter(key, child) and not (child.is_link and self.leads_up(prefix + child.name))
            )

    def _identity(self, key: str) -> tuple[int, int]:
        path = self.path(key)
        if len(os.fsencode(path)) <= _SHORT:
            status = os.stat(path)
        else:
            with self.opened(key) as file:
                status = os.fstat(file)
        return status.st_dev, status.st_ino


def entry_of(key: str, status: os.stat_result) -> Entry:
    """The entry of a file or a directory."""
    version = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    is_dir = stat.S_ISDIR(status.st_mode)
    return Entry(key, 0 if is_dir else status.st_size, time_of(status), is_dir, version)


def time_of(status: os.stat_result) -> datetime:
    """When it was last changed."""
    return datetime.fromtimestamp(status.st_mtime, timezone.utc)


def _child(found: os.DirEntry[str], *, sized: bool) -> Child | None:
    try:
        is_link = found.is_symlink()
        # Where a link leads has to be looked at.
        status = found.stat() if sized or is_link else None
        if status is None:
            is_dir = found.is_dir()
            usual = is_dir or found.is_file()
        else:
            is_dir = stat.S_ISDIR(status.st_mode)
            usual = is_dir or stat.S_ISREG(status.st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    return Child(found.name, is_dir, is_link, status) if usual else None
