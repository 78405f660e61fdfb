"""The index of the objects: a tree of directories, each with its names in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from threading import RLock
from typing import Generic, TypeVar

__all__ = ["Directory", "Tree"]

T = TypeVar("T")


class Directory(Generic[T]):
    """The files and the directories in a directory; one name may be both.

    `order` has the names, sorted, those of directories with a ``/`` behind
    them. It is made when it is first needed and kept in order from then on: a
    list is enough, since a directory's names are few beside the tree's. A name
    goes in before what it names and out after it, so that a call that is
    interrupted leaves at most a name too much. So a name may name nothing.
    """

    __slots__ = ("directories", "files", "order")

    def __init__(self) -> None:
        self.files: dict[str, T] = {}
        self.directories: dict[str, Directory[T]] = {}
        self.order: list[str] | None = None

    def ordered(self) -> list[str]:
        """The names in order."""
        if self.order is None:
            self.order = sorted([*self.files, *[name + "/" for name in self.directories]])
        return self.order

    def add_name(self, name: str) -> None:
        """Note that there will be something of this name."""
        if self.order is None:
            return
        index = bisect_left(self.order, name)
        if index == len(self.order) or self.order[index] != name:
            self.order.insert(index, name)

    def drop_name(self, name: str) -> None:
        """Note that there is nothing of this name any more."""
        if self.order is None:
            return
        index = bisect_left(self.order, name)
        if index < len(self.order) and self.order[index] == name:
            del self.order[index]


class Tree(Generic[T]):
    """Files by key, in the bytewise order of the keys.

    There is no empty directory but the root. Whatever takes more than one step
    is done with `lock`, which can be held for several calls.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._root: Directory[T] = Directory()

    def get(self, key: str) -> T | None:
        """The file, if there is one."""
        above, slash, name = key.rpartition("/")
        directory = self._directory(above) if slash else self._root
        return None if directory is None else directory.files.get(name)

    def set(self, key: str, file: T) -> None:
        """Put a file there, or replace it."""
        above, slash, name = key.rpartition("/")
        with self.lock:
            directory = self._root
            parts = iter(above.split("/") if slash else ())
            for part in parts:
                below = directory.directories.get(part)
                if below is None:
                    # What is below the first directory that is missing is made first, and put there in one step.
                    made: Directory[T] = Directory()
                    lowest = made
                    for further in parts:
                        lower: Directory[T] = Directory()
                        lowest.directories[further] = lower
                        lowest = lower
                    lowest.files[name] = file
                    directory.add_name(part + "/")
                    directory.directories[part] = made
                    return
                directory = below
            if name not in directory.files:
                directory.add_name(name)
            directory.files[name] = file

    def remove(self, key: str) -> bool:
        """Remove the file, and say whether there was one."""
        with self.lock:
            trail = self._trail(key)
            name = key.rpartition("/")[2]
            if trail is None or name not in trail[-1].files:
                return False
            if len(trail) > 1 and len(trail[-1].files) + len(trail[-1].directories) == 1:
                self._cut(key, trail)
                return True
            del trail[-1].files[name]
            trail[-1].drop_name(name)
            return True

    def remove_all(self, key: str) -> tuple[T | None, Directory[T] | None]:
        """Remove the file and the directory of a key, however much is in it.

        Returns
        -------
        tuple
            What was removed: its memory is given back when that is dropped.
        """
        with self.lock:
            file = self.get(key)
            self.remove(key)
            trail = self._trail(key)
            below = None if trail is None else trail[-1].directories.get(key.rpartition("/")[2])
            if trail is not None and below is not None:
                self._cut(key + "/", [*trail, below])
            return file, below

    def names(self, prefix: str) -> list[str]:
        """The names of the files and the directories in a directory, each once; none if it is not there."""
        with self.lock:
            directory = self._directory(prefix[:-1]) if prefix else self._root
            if directory is None:
                return []
            if not directory.directories:
                return list(directory.files)
            return list({**directory.files, **directory.directories})

    def children(self, prefix: str) -> list[tuple[str, T | None]]:
        """The files and the directories in a directory, in order, by key: None for a directory."""
        with self.lock:
            directory = self._directory(prefix[:-1]) if prefix else self._root
            if directory is None:
                return []
            found: list[tuple[str, T | None]] = []
            for name in directory.ordered():
                file = directory.files.get(name)
                if file is not None:
                    found.append((prefix + name, file))
                elif name[:-1] in directory.directories and name[-1:] == "/":
                    found.append((prefix + name[:-1], None))
            return found

    def after(
        self, prefix: str, key: str, *, count: int, skipped: AbstractSet[str] = frozenset()
    ) -> list[tuple[str, T | None]]:
        """What is below a directory, in order, by key: None for a directory, whose key has a ``/`` at its end.

        Parameters
        ----------
        prefix : str
            The directory, with a ``/`` at its end; ``""`` for the root.
        key : str
            Only what comes after it.
        count : int
            How many files and directories at most.
        skipped : set of str
            The keys of directories that are not entered.
        """
        with self.lock:
            found: list[tuple[str, T | None]] = []
            levels = self._position(prefix, key, skipped)
            while levels:
                below, directory, begin = levels.pop()
                names = directory.ordered()
                if not directory.directories and len(names) - begin < count - len(found):
                    # Most directories are like this, and it takes half the time.
                    get = directory.files.get
                    found += [(below + name, file) for name in names[begin:] if (file := get(name)) is not None]
                    continue
                for index in range(begin, len(names)):
                    name = names[index]
                    file = directory.files.get(name)
                    entered = directory.directories.get(name[:-1]) if file is None and name[-1:] == "/" else None
                    if file is None and entered is None:
                        continue
                    found.append((below + name, file))
                    if len(found) == count:
                        return found
                    if entered is not None and below + name[:-1] not in skipped:
                        levels += (below, directory, index + 1), (below + name, entered, 0)
                        break
            return found

    def __iter__(self) -> Iterator[str]:
        """The keys, in order."""
        key = ""
        while found := self.after("", key, count=1000):
            for key, file in found:
                if file is not None:
                    yield key

    def _directory(self, key: str) -> Directory[T] | None:
        directory = self._root
        for part in key.split("/"):
            below = directory.directories.get(part)
            if below is None:
                return None
            directory = below
        return directory

    def _trail(self, key: str) -> list[Directory[T]] | None:
        """The directories above a key, from the root on; None if one is not there."""
        trail = [self._root]
        for part in key.split("/")[:-1]:
            below = trail[-1].directories.get(part)
            if below is None:
                return None
            trail.append(below)
        return trail

    def _cut(self, key: str, trail: list[Directory[T]]) -> None:
        """Take off the lowest directory above a key in one step, with those above it that have nothing else in them."""
        parts = key.split("/")[:-1]
        lowest = len(parts) - 1
        while lowest > 0 and len(trail[lowest].files) + len(trail[lowest].directories) == 1:
            lowest -= 1
        trail[lowest].directories.pop(parts[lowest], None)
        trail[lowest].drop_name(parts[lowest] + "/")

    def _position(self, prefix: str, key: str, skipped: AbstractSet[str]) -> list[tuple[str, Directory[T], int]]:
        """The directories from `prefix` down to where `key` stands, each with the index of what comes after it."""
        directory = self._directory(prefix[:-1]) if prefix else self._root
        if directory is None:
            return []
        if not key.startswith(prefix):
            return [] if key > prefix else [(prefix, directory, 0)]
        levels = []
        rest = key[len(prefix) :]
        while rest:
            name, slash, rest = rest.partition("/")
            name += slash
            levels.append((prefix, directory, bisect_right(directory.ordered(), name)))
            below = directory.directories.get(name[:-1]) if slash else None
            prefix += name
            if below is None or prefix[:-1] in skipped:
                return levels
            directory = below
        return [*levels, (prefix, directory, 0)]
