"""Unfinished uploads on any filesystem: their files, and what is left of them after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.fsspec import create
from storagedriver.drivers.fsspec.store import GenericStore
from storagedriver.errors import ConflictError, PathNotFoundError
from tests.generic.filesystems import Dying, KilledError

CONTENT = [b"first session, ", b"the second one ", b"and the third"]


def over(tmp_path: Path, fs: object = None) -> FsspecDriver:
    if fs is None:
        return create({"url": f"file://{tmp_path}"})
    return create({"fs": fs, "rootdirectory": str(tmp_path)})


def staged(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*~*") if path.is_file())


def sessions(driver: FsspecDriver, *contents: bytes) -> None:
    for number, content in enumerate(contents):
        with driver.writer("/dir/data", append=number > 0) as writer:
            writer.write(content)


def test_staging_files_lie_beside_the_path_and_are_hidden(tmp_path: Path) -> None:
    driver = over(tmp_path)
    driver.put_content("/dir/other", b"x")
    sessions(driver, b"one", b"two")
    names = staged(tmp_path / "dir")
    assert [name.split("~")[0] for name in names] == ["data"] * 3
    assert [name.split("~")[2][0] for name in names] == ["d", "d", "m"]
    assert driver.list("/dir") == ["/dir/other"]
    assert [info.path for info in driver.files()] == ["/dir/other"]
    assert [(upload.path, upload.size) for upload in driver.uploads()] == [("/dir/data", 6)]


def test_files_of_others_with_a_tilde_are_not_taken_for_ours(tmp_path: Path) -> None:
    driver = over(tmp_path)
    (tmp_path / "notes.txt~").write_bytes(b"x")
    (tmp_path / "~").mkdir()
    with pytest.warns(match="2 keys"):
        assert driver.list("/") == []
    assert list(driver.uploads()) == []


def test_where_directories_are_implied_none_is_seen_before_the_commit() -> None:
    with create({"url": "memory://staging-aside", "directories": "implied"}) as driver:
        writer = driver.writer("/dir/sub/data")
        writer.write(b"content")
        assert driver.list("/") == []
        assert [upload.path for upload in driver.uploads("/dir")] == ["/dir/sub/data"]
        assert not driver.exists("/dir")
        writer.close()
        driver.delete("/dir")
        assert list(driver.uploads()) == []
        with pytest.raises(PathNotFoundError):
            driver.writer("/dir/sub/data", append=True)


def test_longest_name_can_be_uploaded_and_told(tmp_path: Path) -> None:
    driver = over(tmp_path)
    path = "/" + "n" * 255
    other = "/" + "n" * 254
    for name, content in ((path, b"long"), (other, b"other")):
        with driver.writer(name) as writer:
            writer.write(content)
    assert sorted(upload.path for upload in driver.uploads()) == [other, path]
    with driver.writer(path, append=True) as writer:
        writer.commit()
    assert driver.get_content(path) == b"long"
    assert [upload.path for upload in driver.uploads()] == [other]


def test_upload_in_one_session_is_renamed_and_not_copied(tmp_path: Path) -> None:
    driver = over(tmp_path)
    writer = driver.writer("/data")
    writer.write(b"x" * (2 << 20))
    (piece,) = (path for path in tmp_path.glob("data~*~d*"))
    inode = piece.stat().st_ino
    writer.commit()
    assert (tmp_path / "data").stat().st_ino == inode
    assert staged(tmp_path) == []


def test_newer_content_makes_an_upload_stale(tmp_path: Path) -> None:
    driver = over(tmp_path)
    with driver.writer("/data") as writer:
        writer.write(b"stale")
    for path in tmp_path.iterdir():
        os.utime(path, (1000, 1000))
    driver.put_content("/data", b"committed")
    with driver.writer("/data", append=True) as writer:
        assert writer.size == len(b"committed")
        writer.cancel()
    assert staged(tmp_path) == []


def test_session_that_was_overtaken_adds_nothing(tmp_path: Path) -> None:
    driver = over(tmp_path)
    sessions(driver, b"kept ")
    late = driver.writer("/dir/data", append=True)
    late.write(b"a" * (2 << 20))
    with driver.writer("/dir/data", append=True) as writer:
        counted = writer.size
        late.write(b"b" * (2 << 20))
        writer.write(b" end")
        with pytest.raises(ConflictError):
            late.close()
        assert writer.size == counted + 4
        writer.commit()
    content = driver.get_content("/dir/data")
    assert len(content) == counted + 4
    assert content.startswith(b"kept a")
    assert content.endswith(b"a end")
    assert staged(tmp_path) == []


def test_session_that_began_to_write_after_it_was_overtaken_adds_nothing(tmp_path: Path) -> None:
    driver = over(tmp_path)
    sessions(driver, b"kept ")
    late = driver.writer("/dir/data", append=True)
    with driver.writer("/dir/data", append=True) as writer:
        late.write(b"a" * (2 << 20))
        writer.write(b"end")
    with driver.writer("/dir/data", append=True) as writer:
        assert writer.size == len(b"kept end")
        with pytest.raises(ConflictError):
            late.commit()
        writer.commit()
    assert driver.get_content("/dir/data") == b"kept end"


def test_commit_that_finds_a_directory_in_its_place_is_a_conflict(tmp_path: Path) -> None:
    driver = over(tmp_path)
    writer = driver.writer("/dir/data")
    writer.write(b"content")
    driver.put_content("/dir/data/below", b"x")
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/dir/data/below") == b"x"


@pytest.mark.parametrize("number", [1, 3])
def test_commit_that_is_killed_at_any_step_loses_nothing(tmp_path: Path, number: int) -> None:
    contents = CONTENT[:number]
    whole = b"".join(contents)
    for changes in range(30):
        root = tmp_path / str(changes)
        root.mkdir()
        sessions(over(root), *contents)
        if _is_killed_in_commit(root, changes):
            driver = over(root)
            with driver.writer("/dir/data", append=True) as again:
                assert again.size == len(whole), f"after {changes} changes"
                again.commit()
            assert driver.get_content("/dir/data") == whole
            assert staged(root) == []
            continue
        assert over(root).get_content("/dir/data") == whole
        assert changes > number, "the test has killed nothing"
        return
    pytest.fail("the commit does not come to an end")


def _is_killed_in_commit(root: Path, changes: int) -> bool:
    fs = Dying(1 << 30, skip_instance_cache=True)
    upload = GenericStore("dying", fs, str(root)).resume("dir/data")
    fs.left = changes
    try:
        upload.commit()
    except KilledError:
        upload.abandon()
        return True
    return False


@pytest.mark.parametrize("call", ["begin", "resume", "resume from content", "put"])
def test_call_that_is_killed_at_any_step_leaves_what_was_there(tmp_path: Path, call: str) -> None:
    for changes in range(30):
        root = tmp_path / str(changes)
        root.mkdir()
        driver = over(root)
        driver.put_content("/dir/data", b"committed")
        if call in ("begin", "resume"):
            sessions(driver, b"un", b"finished") if call == "begin" else driver.delete("/dir/data")
        if call == "resume":
            sessions(driver, b"un", b"finished")
        killed = _is_killed(root, changes, call)
        uploads = {upload.path for upload in driver.uploads()}
        if call == "resume":
            with driver.writer("/dir/data", append=True) as writer:
                assert writer.size == len(b"unfinished")
        else:
            expected = b"new content" if call == "put" and not killed else b"committed"
            assert driver.get_content("/dir/data") == expected
            assert uploads <= {"/dir/data"}
        driver.purge_uploads()
        assert staged(root) == []
        if not killed:
            return
    pytest.fail("the call does not come to an end")


def _is_killed(root: Path, changes: int, call: str) -> bool:
    store = GenericStore("dying", Dying(changes, skip_instance_cache=True), str(root))
    try:
        if call == "put":
            store.put("dir/data", memoryview(b"new content"))
        elif call == "begin":
            store.begin("dir/data").suspend()
        else:
            store.resume("dir/data").suspend()
    except KilledError:
        return True
    return False


SCRIPT = """
import os, signal, sys
from storagedriver.drivers.fsspec import create
driver = create({"url": sys.argv[1]})
writer = driver.writer("/dir/data")
writer.write(b"durable")
writer.close()
writer = driver.writer("/dir/data", append=True)
writer.write(b"x" * (5 << 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("goes_on", [True, False])
def test_upload_of_a_process_that_was_killed(tmp_path: Path, goes_on: bool) -> None:
    url = f"file://{tmp_path}"
    done = subprocess.run([sys.executable, "-c", SCRIPT, url], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    driver = over(tmp_path)
    assert not driver.exists("/dir/data")
    with driver.writer("/dir/data", append=True) as writer:
        size = writer.size
        assert size >= len(b"durable")
        if goes_on:
            writer.write(b" end")
            writer.commit()
        else:
            writer.cancel()
    assert staged(tmp_path) == []
    if goes_on:
        content = driver.get_content("/dir/data")
        assert content == b"durable" + b"x" * (size - 7) + b" end"
    else:
        assert driver.list("/dir") == []
