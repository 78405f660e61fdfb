from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storagedriver import InvalidPathError
from storagedriver.errors import ReadOnlyError
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver


def put(fs: StorageDriverFileSystem, *paths: str) -> None:
    for path in paths:
        fs.driver.put_content(path, path.encode())


def files(fs: StorageDriverFileSystem) -> list[str]:
    return sorted(info.path for info in fs.driver.files())


def test_rm_of_a_file(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/a", "/ab", "/d/a", "/d/b")
    any_fs.rm("storagedriver://a")
    any_fs.rm_file("/d/a")
    assert files(any_fs) == ["/ab", "/d/b"]
    for remove in (any_fs.rm, any_fs.rm_file, any_fs._rm):
        with pytest.raises(FileNotFoundError):
            remove("/a")


def test_rm_of_a_directory_must_be_meant(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a")
    for remove in (any_fs.rm, any_fs.rm_file):
        with pytest.raises(IsADirectoryError):
            remove("/d")
    assert files(any_fs) == ["/d/a"]


def test_rm_recursive_is_one_walk_and_one_delete(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    put(fs, "/d/a", "/d/e/f", "/dd")
    driver.calls.clear()
    fs.rm("/d", recursive=True)
    assert driver.calls == [("walk", "/d", ""), ("delete", "/d")]
    assert files(fs) == ["/dd"]


def test_rm_recursive_of_several_and_of_patterns(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a", "/d/a-b", "/d/e/f", "/e/g", "/f", "/x/y")
    any_fs.rm(["/d", "/f"], recursive=True)
    assert files(any_fs) == ["/e/g", "/x/y"]
    put(any_fs, "/d/a", "/d/a-b", "/d/b/c")
    any_fs.rm("/d/**", recursive=True)
    assert files(any_fs) == ["/e/g", "/x/y"]
    with pytest.raises(FileNotFoundError):
        any_fs.rm("/none", recursive=True)
    with pytest.raises(FileNotFoundError):
        any_fs.rm("/none*", recursive=True)


def test_rm_of_the_root_empties_it(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a", "/b")
    any_fs.rm("/", recursive=True)
    assert any_fs.ls("/") == []


def test_rm_down_to_a_depth(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a", "/d/e/b", "/d/e/f/c")
    any_fs.rm("/d", recursive=True, maxdepth=2)
    assert files(any_fs) == ["/d/e/f/c"]


def test_rm_of_a_file_leaves_the_directory_of_its_name(fs: StorageDriverFileSystem) -> None:
    put(fs, "/a", "/a/b")
    fs.rm("/a")
    assert files(fs) == ["/a/b"]
    put(fs, "/a")
    fs.rm("/a", recursive=True)
    assert files(fs) == []


def test_cp_and_mv_of_a_file(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/a", "/b")
    any_fs.cp_file("storagedriver://a", "/c/d")
    any_fs.cp("/a", "/b")
    any_fs.mv("/a", "storagedriver://e/f")
    any_fs.mv_file("/b", "/g")
    assert files(any_fs) == ["/c/d", "/e/f", "/g"]
    assert {any_fs.cat_file(path) for path in files(any_fs)} == {b"/a"}


def test_copies_and_moves_are_the_driver_s(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    put(fs, "/a", "/b")
    driver.calls.clear()
    fs.cp_file("/a", "/c")
    fs.mv_file("/b", "/d")
    fs.mv("/d", "/e/f/g")
    assert {call[0] for call in driver.calls} <= {"copy", "move", "stat"}


def test_cp_and_mv_of_nothing(any_fs: StorageDriverFileSystem) -> None:
    for change in (any_fs.cp, any_fs.cp_file, any_fs.mv, any_fs.mv_file):
        with pytest.raises(FileNotFoundError):
            change("/none", "/x")
    with pytest.raises(FileNotFoundError):
        any_fs.mv("/none", "/x", recursive=True)


def test_cp_and_mv_to_a_name_outside_the_rule(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/a")
    for change in (any_fs.cp_file, any_fs.mv, any_fs.mv_file):
        with pytest.raises(InvalidPathError):
            change("/a", "/b c")
    assert files(any_fs) == ["/a"]


@pytest.mark.parametrize(
    ("source", "dest", "expected"),
    [
        ("/a", "/x", ["/d/b", "/d/e/c", "/there/z", "/x"]),
        ("/a", "/x/", ["/d/b", "/d/e/c", "/there/z", "/x/a"]),
        ("/a", "/there", ["/d/b", "/d/e/c", "/there/a", "/there/z"]),
        ("/d/b", "/", ["/a", "/b", "/d/e/c", "/there/z"]),
        ("/d", "/x", ["/a", "/there/z", "/x/b", "/x/e/c"]),
        ("/d", "/there", ["/a", "/there/d/b", "/there/d/e/c", "/there/z"]),
        ("/d/", "/there", ["/a", "/there/b", "/there/e/c", "/there/z"]),
        ("/d/*", "/x", ["/a", "/there/z", "/x/b", "/x/e/c"]),
        (["/a", "/d/b"], "/x", ["/d/e/c", "/there/z", "/x/a", "/x/b"]),
        (["/a", "/d/b"], ["/x", "/y"], ["/d/e/c", "/there/z", "/x", "/y"]),
        ("/a", ["/x"], ["/d/b", "/d/e/c", "/there/z", "/x"]),
        ("/a", "/a", ["/a", "/d/b", "/d/e/c", "/there/z"]),
    ],
)
def test_where_a_move_ends(
    any_fs: StorageDriverFileSystem, source: str | list[str], dest: str | list[str], expected: list[str]
) -> None:
    put(any_fs, "/a", "/d/b", "/d/e/c", "/there/z")
    any_fs.mv(source, dest, recursive=True)
    assert files(any_fs) == expected
    if source == "/d":
        assert not any_fs.exists("/d")


def test_where_a_move_ends_is_where_a_copy_ends(any_fs: StorageDriverFileSystem) -> None:
    for source in ("/a", "/d", "/d/", "/d/*"):
        for dest in ("/x", "/x/", "/there", "/there/"):
            ends = []
            for change in (any_fs.cp, any_fs.mv):
                put(any_fs, "/a", "/d/b", "/d/e/c", "/there/z")
                change(source, dest, recursive=True)
                ends.append([path for path in files(any_fs) if path.startswith((dest, "/there/"))])
                any_fs.rm("/", recursive=True)
            assert ends[0] == ends[1], (source, dest)


def test_mv_of_a_directory_must_be_meant(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a", "/d/e/f")
    with pytest.raises(IsADirectoryError):
        any_fs.mv("/d", "/x")
    assert files(any_fs) == ["/d/a", "/d/e/f"]
    any_fs.mv("/d/*", "/x/")
    assert files(any_fs) == ["/d/e/f", "/x/a"]


def test_mv_down_to_a_depth_leaves_the_rest(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a", "/d/e/f")
    any_fs.mv("/d", "/x", recursive=True, maxdepth=1)
    assert files(any_fs) == ["/d/e/f", "/x/a"]


def test_directories_that_are_kept(local: StorageDriverFileSystem) -> None:
    local.mkdir("/d/e")
    assert local.isdir("/d/e")
    assert local.ls("/d/e") == []
    assert files(local) == []
    for path in ("/d", "/d/e"):
        with pytest.raises(FileExistsError):
            local.mkdir(path)
    with pytest.raises(OSError, match="not empty") as caught:
        local.rmdir("/d")
    assert caught.value.errno == errno.ENOTEMPTY
    local.rmdir("/d/e")
    local.rmdir("/d")
    assert local.ls("/") == []
    with pytest.raises(FileNotFoundError):
        local.rmdir("/d")
    with pytest.raises(FileNotFoundError):
        local.mkdir("/x/y", create_parents=False)


def test_an_empty_directory_moves_along(local: StorageDriverFileSystem) -> None:
    put(local, "/d/a")
    local.makedirs("/d/e/f")
    local.mv("/d", "/x", recursive=True)
    assert not local.exists("/d")
    assert local.isdir("/x/e/f")
    local.rm("/x", recursive=True, maxdepth=9)
    assert local.ls("/") == []


def test_directories_that_exist_through_files(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    fs.mkdir("/d/e")
    fs.makedirs("/d/e")
    fs.mkdir("/d/e", create_parents=False)
    assert not fs.exists("/d")
    assert {call[0] for call in driver.calls} == {"stat"}
    put(fs, "/d/a")
    with pytest.raises(FileExistsError):
        fs.mkdir("/d")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("/d")
    with pytest.raises(FileNotFoundError):
        fs.rmdir("/e")


def test_makedirs(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/d/a")
    any_fs.makedirs("/d", exist_ok=True)
    any_fs.mkdirs("/", exist_ok=True)
    with pytest.raises(FileExistsError):
        any_fs.makedirs("/d")
    for exist_ok in (True, False):
        with pytest.raises(FileExistsError):
            any_fs.makedirs("/d/a", exist_ok=exist_ok)
    with pytest.raises(NotADirectoryError):
        any_fs.rmdir("/d/a")
    with pytest.raises(InvalidPathError):
        any_fs.mkdir("/a b")


def test_a_file_at_top_level_into_a_directory(any_fs: StorageDriverFileSystem) -> None:
    put(any_fs, "/a", "/d/b")
    any_fs.cp("a", "d")
    any_fs.cp("a", "e/")
    assert files(any_fs) == ["/a", "/d/a", "/d/b", "/e/a"]


@pytest.mark.parametrize("change", ["mkdir", "makedirs", "open", "touch", "pipe", "rm"])
def test_what_can_only_be_read_says_so_at_once_and_of_the_path_that_was_given(tmp_path: Path, change: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("file", "content")
    options = {"url": "zip://", "storage_options": {"fo": str(tmp_path / "x.zip")}}
    fs = StorageDriverFileSystem("fsspec", parameters=options)
    calls: dict[str, Callable[[], object]] = {
        "mkdir": lambda: fs.mkdir("/new"),
        "makedirs": lambda: fs.makedirs("/new"),
        "open": lambda: fs.open("/new", "wb"),
        "touch": lambda: fs.touch("/new"),
        "pipe": lambda: fs.pipe("/new", b"x"),
        "rm": lambda: fs.rm("/file"),
    }
    with pytest.raises(ReadOnlyError) as caught:
        calls[change]()
    assert caught.value.path == ("/file" if change == "rm" else "/new")
    assert fs.cat("/file") == b"content"
