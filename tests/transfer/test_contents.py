"""What is verified, what is reported, and what is taken."""

from __future__ import annotations

import errno
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import (
    BucketNotFoundError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.registry import layout
from storagedriver.transfer import IncompleteTransferError, Options, Progress, Transfer, TransferRefusedError, transfer
from tests.transfer.generated import Generated, check_readable, contents, digest_of
from tests.transfer.watched import WatchedDriver

MIB = 1 << 20
LARGE = 5 * MIB
UPLOAD = f"{layout.REPOSITORIES}/a/_uploads/0a1b2c3d-0000-4000-8000-000000000001"


def registry() -> Generated:
    made = Generated()
    made.fill(2, 2)
    return made


def filesystem(directory: Path) -> StorageDriver:
    return factory.create("filesystem", {"rootdirectory": str(directory)})


@pytest.mark.parametrize("size", [0, 3000, LARGE])
def test_a_blob_that_is_not_what_its_digest_says_is_reported_and_not_copied(tmp_path: Path, size: int) -> None:
    made = registry()
    path = layout.blob_path(digest_of(b"another"))
    made.files[path] = b"x" * size
    made.files[layout.layer_path("a", digest_of(b"another"))] = digest_of(b"another").encode()
    with filesystem(tmp_path / "a") as source, filesystem(tmp_path / "b") as dest:
        made.write(source)
        report = transfer(source, dest)
        assert sorted((finding.problem, finding.path) for finding in report.findings) == [
            ("held", layout.layer_path("a", digest_of(b"another"))),
            ("wrong", path),
        ]
        assert not dest.exists(path)
        assert dest.list("/") == ["/docker"]
        check_readable(contents(dest))
        with pytest.raises(IncompleteTransferError, match="the digest of its content is"):
            report.raise_for_failures()
        wanted = transfer(source, dest, copy_wrong=True)
        assert not wanted.ok
        assert contents(dest) == made.files


class Damaging(WatchedDriver):
    """A store that takes contents and keeps others, of the same size or cut."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self._cut = cut

    def put_content(self, path: str, content: Any) -> None:
        data = bytes(content)
        if path == layout.tag_path("group-0/app-0", "v0"):
            data = data[:-1] if self._cut else data[::-1]
        super().put_content(path, data)


@pytest.mark.parametrize(("cut", "verify"), [(True, "size"), (True, "digest"), (False, "digest"), (False, "read")])
def test_what_is_at_the_destination_is_compared(cut: bool, verify: str) -> None:
    made = registry()
    report = transfer(WatchedDriver(made.files), Damaging(cut), verify=verify)
    assert [finding.path for finding in report.findings] == [layout.tag_path("group-0/app-0", "v0")]


@pytest.mark.parametrize("size", [3000, LARGE])
def test_reading_back_finds_a_blob_that_has_become_another(size: int) -> None:
    made = registry()
    digest = str(made.layer("a", random.Random(1).randbytes(size))["digest"])
    dest = WatchedDriver(made.files)
    dest.contents[layout.blob_path(digest)] = b"x" * size
    assert transfer(WatchedDriver(made.files), dest).equal
    report = transfer(WatchedDriver(made.files), dest, verify="read")
    assert report.equal
    assert report.files("replaced") == 1
    assert dest.contents == made.files


def test_a_blob_of_another_size_is_replaced() -> None:
    made = registry()
    path = next(path for path in made.files if path.startswith(layout.BLOBS))
    dest = WatchedDriver(made.files)
    dest.contents[path] += b"x"
    assert transfer(WatchedDriver(made.files), dest).files("replaced") == 1
    assert dest.contents == made.files


class Shown(WatchedDriver):
    """A store that shows unfinished uploads at their path, once they are resumed."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(unfinished="shown_when_resumed", multiprocess=False)


@pytest.mark.parametrize("kind", [WatchedDriver, Shown])
@pytest.mark.parametrize("repositories", [(), ("a",)])
@pytest.mark.parametrize("begun", ["the same", "another", "too long"])
def test_an_upload_that_goes_on_is_compared_as_a_whole(
    kind: type[WatchedDriver], repositories: tuple[str, ...], begun: str
) -> None:
    made = Generated()
    content = random.Random(1).randbytes(LARGE)
    digest = str(made.layer("a", content)["digest"])
    path = layout.blob_path(digest)
    dest = kind()
    place = path if kind is WatchedDriver else f"/.storagedriver-transfer/{digest.replace(':', '-')}"
    upload = {"the same": content[:MIB], "another": b"x" * MIB, "too long": content + b"x"}
    dest.open_uploads[place] = upload[begun]
    report = transfer(WatchedDriver(made.files), dest, resume_from=MIB, repositories=repositories)
    assert report.equal, report.findings
    assert report.resumed == (begun != "too long")
    assert dest.contents == made.files
    assert not dest.open_uploads


def test_a_tree_that_is_no_registry_is_copied_and_compared(tmp_path: Path) -> None:
    files = {"/a": b"1", "/b/c": b"", "/b/large": random.Random(2).randbytes(LARGE), "/docker/x": b"2"}
    with filesystem(tmp_path / "a") as source, filesystem(tmp_path / "b") as dest:
        for path, content in files.items():
            source.put_content(path, content)
        assert transfer(source, dest).equal
        assert contents(dest) == files
        dest.put_content("/b/large", b"x" * LARGE)
        dest.put_content("/a", b"2")
        assert transfer(source, dest, verify="size").files("replaced") == 0
        report = transfer(source, dest)
        assert report.equal
        assert report.files("replaced") == 2
        assert contents(dest) == files
        source.delete("/docker")
        assert transfer(source, dest, "/b", delete=True).equal
        assert transfer(source, dest, "/b/c").files("present") == 1


def test_any_names_are_carried_where_both_ends_take_them(tmp_path: Path) -> None:
    files = {"/a b/year=2024/ü.parquet": b"1", "/x/%20[y]*": random.Random(2).randbytes(LARGE)}
    with (
        factory.create("filesystem", {"rootdirectory": str(tmp_path / "a"), "names": "any"}) as source,
        factory.create("filesystem", {"rootdirectory": str(tmp_path / "b"), "names": "any"}) as dest,
        filesystem(tmp_path / "c") as other,
    ):
        for path, content in files.items():
            source.put_content(path, content)
        assert transfer(source, dest).equal
        assert contents(dest) == files
        assert transfer(source, dest, "/a b").files("present") == 1
        assert transfer(source, other).problems("failed") == len(files)


def test_a_tree_is_copied_in_the_order_of_the_walk() -> None:
    source = WatchedDriver({f"/{name}": b"x" * (LARGE if name == "b" else 1) for name in "dbac"})
    dest = Shown()
    transfer(source, dest, jobs=1)
    assert [path for _, path in dest.changes if path != "/b"] == ["/a", "/c", "/d"]
    assert list(dest.contents) == ["/a", "/b", "/c", "/d"]


def test_keys_that_no_path_can_name_are_counted_and_hold_deletes_back(tmp_path: Path) -> None:
    with filesystem(tmp_path / "a") as source, filesystem(tmp_path / "b") as dest:
        source.put_content("/a/b", b"1")
        (tmp_path / "a" / "a" / "year=2024").write_bytes(b"2")
        dest.put_content("/a/b", b"1")
        dest.put_content("/a/c", b"1")
        report = transfer(source, dest, delete=True)
        assert not report.ok
        assert "'a/year=2024'" in report.findings[0].reason
        assert dest.exists("/a/c")


def test_one_repository_brings_its_blobs_along() -> None:
    made = registry()
    dest = WatchedDriver()
    dest.watch = check_readable
    report = transfer(WatchedDriver(made.files), dest, repositories=("group-0/app-0",))
    assert report.equal, report.findings
    assert {path for path in dest.contents if not path.startswith(layout.BLOBS)} == {
        path for path in made.files if path.startswith(layout.repository_directory("group-0/app-0") + "/")
    }
    with pytest.raises(PathNotFoundError, match="group-0/none"):
        transfer(WatchedDriver(made.files), dest, repositories=("group-0/none",))


def test_patterns_choose_and_blobs_come_along_unless_they_are_excluded() -> None:
    made = registry()
    chosen = f"{layout.REPOSITORIES}/group-1/*"
    dest = WatchedDriver()
    assert transfer(WatchedDriver(made.files), dest, include=(chosen,)).equal
    check_readable(dest.contents)
    assert layout.tag_path("group-1/app-1", "v0") in dest.contents
    assert layout.tag_path("group-0/app-0", "v0") not in dest.contents
    report = transfer(WatchedDriver(made.files), WatchedDriver(), include=(chosen,), exclude=(f"{layout.BLOBS}/*",))
    assert report.problems("held")
    assert "is left out" in report.findings[0].reason
    assert not report.files("copied")


def test_a_dry_run_changes_nothing_and_says_what_would_be_done() -> None:
    made = registry()
    dest = WatchedDriver({"/docker/registry/v2/repositories/b/_layers/x": b""})
    before = dict(dest.contents)
    report = transfer(WatchedDriver(made.files), dest, delete=True, dry_run=True)
    assert dest.contents == before
    assert dest.changes == []
    assert report.ok
    assert not report.equal
    assert report.files("copied") == len(made.files)
    assert report.summary == "nothing was changed"


@pytest.mark.parametrize("carried", [False, True])
def test_unfinished_uploads_are_left_or_carried_as_a_whole(carried: bool) -> None:
    made = registry()
    upload = {f"{UPLOAD}/data": b"half", f"{UPLOAD}/startedat": b"now", f"{UPLOAD}/hashstates/sha256/4": b"state"}
    without_data = {f"{UPLOAD[:-1]}2/startedat": b"now"}
    source, dest = WatchedDriver(made.files | upload | without_data), WatchedDriver()
    source.open_uploads[f"{UPLOAD[:-1]}2/data"] = b"invisible"
    report = transfer(source, dest, uploads=carried)
    assert report.equal, report.findings
    assert dest.contents == made.files | (upload if carried else {})
    assert report.uploads_left == report.problems("left") == (1 if carried else 2)
    names = [path.removeprefix(UPLOAD) for _, path in dest.changes if path.startswith(UPLOAD)]
    assert names == (["/hashstates/sha256/4", "/data", "/startedat"] if carried else [])


def test_one_storage_at_both_ends_is_refused(tmp_path: Path) -> None:
    made = registry()
    driver = WatchedDriver(made.files)
    for dry_run in (True, False):
        with pytest.raises(TransferRefusedError, match="one storage"):
            transfer(driver, driver, dry_run=dry_run)
    with filesystem(tmp_path) as source, filesystem(tmp_path) as dest, filesystem(tmp_path.parent) as above:
        made.write(source)
        with pytest.raises(TransferRefusedError, match="one storage"):
            transfer(source, dest)
        with pytest.raises(TransferRefusedError, match="within the source"):
            transfer(above, dest)
        assert contents(source) == made.files


def test_a_destination_that_is_neither_empty_nor_a_registry_is_refused() -> None:
    made = registry()
    dest = WatchedDriver({"/photos/1.jpg": b"1"})
    with pytest.raises(TransferRefusedError, match="holds files"):
        transfer(WatchedDriver(made.files), dest)
    assert dest.contents == {"/photos/1.jpg": b"1"}
    assert transfer(WatchedDriver(made.files), dest, merge=True).ok
    with pytest.raises(TransferRefusedError, match="holds files"):
        transfer(WatchedDriver({"/a": b""}), dest)


def test_a_source_without_files_is_an_error() -> None:
    with pytest.raises(PathNotFoundError, match="root directory"):
        transfer(WatchedDriver(), WatchedDriver(registry().files), delete=True)
    with pytest.raises(PathNotFoundError):
        transfer(WatchedDriver({"/a": b""}), WatchedDriver(), "/b")


@pytest.mark.parametrize("error", [BucketNotFoundError(driver_name="dict"), PermissionDeniedError(driver_name="dict")])
def test_an_end_that_cannot_be_listed_is_an_error(error: StorageDriverError) -> None:
    source, dest = WatchedDriver(), WatchedDriver()
    source.faults["walk"] = error
    with pytest.raises(type(error)):
        transfer(source, dest)
    dest.faults["walk"] = error
    with pytest.raises(type(error)):
        transfer(WatchedDriver(registry().files), dest)


def test_a_destination_that_is_full_ends_the_transfer_and_another_run_completes_it() -> None:
    made = registry()
    full = StorageDriverError("no space left", driver_name="dict")
    full.errno = errno.ENOSPC
    dest = WatchedDriver()
    blobs = [path for path in made.files if path.startswith(layout.BLOBS)]
    dest.broken = dict.fromkeys(blobs[5:], full)
    report = transfer(WatchedDriver(made.files), dest)
    assert "no space left" in report.gave_up
    assert not report.ok
    check_readable(dest.contents)
    dest.broken = {}
    assert transfer(WatchedDriver(made.files), dest).equal


class Busy(WatchedDriver):
    """A store that has no answer, the first time or ever."""

    def __init__(self, files: dict[str, bytes], times: int) -> None:
        super().__init__(files)
        self._times = times
        self._asked: Counter[str] = Counter()

    def get_content(self, path: str) -> bytes:
        self._asked[path] += 1
        if path.startswith("/docker") and self._asked[path] <= self._times:
            raise UnavailableError("busy", driver_name="dict", path=path)
        return super().get_content(path)


def test_a_store_that_has_gone_away_ends_the_transfer() -> None:
    made = registry()
    report = transfer(Busy(made.files, 1000), WatchedDriver(), jobs=1)
    assert "busy" in report.gave_up
    assert report.problems("failed") < len(made.files) / 2


def test_a_busy_store_is_asked_again() -> None:
    assert transfer(Busy(registry().files, 2), WatchedDriver()).equal


def test_an_interrupt_ends_cleanly_and_keeps_what_was_sent(tmp_path: Path) -> None:
    made = registry()
    made.layer("a", random.Random(1).randbytes(12 * MIB))
    with filesystem(tmp_path / "a") as source, filesystem(tmp_path / "b") as dest:
        made.write(source)
        run = Transfer(source, dest, Options(bandwidth=8 * MIB, resume_from=MIB))
        read = run.report.read

        def interrupting(count: int) -> None:
            read(count)
            if run.report.progress.size > 3 * MIB:
                signal.raise_signal(signal.SIGINT)

        run.report.read = interrupting  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            run.run()
        assert run.report.interrupted
        assert "interrupted" in run.report.summary
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("storagedriver-transfer")]
        check_readable({path: found for path, found in contents(dest).items() if path.startswith("/docker")})
        report = transfer(source, dest, resume_from=MIB)
        assert report.equal
        assert report.resumed == 1
        assert contents(dest) == made.files


def test_progress_counts_all_files_and_bytes() -> None:
    made = registry()
    seen: list[Progress] = []
    transfer(WatchedDriver(made.files), WatchedDriver(), on_progress=seen.append)
    assert seen[-1].files == seen[-1].files_total == len(made.files)
    assert seen[-1].size == seen[-1].size_total == sum(map(len, made.files.values()))
    transfer(WatchedDriver(made.files), WatchedDriver(made.files), on_progress=seen.append)
    assert seen[-1].size == seen[-1].size_total


@pytest.mark.parametrize(
    "options",
    [
        {"path": "a"},
        {"repositories": ("A",)},
        {"repositories": ("a",), "path": "/b"},
        {"verify": "none"},
        {"repositories": "library/app"},
        {"jobs": 0},
        {"bandwidth": -1},
    ],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        Options(**options)
