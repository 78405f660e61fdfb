"""Uploads with one fault each."""

import io
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from storagedriver.driver import Capabilities, FileWriter, UploadInfo
from storagedriver.errors import (
    PathNotFoundError,
    StorageDriverError,
)
from storagedriver.paths import ROOT
from tests.broken.table import breaks
from tests.dict_driver import EPOCH, DictDriver, DictWriter, Store, Upload


class DriverOfWriters(DictDriver):
    """One whose fault is in its writer."""

    writer_class: type[DictWriter] = DictWriter

    def writer(self, path: str, append: bool = False) -> FileWriter:
        writer = super().writer(path, append)
        assert isinstance(writer, DictWriter)
        writer.__class__ = self.writer_class
        return writer


@breaks("test_leaving_the_block_does_not_commit")
class CommitsWhenTheBlockIsLeft(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801 - it stands for the attribute
        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            if not self.ended and kind is None:
                self.commit()
            super().__exit__(kind, error, trace)


@breaks("test_exception_in_the_block_does_not_commit", "test_ended_writer_can_only_be_closed")
class CommitsWhenItIsClosed(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        def close(self) -> None:
            if not self.ended:
                self.commit()
            io.RawIOBase.close(self)


@breaks("test_abandoned_writer_warns_and_publishes_nothing")
class CommitsWhenItIsCollected(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        def __del__(self) -> None:
            if not self.ended:
                self.commit()
                warnings.warn("unclosed", ResourceWarning, stacklevel=1)


@breaks("test_abandoned_writer_warns_and_publishes_nothing")
class DropsAWriterInSilence(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        def __del__(self) -> None:
            self.ended = True


@breaks("test_size_counts_the_buffer_and_earlier_sessions", "test_histories_agree_with_a_model")
class SizeLeavesOutTheBuffer(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        @property
        def size(self) -> int:
            return len(self.upload.data)


@breaks("test_ended_writer_can_only_be_closed")
class WritesAfterCommit(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        def _check(self) -> None:
            pass


@breaks("test_ended_writer_can_only_be_closed")
class CannotBeClosedAfterCancel(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        cancelled = False

        def cancel(self) -> None:
            super().cancel()
            self.cancelled = True

        def close(self) -> None:
            if self.cancelled:
                self.cancelled = False
                raise StorageDriverError("already cancelled", driver_name="dict")
            super().close()


@breaks("test_any_buffer_can_be_written", "test_writing_from_one_buffer_that_is_used_again")
class KeepsTheCallersBuffer(DriverOfWriters):
    class writer_class(DictWriter):  # noqa: N801
        def write(self, data: Any, /) -> int:
            piece = memoryview(data).cast("B")
            self.__dict__.setdefault("pieces", []).append(piece)
            return piece.nbytes

        def commit(self) -> None:
            for piece in self.__dict__.pop("pieces", []):
                self.data += piece
            super().commit()


@breaks("test_cancel_leaves_nothing", "test_histories_agree_with_a_model")
class CancelLeavesTheUpload(DictDriver):
    def drop(self, upload: Upload, *, shown: bool = False) -> None:
        pass


@breaks("test_cancel_keeps_committed_content_where_uploads_are_invisible")
class CancelDeletesWhatWasCommitted(DictDriver):
    def drop(self, upload: Upload, *, shown: bool = False) -> None:  # noqa: ARG002
        super().drop(upload, shown=True)


@breaks("test_append_to_a_missing_path", "test_nothing_is_found_below_a_file", "test_missing_path")
class AppendCreates(DictDriver):
    def writer(self, path: str, append: bool = False) -> FileWriter:
        try:
            return super().writer(path, append)
        except PathNotFoundError:
            return super().writer(path)


@breaks("test_append_to_committed_content", "test_histories_agree_with_a_model")
class AppendStartsOver(DictDriver):
    def writer(self, path: str, append: bool = False) -> FileWriter:
        with self.store() as store:
            there = path in store.uploads or path not in store.files
        return super().writer(path, append and there)


@breaks("test_empty_upload_can_be_resumed")
class ForgetsEmptyUploads(DictDriver):
    def keep(self, upload: Upload, data: bytes) -> None:
        super().keep(upload, data)
        if not data:
            self._store.uploads.pop(upload.path, None)


@breaks("test_two_uploads_of_one_path_are_never_merged")
class MergesUploads(DictDriver):
    def __init__(self) -> None:
        super().__init__(Capabilities(multiprocess=False))

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        with self.store() as store:
            if not self.is_current(store, upload) and upload.path in store.files:
                data = store.files[upload.path][0] + data
        super().publish(upload, data, last=last)


@breaks("test_two_uploads_of_one_path_are_never_merged")
class DoesNotDetectConflicts(DictDriver):
    def is_current(self, store: Store, upload: Upload) -> bool:
        return upload.path in store.uploads or upload.path in store.files


@breaks("test_writer_clears_older_uploads_of_exactly_its_path")
class ResumesTheOldestUpload(DictDriver):
    def __init__(self) -> None:
        super().__init__()
        self.older: dict[str, Upload] = {}

    def writer(self, path: str, append: bool = False) -> FileWriter:
        if path in self._store.uploads:
            self.older.setdefault(path, self._store.uploads[path])
        if append and path in self.older:
            self._store.uploads[path] = self.older[path]
        return super().writer(path, append)


@breaks("test_writer_clears_older_uploads_of_exactly_its_path")
class ClearsUploadsByPrefix(DictDriver):
    def writer(self, path: str, append: bool = False) -> FileWriter:
        if not append:
            for name in [name for name in self._store.uploads if name.startswith(path)]:
                del self._store.uploads[name]
        return super().writer(path, append)


@breaks("test_put_over_an_unfinished_upload_wins")
class StaleUploadsComeBack(DictDriver):
    def put_content(self, path: str, content: Any) -> None:
        kept = self._store.uploads.get(path)
        super().put_content(path, content)
        if kept is not None:
            self._store.uploads[path] = kept


@breaks("test_nothing_comes_back_after_delete", "test_delete_of_a_directory_ends_the_uploads_below_it")
class DeleteLeavesUploads(DictDriver):
    def delete(self, path: str) -> None:
        kept = dict(self._store.uploads)
        super().delete(path)
        self._store.uploads.update(kept)


@breaks("test_commit_ends_the_upload")
class CommitLeavesTheUpload(DictDriver):
    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        super().publish(upload, data, last=last)
        self._store.uploads[upload.path] = replace(upload, data=data)


@breaks(
    "test_upload_is_seen_before_commit_only_where_declared",
    "test_upload_replaces_committed_content_before_commit_only_where_declared",
)
class ShowsUploadsUndeclared(DictDriver):
    def keep(self, upload: Upload, data: bytes) -> None:
        super().keep(upload, data)
        with self.store() as store:
            self.save(store, upload.path, data)


@breaks("test_uploads_are_listed_where_they_can_be_told", "test_purge_removes_uploads_and_nothing_else")
class ListsNoUploads(DictDriver):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:  # noqa: ARG002
        return iter(())


@breaks("test_uploads_are_listed_where_they_can_be_told", "test_purge_removes_uploads_and_nothing_else")
class ListsUploadsByPrefix(DictDriver):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        return (upload for upload in super().uploads() if upload.path.startswith(path))


@breaks("test_purge_removes_uploads_and_nothing_else")
class PurgesYoungUploads(DictDriver):
    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> Any:  # noqa: ARG002
        return super().purge_uploads(path)


@breaks("test_upload_was_started_when_it_was_begun")
class UploadsStartAtTheEpoch(DictDriver):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        return (replace(upload, started=EPOCH) for upload in super().uploads(path))


# The sizes of uploads


@breaks("test_upload_size_does_not_take_the_upload_over")
class UploadSizeResumes(DictDriver):
    """It asks as a session would that goes on, and the open one has lost then."""

    def upload_size(self, path: str) -> int:
        size = super().upload_size(path)
        with self.store() as store:
            if path in store.uploads:
                store.ids += 1
                store.uploads[path] = replace(store.uploads[path], id=store.ids)
        return size


@breaks("test_upload_size_over_committed_content")
class UploadSizeIsThatOfTheContent(DictDriver):
    def upload_size(self, path: str) -> int:
        with self.store() as store:
            if path in store.files and store.uploads.get(path, Upload(0, path, b"", EPOCH)).data:
                return len(store.files[path][0])
        return super().upload_size(path)


@breaks("test_upload_size_of_an_upload_of_nothing")
class UploadSizeLeavesOutUploadsOfNothing(DictDriver):
    def upload_size(self, path: str) -> int:
        with self.store() as store:
            if path in store.files and path in store.uploads and not store.uploads[path].data:
                return len(store.files[path][0])
        return super().upload_size(path)


@breaks("test_upload_size_of_what_is_no_file", "test_missing_path")
class UploadSizeOfNothingIsZero(DictDriver):
    def upload_size(self, path: str) -> int:
        try:
            return super().upload_size(path)
        except PathNotFoundError:
            return 0


@breaks("test_put_over_an_unfinished_upload_wins")
class UploadSizeRemembers(DictDriver):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, int] = {}

    def keep(self, upload: Upload, data: bytes) -> None:
        super().keep(upload, data)
        self.sizes[upload.path] = len(data)

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        super().publish(upload, data, last=last)
        self.sizes.pop(upload.path, None)

    def drop(self, upload: Upload, *, shown: bool = False) -> None:
        super().drop(upload, shown=shown)
        self.sizes.pop(upload.path, None)

    def delete(self, path: str) -> None:
        super().delete(path)
        self.sizes = {name: size for name, size in self.sizes.items() if not self.is_below(name, path)}

    def upload_size(self, path: str) -> int:
        size = super().upload_size(path)
        return self.sizes.get(path, size)


# Sessions that end otherwise


@breaks("test_upload_of_nothing_stays_one_through_resumes")
class ForgetsAnUploadOfNothingThatWasResumed(DictDriver):
    """What it makes for the next session holds nothing, and is not found again."""

    def writer(self, path: str, append: bool = False) -> FileWriter:
        resumed = append and path in self._store.uploads and not self._store.uploads[path].data
        if resumed and self._store.uploads[path].started == EPOCH and path in self._store.files:
            del self._store.uploads[path]
            return super().writer(path, append)
        writer = super().writer(path, append)
        if resumed:
            self._store.uploads[path].started = EPOCH
        return writer


@breaks("test_bytes_of_a_killed_session_count_or_are_gone")
class BytesOfAKilledSessionComeBack(DictDriver):
    """Its store keeps what is sent, and a resume goes by what was kept at the last close."""

    def __init__(self, capabilities: Capabilities | None = None, file: Path | None = None) -> None:
        self.directory = None if file else tempfile.TemporaryDirectory()
        super().__init__(
            capabilities or Capabilities(conflicts_detected="always"),
            file or Path(self.directory.name if self.directory else "", "store"),
        )

    def writer(self, path: str, append: bool = False) -> FileWriter:
        writer = super().writer(path, append)
        assert isinstance(writer, DictWriter)
        writer.__class__ = SendingWriter
        return writer

    def close(self) -> None:
        if self.directory is not None:
            self.directory.cleanup()

    def sent(self, upload: Upload) -> Path:
        """What the store has of an upload."""
        assert self._file is not None
        return self._file.with_name(f"sent-{upload.id}")

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        sent = self.sent(upload).read_bytes() if self.sent(upload).exists() else b""
        super().publish(upload, sent if len(sent) > len(data) else data, last=last)


class SendingWriter(DictWriter):
    """It sends at each write."""

    def write(self, data: Any, /) -> int:
        before = bytes(self.data)
        count = super().write(data)
        driver = self.driver
        assert isinstance(driver, BytesOfAKilledSessionComeBack)
        sent = driver.sent(self.upload)
        sent.write_bytes((sent.read_bytes() if sent.exists() else before) + bytes(self.data[len(before) :]))
        return count
