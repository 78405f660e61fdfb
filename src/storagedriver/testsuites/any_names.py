"""Any names: components of any text, for a driver whose rule of names is ``any``."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from functools import partial

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidPathError, PathNotFoundError
from storagedriver.testsuites.calls import recorded
from storagedriver.testsuites.harness import opened
from storagedriver.testsuites.helpers import lists_uploads, put_all, together, upload
from storagedriver.testsuites.names import DIRECTORY_CALLS, FILE_CALLS, Names

__all__ = ["AnyNames"]

#: Names that each store can have.
USUAL = [
    "year=2024",
    "a b",
    " leading",
    "trailing ",
    ".leading",
    "...",
    "a.b.",
    "a+b",
    "a%20b",
    "%2F",
    "%",
    "100%",
    "%25",
    "%zz",
    "'single'",
    '"double"',
    "`",
    "a&b=c",
    "a;b",
    "a?b",
    "a#b",
    "a:b",
    "a@b",
    "a,b",
    "a$b",
    "(a)",
    "[a]",
    "{a}",
    "a*b",
    "a|b",
    "<a>",
    "a^b",
    "a!b",
    "~",
    "a~b",
    "\u00e9",
    "e\u0301",
    "\u65e5\u672c\u8a9e",
    "\u0628\u200f",
    "\U0001f600",
    "\u00e9" * 127 + "x",
]
#: Names that some stores cannot have.
HARD = [
    "back\\slash",
    "\\first",
    "line\nfeed",
    "carriage\rreturn",
    "tab\tstop",
    "\x01",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufffe",
    "\U0010ffff",
    "n" * 256,
    "n" * 1100,
    "\u65e5" * 400,
    "/".join(["deep"] * 300),
    "/".join(["\u65e5" * 60] * 8),
]
INVALID = [
    "",
    "a",
    "//",
    "//a",
    "/a/",
    "/a//b",
    "/a\x00",
    "/.",
    "/..",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/\ud800",
    "/a\udcff/b",
]
#: What could be one of the files that drivers make for themselves.
OWN = [
    "/a~0123456789abcdef",
    "/b~0123456789abcdef0123456789ab~d00000001-01234567",
    "/b~0123456789abcdef0123456789abcdef~0123456789abcdef0123456789ab~m00000001-01234567",
    "/~storagedriver~/a",
]
#: One of the filesystem ``storagedriver``, which works with any driver.
TEMPORARY = f"/dir/.storagedriver-{'0' * 32}.part"


class AnyNames(Names):
    """Cases of names that a registry does not have, and those of other names."""

    @pytest.fixture
    def plain(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """The driver itself, on an empty store."""
        with opened(self.harness.make_driver, request) as driver:
            yield recorded(driver)

    def test_rule_is_any(self, plain: StorageDriver) -> None:
        assert plain.name_rule == "any"

    def test_any_name_can_be_used(self, plain: StorageDriver) -> None:
        paths = [path for name in USUAL for path in (f"/files/{name}", f"/dirs/{name}/{name}")]
        put_all(plain, paths)
        assert plain.list("/files") == sorted(f"/files/{name}" for name in USUAL)
        assert plain.list("/dirs") == sorted(f"/dirs/{name}" for name in USUAL)
        assert sorted(info.path for info in plain.files()) == sorted(paths)
        contents = together(partial(plain.get_content, path) for path in paths)
        assert contents == [path.encode() for path in paths]
        for info in together(partial(plain.stat, f"/files/{name}") for name in USUAL):
            assert (info.is_dir, info.size) == (False, len(info.path.encode()))
        for name, children in zip(USUAL, together(partial(plain.list, f"/dirs/{name}") for name in USUAL), strict=True):
            assert children == [f"/dirs/{name}/{name}"]
        plain.delete("/files")
        together(partial(plain.delete, f"/dirs/{name}") for name in USUAL)
        assert list(plain.files()) == []

    def test_any_name_can_be_read_moved_and_copied(self, plain: StorageDriver) -> None:
        put_all(plain, [f"/from/{name}" for name in USUAL])

        def carry(name: str) -> bytes:
            plain.copy(f"/from/{name}", f"/copied =/{name}")
            plain.move(f"/from/{name}", f"/moved/{name}")
            with plain.reader(f"/moved/{name}", 1) as reader:
                return reader.read(1)

        assert together(partial(carry, name) for name in USUAL) == [b"f"] * len(USUAL)
        assert plain.list("/moved") == sorted(f"/moved/{name}" for name in USUAL)
        for name in USUAL:
            assert plain.get_content(f"/copied =/{name}") == f"/from/{name}".encode()

    def test_any_name_can_be_uploaded_and_resumed(self, plain: StorageDriver) -> None:
        for name in ("a b%2F+\u00e9", "~~a~", "\U0001f600" * 60, "'\"<&>"):
            path = f"/up = {name}/{name}"
            upload(plain, path, b"one,", end="close")
            assert plain.upload_size(path) == 4
            if lists_uploads(plain) and self.capabilities.unfinished != "shown":
                assert [found.path for found in plain.uploads(f"/up = {name}")] == [path]
            upload(plain, path, b"two", append=True)
            assert plain.get_content(path) == b"one,two"
            upload(plain, path, b"other", end="close")
            plain.delete(f"/up = {name}")
            with self.fails(plain, PathNotFoundError):
                plain.writer(path, append=True)
        assert list(plain.files()) == []
        assert list(plain.uploads()) == []

    def test_url_of_any_name_can_be_fetched(self, plain: StorageDriver) -> None:
        if not self.capabilities.signs_urls:
            assert plain.redirect_url("/a b") is None
            return
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for name in ("a b+c", "%2F%", "\u00e9e\u0301\U0001f600", "'\"()!*~[]", "a?b#c&d=e;f:g@h,$"):
            path = f"/{name}/{name}"
            plain.put_content(path, path.encode())
            url = plain.redirect_url(path)
            assert url is not None
            with opener.open(url, timeout=30) as answer:
                assert answer.read() == path.encode()

    def test_delete_touches_no_name_that_is_nearly_the_same(self, plain: StorageDriver) -> None:
        others = ["/%", "/%2", "/%2F/a", "/a", "/a +b/c", "/a b c/d", "/a+b/c", "/a%20b/c", "/e\u0301/x"]
        put_all(plain, [*others, "/a b/c", "/a b/d", "/%2f/a", "/\u00e9/x"])
        for path in ("/a b", "/%2f", "/\u00e9"):
            plain.delete(path)
        assert sorted(info.path for info in plain.files()) == sorted(others)

    @pytest.mark.parametrize("name", HARD, ids=lambda name: ascii(name[:12]))
    def test_hard_name_works_or_is_refused_before_anything_is_written(self, plain: StorageDriver, name: str) -> None:
        plain.put_content("/file", b"content")
        path = f"/hard/{name}"
        try:
            plain.put_content(path, b"hard")
        except InvalidPathError:
            for name_of_call in ("put_content", "writer", "move to", "copy to"):
                with self.fails(plain, InvalidPathError):
                    FILE_CALLS[name_of_call](plain, path)
        else:
            assert plain.get_content(path) == b"hard"
            assert [info.path for info in plain.files("/hard")] == [path]
            plain.move(path, "/moved")
            plain.copy("/moved", path)
            assert plain.get_content(path) == b"hard"
            plain.delete("/moved")
            upload(plain, path, b"one,", end="close")
            upload(plain, path, b"two", append=True)
            assert plain.get_content(path) == b"one,two"
            upload(plain, path, b"other", end="close")
            plain.delete("/hard")
            with self.fails(plain, PathNotFoundError):
                plain.writer(path, append=True)
            assert list(plain.uploads()) == []
        assert plain.list("/") == ["/file"], "a name that was refused or deleted left something behind"

    @pytest.mark.parametrize("kind", ["no path", "our own file"])
    def test_what_is_no_path_is_refused(self, plain: StorageDriver, kind: str) -> None:
        plain.put_content("/file", b"content")
        for path in INVALID if kind == "no path" else OWN:
            for call in {**FILE_CALLS, **DIRECTORY_CALLS}.values():
                with self.fails(plain, InvalidPathError):
                    call(plain, path)
        assert plain.list("/") == ["/file"]

    def test_our_own_temporary_file_cannot_be_made(self, plain: StorageDriver) -> None:
        plain.put_content("/file", b"content")
        for name in ("put_content", "writer", "move to", "copy to"):
            with self.fails(plain, InvalidPathError):
                FILE_CALLS[name](plain, TEMPORARY)
        assert plain.list("/") == ["/file"]
        assert not plain.exists(TEMPORARY)

    def test_below_a_registry_only_its_names_are_written(self, plain: StorageDriver) -> None:
        registry = "/docker/registry/v2"
        plain.put_content("/file", b"content")
        for name in ("a b", "year=2024/x", "repositories/\u00e9"):
            for call in ("put_content", "writer", "move to", "copy to"):
                with self.fails(plain, InvalidPathError):
                    FILE_CALLS[call](plain, f"{registry}/{name}")
            assert not plain.exists(f"{registry}/{name}")
        plain.put_content(f"{registry}/a", b"x")
        plain.put_content(f"{registry} 2/a b", b"x")
        assert sorted(info.path for info in plain.files("/docker")) == [f"{registry} 2/a b", f"{registry}/a"]
