"""Walking: the order, where it begins, and how a visit steers it."""

from __future__ import annotations

import pytest

from storagedriver.driver import FileInfo, SkipDir, StopWalk, StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError
from storagedriver.paths import WalkOrder, ancestors, sort_key
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import put_all, walked

__all__ = ["Walk", "model_of"]

#: Siblings that sort before and after "/" in bytes, and directories of several depths.
TREE = [
    "/w/A",
    "/w/_x/y",
    "/w/a-b",
    "/w/a-b-c/d",
    "/w/a.c",
    "/w/a/b-c",
    "/w/a/b/c/d",
    "/w/a/b/e",
    "/w/a/y",
    "/w/a0",
    "/w/ab/x",
    "/w/b/c/d/e/f",
    "/w/z",
]
OUTSIDE = ["/v/x", "/w-", "/w.x/y", "/w0"]
#: Names that are not there: before, between, below and after what is.
ABSENT = [
    "/0",
    "/v/z",
    "/w/-",
    "/w/a-",
    "/w/a-b/x",
    "/w/a/a",
    "/w/a/b/d",
    "/w/a/b/zz",
    "/w/a/z",
    "/w/aa",
    "/w/zz",
    "/x",
]

Entry = tuple[str, bool]


def model_of(files: list[str], below: str, order: WalkOrder) -> list[Entry]:
    """What a walk of `below` visits, as (path, whether it is a directory)."""
    prefix = below.rstrip("/") + "/"
    entries = {(path, False) for path in files if path.startswith(prefix)}
    entries |= {(up, True) for path, _ in entries for up in ancestors(path) if up.startswith(prefix)}
    return sorted(entries, key=lambda entry: sort_key(entry[0], is_dir=entry[1], order=order))


class _StoppedError(Exception):
    """Stands for whatever goes wrong in a user's visit."""


class Walk(Cases):
    """Cases of `walk` and `files`."""

    def _tree(self, driver: StorageDriver) -> list[Entry]:
        """The entries below /w. A name that is both file and directory is among them where that can be."""
        files = [*TREE, "/w/a", "/w/a/b"] if self.capabilities.key_and_prefix else TREE
        put_all(driver, [*files, *OUTSIDE])
        return model_of(files, "/w", driver.walk_order)

    def test_everything_below_is_visited_in_order(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        visited = walked(driver, "/w")
        assert [(info.path, info.is_dir) for info in visited] == model, f"the order is not {driver.walk_order}"
        assert all(isinstance(info, FileInfo) for info in visited)
        assert {info.path: info.size for info in visited if not info.is_dir} == {
            path: len(path) for path, is_dir in model if not is_dir
        }
        assert all(info.size == 0 for info in visited if info.is_dir)

    def test_root_can_be_walked(self, driver: StorageDriver) -> None:
        assert walked(driver, "/") == []
        put_all(driver, [*TREE, *OUTSIDE])
        visited = [(info.path, info.is_dir) for info in walked(driver, "/")]
        assert visited == model_of([*TREE, *OUTSIDE], "/", driver.walk_order)

    def test_directory_below_can_be_walked(self, driver: StorageDriver) -> None:
        self._tree(driver)
        for below in ("/w/a", "/w/a/b", "/w/ab", "/w/b/c/d"):
            files = [*TREE, "/w/a/b"] if self.capabilities.key_and_prefix else TREE
            visited = [(info.path, info.is_dir) for info in walked(driver, below)]
            assert visited == model_of(files, below, driver.walk_order), f"the walk of {below} is wrong"

    def test_start_after_every_entry(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        files = {path for path, is_dir in model if not is_dir}
        for position, (path, is_dir) in enumerate(model):
            starts = [path] if not is_dir else [path + "/"] if path in files else [path, path + "/"]
            for start in starts:
                visited = [(info.path, info.is_dir) for info in walked(driver, "/w", start)]
                assert visited == model[position + 1 :], f"a walk that starts after {start!r} is wrong"

    def test_start_after_what_does_not_exist(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        order = driver.walk_order
        for absent in ABSENT:
            for start in (absent, absent + "/"):
                limit = sort_key(absent, is_dir=start.endswith("/"), order=order)
                expected = [entry for entry in model if sort_key(entry[0], is_dir=entry[1], order=order) > limit]
                visited = [(info.path, info.is_dir) for info in walked(driver, "/w", start)]
                assert visited == expected, f"a walk that starts after {start!r}, which is not there, is wrong"

    def test_start_after_the_walked_directory_visits_all(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        for start in ("", "/w", "/w/"):
            assert [(info.path, info.is_dir) for info in walked(driver, "/w", start)] == model

    def test_start_after_everything_visits_nothing(self, driver: StorageDriver) -> None:
        self._tree(driver)
        for start in ("/w/z", "/w/zz/top", "/x", "/zz/"):
            assert walked(driver, "/w", start) == []

    def test_walk_can_be_taken_up_where_it_stopped(self, driver: StorageDriver) -> None:
        model, start = self._tree(driver), ""
        for position in range(0, len(model), 3):
            entries = self._first(driver, start, 3)
            assert entries == model[position : position + 3], f"a walk that goes on after {start!r} is wrong"
            path, is_dir = entries[-1]
            start = path + "/" if is_dir else path
        assert self._first(driver, start, 3) == []

    def _first(self, driver: StorageDriver, start: str, count: int) -> list[Entry]:
        entries: list[Entry] = []

        def visit(info: FileInfo) -> None:
            entries.append((info.path, info.is_dir))
            if len(entries) == count:
                raise StopWalk

        driver.walk("/w", visit, start)
        return entries

    def test_skip_dir_leaves_out_what_is_below(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        for skipped in sorted({path for path, is_dir in model if is_dir}):
            visited: list[Entry] = []

            def visit(info: FileInfo, skipped: str = skipped, visited: list[Entry] = visited) -> None:
                visited.append((info.path, info.is_dir))
                if info.is_dir and info.path == skipped:
                    raise SkipDir

            driver.walk("/w", visit)
            expected = [entry for entry in model if not entry[0].startswith(skipped + "/")]
            assert visited == expected, f"SkipDir on {skipped} is wrong"

    def test_skip_dir_on_every_directory_visits_the_top(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        visited: list[Entry] = []

        def visit(info: FileInfo) -> None:
            visited.append((info.path, info.is_dir))
            if info.is_dir:
                raise SkipDir

        driver.walk("/w", visit)
        assert visited == [entry for entry in model if entry[0].count("/") == 2]

    def test_skip_dir_on_a_file_is_ignored(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        visited: list[Entry] = []

        def visit(info: FileInfo) -> None:
            visited.append((info.path, info.is_dir))
            if not info.is_dir:
                raise SkipDir

        driver.walk("/w", visit)
        assert visited == model

    def test_stop_walk_ends_it_without_an_error(self, driver: StorageDriver) -> None:
        model = self._tree(driver)
        for count in range(1, len(model) + 1):
            assert self._first(driver, "", count) == model[:count], f"StopWalk at entry {count} is wrong"

    @pytest.mark.parametrize(
        "error",
        [
            _StoppedError("visit"),
            KeyError("visit"),
            FileNotFoundError("visit"),
            TimeoutError("visit"),
            PermissionError("visit"),
            ConflictError("visit", driver_name="another"),
            StopIteration("visit"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_error_of_a_visit_comes_out_unchanged(self, driver: StorageDriver, error: Exception) -> None:
        put_all(driver, TREE)
        count = 0

        def visit(_: FileInfo) -> None:
            nonlocal count
            count += 1
            raise error

        with pytest.raises(Exception, match="visit") as caught:
            driver.walk("/w", visit)
        assert caught.value is error, f"{caught.value!r} came out for {error!r}"
        assert count == 1, "the walk went on after an error"

    def test_visit_may_use_the_driver(self, driver: StorageDriver) -> None:
        put_all(driver, TREE)
        got: list[str] = []

        def visit(info: FileInfo) -> None:
            assert driver.stat(info.path).is_dir == info.is_dir
            if not info.is_dir:
                got.append(driver.get_content(info.path).decode())

        driver.walk("/w", visit)
        assert sorted(got) == sorted(TREE)

    def test_walk_of_a_missing_directory(self, driver: StorageDriver) -> None:
        put_all(driver, ["/longer/file", "/dir/file"])
        for path in ("/missing", "/long", "/dir/file", "/dir/fil"):
            for start in ("", "/a", "/zz"):
                with self.fails(driver, PathNotFoundError, path):
                    walked(driver, path, start)
            with self.fails(driver, PathNotFoundError, path):
                list(driver.files(path))

    def test_files_are_those_of_a_walk(self, driver: StorageDriver) -> None:
        assert list(driver.files()) == []
        model = self._tree(driver)
        files = [path for path, is_dir in model if not is_dir]
        assert [info.path for info in driver.files("/w")] == files
        assert not any(info.is_dir for info in driver.files())
        for position, path in enumerate(files):
            assert [info.path for info in driver.files("/w", start_after=path)] == files[position + 1 :]

    def test_files_can_be_left_early(self, driver: StorageDriver) -> None:
        put_all(driver, TREE)
        assert next(iter(driver.files("/w"))).path == "/w/A"
