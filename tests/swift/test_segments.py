"""The life of segments: who takes them along, who leaves them, and what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storagedriver import BucketNotFoundError, ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.drivers.swift.layout import Layout
from storagedriver.swiftfs.container import Container
from storagedriver.swiftfs.segments import numbered
from storagedriver.testsuites.helpers import MIB, drain, pattern, upload
from tests.swift.conftest import MakeSwift, names

CONTENT = pattern(2 * MIB + 100, 1)
#: The shortest content that a commit makes a large object.
SEGMENT = pattern(MIB, 2)
LAYOUT = Layout("reg")


def segments_of(container: Container, path: str) -> str:
    info = container.head(LAYOUT.file(path[1:]), raw=True)
    assert info is not None
    assert info.manifest
    return info.manifest.partition("/")[2]


def count(container: Container) -> int:
    return len(names(container, "reg/segments/"))


def manifest(container: Container, path: str, segments: str) -> None:
    """Write a manifest as the registry does: it says no size."""
    container.put(LAYOUT.file(path[1:]), b"", headers={"X-Object-Manifest": f"{container.name}/{segments}"})


class TestMoving:
    def test_move_leaves_the_segments_where_they_are(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/uploads/1", CONTENT)
        before = names(container, "reg/segments/")
        driver.move("/uploads/1", "/blobs/1")
        assert names(container, "reg/segments/") == before
        assert driver.get_content("/blobs/1") == CONTENT
        assert driver.stat("/blobs/1").size == len(CONTENT)

    def test_delete_takes_segments_that_came_from_elsewhere(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/uploads/1", CONTENT)
        driver.move("/uploads/1", "/blobs/1")
        driver.delete("/blobs/1")
        assert names(container) == {}

    def test_new_upload_at_the_old_path_leaves_the_moved_content(
        self, driver: FsspecDriver, container: Container
    ) -> None:
        upload(driver, "/uploads/1", CONTENT)
        driver.move("/uploads/1", "/blobs/1")
        upload(driver, "/uploads/1", SEGMENT)
        driver.delete("/uploads")
        assert driver.get_content("/blobs/1") == CONTENT
        assert count(container) == 3
        driver.delete("/blobs/1")
        assert names(container) == {}

    def test_delete_leaves_segments_that_the_uploads_own_path_still_has(
        self, driver: FsspecDriver, container: Container
    ) -> None:
        """A move that was interrupted has left two manifests."""
        upload(driver, "/uploads/1", CONTENT)
        manifest(container, "/blobs/1", segments_of(container, "/uploads/1"))
        driver.delete("/blobs/1")
        assert driver.get_content("/uploads/1") == CONTENT

    def test_interrupted_move_can_be_done_again(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/uploads/1", CONTENT)
        manifest(container, "/blobs/1", segments_of(container, "/uploads/1"))
        driver.move("/uploads/1", "/blobs/1")
        assert driver.get_content("/blobs/1") == CONTENT
        assert not driver.exists("/uploads/1")

    def test_move_over_a_large_object_takes_its_segments(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/dest", CONTENT)
        driver.put_content("/source", b"small")
        driver.move("/source", "/dest")
        assert names(container) == {"reg/files/dest": 5}

    def test_copy_has_segments_of_its_own(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/a", CONTENT)
        driver.copy("/a", "/b")
        assert count(container) == 6
        driver.delete("/a")
        assert driver.get_content("/b") == CONTENT
        assert count(container) == 3

    def test_move_and_copy_of_a_static_large_object(self, driver: FsspecDriver, container: Container) -> None:
        container.put("else/1", b"one,")
        container.put("else/2", b"two")
        lines = f'[{{"path": "/{container.name}/else/1"}}, {{"path": "/{container.name}/else/2", "range": "0-1"}}]'
        container.request("PUT", "reg/files/slo", query={"multipart-manifest": "put"}, body=lines.encode())
        assert driver.get_content("/slo") == b"one,tw"
        assert driver.stat("/slo").size == 6
        driver.copy("/slo", "/copy")
        driver.move("/slo", "/moved")
        for path in ("/copy", "/moved"):
            assert driver.get_content(path) == b"one,tw"
            with driver.reader(path, 2, 3) as reader:
                assert drain(reader) == b"e,t"
        upload(driver, "/moved", b"o", append=True)
        assert driver.get_content("/moved") == b"one,two"
        driver.delete("/moved")
        assert set(names(container, "else/")) == {"else/1", "else/2"}, "segments of another program"


class TestReplacing:
    def test_put_over_a_large_object_takes_its_segments(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", CONTENT)
        driver.put_content("/data", b"small")
        assert names(container) == {"reg/files/data": 5}

    def test_upload_over_a_large_object_takes_its_segments(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", CONTENT)
        upload(driver, "/data", SEGMENT)
        assert count(container) == 1

    def test_cancel_takes_the_segments(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", CONTENT, end="cancel")
        upload(driver, "/data", CONTENT, end="close")
        upload(driver, "/data", b"more", append=True, end="cancel")
        assert names(container) == {}

    def test_delete_of_a_directory_takes_the_segments(self, driver: FsspecDriver, container: Container) -> None:
        for number in range(5):
            upload(driver, f"/dir/{number}", SEGMENT)
        upload(driver, "/dir-2", SEGMENT)
        driver.delete("/dir")
        assert count(container) == 1
        assert driver.list("/") == ["/dir-2"]

    def test_without_bulk_delete_it_is_the_same(self, driver: FsspecDriver, container: Container) -> None:
        driver._store._fs.client._info = {}  # type: ignore[attr-defined]
        for number in range(5):
            upload(driver, f"/dir/{number}", SEGMENT)
        driver.delete("/dir")
        assert names(container) == {}


def write_and_commit(writer: FileWriter, content: bytes) -> None:
    with writer:
        writer.write(content)
        writer.commit()


class TestConflicts:
    def test_two_that_go_on_with_one_upload(self, driver: FsspecDriver) -> None:
        upload(driver, "/data", b"first,", end="close")
        one, two = driver.writer("/data", append=True), driver.writer("/data", append=True)
        one.write(b"one")
        two.write(b"two")
        one.commit()
        with pytest.raises(ConflictError):
            two.commit()
        assert driver.get_content("/data") == b"first,one"

    def test_large_one_that_lost_leaves_nothing(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", b"first,", end="close")
        one, two = driver.writer("/data", append=True), driver.writer("/data", append=True)
        one.write(b"one")
        one.close()
        with pytest.raises(ConflictError):
            write_and_commit(two, pattern(5 * MIB))
        assert driver.get_content("/data") == b"first,one"
        assert count(container) == 2

    def test_what_the_other_one_has_counted_stays(self, driver: FsspecDriver) -> None:
        """One goes on, the other goes on from there and publishes: the first must not undo it."""
        upload(driver, "/data", b"first,", end="close")
        one = driver.writer("/data", append=True)
        one.write(pattern(MIB))
        one._upload._engine.flush()  # type: ignore[attr-defined]
        info = driver._store._container.head("reg/files/data", raw=True)  # type: ignore[attr-defined]
        driver._store._container.put_manifest("reg/files/data", info.manifest, 6 + MIB)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError):
            one.commit()
        assert driver.get_content("/data") == b"first," + pattern(MIB)

    def test_what_was_written_after_the_last_close_does_not_count(
        self, driver: FsspecDriver, container: Container
    ) -> None:
        upload(driver, "/data", b"first,", end="close")
        killed = driver.writer("/data", append=True)
        killed.write(pattern(2 * MIB))
        killed._upload._engine.flush()  # type: ignore[attr-defined]
        assert driver.get_content("/data") == b"first,"
        assert driver.stat("/data").size == 6
        assert [info.size for info in driver.files()] == [6]
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 6
            writer.write(b"second")
            writer.commit()
        assert driver.get_content("/data") == b"first,second"
        assert count(container) == 2
        with pytest.raises(ConflictError):
            killed.commit()
        assert driver.get_content("/data") == b"first,second"

    def test_upload_whose_segments_were_purged(self, driver: FsspecDriver) -> None:
        writer = driver.writer("/data")
        writer.write(pattern(3 * MIB))
        writer.write(b"rest")
        writer._upload._engine.flush()  # type: ignore[attr-defined]
        assert [info.path for info in driver.purge_uploads()] == ["/data"]
        with pytest.raises(ConflictError):
            writer.commit()
        assert not driver.exists("/data")

    def test_reader_of_what_is_replaced(self, driver: FsspecDriver) -> None:
        upload(driver, "/data", CONTENT)
        with driver.reader("/data") as reader:
            reader.read(10)
            driver.put_content("/data", b"another")
            with pytest.raises(ConflictError):
                drain(reader)


class TestOrphans:
    def kill(self, driver: FsspecDriver, path: str, content: bytes = CONTENT) -> None:
        """An upload whose process ends in the middle."""
        writer = driver.writer(path)
        writer.write(content)
        writer._upload._engine.flush()  # type: ignore[attr-defined]
        with pytest.warns(ResourceWarning):
            del writer

    def test_killed_upload_is_found_and_purged(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/up/done", SEGMENT)
        upload(driver, "/up/moved", SEGMENT)
        driver.move("/up/moved", "/blobs/1")
        self.kill(driver, "/up/killed")
        self.kill(driver, "/up/a/b")
        assert sorted((info.path, info.size) for info in driver.uploads()) == [
            ("/up/a/b", len(CONTENT)),
            ("/up/killed", len(CONTENT)),
        ]
        assert [info.path for info in driver.uploads("/up/a")] == ["/up/a/b"]
        assert list(driver.uploads("/up/kill")) == []
        assert driver.purge_uploads(older_than=timedelta(days=1)) == []
        assert len(driver.purge_uploads()) == 2
        assert count(container) == 2
        assert driver.get_content("/blobs/1") == SEGMENT

    def test_segments_that_are_at_home_nowhere_but_moved_are_no_orphans(self, driver: FsspecDriver) -> None:
        upload(driver, "/up/1", SEGMENT)
        driver.move("/up/1", "/blobs/1")
        assert list(driver.uploads("/up")) == []
        assert driver.purge_uploads() == []
        assert driver.get_content("/blobs/1") == SEGMENT

    def test_put_over_an_open_upload_makes_no_orphans(self, driver: FsspecDriver) -> None:
        upload(driver, "/data", CONTENT, end="close")
        driver.put_content("/data", b"x")
        assert list(driver.uploads()) == []


class TestMissing:
    def test_gap_is_an_error(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", CONTENT)
        segments = segments_of(container, "/data")
        container.request("DELETE", numbered(segments, 2))
        for read in (driver.get_content, driver.reader, driver.stat):
            with pytest.raises(StorageDriverError, match="segment") as caught:
                read("/data")
            assert not isinstance(caught.value, PathNotFoundError)

    def test_segments_that_are_gone_are_an_error(self, driver: FsspecDriver, container: Container) -> None:
        upload(driver, "/data", CONTENT)
        segments = segments_of(container, "/data")
        for number in (1, 2, 3):
            container.request("DELETE", numbered(segments, number))
        for read in (driver.get_content, driver.reader, driver.stat):
            with pytest.raises(StorageDriverError, match="bytes of its segments"):
                read("/data")
        assert driver.list("/") == ["/data"]
        driver.delete("/data")
        assert names(container) == {}

    def test_manifest_of_the_registrys_without_segments_is_empty(
        self, driver: FsspecDriver, container: Container
    ) -> None:
        """Its own driver waits 12 seconds for segments, and fails."""
        manifest(container, "/data", LAYOUT.new_segments("data"))
        assert driver.stat("/data").size == 0
        assert driver.get_content("/data") == b""
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 0
            writer.write(b"content")
            writer.commit()
        assert driver.get_content("/data") == b"content"

    def test_segments_after_a_gap_are_deleted_when_an_upload_goes_on(
        self, driver: FsspecDriver, container: Container
    ) -> None:
        segments = LAYOUT.new_segments("data")
        for number in (1, 2, 4):
            container.put(numbered(segments, number), b"%d," % number)
        manifest(container, "/data", segments)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 4
            writer.write(b"3")
            writer.commit()
        assert driver.get_content("/data") == b"1,2,3"

    def test_from_0_to_2_is_no_gap(self, driver: FsspecDriver, container: Container) -> None:
        """So the registry counts after it has appended to a plain object."""
        segments = LAYOUT.new_segments("data")
        for number in (0, 2, 3):
            container.put(numbered(segments, number), b"%d," % number)
        manifest(container, "/data", segments)
        assert driver.get_content("/data") == b"0,2,3,"
        upload(driver, "/data", b"4", append=True)
        assert driver.get_content("/data") == b"0,2,3,4"
        assert numbered(segments, 4) in names(container)

    def test_after_a_lone_0_comes_2(self, driver: FsspecDriver, container: Container) -> None:
        segments = LAYOUT.new_segments("data")
        container.put(numbered(segments, 0), b"0,")
        manifest(container, "/data", segments)
        upload(driver, "/data", b"2", append=True)
        assert driver.get_content("/data") == b"0,2"
        assert numbered(segments, 2) in names(container)


class TestReading:
    def test_many_segments_are_read_at_any_offset(self, driver: FsspecDriver, container: Container) -> None:
        """Through the manifest Swift would give one segment a second from the eleventh on."""
        segments = LAYOUT.new_segments("data")
        content = pattern(30 * 100, 3)
        for number in range(30):
            container.put(numbered(segments, number + 1), content[number * 100 : number * 100 + 100])
        manifest(container, "/data", segments)
        assert driver.get_content("/data") == content
        for offset, length in ((0, 1), (99, 2), (100, 100), (250, 2600), (2999, 5), (3000, None), (1234, None)):
            with driver.reader("/data", offset, length) as reader:
                assert reader.size == len(content)
                assert drain(reader) == content[offset : None if length is None else offset + length]

    @pytest.mark.parametrize("concurrency", [2, 5])
    def test_several_ranges_at_a_time(self, make_swift: MakeSwift, concurrency: int) -> None:
        driver = make_swift(prefix="reg", chunksize=MIB, readconcurrency=concurrency)
        plain = pattern(9 * MIB + 7, 4)
        driver.put_content("/plain", plain)
        upload(driver, "/large", plain)
        driver.put_content("/small", CONTENT)
        for path, content in (("/plain", plain), ("/large", plain), ("/small", CONTENT)):
            for offset, length in ((0, None), (MIB - 1, None), (5, MIB), (7, 9 * MIB), (len(content), None)):
                with driver.reader(path, offset, length) as reader:
                    assert drain(reader) == content[offset : None if length is None else offset + length]

    def test_a_large_object_that_is_replaced_is_not_mixed_with_the_next(self, make_swift: MakeSwift) -> None:
        driver = make_swift(prefix="reg", chunksize=MIB, readconcurrency=2)
        content = pattern(30 * MIB, 5)
        upload(driver, "/data", content)
        with driver.reader("/data") as reader:
            assert reader.read(10) == content[:10]
            upload(driver, "/data", pattern(30 * MIB, 6))
            with pytest.raises(ConflictError):
                drain(reader)

    def test_static_large_object_in_several_ranges(self, make_swift: MakeSwift, container: Container) -> None:
        driver = make_swift(prefix="reg", readconcurrency=3)
        content = pattern(10 * MIB, 7)
        container.put("else/1", content)
        lines = f'[{{"path": "/{container.name}/else/1"}}, {{"path": "/{container.name}/else/1"}}]'
        container.request("PUT", "reg/files/slo", query={"multipart-manifest": "put"}, body=lines.encode())
        with driver.reader("/slo") as reader:
            assert drain(reader) == content * 2
        with driver.reader("/slo", 10 * MIB - 5, 10) as reader:
            assert drain(reader) == content[-5:] + content[:5]

    def test_sizes_in_a_walk_are_those_of_the_content(self, driver: FsspecDriver) -> None:
        upload(driver, "/a/large", CONTENT)
        upload(driver, "/a/empty")
        driver.put_content("/a/small", b"small")
        assert {info.path: info.size for info in driver.files()} == {
            "/a/large": len(CONTENT),
            "/a/empty": 0,
            "/a/small": 5,
        }


def test_container_is_made_at_the_first_write(make_swift: MakeSwift, container_name: str) -> None:
    driver = make_swift()
    for call in (driver.get_content, driver.reader, driver.stat, driver.list, driver.delete):
        with pytest.raises(BucketNotFoundError, match=container_name):
            call("/a")
    for call in (driver.stat, driver.list):
        with pytest.raises(BucketNotFoundError):
            call("/")
    with pytest.raises(BucketNotFoundError):
        list(driver.uploads())
    driver.put_content("/a", b"x")
    assert driver.list("/") == ["/a"]


def test_upload_makes_the_container_too(make_swift: MakeSwift) -> None:
    driver = make_swift()
    upload(driver, "/a", b"content", end="close")
    assert driver.get_content("/a") == b"content"
