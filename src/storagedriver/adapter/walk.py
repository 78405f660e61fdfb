"""From the pages of a listing to the visits of a walk."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from storagedriver.adapter.store import EPOCH
from storagedriver.driver import FileInfo
from storagedriver.parameters import NamingParameters
from storagedriver.paths import ROOT, WalkOrder, are_valid, is_valid, sort_key
from storagedriver.unnamed import note_unnamed, report_unnamed

__all__ = ["TreeWalk", "UnnameableKeys", "Walk"]


class UnnameableKeys:
    """Counts the keys that no path can name, and warns of them once."""

    def __init__(self, driver_name: str, path: str, naming: NamingParameters) -> None:
        self._driver_name = driver_name
        self._path = path
        self._naming = naming
        self._count = 0
        self._example = ""
        self._harmless = True

    def skip(self, key: str, *, harmless: bool = False) -> None:
        """Note a key that was passed over; harmless is one that only stands for a directory."""
        if not harmless:
            note_unnamed(key)
        if not self._count or (self._harmless and not harmless):
            self._example = key
        self._count += 1
        self._harmless = self._harmless and harmless

    def named(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of the keys that a path can name; the others are noted."""
        if are_valid(keys, self._naming.names):
            return keys
        named = []
        for key in keys:
            if is_valid("/" + key, self._naming.names):
                named.append(key)
            else:
                self.skip(key)
        return named

    def warn(self) -> None:
        """Warn if there was any, or raise where that is wanted."""
        report_unnamed(
            self._driver_name,
            self._path,
            self._count,
            self._example,
            names=self._naming.names,
            refused=self._naming.unnamed == "error",
            harmless=self._harmless,
            stacklevel=4,
        )


class Walk:
    """An iterator over everything below a directory, depth first.

    Objects come from a flat listing, in its order; the directories that a
    store does not keep are shown just before their first entry.

    Parameters
    ----------
    driver_name : str
        For the warning about keys that no path can name.
    path : str
        The directory, ``/`` for the root.
    naming : NamingParameters
        Which keys a path can name, and what becomes of the others.
    order : {"bytewise", "tree"}
        The order of the listing.
    start_after : str
        A path, with a trailing ``/`` where it is a directory; ``""`` for all.
    skipped : set of str
        Gets the keys of the directories that are not to be entered.
    pages : generator
        The pages, each a sequence of entries.
    """

    def __init__(
        self,
        driver_name: str,
        path: str,
        naming: NamingParameters,
        order: WalkOrder,
        start_after: str,
        skipped: set[str],
        pages: Generator[Sequence[Any], None, None],
    ) -> None:
        self.found = False
        self._unnameable = UnnameableKeys(driver_name, path, naming)
        self._names = naming.names
        self._path = path
        self._order: WalkOrder = order
        self._after = (
            sort_key(start_after.rstrip("/"), is_dir=start_after.endswith("/"), order=order) if start_after else None
        )
        self._skipped = skipped
        self._skip = ""
        self._pages = pages

    def skip(self, info: FileInfo) -> None:
        """Do not enter the directory that was just given."""
        if info.is_dir:
            self._skip = info.path + "/"
            self._skipped.add(info.path[1:])

    def __iter__(self) -> Generator[FileInfo, None, None]:
        # The directories around the last entry, each with a "/" at its end.
        opened: list[str] = []
        with closing(self._pages) as pages:
            for page in pages:
                self.found = self.found or bool(page)
                yield from self._shown(page, opened)
        self._unnameable.warn()

    def _shown(self, page: Sequence[Any], opened: list[str]) -> Iterator[FileInfo]:
        """What is visited of a page."""
        base = self._path if self._path == ROOT else self._path + "/"
        inside = opened[-1] if opened else base
        all_valid = are_valid([entry.key for entry in page], self._names)
        for entry in page:
            path = "/" + entry.key
            valid = all_valid or is_valid(path, self._names)
            if not path.startswith(inside) or path.find("/", len(inside)) >= 0:
                own = path + "/" if entry.is_dir else path
                while opened and not own.startswith(opened[-1]):
                    opened.pop()
                for directory in _directories(path, opened[-1] if opened else base):
                    opened.append(directory + "/")
                    if (valid or is_valid(directory, self._names)) and self._wants(directory, is_dir=True):
                        yield FileInfo(directory, 0, EPOCH, True)
                inside = opened[-1] if opened else base
                if valid and own == inside:
                    # It has been shown, before its first entry.
                    continue
            if not valid:
                self._pass_over(entry)
                continue
            if self._wants(path, is_dir=entry.is_dir):
                yield FileInfo(path, entry.size, entry.mod_time, entry.is_dir, "" if entry.weak else entry.version)
            if entry.is_dir:
                inside = path + "/"
                opened.append(inside)

    def _pass_over(self, entry: Any) -> None:
        if self._skip and ("/" + entry.key).startswith(self._skip):
            return
        # Other tools put an empty object `dir/` to stand for a directory, which has been shown.
        is_empty = entry.key.endswith("/") and not entry.is_dir and not entry.size
        self._unnameable.skip(entry.key, harmless=is_empty and is_valid("/" + entry.key[:-1], self._names))

    def _wants(self, path: str, *, is_dir: bool) -> bool:
        if self._skip and path.startswith(self._skip):
            return False
        return self._after is None or sort_key(path, is_dir=is_dir, order=self._order) > self._after


def _directories(path: str, inside: str) -> Iterator[str]:
    """The directories that a path is in, below one that has a ``/`` at its end."""
    end = len(inside) - 1
    while (end := path.find("/", end + 1)) >= 0:
        yield path[:end]


class TreeWalk(Walk):
    """The same for a store that shows its directories itself, see `Store.infos`."""

    def __iter__(self) -> Generator[FileInfo, None, None]:
        with closing(self._pages) as pages:
            for page in pages:
                self.found = self.found or bool(page)
                # Each begins with a "/": together they are one path, with all their components.
                all_valid = is_valid("".join([info.path for info in page]), self._names)
                for info in page:
                    if self._skip and info.path.startswith(self._skip):
                        continue
                    if not all_valid and not is_valid(info.path, self._names):
                        self._unnameable.skip(info.path[1:])
                    elif self._after is None or info.sort_key(self._order) > self._after:
                        yield info
        self._unnameable.warn()
