"""Directories, moves and walks with one fault each."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from storagedriver.driver import Capabilities, FileInfo, StopWalk, Visit
from storagedriver.errors import (
    PathNotFoundError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.paths import ROOT, sort_key
from tests.broken.table import breaks
from tests.dict_driver import DictDriver, Store

# Directories


@breaks("test_children_are_listed_once_and_sorted", "test_histories_agree_with_a_model")
class ListsDirectoriesForEachEntry(DictDriver):
    def list(self, path: str) -> Any:
        depth = path.rstrip("/").count("/") + 2
        with self.store() as store:
            return sorted("/".join(info.path.split("/")[:depth]) for info in self.entries(store, path))


@breaks("test_children_are_listed_once_and_sorted")
class ListsUnsorted(DictDriver):
    def list(self, path: str) -> Any:
        return super().list(path)[::-1]


@breaks("test_more_entries_than_a_page")
class ListsOnePage(DictDriver):
    def list(self, path: str) -> Any:
        return super().list(path)[:1000]


@breaks("test_list_of_a_file")
class ListsFiles(DictDriver):
    def list(self, path: str) -> Any:
        return [path] if path in self._store.files else super().list(path)


@breaks("test_list_of_a_missing_directory", "test_missing_path")
class ListsMissingDirectoriesAsEmpty(DictDriver):
    def list(self, path: str) -> Any:
        try:
            return super().list(path)
        except PathNotFoundError:
            return []


@breaks("test_emptied_directory_stays_only_where_declared")
class KeepsEmptyDirectoriesUndeclared(DictDriver):
    def save(self, store: Store, path: str, data: bytes) -> None:
        super().save(store, path, data)
        store.kept.update(path[:end] for end in range(1, len(path)) if path[end] == "/")


@breaks("test_emptied_directory_stays_only_where_declared")
class LosesEmptyDirectories(DictDriver):
    def __init__(self) -> None:
        super().__init__(Capabilities(multiprocess=False, empty_directories=True, conflicts_detected="always"))

    def save(self, store: Store, path: str, data: bytes) -> None:
        super().save(store, path, data)
        store.kept.clear()


@breaks("test_delete_of_a_missing_path", "test_delete_of_a_directory_touches_only_what_is_below_it")
class DeletesByPrefix(DictDriver):
    @staticmethod
    def is_below(name: str, path: str) -> bool:
        return name.startswith(path)


@breaks(
    "test_delete_of_a_missing_path",
    "test_deleted_file_is_gone",
    "test_missing_path",
    "test_histories_agree_with_a_model",
)
class DeletesWhatIsMissing(DictDriver):
    def delete(self, path: str) -> None:
        try:
            super().delete(path)
        except PathNotFoundError as error:
            if error.path != path:
                raise


@breaks("test_stat_of_a_missing_path")
class StatsPrefixes(DictDriver):
    def stat(self, path: str) -> FileInfo:
        with self.store() as store:
            if path not in store.files and any(file.startswith(path) for file in store.files):
                return self.info(store, path, is_dir=True)
        return super().stat(path)


@breaks("test_stat_of_a_file", "test_empty_root_is_a_directory")
class TellsNaiveTimes(DictDriver):
    def info(self, store: Store, path: str, *, is_dir: bool) -> FileInfo:
        info = super().info(store, path, is_dir=is_dir)
        return replace(info, mod_time=info.mod_time.replace(tzinfo=None))


@breaks("test_empty_root_is_a_directory")
class HasNoEmptyRoot(DictDriver):
    def stat(self, path: str) -> FileInfo:
        if path == ROOT and not self._store.files:
            raise self.missing(path)
        return super().stat(path)


@breaks("test_stat_of_a_directory", "test_walk_knows_the_same")
class DirectoriesHaveASize(DictDriver):
    def stat(self, path: str) -> FileInfo:
        info = super().stat(path)
        return replace(info, size=4096) if info.is_dir else info


# Moves


@breaks("test_move", "test_histories_agree_with_a_model")
class MoveKeepsTheSource(DictDriver):
    def move(self, source: str, dest: str) -> None:
        self.copy(source, dest)


@breaks("test_move_onto_itself_does_nothing")
class MoveOntoItselfDeletes(DictDriver):
    def move(self, source: str, dest: str) -> None:
        super().move(source, dest)
        if source == dest:
            self.delete(source)


@breaks("test_move_of_a_missing_file", "test_copy_of_a_missing_file")
class CopyTruncatesFirst(DictDriver):
    def copy(self, source: str, dest: str) -> None:
        with self.store() as store:
            if dest in store.files and source != dest:
                self.save(store, dest, b"")
        super().copy(source, dest)


@breaks("test_move_of_a_directory")
class MovesDirectories(DictDriver):
    def move(self, source: str, dest: str) -> None:
        with self.store() as store:
            if source not in store.files and source in store.directories():
                for file in [file for file in store.files if file.startswith(source + "/")]:
                    store.files[dest + file[len(source) :]] = store.files.pop(file)
                return
        super().move(source, dest)


# Walks


@breaks("test_everything_below_is_visited_in_order", "test_root_can_be_walked", "test_histories_agree_with_a_model")
class WalksInTreeOrder(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        super().tour(sorted(entries, key=lambda info: info.sort_key("tree")), visit)


@breaks("test_everything_below_is_visited_in_order")
class VisitsDirectoriesTwice(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        super().tour([info for info in entries for _ in range(1 + info.is_dir)], visit)


@breaks("test_everything_below_is_visited_in_order")
class VisitsTheWalkedDirectory(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        super().walk(path, lambda _: None, start_after)
        visit(self.stat(path))
        super().walk(path, visit, start_after)


@breaks(
    "test_skip_dir_leaves_out_what_is_below",
    "test_skip_dir_on_every_directory_visits_the_top",
)
class IgnoresSkipDir(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        for info in entries:
            super().tour([info], visit)


@breaks("test_skip_dir_on_a_file_is_ignored")
class SkipDirOnAFileSkipsItsDirectory(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        skipped: set[str] = set()

        def watch(info: FileInfo) -> None:
            if info.path.rpartition("/")[0] in skipped:
                return
            skipped.add(info.path.rpartition("/")[0])
            visit(info)
            skipped.discard(info.path.rpartition("/")[0])

        super().tour(entries, watch)


@breaks("test_stop_walk_ends_it_without_an_error")
class StopWalkComesOut(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        def watch(info: FileInfo) -> None:
            try:
                visit(info)
            except StopWalk as error:
                raise StorageDriverError("stopped", driver_name=self.name) from error

        super().tour(entries, watch)


@breaks("test_error_of_a_visit_comes_out_unchanged")
class TranslatesErrorsOfAVisit(DictDriver):
    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        try:
            super().tour(entries, visit)
        except FileNotFoundError as error:
            raise PathNotFoundError(str(error), driver_name=self.name) from error


@breaks("test_start_after_every_entry", "test_walk_can_be_taken_up_where_it_stopped")
class StartAfterIsInclusive(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        super().walk(path, visit, start_after[:-1] if start_after else "")


@breaks("test_start_after_what_does_not_exist")
class StartAfterMustExist(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        if start_after and not self.exists(start_after.rstrip("/")):
            start_after = ""
        super().walk(path, visit, start_after)


@breaks("test_start_after_every_entry")
class StartAfterADirectorySkipsIt(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        below = start_after.rstrip("/") + "/"
        hidden = (lambda info: None if start_after and info.path.startswith(below) else visit(info)) if below else visit
        super().walk(path, hidden, start_after)


@breaks("test_start_after_every_entry")
class StartAfterTakesADirectoryForAFile(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        limit = sort_key(start_after.rstrip("/"), is_dir=False, order="bytewise")
        super().walk(path, lambda info: visit(info) if info.sort_key("bytewise") > limit else None)


@breaks("test_walk_of_a_missing_directory")
class WalksMissingDirectories(DictDriver):
    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        with contextlib.suppress(PathNotFoundError):
            super().walk(path, visit, start_after)


@breaks("test_visit_may_use_the_driver")
class WalksUnderALimit(DictDriver):
    def __init__(self) -> None:
        super().__init__()
        self.slots = threading.Semaphore(1)

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        if not self.slots.acquire(timeout=0.01):
            raise UnavailableError("no free slot", driver_name=self.name)
        try:
            yield
        finally:
            self.slots.release()

    def stat(self, path: str) -> FileInfo:
        with self.slot():
            return super().stat(path)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        with self.slot():
            super().walk(path, visit, start_after)
