from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback

from storagedriver import InvalidPathError, PermissionDeniedError, UnavailableError
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver

LARGE = bytes(range(256)) * 40


class Progress(Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    def relative_update(self, inc: int = 1) -> None:
        self.steps.append(inc)
        super().relative_update(inc)


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_pipe(any_fs: StorageDriverFileSystem, content: bytes) -> None:
    any_fs.pipe_file("storagedriver://d/x", content)
    any_fs.pipe({"/d/y": content, "z": memoryview(content)})
    any_fs.write_bytes("/d/v", bytearray(content))
    assert [info.path for info in any_fs.driver.files()] == ["/d/v", "/d/x", "/d/y", "/z"]
    assert set(any_fs.cat("/d/*").values()) == {content}


def test_a_small_value_is_one_put_and_a_large_one_an_upload(
    fs: StorageDriverFileSystem, driver: DictionaryDriver
) -> None:
    fs.pipe_file("/x", b"small")
    fs.pipe_file("/y", LARGE)
    assert [call[0] for call in driver.calls if call[0] != "write"] == ["put_content", "writer", "commit"]


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_create_does_not_replace(any_fs: StorageDriverFileSystem, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    any_fs.pipe_file("/d/x", content, mode="create")
    any_fs.put_file(str(tmp_path / "x"), "/d/y", mode="create")
    for path in ("/d/x", "/d/y", "/d"):
        with pytest.raises(FileExistsError):
            any_fs.pipe_file(path, b"", mode="create")
        with pytest.raises(FileExistsError):
            any_fs.put_file(str(tmp_path / "x"), path, mode="create")
    assert any_fs.cat_file("/d/x") == any_fs.cat_file("/d/y") == content


def test_names_outside_the_path_rule(any_fs: StorageDriverFileSystem, tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"")
    for write in (
        lambda: any_fs.pipe_file("/a b", b""),
        lambda: any_fs.pipe_file("/a b", LARGE),
        lambda: any_fs.put_file(tmp_path / "a b", "/a b"),
        lambda: any_fs.put(str(tmp_path), "/d", recursive=True),
        lambda: any_fs.get_file("/a b", tmp_path / "x"),
        lambda: any_fs.sign("/a b"),
    ):
        with pytest.raises(InvalidPathError):
            write()
    assert not any_fs.isfile("/d/a b")


def test_there_and_back(any_fs: StorageDriverFileSystem, tmp_path: Path) -> None:
    source, dest = tmp_path / "source", tmp_path / "new" / "dest"
    source.write_bytes(LARGE)
    up, down = Progress(), Progress()
    any_fs.put_file(source, "/d/x", callback=up)
    any_fs.get_file("storagedriver://d/x", dest, callback=down)
    assert dest.read_bytes() == LARGE
    for progress in (up, down):
        assert (progress.size, progress.value) == (len(LARGE), len(LARGE))
        assert sum(progress.steps) == len(LARGE)


def test_trees_there_and_back(any_fs: StorageDriverFileSystem, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(LARGE)
    (tmp_path / "a" / "d").write_bytes(b"d")
    any_fs.put(str(tmp_path / "a"), "/t", recursive=True)
    assert any_fs.find("/") == ["/t/b/c", "/t/d"]
    any_fs.get("/t", str(tmp_path / "z"), recursive=True)
    assert (tmp_path / "z" / "b" / "c").read_bytes() == LARGE
    any_fs.get("/", str(tmp_path / "all"), recursive=True)
    assert (tmp_path / "all" / "t" / "d").read_bytes() == b"d"


def test_get_is_one_stream(fs: StorageDriverFileSystem, driver: DictionaryDriver, tmp_path: Path) -> None:
    driver.contents["/x"] = LARGE
    fs.get_file("/x", tmp_path / "x")
    assert driver.calls == [("reader", "/x", 0, None)]


def test_get_to_a_file_object(any_fs: StorageDriverFileSystem) -> None:
    any_fs.pipe_file("/x", LARGE)
    for options in ({}, {"outfile": io.BytesIO()}):
        target: Any = options.get("outfile", io.BytesIO())
        any_fs.get_file("/x", None if options else target, **options)
        assert target.getvalue() == LARGE
        with pytest.raises(FileNotFoundError):
            any_fs.get_file("/none", target)


def test_get_of_nothing_makes_nothing(any_fs: StorageDriverFileSystem, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        any_fs.get_file("/none", tmp_path / "new" / "x")
    assert not (tmp_path / "new").exists()


def test_a_directory_becomes_a_directory(any_fs: StorageDriverFileSystem, tmp_path: Path) -> None:
    any_fs.pipe_file("/d/x", b"")
    any_fs.get_file("/d", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    any_fs.put_file(tmp_path / "a", "/e")
    assert any_fs.isdir("/e") == any_fs.driver.capabilities.empty_directories


def test_half_a_file_is_not_left_behind(
    fs: StorageDriverFileSystem, driver: DictionaryDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.contents["/x"] = LARGE
    reader: Callable[..., Any] = driver.reader

    def breaking(path: str, offset: int = 0, length: int | None = None) -> Any:
        stream = reader(path, offset, length)
        pieces: list[Any] = [LARGE[:500], UnavailableError(driver_name="dictionary")]

        def read(_: int = -1) -> bytes:
            piece = pieces.pop(0)
            if isinstance(piece, bytes):
                return piece
            raise piece

        stream.read = read
        return stream

    monkeypatch.setattr(driver, "reader", breaking)
    with pytest.raises(UnavailableError):
        fs.get_file("/x", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_put_that_fails_publishes_nothing(
    fs: StorageDriverFileSystem, driver: DictionaryDriver, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(LARGE)
    driver.failing["commit"] = PermissionDeniedError(driver_name="dictionary")
    with pytest.raises(PermissionError):
        fs.put_file(tmp_path / "x", "/x")
    assert driver.contents == driver.unfinished == {}


def test_memory_stays_bounded(local: StorageDriverFileSystem, tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        file.truncate(64 << 20)
    local.put_file(tmp_path / "source", "/warm", block_size=1 << 20)
    tracemalloc.start()
    try:
        local.put_file(tmp_path / "source", "/x", block_size=1 << 20)
        local.get_file("/x", tmp_path / "dest")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "dest").stat().st_size == 64 << 20
    assert peak < 8 << 20


def test_sign(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    assert fs.sign("storagedriver://d/x", 60) == "https://example.com/d/x?GET"
    assert fs.sign("/x", method="HEAD", client_address="192.0.2.1") == "https://example.com/x?HEAD"
    assert driver.calls == [
        ("redirect_url", "/d/x", "GET", timedelta(seconds=60), None),
        ("redirect_url", "/x", "HEAD", timedelta(seconds=100), "192.0.2.1"),
    ]
    with pytest.raises(NotImplementedError, match="dictionary"):
        fs.sign("/unsigned")


def test_a_mapper(any_fs: StorageDriverFileSystem) -> None:
    mapper = any_fs.get_mapper("storagedriver://store")
    mapper["a/0.0"] = b"1"
    mapper[".zgroup"] = b"{}"
    assert sorted(mapper) == [".zgroup", "a/0.0"]
    assert mapper.getitems(["a/0.0", "none"], on_error="omit") == {"a/0.0": b"1"}
    assert "none" not in mapper
    with pytest.raises(KeyError):
        mapper["none"]
    del mapper["a/0.0"]
    mapper.clear()
    assert list(mapper) == []
    root = any_fs.get_mapper("")
    root["x"] = b"x"
    assert any_fs.cat_file("/x") == b"x"
    assert list(root) == ["x"]
