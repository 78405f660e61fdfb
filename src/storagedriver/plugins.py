"""What packages bring by name: registered by hand, or found as an entry point and loaded when it is asked for."""

from __future__ import annotations

import difflib
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from storagedriver.errors import InvalidStorageDriverError, StorageDriverError

__all__ = ["Plugins"]

T = TypeVar("T")


class Plugins(Generic[T]):
    """The callables of one kind, by name.

    Parameters
    ----------
    group : str
        The entry point group that they are found in.
    kind : str
        What they make, for messages: "driver".
    error : type
        What is raised for a name that leads to nothing.
    hints : str
        The entry point group of what to use in place of a name that leads to
        nothing, each a text; none if it is empty.
    """

    def __init__(self, group: str, kind: str, error: type[InvalidStorageDriverError], *, hints: str = "") -> None:
        self._group = group
        self._hints = hints
        self._kind = kind
        self._error = error
        self._registered: dict[str, T] = {}
        #: What was found, by the name and the places where packages were looked for.
        self._loaded: dict[tuple[str, ...], T] = {}

    def register(self, name: str, factory: T | None) -> None:
        """Make a callable available by a name; it wins over an entry point of that name.

        Raises
        ------
        ValueError
            If `factory` is None, or if the name is registered already.
        """
        if factory is None:
            message = f"the factory of the storage {self._kind} {name!r} must not be None"
            raise ValueError(message)
        if name in self._registered:
            message = f"a storage {self._kind} named {name!r} is registered already"
            raise ValueError(message)
        self._registered[name] = factory

    def unregister(self, name: str) -> None:
        """Take back what `register` did.

        Raises
        ------
        KeyError
            If nothing is registered by that name.
        """
        del self._registered[name]

    def names(self) -> list[str]:
        """The names that are known, sorted. Nothing is loaded for it."""
        return sorted({*self._registered, *(point.name for point in entry_points(group=self._group))})

    def get(self, name: str) -> T:
        """The callable of a name.

        Raises
        ------
        InvalidStorageDriverError
            Or the class of it that was given: if there is none of this name,
            more than one package brings it, or it cannot be loaded.
        """
        found = self._registered.get(name)
        return self._load(name) if found is None else found

    def _load(self, name: str) -> T:
        # To read what all installed packages bring costs as much as twenty requests.
        place = (name, *sys.path)
        found = self._loaded.get(place)
        if found is None:
            found = self._loaded[place] = self._found(name)
        return found

    def _found(self, name: str) -> T:
        points = {_identity(point): point for point in entry_points(group=self._group, name=name)}
        if not points:
            known = self.names()
            near = difflib.get_close_matches(str(name).lower(), known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            for point in entry_points(group=self._hints, name=name) if self._hints else ():
                hint = f"{point.load()}; "
            detail = f"there is no such {self._kind}; {hint}known are {', '.join(known)}"
            raise self._error(detail, driver_name=str(name))
        if len(points) > 1:
            packages = ", ".join(sorted(package for package, _ in points))
            detail = f"more than one package brings it: {packages}; uninstall all but one of them"
            raise self._error(detail, driver_name=name)
        (point,) = points.values()
        try:
            return cast("T", point.load())
        except StorageDriverError:
            raise
        except Exception as error:
            detail = f"{point.value} cannot be loaded: {error}"
            raise self._error(detail, driver_name=name) from error


def _identity(point: EntryPoint) -> tuple[str, str]:
    """The package and the target: one entry point that is found twice on the path counts once."""
    return (point.dist.name if point.dist else "an unknown package", point.value)
