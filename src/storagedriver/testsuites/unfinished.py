"""Unfinished uploads: who sees them, what ends them, and which of them are listed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

import pytest

from storagedriver.driver import StorageDriver, UploadInfo
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import lists_uploads, pattern, put_all, same_bytes, upload, walked

__all__ = ["Unfinished"]

OLD, NEW, MORE = pattern(900, 1), pattern(650, 2), pattern(70, 3)
#: Times of uploads and objects have a resolution of one second in some stores.
NEXT_SECOND = 2.1
#: By how much the clock of a server may differ.
MINUTE = timedelta(minutes=1)


class Unfinished(Cases):
    """Cases of uploads that are not committed, or not yet."""

    def test_upload_is_seen_before_commit_only_where_declared(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/there", b"x")
        upload(driver, "/dir/upload", NEW, end="close")
        if self.capabilities.unfinished == "shown":
            same_bytes(driver.get_content("/dir/upload"), NEW)
            assert driver.stat("/dir/upload").size == len(NEW)
            assert driver.list("/dir") == ["/dir/there", "/dir/upload"]
            return
        for call in (driver.get_content, driver.reader, driver.stat, lambda path: driver.move(path, "/dest")):
            with self.fails(driver, PathNotFoundError, "/dir/upload"):
                call("/dir/upload")
        assert not driver.exists("/dir/upload")
        assert driver.list("/dir") == ["/dir/there"]
        assert [info.path for info in walked(driver, "/dir")] == ["/dir/there"]
        assert [info.path for info in driver.files()] == ["/dir/there"]

    def test_upload_replaces_committed_content_before_commit_only_where_declared(self, driver: StorageDriver) -> None:
        driver.put_content("/data", OLD)
        with driver.writer("/data") as writer:
            writer.write(NEW)
            if self.capabilities.unfinished != "shown":
                same_bytes(driver.get_content("/data"), OLD, "under an open upload, the committed content")
        if self.capabilities.unfinished == "hides":
            self._is_hidden(driver, "/data")
        else:
            seen = NEW if self.capabilities.unfinished == "shown" else OLD
            same_bytes(driver.get_content("/data"), seen, "over an unfinished upload, the content")
            assert driver.stat("/data").size == len(seen)
        upload(driver, "/data", append=True)
        same_bytes(driver.get_content("/data"), NEW, "after its commit, the content")

    def test_resumed_upload_is_seen_before_commit_only_where_declared(self, driver: StorageDriver) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", NEW, end="close")
        upload(driver, "/data", MORE, append=True, end="close")
        if self.capabilities.unfinished == "hides":
            self._is_hidden(driver, "/data")
        else:
            if self.capabilities.unfinished == "shown":
                allowed = [NEW + MORE]
            elif self.capabilities.unfinished == "shown_when_resumed":
                allowed = [NEW, NEW + MORE]
            else:
                allowed = [OLD]
            assert driver.get_content("/data") in allowed, "what is seen of a resumed upload is not what is declared"
        upload(driver, "/data", append=True)
        same_bytes(driver.get_content("/data"), NEW + MORE, "after its commit, the content")

    def test_cancel_leaves_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/data", NEW, end="cancel")
        self._nothing_is_left(driver, "/data")
        assert driver.list("/") == []

    def test_cancel_of_a_resumed_upload_leaves_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/data", NEW, end="close")
        upload(driver, "/data", MORE, append=True, end="cancel")
        self._nothing_is_left(driver, "/data")

    def test_cancel_of_a_resumed_upload_keeps_committed_content_only_where_declared(
        self, driver: StorageDriver
    ) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", NEW, end="close")
        upload(driver, "/data", MORE, append=True, end="cancel")
        declared = self.capabilities
        if declared.unfinished != "invisible":
            self._nothing_is_left(driver, "/data")
        else:
            same_bytes(driver.get_content("/data"), OLD, "after cancel, the committed content")

    def test_cancel_of_an_upload_of_nothing_leaves_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/data", end="cancel")
        self._nothing_is_left(driver, "/data")

    @pytest.mark.parametrize("append", [False, True])
    def test_cancel_keeps_committed_content_where_uploads_are_invisible(
        self, driver: StorageDriver, append: bool
    ) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", NEW, append=append, end="cancel")
        shown = self.capabilities.unfinished == "shown"
        if shown or (append and self.capabilities.unfinished == "shown_when_resumed" and not driver.exists("/data")):
            self._nothing_is_left(driver, "/data")
            return
        same_bytes(driver.get_content("/data"), OLD, "after cancel, the committed content")
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(OLD), "cancel left something of the upload"
            writer.commit()
        same_bytes(driver.get_content("/data"), OLD)

    def test_cancel_leaves_uploads_of_other_paths(self, driver: StorageDriver) -> None:
        for path in ("/up/a", "/up/ab", "/up/a.b"):
            upload(driver, path, path.encode(), end="close")
        upload(driver, "/up/a", append=True, end="cancel")
        for path in ("/up/ab", "/up/a.b"):
            upload(driver, path, append=True)
            assert driver.get_content(path) == path.encode()

    def test_small_commit_over_an_older_upload(self, driver: StorageDriver) -> None:
        for path, committed in (("/fresh", False), ("/over", True)):
            if committed:
                driver.put_content(path, OLD)
            upload(driver, path, b"older", end="close")
            upload(driver, path, NEW)
            same_bytes(driver.get_content(path), NEW)
            if lists_uploads(driver):
                assert [info.path for info in driver.uploads(path)] == []

    def test_writer_clears_older_uploads_of_exactly_its_path(self, driver: StorageDriver) -> None:
        others = ["/up/ab", "/up/a-b", "/up/a.b"]
        for path in ["/up/a", *others]:
            upload(driver, path, path.encode(), end="close")
        upload(driver, "/up/a", NEW, end="close")
        if lists_uploads(driver) and self.capabilities.unfinished != "shown":
            assert sorted(info.path for info in driver.uploads()) == sorted(["/up/a", *others])
        with driver.writer("/up/a", append=True) as writer:
            assert writer.size == len(NEW), "the older upload was not cleared"
            writer.commit()
        same_bytes(driver.get_content("/up/a"), NEW)
        for path in others:
            upload(driver, path, append=True)
            assert driver.get_content(path) == path.encode(), "an upload of another path was touched"

    def test_newest_of_several_sessions_is_resumed(self, driver: StorageDriver) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", NEW, end="close")
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(NEW), "an upload that is newer than the content is what append goes on with"
            writer.write(MORE)
            writer.commit()
        same_bytes(driver.get_content("/data"), NEW + MORE)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(NEW + MORE), "after commit the upload must be over"

    def test_commit_ends_the_upload(self, driver: StorageDriver) -> None:
        upload(driver, "/data", NEW, end="close")
        upload(driver, "/data", append=True)
        assert [info.path for info in driver.uploads()] == []
        assert driver.purge_uploads() == []
        same_bytes(driver.get_content("/data"), NEW)

    def test_put_over_an_unfinished_upload_wins(self, driver: StorageDriver) -> None:
        upload(driver, "/data", OLD, end="close")
        time.sleep(NEXT_SECOND)  # a put in the same second cannot be distinguished from one before
        driver.put_content("/data", NEW)
        same_bytes(driver.get_content("/data"), NEW)
        size = driver.upload_size("/data")
        assert size == len(NEW), "upload_size gives the size of an upload that is older than the content"
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(NEW), "append went on with an upload that is older than the content"
            writer.write(MORE)
            writer.commit()
        same_bytes(driver.get_content("/data"), NEW + MORE)

    def test_nothing_comes_back_after_delete(self, driver: StorageDriver) -> None:
        driver.put_content("/dir/data", OLD)
        upload(driver, "/dir/data", NEW, end="close")
        driver.delete("/dir/data")
        self._nothing_is_left(driver, "/dir/data")

    def test_delete_of_an_upload_alone(self, driver: StorageDriver) -> None:
        upload(driver, "/data", NEW, end="close")
        driver.delete("/data")
        self._nothing_is_left(driver, "/data")
        with self.fails(driver, PathNotFoundError, "/data"):
            driver.delete("/data")

    def test_delete_of_a_directory_ends_the_uploads_below_it(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/file"])
        for path in ("/dir/upload", "/dir/a/b/upload", "/directory/upload"):
            upload(driver, path, path.encode(), end="close")
        driver.delete("/dir")
        self._nothing_is_left(driver, "/dir/upload")
        self._nothing_is_left(driver, "/dir/a/b/upload")
        upload(driver, "/directory/upload", append=True)
        assert driver.get_content("/directory/upload") == b"/directory/upload"

    def test_uploads_are_listed_where_they_can_be_told(self, driver: StorageDriver) -> None:
        paths = ["/top", "/up/a", "/up/ab", "/up/a-b/c"]
        for path in paths:
            upload(driver, path, NEW, end="close")
        driver.put_content("/up/file", b"x")
        if self.capabilities.unfinished == "shown" and not list(driver.uploads()):
            assert driver.purge_uploads() == []
            return
        self._are(driver.uploads(), paths)
        self._are(driver.uploads("/up"), paths[1:])
        self._are(driver.uploads("/up/a"), ["/up/a"])
        self._are(driver.uploads("/up/file"), [])
        self._are(driver.uploads("/missing"), [])

    def test_upload_was_started_when_it_was_begun(self, driver: StorageDriver) -> None:
        """Else a purge of old uploads would remove new ones."""
        before = datetime.now(timezone.utc) - MINUTE
        upload(driver, "/data", NEW, end="close")
        upload(driver, "/other", NEW, end="close")
        after = datetime.now(timezone.utc) + MINUTE
        listed = {info.path: info.started for info in driver.uploads()}
        if self.harness.constant_start:
            assert len(set(listed.values())) == 1, "the times of uploads are not constant, as the harness says"
            assert not any(before <= started <= after for started in listed.values()), (
                f"the times of uploads are right; the harness exempts them: {self.harness.constant_start}"
            )
            return
        for path, started in listed.items():
            assert before <= started <= after, f"the upload of {path} was begun after {before}, not at {started}"
        if self.capabilities.unfinished != "shown":
            assert sorted(listed) == ["/data", "/other"]
            kept = driver.purge_uploads(older_than=timedelta(days=7))
            assert kept == [], "a purge of uploads that are a week old has removed new ones"

    def test_purge_removes_uploads_and_nothing_else(self, driver: StorageDriver) -> None:
        put_all(driver, ["/up/a", "/up/file"])
        for path in ("/up/a", "/up/ab", "/up/c/d", "/upper"):
            upload(driver, path, NEW, end="close")
        listed = list(driver.uploads())
        if listed:
            age = datetime.now(timezone.utc) - min(info.started for info in listed)
            assert driver.purge_uploads(older_than=age + timedelta(days=1)) == [], "younger uploads must stay"
            self._are(driver.uploads(), [info.path for info in listed])
            self._are(driver.purge_uploads("/up/a"), ["/up/a"])
            self._are(driver.uploads(), ["/up/ab", "/up/c/d", "/upper"])
            self._are(driver.purge_uploads("/up"), ["/up/ab", "/up/c/d"])
            if self.capabilities.unfinished in ("shown", "hides"):
                assert not driver.exists("/up/a")
            else:
                assert driver.get_content("/up/a") == b"/up/a", "purging took the committed content"
            for path in ("/up/ab", "/up/c/d"):
                self._nothing_is_left(driver, path)
            upload(driver, "/upper", append=True)
        else:
            assert self.capabilities.unfinished == "shown", "uploads that are invisible must be listed"
            assert driver.purge_uploads() == []
            for path in ("/up/ab", "/up/c/d"):
                same_bytes(driver.get_content(path), NEW)
        assert driver.get_content("/up/file") == b"/up/file"
        assert driver.purge_uploads() == []

    def _is_hidden(self, driver: StorageDriver, path: str) -> None:
        assert not driver.exists(path)
        for call in (driver.get_content, driver.reader, driver.stat):
            with self.fails(driver, PathNotFoundError, path):
                call(path)

    @staticmethod
    def _are(uploads: Iterable[UploadInfo], paths: list[str]) -> None:
        found = list(uploads)
        assert sorted(info.path for info in found) == sorted(paths)
        for info in found:
            assert isinstance(info, UploadInfo)
            assert info.id, "an upload has a name in its store"
            assert info.started.utcoffset() == timedelta(0), "the time of an upload is aware and in UTC"
            assert info.started < datetime.now(timezone.utc) + timedelta(hours=1)
            assert info.size is None or info.size >= 0

    def _nothing_is_left(self, driver: StorageDriver, path: str) -> None:
        assert not driver.exists(path), f"{path} still exists"
        with self.fails(driver, PathNotFoundError, path):
            driver.writer(path, append=True)
        assert [info.path for info in driver.uploads(path)] == [], f"an upload of {path} is left"
