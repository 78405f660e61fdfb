"""Writers and replacements that others can see in the middle, with one fault each."""

from dataclasses import replace
from typing import Any

from storagedriver.driver import Capabilities
from tests.broken.table import breaks
from tests.dict_driver import DictDriver, Store, Upload

RESUMED_CAN_MIX = Capabilities(multiprocess=False, conflicts_detected="fresh")


class MergesWritersThatResumed(DictDriver):
    """The parts of both are in what the second commit publishes."""

    def has_lost(self, store: Store, upload: Upload) -> bool:
        return store.begun[upload.path] != upload.id

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        with self.store() as store:
            if not self.has_lost(store, upload) and not self.is_current(store, upload) and upload.path in store.files:
                data = store.files[upload.path][0] + data[len(upload.data) :]
        super().publish(upload, data, last=last)


@breaks("test_two_writers_that_go_on_from_the_same_bytes")
class MergesWritersThatResumedAndSaysAlways(MergesWritersThatResumed):
    pass


@breaks("test_two_writers_that_go_on_from_the_same_bytes")
class MergesWritersThatResumedAndSaysFresh(MergesWritersThatResumed):
    def __init__(self) -> None:
        super().__init__(RESUMED_CAN_MIX)


@breaks("test_two_writers_that_go_on_from_the_same_bytes")
class LetsTwoWritersThatResumedCommit(DictDriver):
    """It never mixes them, but it declares that the loser gets an error."""

    def has_lost(self, store: Store, upload: Upload) -> bool:
        return store.begun[upload.path] != upload.id


@breaks("test_two_writers_that_go_on_from_the_same_bytes")
class LosesWhatWasDurableBeforeTwoWriters(DictDriver):
    def __init__(self) -> None:
        super().__init__(RESUMED_CAN_MIX)

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        with self.store() as store:
            if not self.has_lost(store, upload) and not self.is_current(store, upload):
                data = bytes(len(upload.data)) + data[len(upload.data) :]
        super().publish(upload, data, last=last)


@breaks("test_conflicts_detected_is_one_of_the_three")
class SaysTrueOfConflicts(DictDriver):
    @property
    def conflicts_detected(self) -> Any:
        return True


class LeavesAGap(DictDriver):
    """It declares to be atomic, and makes some files anew in two steps."""

    def in_steps(self, path: str) -> None:
        with self.store() as store:
            store.files.pop(path, None)
            self.moment()


@breaks("test_reader_finds_the_old_content_or_the_new")
class CommitLeavesAGap(LeavesAGap):
    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        with self.store() as store:
            lost = self.has_lost(store, upload)
        if not lost:
            self.in_steps(upload.path)
        super().publish(upload, data, last=last)


@breaks("test_reader_finds_the_old_content_or_the_new")
class MoveLeavesAGap(LeavesAGap):
    def move(self, source: str, dest: str) -> None:
        if source != dest and self.exists(source) and not self.stat(source).is_dir:
            self.in_steps(dest)
        super().move(source, dest)


@breaks("test_reader_finds_the_old_content_or_the_new")
class CopyLeavesAGap(LeavesAGap):
    def copy(self, source: str, dest: str) -> None:
        if source != dest and self.exists(source) and not self.stat(source).is_dir:
            self.in_steps(dest)
        super().copy(source, dest)


@breaks("test_reader_finds_the_old_content_or_the_new")
class ReplacesInPlace(DictDriver):
    """It declares that there may be a moment without content, but not one with both contents."""

    def __init__(self) -> None:
        super().__init__(replace(DictDriver().capabilities, atomic_replace=False))

    def copy(self, source: str, dest: str) -> None:
        with self.store() as store:
            if source in store.files and dest in store.files and source != dest:
                new, old = store.files[source][0], store.files[dest][0]
                self.save(store, dest, new[: len(new) // 2] + old[len(new) // 2 :])
                self.moment()
        super().copy(source, dest)
