"""Drivers that do not come to an end, with one fault each."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from storagedriver.driver import FileInfo, FileReader, UploadInfo, Visit
from storagedriver.paths import ROOT
from tests.broken.table import breaks
from tests.dict_driver import DictDriver, DictReader


@breaks("test_everything_below_is_visited_in_order", "test_walk_knows_the_same", "test_more_entries_than_a_page")
class WalksForEver(DictDriver):
    """Its cursor does not move: each page is the first one."""

    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        page = list(entries)
        while page:
            super().tour(page, visit)


@breaks("test_files_are_those_of_a_walk")
class ListsFilesForEver(DictDriver):
    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        page = list(super().files(path, start_after))
        while page:
            yield from page


@breaks("test_uploads_are_listed_where_they_can_be_told")
class ListsUploadsForEver(DictDriver):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        page = list(super().uploads(path))
        while page:
            yield from page


@breaks("test_reading_in_pieces", "test_reader_begins_at_any_offset", "test_bounded_reader_reads_all_at_once")
class ReadsForEver(DictDriver):
    class Reader(DictReader):
        def readinto(self, buffer: Any, /) -> int:
            buffer[:1] = b"x"
            return super().readinto(buffer) or len(buffer[:1])

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        reader = super().reader(path, offset, length)
        reader.__class__ = self.Reader
        return reader


class HangsInThreads(DictDriver):
    """Calls of other threads than the first one wait for ever; for a test of its own."""

    def put_content(self, path: str, content: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait()
        super().put_content(path, content)


class HangsInAListing(DictDriver):
    """A listing that never comes; for a test of its own."""

    def list(self, path: str) -> Any:
        threading.Event().wait()
        return super().list(path)


@breaks("test_more_entries_than_a_page")
class IgnoresWhereToGoOn(DictDriver):
    """A walk of more than a page begins at its beginning, so that the files never come to an end."""

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        with self.store() as store:
            many = len(store.files) > 1000
        super().walk(path, visit, "" if many else start_after)
