"""Two writers of one path: they are never merged, and the one that lost gets `ConflictError` where that is declared."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import pytest

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import ConflictError, StorageDriverError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import drain, pattern, same_bytes, upload

__all__ = ["Conflicts"]

OLD, NEW = pattern(900, 1), pattern(650, 2)


class Conflicts(Cases):
    """Cases of two writers that are open at once."""

    @pytest.mark.parametrize("first", ["older", "newer"])
    @pytest.mark.parametrize("resumed", [False, True])
    def test_two_uploads_of_one_path_are_never_merged(self, driver: StorageDriver, resumed: bool, first: str) -> None:
        """The newer one began anew; the older one did so too, or had resumed an upload."""
        contents = {"older": OLD, "newer": NEW}
        if resumed:
            upload(driver, "/data", OLD[:400], end="close")
        older = driver.writer("/data", append=resumed)
        older.write(OLD[400:] if resumed else OLD)
        newer = driver.writer("/data")
        newer.write(NEW)
        committed, lost = _commit({"older": older, "newer": newer}, first)
        assert committed, f"neither of two uploads could be committed: {lost}"
        last = committed[-1]
        same_bytes(driver.get_content("/data"), contents[last], f"after the {last} upload won, the content")
        if driver.conflicts_detected != "never":
            kinds = [type(error) for error in lost]
            assert kinds == [ConflictError], f"one of two writers of a path must lose by ConflictError, not {lost}"
        else:
            assert all(error.driver_name == driver.name for error in lost)

    @pytest.mark.parametrize("size", ["short", "parts"])
    @pytest.mark.parametrize("over", ["upload", "content"])
    def test_two_writers_that_go_on_from_the_same_bytes(self, driver: StorageDriver, over: str, size: str) -> None:
        unit = 500 if size == "short" else self.harness.part_size
        start = pattern(unit + 20, 3)
        tails = {"older": pattern(unit + 300, 4), "newer": pattern(unit + 100, 5)}
        for first in tails:
            path = f"/{first}-first"
            upload(driver, path, start, end="close" if over == "upload" else "commit")
            committed, lost = _write_and_commit(driver, path, tails, first)
            self._is_decided(driver, path, start, {name: start + tails[name] for name in committed}, lost)

    def _is_decided(
        self,
        driver: StorageDriver,
        path: str,
        start: bytes,
        committed: Mapping[str, bytes],
        lost: Sequence[StorageDriverError],
    ) -> None:
        """Two writers went on from `start`; one of them has won, or both have where that is declared."""
        assert committed, f"neither of two writers that went on from the same bytes could commit: {lost}"
        with driver.reader(path) as reader:
            content = drain(reader)
        if driver.conflicts_detected == "always":
            kinds = [type(error) for error in lost]
            assert kinds == [ConflictError], (
                f"one of two writers that went on from the same bytes must lose by ConflictError, not {lost}"
            )
            ((winner, expected),) = committed.items()
            same_bytes(content, expected, f"after the {winner} writer won, the content")
            return
        assert all(error.driver_name == driver.name for error in lost)
        same_bytes(content[: len(start)], start, "what was durable before both writers")
        sizes = [len(expected) for expected in committed.values()]
        assert len(content) in sizes, f"the content has {len(content)} bytes, the commits that returned had {sizes}"

    def test_cancel_of_the_older_upload_leaves_the_newer_content(self, driver: StorageDriver) -> None:
        older = driver.writer("/data")
        older.write(OLD)
        upload(driver, "/data", NEW)
        with contextlib.suppress(StorageDriverError):
            older.cancel()
        older.close()
        if self.capabilities.unfinished == "shown" and not driver.exists("/data"):
            # In place there is one file, and it was this upload's too.
            return
        same_bytes(driver.get_content("/data"), NEW)

    def test_conflicts_detected_is_one_of_the_three(self, driver: StorageDriver) -> None:
        known = ("never", "fresh", "always")
        assert driver.conflicts_detected in known
        assert driver.capabilities.conflicts_detected in known


def _write_and_commit(
    driver: StorageDriver, path: str, tails: Mapping[str, bytes], first: str
) -> tuple[list[str], list[StorageDriverError]]:
    """Go on with one writer for each of the tails; those that could commit, and the errors of the others."""
    writers = {name: driver.writer(path, append=True) for name in tails}
    lost: list[StorageDriverError] = []
    for name, writer in list(writers.items()):
        try:
            writer.write(tails[name])
        except StorageDriverError as error:
            lost.append(error)
            del writers[name]
            with contextlib.suppress(StorageDriverError):
                writer.close()
    committed, others = _commit(writers, first)
    return committed, lost + others


def _commit(writers: dict[str, FileWriter], first: str) -> tuple[list[str], list[StorageDriverError]]:
    """Commit each writer; the names of those that could, and the errors of the others."""
    committed, lost = [], []
    for name in sorted(writers, key=lambda name: name != first):
        try:
            writers[name].commit()
        except StorageDriverError as error:
            lost.append(error)
        else:
            committed.append(name)
    for writer in writers.values():
        # The loser may get its error once more. It must not undo what the winner has published.
        with contextlib.suppress(StorageDriverError):
            writer.close()
    return committed, lost
