from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fsspec.spec import AbstractFileSystem

from storagedriver import FileInfo, InvalidPathError, PermissionDeniedError, UnavailableError
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver

TREE = {"/a": b"1", "/d/a.csv": b"22", "/d/b.csv": b"333", "/d/c.txt": b"", "/d/e/f.csv": b"4444", "/d/e/g/h.csv": b""}
MANY = [f"/many/{number:04}" for number in range(2500)]


@pytest.fixture
def tree(any_fs: StorageDriverFileSystem) -> StorageDriverFileSystem:
    for path, content in TREE.items():
        any_fs.driver.put_content(path, content)
    return any_fs


@pytest.mark.parametrize(
    "given", ["/d/a.csv", "d/a.csv", "storagedriver://d/a.csv", "storagedriver:///d/a.csv", "/d/a.csv/"]
)
def test_a_path_has_several_spellings(tree: StorageDriverFileSystem, given: str) -> None:
    assert tree.info(given)["name"] == "/d/a.csv"
    assert tree.exists(given)
    assert tree.cat_file(given) == b"22"


def test_names_are_the_paths_of_the_driver() -> None:
    strip = StorageDriverFileSystem._strip_protocol
    assert strip("storagedriver://") == strip("") == strip("/") == "/"
    assert strip(["storagedriver://a/b", "c/"]) == ["/a/b", "/c"]
    assert StorageDriverFileSystem._parent("storagedriver://a/b") == "/a"
    assert StorageDriverFileSystem._parent("a") == "/"


def test_the_url_of_a_path(fs: StorageDriverFileSystem) -> None:
    assert fs.unstrip_protocol("/a/b") == fs.unstrip_protocol("storagedriver://a/b") == "storagedriver://a/b"


def test_info(tree: StorageDriverFileSystem) -> None:
    info = tree.info("/d/b.csv")
    mtime = info.pop("mtime")
    assert info == {"name": "/d/b.csv", "size": 3, "type": "file"}
    assert abs(mtime - datetime.now(timezone.utc).timestamp()) < 60
    assert tree.info("/d") == tree.stat("/d") == {"name": "/d", "size": 0, "type": "directory"}
    assert tree.info("/") == {"name": "/", "size": 0, "type": "directory"}
    assert tree.size("/d/b.csv") == 3


def test_info_of_nothing(tree: StorageDriverFileSystem) -> None:
    for path in ("/none", "/d/none", "/d/a"):
        with pytest.raises(FileNotFoundError):
            tree.info(path)
        with pytest.raises(FileNotFoundError):
            tree.ls(path)
        with pytest.raises(FileNotFoundError):
            tree.ls(path, detail=False)
        assert not tree.exists(path)
        assert not tree.isdir(path)
        assert not tree.isfile(path)


def test_kinds(tree: StorageDriverFileSystem) -> None:
    assert tree.isfile("/a")
    assert not tree.isdir("/a")
    assert tree.isdir("/d")
    assert not tree.isfile("/d")
    assert tree.isdir("/")
    assert tree.exists("/")
    assert tree.lexists("/d/e/g")


def test_ls(tree: StorageDriverFileSystem) -> None:
    assert tree.ls("/", detail=False) == ["/a", "/d"]
    assert tree.ls("d/", detail=False) == ["/d/a.csv", "/d/b.csv", "/d/c.txt", "/d/e"]
    assert [(info["name"], info["size"], info["type"]) for info in tree.ls("/d")] == [
        ("/d/a.csv", 2, "file"),
        ("/d/b.csv", 3, "file"),
        ("/d/c.txt", 0, "file"),
        ("/d/e", 0, "directory"),
    ]
    assert {type(info.get("mtime")) for info in tree.ls("/d")} == {float, type(None)}


def test_ls_of_a_file_is_the_file(tree: StorageDriverFileSystem) -> None:
    assert tree.ls("/a", detail=False) == ["/a"]
    assert [info["size"] for info in tree.ls("/a")] == [1]


def test_ls_of_an_empty_root(any_fs: StorageDriverFileSystem) -> None:
    assert any_fs.ls("/") == any_fs.ls("", detail=False) == any_fs.find("") == any_fs.glob("*") == []


def test_a_name_that_is_both(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.contents.update({"/a": b"1", "/a/b": b"22"})
    assert fs.info("/a")["type"] == "file"
    assert [(info["name"], info["type"]) for info in fs.ls("/")] == [("/a", "file"), ("/a", "directory")]
    assert fs.ls("/a", detail=False) == ["/a/b"]
    assert fs.find("/") == ["/a", "/a/b"]
    assert fs.find("/", withdirs=True, detail=True)["/a"]["size"] == 1
    assert fs.du("/") == 3


def test_listings_of_many(any_fs: StorageDriverFileSystem) -> None:
    for path in MANY:
        any_fs.driver.put_content(path, b"x")
    assert any_fs.find("/many") == any_fs.ls("/many", detail=False) == any_fs.glob("/many/*") == MANY
    assert any_fs.du("/") == 2500


@pytest.mark.parametrize("maxdepth", [None, 1, 2, 3, 9])
@pytest.mark.parametrize("withdirs", [False, True])
@pytest.mark.parametrize("path", ["/", "/d", "/d/e/", "/a", "/none"])
def test_find_is_what_fsspec_finds_by_itself(
    tree: StorageDriverFileSystem, path: str, maxdepth: int | None, withdirs: bool
) -> None:
    expected = AbstractFileSystem.find(tree, path, maxdepth=maxdepth, withdirs=withdirs)
    if path == "/":
        expected = [name for name in expected if name != "/"]
    assert tree.find(path, maxdepth=maxdepth, withdirs=withdirs) == expected
    found = tree.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True)
    assert list(found) == expected
    assert all(info["name"] == name for name, info in found.items())


def test_find_is_one_walk(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    driver.contents.update(TREE)
    fs.find("/d", withdirs=True, detail=True)
    fs.du("/d")
    fs.glob("/d/**/*.csv")
    assert [call[:2] for call in driver.calls] == [("walk", "/d")] * 3


def test_du(tree: StorageDriverFileSystem) -> None:
    assert tree.du("/") == 10
    assert tree.du("/d", maxdepth=1) == tree.disk_usage("/d", maxdepth=1) == 5
    assert tree.du("/d/e", total=False) == {"/d/e/f.csv": 4, "/d/e/g/h.csv": 0}
    assert tree.du("/d/e/g", total=False, withdirs=True) == {"/d/e/g": 0, "/d/e/g/h.csv": 0}
    assert tree.du("/none") == 0


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("storagedriver://d/*.csv", ["/d/a.csv", "/d/b.csv"]),
        ("d/*", ["/d/a.csv", "/d/b.csv", "/d/c.txt", "/d/e"]),
        ("/d/*/", ["/d/e"]),
        ("/d/**/*.csv", ["/d/a.csv", "/d/b.csv", "/d/e/f.csv", "/d/e/g/h.csv"]),
        ("/d/[ab].csv", ["/d/a.csv", "/d/b.csv"]),
        ("/d/[!a].csv", ["/d/b.csv"]),
        ("/d/?.txt", ["/d/c.txt"]),
        ("/*", ["/a", "/d"]),
        ("*", ["/a", "/d"]),
        ("/*/*/*.csv", ["/d/e/f.csv"]),
        ("/d/a.csv", ["/d/a.csv"]),
        ("/none/*", []),
        ("/none", []),
    ],
)
def test_glob(tree: StorageDriverFileSystem, pattern: str, found: list[str]) -> None:
    assert tree.glob(pattern) == found
    assert list(tree.glob(pattern, detail=True)) == found


def test_glob_with_a_depth(tree: StorageDriverFileSystem) -> None:
    assert tree.glob("/d/**/*.csv", maxdepth=1) == ["/d/a.csv", "/d/b.csv"]
    assert tree.glob("/d/**", maxdepth=1) == ["/d", "/d/a.csv", "/d/b.csv", "/d/c.txt", "/d/e"]


def test_walk(tree: StorageDriverFileSystem) -> None:
    assert list(tree.walk("")) == [
        ("/", ["d"], ["a"]),
        ("/d", ["e"], ["a.csv", "b.csv", "c.txt"]),
        ("/d/e", ["g"], ["f.csv"]),
        ("/d/e/g", [], ["h.csv"]),
    ]
    assert [path for path, _, _ in tree.walk("/", topdown=False)] == ["/d/e/g", "/d/e", "/d", "/"]
    assert [path for path, _, _ in tree.walk("/", maxdepth=2)] == ["/", "/d"]
    assert list(tree.walk("/none")) == []


def test_walk_can_be_pruned(tree: StorageDriverFileSystem) -> None:
    paths = []
    for path, dirs, _ in tree.walk("/"):
        paths.append(path)
        if path == "/d":
            dirs.remove("e")
    assert paths == ["/", "/d"]


def test_walk_with_details(tree: StorageDriverFileSystem) -> None:
    _, dirs, files = next(tree.walk("/d", detail=True))
    assert dirs == {"e": {"name": "/d/e", "size": 0, "type": "directory"}}
    assert files["b.csv"]["size"] == 3


@pytest.mark.parametrize("method", ["walk", "find", "glob"])
def test_depths_begin_at_one(fs: StorageDriverFileSystem, method: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(getattr(fs, method)("/", maxdepth=0))


def test_walk_and_missing_paths(fs: StorageDriverFileSystem) -> None:
    with pytest.raises(FileNotFoundError):
        list(fs.walk("/none", on_error="raise"))
    errors: list[OSError] = []
    assert list(fs.walk("/none", on_error=errors.append)) == []
    assert [type(error).__name__ for error in errors] == ["PathNotFoundError"]


LOOKS: dict[str, Any] = {
    "info": lambda fs: fs.info("/d"),
    "exists": lambda fs: fs.exists("/d"),
    "isdir": lambda fs: fs.isdir("/d"),
    "isfile": lambda fs: fs.isfile("/d"),
    "ls": lambda fs: fs.ls("/d"),
    "names": lambda fs: fs.ls("/d", detail=False),
    "walk": lambda fs: list(fs.walk("/d")),
    "find": lambda fs: fs.find("/d"),
    "glob": lambda fs: fs.glob("/d/*"),
    "du": lambda fs: fs.du("/d"),
    "rm": lambda fs: fs.rm("/d", recursive=True),
    "copy": lambda fs: fs.copy("/d", "/x", recursive=True),
    "get": lambda fs: fs.get("/d/a.csv", os.devnull),
    "open": lambda fs: fs.open("/d/a.csv"),
}


@pytest.mark.parametrize("error", [PermissionDeniedError, UnavailableError])
@pytest.mark.parametrize("look", LOOKS)
def test_no_failure_passes_for_an_absence(
    fs: StorageDriverFileSystem, driver: DictionaryDriver, look: str, error: Any
) -> None:
    driver.contents.update(TREE)
    calls = ("stat", "list", "walk", "reader", "get_content", "copy", "delete")
    driver.failing.update(dict.fromkeys(calls, error(driver_name="dictionary")))
    with pytest.raises(error):
        LOOKS[look](fs)


def test_walk_does_not_swallow_what_fails_further_down(
    fs: StorageDriverFileSystem, driver: DictionaryDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.contents.update(TREE)
    walk = driver.walk

    def refusing(path: str, visit: Any, start_after: str = "") -> None:
        if path == "/d/e":
            raise PermissionDeniedError(driver_name="dictionary", path=path)
        walk(path, visit, start_after)

    monkeypatch.setattr(driver, "walk", refusing)
    with pytest.raises(PermissionError):
        list(fs.walk("/"))
    errors: list[OSError] = []
    assert [path for path, _, _ in fs.walk("/", on_error=errors.append)] == ["/", "/d"]
    assert len(errors) == 1


@pytest.mark.parametrize("path", ["/a b", "/d/ü", "/d//a.csv", "/d/../a", "/d/./a.csv"])
def test_names_outside_the_path_rule(tree: StorageDriverFileSystem, path: str) -> None:
    assert not tree.exists(path)
    assert not tree.isfile(path)
    assert not tree.isdir(path)
    for look in (tree.info, tree.ls, tree.find, tree.du, tree.cat_file, lambda path: list(tree.walk(path))):
        with pytest.raises(InvalidPathError):
            look(path)


def test_times(tree: StorageDriverFileSystem) -> None:
    modified = tree.modified("/a")
    assert modified.tzinfo is not None
    assert abs(datetime.now(timezone.utc) - modified) < timedelta(minutes=1)
    with pytest.raises(NotImplementedError, match="modified"):
        tree.created("/a")


def test_a_change_shows_in_ukey_and_checksum(any_fs: StorageDriverFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    any_fs.driver.put_content("/a", b"1")
    info = any_fs.driver.stat("/a")
    later = FileInfo("/a", 1, info.mod_time + timedelta(seconds=1), is_dir=False)
    shown = [info, info, info, info, later, later]
    monkeypatch.setattr(any_fs.driver, "stat", lambda _: shown.pop(0))
    ukey, checksum = any_fs.ukey("/a"), any_fs.checksum("/a")
    assert (any_fs.ukey("/a"), any_fs.checksum("/a")) == (ukey, checksum)
    assert any_fs.ukey("/a") != ukey
    assert any_fs.checksum("/a") != checksum


def test_nothing_is_cached(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    assert fs.ls("/") == []
    driver.contents["/a"] = b""
    assert fs.ls("/", detail=False) == ["/a"]
    assert fs.exists("/a")
    del driver.contents["/a"]
    assert not fs.exists("/a")


def test_tree(tree: StorageDriverFileSystem) -> None:
    assert "f.csv" in tree.tree("storagedriver://d")


@pytest.mark.parametrize("pattern", ["/{b,c}/*", "/a/{b,c}/*.csv", "/a b/**", "/a/{b,c}/?"])
def test_what_no_path_can_name_matches_nothing(fs: StorageDriverFileSystem, pattern: str) -> None:
    fs.pipe({"/a/b/x.csv": b"", "/a/c/y.csv": b""})
    assert fs.glob(pattern) == []
    assert fs.glob(pattern, detail=True) == {}
    with pytest.raises(FileNotFoundError):
        fs.rm(pattern)
    assert fs.find("/") == ["/a/b/x.csv", "/a/c/y.csv"]


def test_braces_are_no_pattern(fs: StorageDriverFileSystem) -> None:
    fs.pipe({"/a/b/x.csv": b"", "/a/c/x.csv": b""})
    for pattern in ("/a/*/{x,y}.csv", "/a/{b,c}", "/*/{b,c}/*"):
        assert fs.glob(pattern) == []
