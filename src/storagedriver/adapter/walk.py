"""From the pages of a listing to the visits of a walk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.driver import FileInfo
from storagedriver.paths import ROOT, WalkOrder, is_valid, sort_key
from storagedriver.unnamed import report_unnamed

__all__ = ["Nameless", "Walk", "info_of"]


def info_of(entry: Entry) -> FileInfo:
    """The entry as the contract shows it."""
    return FileInfo("/" + entry.key, entry.size, entry.mod_time, entry.is_dir, "" if entry.weak else entry.version)


class Nameless:
    """Counts the keys that no path can name, and warns of them once."""

    def __init__(self, driver_name: str, path: str) -> None:
        self._driver_name = driver_name
        self._path = path
        self._count = 0
        self._example = ""

    def skip(self, key: str) -> None:
        """Note a key that was passed over."""
        self._count += 1
        self._example = self._example or key

    def warn(self) -> None:
        """Warn if there was any, or raise where that is wanted."""
        report_unnamed(self._driver_name, self._path, self._count, self._example, stacklevel=4)


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
    order : {"bytewise", "tree"}
        The order of the listing.
    start_after : str
        A path, with a trailing ``/`` where it is a directory; ``""`` for all.
    pages : callable
        Gives the pages, each a sequence of entries, for a set of skipped keys.
    """

    def __init__(
        self,
        driver_name: str,
        path: str,
        order: WalkOrder,
        start_after: str,
        pages: Callable[[set[str]], Generator[Sequence[Entry], None, None]],
    ) -> None:
        self.found = False
        self._nameless = Nameless(driver_name, path)
        self._path = path
        self._order: WalkOrder = order
        self._after = sort_key(start_after.rstrip("/"), is_dir=start_after.endswith("/"), order=order)
        self._skipped: set[str] = set()
        self._skip = ""
        self._pages = pages(self._skipped)

    def skip(self, info: FileInfo) -> None:
        """Do not enter the directory that was just given."""
        if info.is_dir:
            self._skip = info.path + "/"
            self._skipped.add(info.path[1:])

    def __iter__(self) -> Generator[FileInfo, None, None]:
        top = 1 if self._path == ROOT else len(self._path) + 1
        # The directories around the last entry, each with a "/" at its end.
        opened: list[str] = []
        with closing(self._pages) as pages:
            for page in pages:
                for entry in page:
                    self.found = True
                    path = "/" + entry.key
                    valid = is_valid(path)
                    own = path + "/" if entry.is_dir else path
                    while opened and not own.startswith(opened[-1]):
                        opened.pop()
                    end = len(opened[-1]) if opened else top
                    while (end := path.find("/", end) + 1) > 0:
                        directory = path[: end - 1]
                        opened.append(path[:end])
                        if valid or is_valid(directory):
                            yield from self._wanted(Entry(directory[1:], 0, EPOCH, is_dir=True))
                    if not valid and not (self._skip and path.startswith(self._skip)):
                        self._nameless.skip(entry.key)
                    if valid and not (opened and opened[-1] == own):
                        yield from self._wanted(entry)
                        if entry.is_dir:
                            opened.append(own)
        self._nameless.warn()

    def _wanted(self, entry: Entry) -> Iterator[FileInfo]:
        info = info_of(entry)
        if self._skip and info.path.startswith(self._skip):
            return
        if sort_key(info.path, is_dir=info.is_dir, order=self._order) > self._after:
            yield info
