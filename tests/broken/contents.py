"""Contents, names and streams with one fault each."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from storagedriver.driver import Capabilities, FileInfo, FileReader, Visit
from storagedriver.errors import (
    InvalidOffsetError,
    StorageDriverError,
)
from storagedriver.paths import ROOT
from tests.broken.table import breaks
from tests.dict_driver import EPOCH, DictDriver, DictReader, Store

# Content


@breaks("test_put_replaces_longer_content", "test_histories_agree_with_a_model")
class PutLeavesTheTail(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        old = self.data(path) if path in self._store.files else b""
        new = bytes(memoryview(content).cast("B"))
        super().put_content(path, new + old[len(new) :])


@breaks("test_content_may_be_any_buffer")
class PutCountsItems(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        super().put_content(path, bytes(memoryview(content).cast("B")[: len(content)]))


@breaks("test_content_is_bytes")
class GetsABytearray(DictDriver):
    def get_content(self, path: str) -> Any:
        return bytearray(super().get_content(path))


@breaks("test_what_was_put_is_got")
class DropsEmptyContent(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        if memoryview(content).nbytes:
            super().put_content(path, content)


@breaks("test_put_is_atomic_to_readers")
class PutTruncatesFirst(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        super().put_content(path, b"")
        time.sleep(0.002)
        super().put_content(path, content)


# Names


@breaks("test_invalid_path_is_refused")
class TakesATrailingNewline(DictDriver):
    def get_content(self, path: str) -> bytes:
        return super().get_content(path.removesuffix("\n"))


@breaks("test_invalid_path_is_refused")
class TakesDots(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        super().put_content(path.replace("/../", "/"), content)


@breaks("test_root_is_no_file")
class DeletesTheRoot(DictDriver):
    def delete(self, path: str) -> None:
        if path != ROOT:
            super().delete(path)


@breaks("test_valid_paths_can_be_used")
class HidesDotFiles(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        super().tour([info for info in entries if "/." not in info.path], visit)


@breaks("test_name_of_a_file_and_a_directory")
class HidesTheFileOfAName(DictDriver):
    def stat(self, path: str) -> FileInfo:
        with self.store() as store:
            if path in store.directories():
                return self.info(store, path, is_dir=True)
        return super().stat(path)


@breaks("test_name_of_a_file_and_a_directory")
class LosesTheFileInTheWay(DictDriver):
    def __init__(self) -> None:
        super().__init__(Capabilities(multiprocess=False, key_and_prefix=False, conflicts_detected="always"))

    def save(self, store: Store, path: str, data: bytes) -> None:
        for taken in [file for file in store.files if path.startswith(file + "/")]:
            del store.files[taken]
        super().save(store, path, data)


@breaks("test_name_of_a_file_and_a_directory")
class SaysNotFoundOfWhatIsInTheWay(DictDriver):
    def __init__(self) -> None:
        super().__init__(Capabilities(multiprocess=False, key_and_prefix=False, conflicts_detected="always"))

    def save(self, store: Store, path: str, data: bytes) -> None:
        try:
            super().save(store, path, data)
        except StorageDriverError as error:
            raise self.missing(path) from error


# Streams


@breaks("test_reader_begins_at_any_offset")
class OffsetIsOffByOne(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        return super().reader(path, offset + (offset > 31), length)


@breaks("test_reader_gives_no_more_than_its_length")
class LengthIsInclusive(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        return super().reader(path, offset, length + 1 if length else length)


@breaks("test_negative_offset_and_length_are_refused")
class TakesNegativeOffsets(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        return super().reader(path, max(offset, 0), length)


@breaks("test_reader_past_the_end_is_empty")
class RefusesOffsetsPastTheEnd(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        if offset > len(self.data(path)):
            raise InvalidOffsetError(driver_name=self.name, path=path)
        return super().reader(path, offset, length)


@breaks("test_reader_begins_at_any_offset")
class ReaderSizeIsTheRest(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        super().reader(path, offset, length)
        return DictReader(self.data(path)[offset:], 0, length)


class LiveReader(DictReader):
    def __init__(self, driver: DictDriver, path: str, offset: int, length: int | None) -> None:
        super().__init__(b"", 0, None)
        self.driver, self.path = driver, path
        self.position, self.end = offset, None if length is None else offset + length

    @property
    def size(self) -> int:
        return len(self.driver.data(self.path))

    def readinto(self, buffer: Any, /) -> int:
        piece = self.driver.data(self.path)[self.position : self.end][: len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)


@breaks("test_reader_stays_on_one_version", "test_closed_reader_cannot_be_read")
class ReaderFollowsChanges(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        super().reader(path, offset, length)
        return LiveReader(self, path, offset, length)


@breaks("test_missing_file_fails_at_the_call", "test_missing_path", "test_directory_has_no_content")
class ReaderFailsAtTheFirstRead(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        if path not in self._store.files:
            return LiveReader(self, path, offset, length)
        return super().reader(path, offset, length)


class BufferingReader(LiveReader):
    """It reads eight MiB ahead, and each time what lies there then."""

    ahead = 8 << 20
    known: FileReader

    @property
    def mod_time(self) -> datetime:
        return self.known.mod_time

    @property
    def version(self) -> str:
        return self.known.version

    def __init__(self, driver: DictDriver, path: str, offset: int, length: int | None) -> None:
        super().__init__(driver, path, offset, length)
        self.whole = len(driver.data(path))
        self.buffer = b""

    @property
    def size(self) -> int:
        return self.whole

    def fill(self) -> None:
        start = self.position
        end = start + self.ahead if self.end is None else min(start + self.ahead, self.end)
        self.buffer = self.driver.data(self.path)[start:end]

    def readinto(self, buffer: Any, /) -> int:
        self._checkClosed()
        if not self.buffer:
            self.fill()
        piece, self.buffer = self.buffer[: len(buffer)], self.buffer[len(buffer) :]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)


@breaks("test_reader_stays_on_one_version_beyond_its_buffers")
class ReaderMixesVersionsBeyondItsBuffer(DictDriver):
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        known = super().reader(path, offset, length)
        reader = BufferingReader(self, path, offset, length)
        reader.known = known
        reader.fill()
        return reader


# Times and versions


class TellingReader(DictReader):
    """One that says something else of its file than stat does."""

    another_time: datetime | None = None
    another_version: str | None = None

    @property
    def mod_time(self) -> datetime:
        return self.another_time or super().mod_time

    @property
    def version(self) -> str:
        return super().version if self.another_version is None else self.another_version


class DriverOfReaders(DictDriver):
    reader_class: type[DictReader] = DictReader

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        reader = super().reader(path, offset, length)
        reader.__class__ = self.reader_class
        return reader


@breaks("test_reader_knows_time_and_version")
class ReaderHasNoTime(DriverOfReaders):
    class reader_class(TellingReader):  # noqa: N801 - it stands for the attribute
        another_time = EPOCH


@breaks("test_reader_knows_time_and_version")
class ReaderHasAnotherVersion(DriverOfReaders):
    class reader_class(TellingReader):  # noqa: N801 - the same
        another_version = "another"


@breaks("test_version_changes_with_the_content")
class VersionIsTheSize(DriverOfReaders):
    class reader_class(TellingReader):  # noqa: N801 - the same
        @property
        def version(self) -> str:
            return str(self.size)

    def info(self, store: Store, path: str, *, is_dir: bool) -> FileInfo:
        info = super().info(store, path, is_dir=is_dir)
        return replace(info, version="" if is_dir else str(info.size))


@breaks("test_listed_version_is_that_of_stat_or_empty")
class ListsAnotherVersion(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        super().tour([replace(info, version=f'"{info.version}"') for info in entries], visit)


@breaks("test_changed_file_has_a_recent_time")
class MovedFilesHaveNoTime(DriverOfReaders):
    def move(self, source: str, dest: str) -> None:
        super().move(source, dest)
        if source != dest:
            with self.store() as store:
                store.files[dest] = (store.files[dest][0], EPOCH)

    def info(self, store: Store, path: str, *, is_dir: bool) -> FileInfo:
        info = super().info(store, path, is_dir=is_dir)
        return info if is_dir else replace(info, version=str(hash(store.files[path][0])))

    reader_class = TellingReader

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        reader = super().reader(path, offset, length)
        version = self.stat(path).version
        assert isinstance(reader, TellingReader)
        reader.another_version = version
        return reader
