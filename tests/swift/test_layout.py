"""Where the bytes lie: the registry's own names, manifests and segments."""

from __future__ import annotations

import hashlib

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.swift.layout import Layout
from storagedriver.swiftfs.container import Container
from storagedriver.swiftfs.segments import number_of, numbered
from storagedriver.testsuites.helpers import MIB, pattern, upload
from tests.swift.conftest import MakeSwift, names

_NOTHING = hashlib.sha1(b"").digest()


def test_file_is_an_object_below_files(driver: FsspecDriver, container: Container) -> None:
    driver.put_content("/a/b", b"content")
    assert names(container) == {"reg/files/a/b": 7}
    info = container.head("reg/files/a/b")
    assert info is not None
    assert info.content_type == "application/octet-stream"


def test_without_a_prefix_nothing_stands_before(make_swift: MakeSwift, container: Container) -> None:
    make_swift().put_content("/a", b"x")
    assert list(names(container)) == ["files/a"]


@pytest.mark.parametrize(
    ("prefix", "files"), [("", "files/"), ("a", "a/files/"), ("/a/b", "a/b/files/"), ("a/", "a//files/")]
)
def test_prefix_is_put_together_as_the_registry_does_it(prefix: str, files: str) -> None:
    assert Layout(prefix).files == files


def test_upload_is_a_manifest_and_numbered_segments(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/repo/_uploads/1/data", pattern(2 * MIB + 5))
    manifest = container.head("reg/files/repo/_uploads/1/data", raw=True)
    assert manifest is not None
    where, _, segments = manifest.manifest.partition("/")
    assert where == container.name
    assert not segments.endswith("/")
    assert names(container, "reg/segments/") == {
        numbered(segments, 1): MIB,
        numbered(segments, 2): MIB,
        numbered(segments, 3): 5,
    }
    head, _, rest = segments.removeprefix("reg/segments/").partition("/")
    content = bytes.fromhex(head + rest)
    assert len(head) == 3
    assert content[:-52] == b"/repo/_uploads/1/data"
    assert content[-20:] == _NOTHING


def test_two_uploads_never_have_the_same_segments(driver: FsspecDriver, container: Container) -> None:
    found = set()
    for _ in range(3):
        upload(driver, "/data", b"x", end="close")
        info = container.head("reg/files/data", raw=True)
        assert info is not None
        found.add(info.manifest)
    assert len(found) == 3


def test_close_writes_the_manifest_too(driver: FsspecDriver, container: Container) -> None:
    upload(driver, "/data", b"first", end="close")
    assert driver.stat("/data").size == 5
    before = container.head("reg/files/data", raw=True)
    upload(driver, "/data", b"second", append=True)
    after = container.head("reg/files/data", raw=True)
    assert before is not None
    assert after is not None
    assert after.manifest == before.manifest
    assert sorted(names(container, "reg/segments/").values()) == [5, 6]


def test_upload_of_nothing_is_a_plain_object(driver: FsspecDriver, container: Container) -> None:
    """Of a manifest without segments the registry waits for them, and fails."""
    upload(driver, "/data")
    info = container.head("reg/files/data", raw=True)
    assert info is not None
    assert not info.is_large
    assert names(container) == {"reg/files/data": 0}


def test_appending_to_a_plain_object_makes_it_the_first_segment(driver: FsspecDriver, container: Container) -> None:
    driver.put_content("/data", b"plain")
    upload(driver, "/data", b" and more", append=True)
    assert driver.get_content("/data") == b"plain and more"
    assert sorted(names(container, "reg/segments/").values()) == [5, 9]


def test_layout_reads_its_own_names() -> None:
    layout = Layout("reg")
    segments = layout.new_segments("a/b")
    assert layout.uploaded_to(segments) == "a/b"
    assert layout.upload_of(numbered(segments, 7)) == segments
    assert number_of(segments, numbered(segments, 7)) == 7
    assert segments.startswith(layout.segments_below("a"))


@pytest.mark.parametrize("name", ["", "reg/segments/", "reg/segments/abc/def", "reg/segments/xyz/00", "other/abc/00"])
def test_layout_knows_what_is_not_the_registrys(name: str) -> None:
    assert Layout("reg").uploaded_to(name) is None


def test_of_a_path_that_is_too_long_the_beginning_is_in_the_name(driver: FsspecDriver, container: Container) -> None:
    path = "/" + "/".join(["n" * 100] * 8)
    upload(driver, path, b"content", end="close")
    assert driver.get_content(path) == b"content"
    (name,) = names(container, "reg/segments/")
    assert len(name) <= 1024
    driver.delete(path)
    assert names(container) == {}


def test_segments_of_a_long_name_are_known_again(make_swift: MakeSwift, container: Container) -> None:
    driver = make_swift(names="any")
    for path in ("/" + "\u65e5" * 300, "/" + "x" + "\u65e5" * 300, "/xx" + "\u65e5" * 300):
        upload(driver, path, pattern(2 * MIB + 5))
        upload(driver, path, pattern(MIB), end="close")
        driver.delete(path)
        assert names(container) == {}
