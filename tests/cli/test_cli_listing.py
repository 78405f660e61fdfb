from __future__ import annotations

from pathlib import Path

import pytest

from storagedriver.cli.listing import DiskUsage
from storagedriver.cli.output import human_size
from storagedriver.driver import FileInfo
from tests.cli.dict_store import CHANGED, DictDriver
from tests.cli.invoking import Invoke


@pytest.fixture(autouse=True)
def _filled(store: DictDriver) -> None:
    store.contents.update({"/a/b": b"12345", "/a/c/d": b"x" * 2048, "/a-b": b"", "/e": b"6"})


def test_ls_shows_direct_children(run: Invoke) -> None:
    assert run("ls").lines == ["/a", "/a-b", "/e"]
    assert run("ls", "/a").lines == ["/a/b", "/a/c"]


def test_ls_takes_the_slash_that_shells_complete(run: Invoke) -> None:
    assert run("ls", "/a/").lines == ["/a/b", "/a/c"]


def test_ls_of_a_file_shows_the_file(run: Invoke) -> None:
    assert run("ls", "/a/b").lines == ["/a/b"]


def test_ls_of_nothing_is_not_found(run: Invoke) -> None:
    assert run("ls", "/z", code=3).err == "storagedriver: dict: path not found: /z\n"


def test_ls_long_shows_size_and_time_and_does_not_enter(run: Invoke) -> None:
    assert [line.split() for line in run("ls", "-l", "/a").lines] == [
        ["5", "B", "2024-05-06", "07:08:09Z", "/a/b"],
        ["-", "-", "/a/c/"],
    ]


def test_ls_recursive_shows_everything_below(run: Invoke) -> None:
    assert run("ls", "-R", "/a").lines == ["/a/b", "/a/c/", "/a/c/d"]


@pytest.mark.parametrize("args", [("--json", "ls", "/a"), ("ls", "--json", "/a"), ("ls", "/a", "--json")])
def test_ls_json_has_one_shape_wherever_the_option_stands(run: Invoke, args: tuple[str, ...]) -> None:
    assert run(*args).records == [
        {"path": "/a/b", "size": 5, "mod_time": "2024-05-06T07:08:09Z", "is_dir": False},
        {"path": "/a/c", "size": 0, "mod_time": None, "is_dir": True},
    ]


def test_walk_lines_can_be_given_to_start_after(run: Invoke) -> None:
    lines = run("walk").lines
    assert lines == ["/a-b", "/a/", "/a/b", "/a/c/", "/a/c/d", "/e"]
    for number, line in enumerate(lines):
        assert run("walk", "--start-after", line).lines == lines[number + 1 :]


def test_walk_shows_files_only_if_asked(run: Invoke) -> None:
    assert run("walk", "--files").lines == ["/a-b", "/a/b", "/a/c/d", "/e"]


def test_sizes_are_exact_if_asked(run: Invoke) -> None:
    assert run("walk", "-l", "/a/c").lines[0].split()[:2] == ["2.0", "KiB"]
    assert run("walk", "-l", "--bytes", "/a/c").lines[0].split()[0] == "2048"


def test_stat_shows_fields(run: Invoke) -> None:
    shown = [line.split(maxsplit=1) for line in run("stat", "/a/c/d").lines]
    assert [[name, value.strip()] for name, value in shown] == [
        ["path", "/a/c/d"],
        ["type", "file"],
        ["size", "2.0 KiB (2048 bytes)"],
        ["modified", "2024-05-06T07:08:09Z"],
    ]


def test_stat_of_a_directory_has_no_size(run: Invoke) -> None:
    assert "size" not in run("stat", "/").text


def test_stat_takes_several_paths(run: Invoke) -> None:
    assert [record["path"] for record in run("stat", "--json", "/a", "/e").records] == ["/a", "/e"]


def test_a_long_path_is_not_broken_in_a_pipe(run: Invoke, store: DictDriver) -> None:
    path = "/" + "x" * 400
    store.contents[path] = b""
    assert path in run("stat", path).text.split()


def test_du_sums_each_directory_and_shows_the_path_itself_last(run: Invoke) -> None:
    assert run("du", "--json").records == [
        {"path": "/a", "size": 2053, "files": 2},
        {"path": "/", "size": 2054, "files": 4},
    ]


def test_du_goes_as_deep_as_asked(run: Invoke) -> None:
    assert [record["path"] for record in run("du", "--json", "-d", "0").records] == ["/"]
    assert [record["path"] for record in run("du", "--json", "-d", "5").records] == ["/a/c", "/a", "/"]


def test_du_of_a_file_is_its_size(run: Invoke) -> None:
    assert run("du", "--json", "/a/b").records == [{"path": "/a/b", "size": 5, "files": 1}]


def test_du_counts_a_name_that_is_file_and_directory_once_each() -> None:
    shown: list[tuple[str, int, int]] = []
    usage = DiskUsage("/", 1, lambda *sums: shown.append(sums))
    for path, size, is_dir in [("/a", 1, False), ("/a", 0, True), ("/a/b", 2, False), ("/ab", 4, False)]:
        usage.visit(FileInfo(path, size, CHANGED, is_dir))
    usage.finish()
    assert shown == [("/a", 2, 1), ("/", 7, 3)]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**4, "5.0 TiB"),
        (1024**6, "1024.0 PiB"),
    ],
)
def test_human_sizes(count: int | None, text: str) -> None:
    assert human_size(count) == text


@pytest.mark.parametrize("name", ["line\nbreak", "red\x1b[31m", "carriage\rreturn", "c1\x9b2J", "line\u2028separator"])
def test_a_name_is_one_line_and_moves_no_cursor(tmp_path: Path, name: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / name).touch()
    run = Invoke(("--driver", "filesystem", "--param", f"rootdirectory={tmp_path}", "--param", "names=any"))
    escaped = "/dir/" + name.encode("unicode_escape").decode()
    for command in (("ls", "/dir"), ("walk", "--files"), ("ls", "-l", "/dir"), ("du", f"/dir/{name}")):
        (line,) = run(*command).lines
        assert line.endswith(escaped)
    assert escaped in run("stat", f"/dir/{name}").lines[0]
    assert [record["path"] for record in run("--json", "ls", "/dir").records] == [f"/dir/{name}"]


def test_an_error_keeps_the_spaces_of_a_name(tmp_path: Path) -> None:
    run = Invoke(("--driver", "filesystem", "--param", f"rootdirectory={tmp_path}", "--param", "names=any"))
    assert run("ls", "/two  spaces", code=3).err == "storagedriver: filesystem: path not found: /two  spaces\n"
