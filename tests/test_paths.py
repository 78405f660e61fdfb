"""The rules of names, and which names are those of our own files."""

from __future__ import annotations

import pickle
from pathlib import Path

import fsspec
import pytest

from storagedriver.drivers.filesystem.unfinished import staged_beside
from storagedriver.drivers.fsspec.files import Files
from storagedriver.drivers.fsspec.names import Staging, new_session, new_upload
from storagedriver.errors import InvalidPathError
from storagedriver.filesystem.names import staged_path
from storagedriver.own_files import is_own, making_own_files
from storagedriver.paths import are_valid, check_path, check_written, is_valid

ORDINARY = ["a", "~", "a~", "a~b", "a~0123456789abcde", "a~0123456789ABCDEF", ".storagedriver", ".storagedriver-1.part"]


def test_each_name_that_a_driver_makes_is_one_of_our_own(tmp_path: Path) -> None:
    made = [staged_path("/a"), staged_beside(str(tmp_path / "a"))]
    for beside in (True, False):
        staging = Staging(Files(fsspec.filesystem("memory"), ""), beside=beside)
        for key in ("a", "d/a~b", "~", "a~~~", "\u65e5" * 85, "~" * 255, "line\nfeed"):
            made += [staging.name(key, new_upload(), kind, 7, new_session()) for kind in "mdwpo"]
    for path in made:
        assert any(map(is_own, path.split("/"))), path
        assert not is_valid("/" + path.lstrip("/"), "any") or "/.storagedriver-" in path
        assert len(path.rpartition("/")[2].encode()) <= 255


def test_no_other_name_is_one_of_our_own() -> None:
    assert [name for name in ORDINARY if is_own(name)] == []
    assert are_valid(ORDINARY, "any")


def test_our_own_temporary_files_are_read_and_deleted_by_path_but_not_made() -> None:
    path = staged_path("/d/a")
    check_path(path, "mine")
    for names in ("registry", "any"):
        with pytest.raises(InvalidPathError, match="temporary file of storagedriver itself"):
            check_written(path, "mine", names)
    with making_own_files():
        check_written(path, "mine")


@pytest.mark.parametrize("path", ["", "a", "//", "/a/", "/a//b", "/a\0", "/.", "/a/..", "/\ud800", None, 1])
def test_what_is_no_path_under_either_rule(path: object) -> None:
    for names in ("registry", "any"):
        with pytest.raises(InvalidPathError, match="a path begins with /"):
            check_path(path, "mine", names)  # type: ignore[arg-type]


def test_the_message_says_what_is_allowed_and_the_way_out() -> None:
    with pytest.raises(InvalidPathError) as caught:
        check_path("/year=2024/a b", "mine")
    assert str(caught.value) == (
        "mine: invalid path: '/year=2024/a b': a path begins with / and does not end with one, no component is empty,"
        " . or .., and each has the characters A-Z a-z 0-9 . _ - only;"
        " a driver with the parameter names: any takes this one"
    )
    with pytest.raises(InvalidPathError) as caught:
        check_path("/a//b", "mine")
    assert "names: any" not in str(caught.value)


def test_a_message_is_one_line_whatever_the_name() -> None:
    error = InvalidPathError("too long", driver_name="mine", path="/line\nfeed")
    assert str(error) == r"mine: invalid path: '/line\nfeed': too long"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(InvalidPathError(driver_name="mine", path="/ü b")) == "mine: invalid path: /ü b"
