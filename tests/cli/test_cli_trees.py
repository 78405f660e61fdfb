"""get, put -r, cp --to, and completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from storagedriver.cli.app import app
from storagedriver.errors import PermissionDeniedError, UnavailableError
from tests.cli.dict_store import DictDriver, DictReader
from tests.cli.invoking import Invoke

LARGE = bytes(range(256)) * (3 * 4096)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_get_writes_a_file_or_into_a_directory(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    store.contents = {"/a/b": LARGE}
    shown = run("get", "--json", "/a/b", str(tmp_path / "new"))
    assert shown.records == [{"path": "/a/b", "dest": str(tmp_path / "new"), "size": len(LARGE)}]
    run("get", "/a/b", str(tmp_path))
    run("get", "/a/b", f"{tmp_path}/made/")
    assert files(tmp_path) == dict.fromkeys(["new", "b", "made/b"], LARGE)


class _Broken(DictReader):
    """A stream that breaks off after its first piece."""

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if len(self._left) < self.size:
            raise UnavailableError("broken off", driver_name="dict")
        return super().readinto(buffer)


def test_a_get_that_broke_off_goes_on_and_leaves_the_old_file_until_then(
    run: Invoke, store: DictDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.contents = {"/a": LARGE}
    target = tmp_path / "a"
    target.write_bytes(b"old")
    opened: list[int] = []
    reader = store.reader

    def broken(path: str, offset: int = 0, length: int | None = None) -> DictReader:
        return _Broken(store.contents[path], offset, length)

    def counted(path: str, offset: int = 0, length: int | None = None) -> DictReader:
        opened.append(offset)
        return reader(path, offset, length)  # type: ignore[return-value]

    monkeypatch.setattr(store, "reader", broken)
    assert "the same command goes on" in run("get", "/a", str(target), code=6).err
    assert target.read_bytes() == b"old"
    monkeypatch.setattr(store, "reader", counted)
    run("get", "/a", str(target))
    assert opened == [0, 1 << 20]
    assert files(tmp_path) == {"a": LARGE}


def test_a_get_begins_anew_if_the_file_has_changed(
    run: Invoke, store: DictDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.contents = {"/a": LARGE}
    with monkeypatch.context() as patched:
        patched.setattr(store, "reader", lambda path, *_: _Broken(store.contents[path], 0, None))
        run("get", "/a", str(tmp_path), code=6)
    assert len(files(tmp_path)) == 1
    store.contents = {"/a": LARGE[::-1] + b"x"}
    run("get", "/a", str(tmp_path))
    assert files(tmp_path) == {"a": LARGE[::-1] + b"x"}


def test_get_of_a_directory(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    store.contents = {"/d/a": b"1", "/d/e/b": b"2", "/da": b"3"}
    assert "it is a directory" in run("get", "/d", str(tmp_path), code=3).err
    assert len(run("get", "-r", "/d", str(tmp_path / "new")).lines) == 2
    assert files(tmp_path / "new") == {"a": b"1", "e/b": b"2"}
    run("get", "-r", "/d/", str(tmp_path / "new"))
    assert files(tmp_path / "new") == {"a": b"1", "e/b": b"2", "d/a": b"1", "d/e/b": b"2"}


def test_a_file_that_fails_does_not_stop_the_others(
    run: Invoke, store: DictDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.contents = {"/d/a": b"1", "/d/b": b"2", "/d/c": b"3"}
    reader = store.reader

    def refused(path: str, offset: int = 0, length: int | None = None) -> DictReader:
        if path == "/d/b":
            raise PermissionDeniedError(driver_name="dict", path=path)
        return reader(path, offset, length)  # type: ignore[return-value]

    monkeypatch.setattr(store, "reader", refused)
    shown = run("get", "-r", "/d", str(tmp_path / "new"), code=4)
    assert shown.err == "storagedriver: /d/b: dict: permission denied: /d/b\n"
    assert files(tmp_path / "new") == {"a": b"1", "c": b"3"}


def test_put_of_a_directory_has_the_meaning_of_cp(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "a").write_bytes(b"1")
    (tmp_path / "d" / "e" / "b").write_bytes(LARGE)
    assert "-r" in run("put", str(tmp_path / "d"), "/x", code=2).err
    run("put", "-r", str(tmp_path / "d"), "/x")
    assert store.contents == {"/x/a": b"1", "/x/e/b": LARGE}
    run("put", "-r", str(tmp_path / "d"), "/x")
    run("put", "-r", str(tmp_path / "d"), "/y/")
    assert set(store.contents) == {f"{base}/{name}" for base in ("/x", "/x/d", "/y/d") for name in ("a", "e/b")}


def test_put_of_a_directory_says_what_cannot_be_stored(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "a b").write_bytes(b"1")
    (tmp_path / "d" / "c").write_bytes(b"2")
    (tmp_path / "d" / "link").symlink_to("e")
    shown = run("put", "-r", str(tmp_path / "d"), "/x", code=2)
    assert "invalid path" in shown.err
    assert "link to a directory" in shown.err
    assert store.contents == {"/x/c": b"2"}


def test_a_file_keeps_its_name_in_a_directory(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    run("put", str(tmp_path / "f"), "/d/")
    run("cp", "/d/f", "/e/")
    run("mv", "/d/f", "/g/")
    assert store.contents == {"/e/f": b"1", "/g/f": b"1"}
    assert "no name" in run("put", "-", "/d/", code=2).err


@pytest.mark.parametrize("content", [b"", b"small", LARGE])
def test_cp_to_another_storage(run: Invoke, store: DictDriver, tmp_path: Path, content: bytes) -> None:
    store.contents = {"/a/b": content}
    to = ["--to-driver", "filesystem", "--to-param", f"rootdirectory={tmp_path}"]
    run("cp", "/a/b", "/c", *to)
    run("cp", "/a/b", "/d/", *to)
    assert files(tmp_path) == {"c": content, "d/b": content}
    assert "it is a directory" in run("cp", "/a", "/c", *to, code=3).err
    assert "--to" in run("cp", "/a/b", "/c", "--to-param", "x=y", code=2).err


def test_cat_of_several_paths(run: Invoke, store: DictDriver) -> None:
    store.contents = {"/a": b"1", "/b": b"2"}
    assert run("cat", "/b", "/a", "/b").out == b"212"
    run("cat", "/a", "/b", "--offset", "1", code=2)


def test_rm_dry_run_shows_what_would_go(run: Invoke, store: DictDriver) -> None:
    before = store.contents = {"/d/a": b"1", "/d/e/b": b"2", "/c": b"3"}
    store.open_uploads = {"/d/u": b""}
    assert run("rm", "--dry-run", "-r", "/d").lines == ["/d/a", "/d/e/b", "/d/u (upload)"]
    assert run("rm", "--dry-run", "--json", "/c").records == [{"path": "/c", "deleted": False, "dry_run": True}]
    assert "is a directory" in run("rm", "--dry-run", "/d", code=2).err
    run("rm", "--dry-run", "/none", code=3)
    assert run("rm", "--dry-run", "-f", "/none", "/c").lines == ["/c"]
    assert store.contents == before
    assert store.open_uploads


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ls /", ["/d/", "/da"]),
        ("ls /d", ["/d/", "/da"]),
        ("cat /d/", ["/d/a", "/d/e/"]),
        ("cp /da /d/e/", ["/d/e/b"]),
        ("transfer /d/e", ["/d/e/", "/d/e/b"]),
        ("ls /none/", []),
        ("l", ["ls"]),
    ],
)
def test_a_shell_completes_paths_of_the_store(tmp_path: Path, words: str, expected: list[str]) -> None:
    for name in ("d/a", "d/e/b", "da"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    given, _, incomplete = words.rpartition(" ")
    arguments = ["--driver", "filesystem", "--param", f"rootdirectory={tmp_path}", *given.split()]
    found = ShellComplete(app, {}, "storagedriver", "").get_completions(arguments, incomplete)
    assert [item.value for item in found] == expected


def test_completion_is_silent_where_there_is_no_storage() -> None:
    environment = {**os.environ, "_STORAGEDRIVER_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words, expected in (("storagedriver ls /d", ""), ("storagedriver --driver s3 ca", "plain,cat")):
        environment |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        command = [sys.executable, "-m", "storagedriver"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.stdout.strip(), done.stderr) == (expected, "")
