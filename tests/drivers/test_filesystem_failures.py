"""The driver ``filesystem`` where the system refuses: what was durable stays, and nothing else is said to be."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from storagedriver import ConflictError, PermissionDeniedError, StorageDriver, StorageDriverError, factory
from storagedriver.adapter.store import Upload
from storagedriver.drivers.filesystem import FilesystemParameters, FilesystemStore

KIB = 1 << 10
MIB = 1 << 20


def make_driver(root: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(root)})


def make_store(root: Path) -> FilesystemStore:
    return FilesystemStore("filesystem", FilesystemParameters(str(root)))


def content(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of one mebibyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may be longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def failing(call: Callable[[], object], number: int) -> StorageDriverError:
    """Have the call fail with this errno."""
    with pytest.raises(StorageDriverError) as caught:
        call()
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.errno == number
    return caught.value


def test_a_full_disk_takes_nothing_of_a_write_and_keeps_what_was_there(small: Path) -> None:
    driver = make_driver(small)
    first, second, small_one = content(300 * KIB), content(2 * MIB), content(100)
    writer = driver.writer("/data")
    writer.write(first)
    writer.write(small_one)
    failing(lambda: writer.write(second), errno.ENOSPC)
    assert writer.size == len(first + small_one)
    assert not writer.closed
    assert (small / "data").stat().st_size == len(first + small_one)
    writer.close()
    with driver.writer("/data", append=True) as writer:
        assert writer.size == len(first + small_one)
        writer.write(b"end")
        writer.commit()
    assert driver.get_content("/data") == first + small_one + b"end"


def test_a_full_disk_at_the_end_is_an_error_until_there_is_room(small: Path) -> None:
    upload = make_store(small).begin("data")
    upload.write(memoryview(content(300 * KIB)))
    upload.write(memoryview(content(200 * KIB)))
    fill = small / "fill"
    with fill.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4 * KIB))
    for end in (upload.suspend, upload.commit, upload.suspend):
        with pytest.raises(OSError, match="No space") as caught:
            end()
        assert caught.value.errno == errno.ENOSPC
        assert (upload.size, upload.durable) == (500 * KIB, 300 * KIB)
        assert (small / "data").stat().st_size == 300 * KIB
    fill.unlink()
    upload.commit()
    assert upload.durable == 500 * KIB
    assert (small / "data").read_bytes() == content(300 * KIB) + content(200 * KIB)


@pytest.mark.parametrize("call", ["put", "copy", "writer"])
def test_a_full_disk_leaves_the_old_content_and_nothing_else(small: Path, call: str) -> None:
    driver = make_driver(small)
    driver.put_content("/data", b"old")
    driver.put_content("/source", content(600 * KIB))
    calls = {
        "put": lambda: driver.put_content("/new/data", content(2 * MIB)),
        "copy": lambda: driver.copy("/source", "/new/data"),
        "writer": lambda: driver.put_content("/data", content(2 * MIB)),
    }
    failing(calls[call], errno.ENOSPC)
    assert driver.get_content("/data") == b"old"
    assert sorted(child.name for child in small.iterdir()) == ["data", "source"]
    assert list(driver.uploads()) == []


def test_a_write_that_came_half_way_is_taken_back(tmp_path: Path) -> None:
    upload = make_store(tmp_path).begin("data")
    upload.write(memoryview(content(MIB)))
    with largest_file(MIB + 1000):
        for _ in range(2):
            with pytest.raises(OSError, match="File too large"):
                upload.write(memoryview(content(MIB)))
            assert upload.size == (tmp_path / "data").stat().st_size == MIB
    upload.write(memoryview(b"x" * MIB))
    upload.commit()
    assert (tmp_path / "data").read_bytes() == content(MIB) + b"x" * MIB


@contextmanager
def no_more_files() -> Iterator[None]:
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for file in taken:
            os.close(file)


def test_too_many_open_files(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    driver.put_content("/a/data", b"old")
    writer = driver.writer("/a/upload")
    writer.write(b"x" * MIB)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    calls: list[Callable[[], object]] = [
        lambda: driver.put_content("/a/data", b"new"),
        lambda: driver.get_content("/a/data"),
        lambda: driver.reader("/a/data"),
        lambda: driver.writer("/a/data"),
        lambda: driver.list("/a"),
        lambda: driver.delete("/a"),
        writer.commit,
    ]
    try:
        for call in calls:
            with no_more_files():
                error = _failed(call)
            assert isinstance(error, StorageDriverError)
            assert error.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    writer.commit()
    assert driver.get_content("/a/data") == b"old"
    assert driver.get_content("/a/upload") == b"x" * MIB
    assert sorted(child.name for child in (tmp_path / "a").iterdir()) == ["data", "upload"]


def _failed(call: Callable[[], object]) -> BaseException | None:
    """What it raises. Nothing may be opened meanwhile, a module neither."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is looked at by the test
        return error
    return None


READ_ONLY = """
import errno, os, sys
from storagedriver import PermissionDeniedError, factory
driver = factory.create("filesystem", {"rootdirectory": sys.argv[1]})
assert driver.get_content("/dir/file") == b"old"
os.setuid(65534)
for call in (
    lambda: driver.put_content("/dir/new", b"x"),
    lambda: driver.put_content("/dir/file", b"x"),
    lambda: driver.put_content("/dir/sub/new", b"x"),
    lambda: driver.writer("/dir/new"),
    lambda: driver.copy("/dir/file", "/dir/new"),
    lambda: driver.move("/dir/file", "/dir/new"),
    lambda: driver.delete("/dir"),
):
    try:
        call()
    except PermissionDeniedError as error:
        assert error.errno == errno.EACCES, error.errno
        assert "one name" not in str(error), error
    else:
        raise AssertionError(call)
assert driver.get_content("/dir/file") == b"old"
"""


def test_a_read_only_directory_is_a_permission_that_is_denied() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_driver(root).put_content("/dir/file", b"old")
        root.chmod(0o755)
        (root / "dir").chmod(0o555)
        if os.geteuid() != 0:
            pytest.skip("it needs root to become somebody else")
        done = subprocess.run([sys.executable, "-c", READ_ONLY, name], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_read_only_filesystem(small: Path) -> None:
    driver = make_driver(small)
    driver.put_content("/dir/file", b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for call in (
        lambda: driver.put_content("/dir/new", b"x"),
        lambda: driver.put_content("/new/new", b"x"),
        lambda: driver.writer("/dir/file"),
        lambda: driver.writer("/dir/file", append=True),
        lambda: driver.move("/dir/file", "/dir/new"),
        lambda: driver.delete("/dir/file"),
        lambda: driver.delete("/dir"),
    ):
        with pytest.raises(PermissionDeniedError) as caught:
            call()
        assert caught.value.errno == errno.EROFS
        assert "one name" not in str(caught.value)
    assert driver.get_content("/dir/file") == b"old"


class Fsync:
    """`os.fsync`, failing for files or for directories: no filesystem of a test fails so on demand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real = os.fsync
        self.failing: dict[bool, int] = {}
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, file: int) -> None:
        number = self.failing.get(Path(f"/proc/self/fd/{file}").is_dir())
        if number is not None:
            raise OSError(number, os.strerror(number))
        self.real(file)


@pytest.fixture
def fsync(monkeypatch: pytest.MonkeyPatch) -> Fsync:
    return Fsync(monkeypatch)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM])
def test_a_filesystem_without_an_fsync_of_directories(tmp_path: Path, fsync: Fsync, number: int) -> None:
    fsync.failing[True] = number
    driver = make_driver(tmp_path / "new" / "root")
    driver.put_content("/a/b", b"1")
    driver.copy("/a/b", "/c/d")
    driver.move("/c/d", "/e/f")
    with driver.writer("/g/h") as writer:
        writer.write(b"2")
    with driver.writer("/g/h", append=True) as writer:
        writer.commit()
    driver.delete("/e")
    assert [info.path for info in driver.files()] == ["/a/b", "/g/h"]


@pytest.mark.parametrize("directory", [False, True], ids=["file", "directory"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_an_fsync_that_fails_is_an_error_and_a_later_one_proves_nothing(
    tmp_path: Path, fsync: Fsync, number: int, directory: bool
) -> None:
    driver = make_driver(tmp_path)
    with driver.writer("/data") as writer:
        writer.write(b"durable")
    upload = make_store(tmp_path).resume("data")
    upload.write(memoryview(b" and more"))
    fsync.failing[directory] = number
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the errno is what counts
        upload.suspend()
    assert caught.value.errno == number
    fsync.failing.clear()
    for end in (upload.suspend, upload.commit, upload.suspend):
        with pytest.raises(OSError, match="after an fsync that failed") as caught:
            end()
        assert caught.value.errno == number
    assert upload.durable is None
    upload.cancel()
    assert not (tmp_path / "data").exists()
    fsync.failing[directory] = number
    with pytest.raises(StorageDriverError) as again:
        driver.put_content("/put", b"x")
    assert again.value.errno == number


INTERRUPTED = ["before", "after", "twice"]


class Interrupted:
    """`os.write` and `os.ftruncate`, with a Ctrl-C around the first write that comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
        self.moment = moment
        self.left = 1
        self.write, self.ftruncate = os.write, os.ftruncate
        monkeypatch.setattr(os, "write", self._write)
        monkeypatch.setattr(os, "ftruncate", self._ftruncate)

    def _write(self, file: int, data: Any) -> int:
        if not self.left:
            return self.write(file, data)
        self.left -= 1
        if self.moment != "before":
            self.write(file, memoryview(data)[: len(data) // 2])
        raise KeyboardInterrupt

    def _ftruncate(self, file: int, size: int) -> None:
        if self.moment == "twice":
            self.moment = ""
            raise KeyboardInterrupt
        self.ftruncate(file, size)


@pytest.mark.parametrize("moment", INTERRUPTED)
@pytest.mark.parametrize("end", ["commit", "suspend"])
def test_an_interrupted_write_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, end: str
) -> None:
    upload = make_store(tmp_path).begin("data")
    upload.write(memoryview(b"a" * MIB))
    Interrupted(monkeypatch, moment)
    with pytest.raises(KeyboardInterrupt):
        upload.write(memoryview(b"b" * MIB))
    assert upload.size == MIB
    upload.write(memoryview(b"c"))
    getattr(upload, end)()
    assert (tmp_path / "data").read_bytes() == b"a" * MIB + b"c"


@pytest.mark.parametrize("moment", INTERRUPTED)
def test_an_interrupted_end_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    upload = make_store(tmp_path).begin("data")
    upload.write(memoryview(b"a" * MIB))
    upload.write(memoryview(b"b" * 100))
    Interrupted(monkeypatch, moment)
    with pytest.raises(KeyboardInterrupt):
        upload.commit()
    assert upload.size == MIB + 100
    upload.commit()
    assert (tmp_path / "data").read_bytes() == b"a" * MIB + b"b" * 100


def test_what_somebody_else_added_is_not_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = make_store(tmp_path).begin("data")
    Interrupted(monkeypatch, "twice")
    with pytest.raises(KeyboardInterrupt):
        upload.write(memoryview(b"b" * MIB))
    with (tmp_path / "data").open("ab") as other:
        other.write(b"c" * 2 * MIB)
    with pytest.raises(ConflictError):
        upload.commit()
    assert (tmp_path / "data").stat().st_size >= 2 * MIB


@pytest.mark.parametrize("end", ["commit", "suspend"])
def test_an_upload_whose_file_was_replaced_is_a_conflict(tmp_path: Path, end: str) -> None:
    store = make_store(tmp_path)
    uploads: list[Upload] = [store.begin("data"), store.begin("data")]
    for upload in uploads[1:]:
        upload.write(memoryview(b"x" * MIB))
        upload.commit()
    with pytest.raises(ConflictError):
        uploads[0].write(memoryview(b"y" * MIB))
    uploads[0].write(memoryview(b"y"))
    with pytest.raises(ConflictError):
        getattr(uploads[0], end)()
    uploads[0].cancel()
    assert (tmp_path / "data").read_bytes() == b"x" * MIB


def test_a_reader_that_is_open_over_a_fork(tmp_path: Path) -> None:
    driver = make_driver(tmp_path)
    whole = content(3 * MIB)
    driver.put_content("/data", whole)
    with driver.reader("/data") as reader:
        first = reader.read(MIB)
        child = os.fork()
        if child == 0:
            reader.read()
            os._exit(0)
        os.waitpid(child, 0)
        assert first + reader.read() == whole
    with driver.writer("/up") as writer:
        writer.write(b"a" * MIB)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        writer.write(b"b" * MIB)
        writer.commit()
    assert driver.get_content("/up") == b"a" * MIB + b"b" * MIB
