"""Where a listing goes on behind a directory whose content is not wanted."""

from __future__ import annotations

import pytest

from storagedriver.adapter.skipping import skip, skip_after


@pytest.mark.parametrize(
    ("last", "skipped", "directory", "after"),
    [
        ("", set(), "", ""),
        ("a/b/c", set(), "", ""),
        ("a/b/c", {"a/b"}, "a/b", "a/b/~"),
        ("a/b/c", {"a/b", "a"}, "a", "a/~"),
        ("a/b/c", {"a/b/c", "b"}, "", ""),
        ("ab/c", {"a"}, "", ""),
        # What is listed by now comes after all that a path can name.
        ("a/~", {"a"}, "a", ""),
        ("a/\u00e9", {"a"}, "a", ""),
    ],
)
def test_skip(last: str, skipped: set[str], directory: str, after: str) -> None:
    assert skip(last, skipped) == directory
    assert skip_after(last, skipped) == after
