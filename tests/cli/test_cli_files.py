from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storagedriver.errors import ConflictError, UnavailableError
from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke

BINARY = bytes(range(256)) * 3
LARGE = bytes(range(256)) * (3 * 4096)


def test_cat_gives_the_bytes_as_they_are(run: Invoke, store: DictDriver) -> None:
    store.contents["/a"] = BINARY
    assert run("cat", "/a").out == BINARY
    assert run("cat", "/a", "--offset", "250", "--length", "9").out == BINARY[250:259]
    assert run("cat", "/a", "--offset", "9999").out == b""


def test_cat_refuses_a_negative_offset(run: Invoke) -> None:
    assert "--offset" in run("cat", "/a", "--offset", "-1", code=2).err


def test_a_directory_is_called_one(run: Invoke, store: DictDriver) -> None:
    store.contents["/a/b"] = b""
    for args in (("cat", "/a"), ("cp", "/a", "/c"), ("mv", "/a", "/c")):
        assert run(*args, code=3).err == "storagedriver: dict: path not found: /a: it is a directory\n"


def test_put_of_a_small_file_is_one_step(run: Invoke, store: DictDriver, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(BINARY)
    assert run("put", str(tmp_path / "f"), "/a").lines == ["/a  768 B"]
    assert store.contents == {"/a": BINARY}
    assert store.whole_puts == ["/a"]


def test_put_takes_standard_input(run: Invoke, store: DictDriver) -> None:
    assert run("put", "--json", "-", "/a", stdin=LARGE).records == [{"path": "/a", "size": len(LARGE)}]
    assert store.contents == {"/a": LARGE}
    assert not store.whole_puts


def test_put_of_nothing_makes_an_empty_file(run: Invoke, store: DictDriver) -> None:
    run("put", "-", "/a")
    assert store.contents == {"/a": b""}


def test_put_appends(run: Invoke, store: DictDriver) -> None:
    store.contents["/a"] = b"old "
    assert run("put", "--json", "--append", "-", "/a", stdin=b"new").records == [{"path": "/a", "size": 7}]
    assert store.contents == {"/a": b"old new"}


def test_append_to_nothing_is_not_found(run: Invoke) -> None:
    run("put", "--append", "-", "/a", code=3)


def test_a_broken_put_is_kept_and_says_how_to_go_on(run: Invoke, store: DictDriver) -> None:
    store.faults["write"] = UnavailableError("timed out", driver_name="dict")
    shown = run("put", "-", "/a", stdin=LARGE, code=6)
    assert shown.err.count("\n") == 1
    assert "put --resume" in shown.err
    assert run("put", "--json", "-", "/a", stdin=LARGE, code=6).err.count('"hint"') == 1
    assert "/a" in store.open_uploads
    assert "/a" not in store.contents


def test_an_interrupted_put_is_kept(run: Invoke, store: DictDriver) -> None:
    store.faults["commit"] = KeyboardInterrupt()
    assert run("put", "-", "/a", stdin=LARGE, code=130).err.startswith(
        "storagedriver: interrupted; what was sent is kept"
    )
    assert store.open_uploads["/a"] == LARGE


def test_a_put_that_lost_against_another_is_no_upload_to_resume(run: Invoke, store: DictDriver) -> None:
    store.faults["commit"] = ConflictError("changed", driver_name="dict", path="/a")
    assert run("put", "-", "/a", stdin=LARGE, code=7).err == "storagedriver: dict: conflict: /a: changed\n"


def test_resume_sends_only_the_rest(run: Invoke, store: DictDriver) -> None:
    store.open_uploads["/a"] = LARGE[:1_500_000]
    assert run("put", "--json", "--resume", "-", "/a", stdin=LARGE).records == [{"path": "/a", "size": len(LARGE)}]
    assert store.contents == {"/a": LARGE}


def test_resume_begins_anew_where_there_is_no_upload(run: Invoke, store: DictDriver) -> None:
    store.contents["/a"] = b"committed long ago"
    run("put", "--resume", "-", "/a", stdin=b"new")
    assert store.contents == {"/a": b"new"}


def test_resume_refuses_a_source_that_is_shorter_than_the_upload(run: Invoke, store: DictDriver) -> None:
    store.open_uploads["/a"] = b"123456"
    assert "holds 6 bytes and the source 3" in run("put", "--resume", "-", "/a", stdin=b"123", code=7).err
    assert store.open_uploads["/a"] == b"123456"


def test_append_and_resume_exclude_each_other(run: Invoke) -> None:
    run("put", "--append", "--resume", "-", "/a", code=2)


def test_put_of_a_missing_file_is_a_mistake_of_the_command_line(run: Invoke, tmp_path: Path) -> None:
    shown = run("put", str(tmp_path / "none"), "/a", code=2)
    assert shown.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("option", [None, "--no-progress", "--json"])
def test_progress_is_shown_on_a_terminal(tmp_path: Path, option: str | None) -> None:
    (tmp_path / "f").write_bytes(LARGE)
    options = ["--driver", "filesystem", "--param", f"rootdirectory={tmp_path / 'root'}"]
    command = [
        sys.executable,
        "-m",
        "storagedriver",
        *options,
        "put",
        *filter(None, [option]),
        str(tmp_path / "f"),
        "/a",
    ]
    ours, theirs = os.openpty()
    env = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=env, check=True, timeout=60)
    os.close(theirs)
    try:
        shown = os.read(ours, 1 << 16)
    except OSError:  # nothing was written
        shown = b""
    os.close(ours)
    assert bool(shown) is (b"/a" in shown) is (option is None)
    assert b"/a" in done.stdout
    assert (tmp_path / "root" / "a").read_bytes() == LARGE


def test_cp_and_mv(run: Invoke, store: DictDriver) -> None:
    store.contents["/a"] = b"1"
    assert run("cp", "--json", "/a", "/b").records == [{"source": "/a", "dest": "/b"}]
    assert run("mv", "/a", "/c").out == b""
    assert store.contents == {"/b": b"1", "/c": b"1"}


def test_rm_deletes_files(run: Invoke, store: DictDriver) -> None:
    store.contents.update({"/a": b"", "/b": b"", "/c": b""})
    assert run("rm", "--json", "/a", "/b").records == [
        {"path": "/a", "deleted": True},
        {"path": "/b", "deleted": True},
    ]
    assert list(store.contents) == ["/c"]


def test_rm_wants_r_for_a_directory(run: Invoke, store: DictDriver) -> None:
    store.contents["/a/b"] = b""
    assert "/a is a directory" in run("rm", "/a", code=2).err
    run("rm", "-r", "/a")
    assert not store.contents


def test_rm_of_a_file_that_is_a_directory_too_wants_r(run: Invoke, store: DictDriver) -> None:
    store.contents.update({"/a": b"", "/a/b": b""})
    run("rm", "/a", code=2)
    assert set(store.contents) == {"/a", "/a/b"}


def test_rm_of_nothing_fails_unless_forced(run: Invoke) -> None:
    run("rm", "/a", code=3)
    assert run("rm", "-f", "--json", "/a").records == [{"path": "/a", "deleted": False}]


def test_url_is_signed_for_method_and_time(run: Invoke, store: DictDriver) -> None:
    store.base_url = "https://store.example"
    assert run("url", "/a").lines == ["https://store.example/a?method=GET&expires=1200"]
    assert run("url", "--json", "--method", "head", "--expires", "1d1h", "/a").records == [
        {
            "path": "/a",
            "method": "HEAD",
            "expires": 90000,
            "url": "https://store.example/a?method=HEAD&expires=90000",
        }
    ]


def test_url_of_a_store_that_cannot_sign_fails(run: Invoke) -> None:
    assert "cannot sign" in run("url", "/a", code=8).err


def test_url_for_another_method_fails(run: Invoke) -> None:
    run("url", "--method", "PUT", "/a", code=8)


@pytest.mark.parametrize("expires", ["20", "", "-5m", "5 minutes", "1w"])
def test_a_duration_needs_its_unit(run: Invoke, expires: str) -> None:
    assert "is no duration" in run("url", "--expires", expires, "/a", code=2).err
