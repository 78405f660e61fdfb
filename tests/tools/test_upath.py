"""universal-pathlib's paths. It knows the protocol from fsspec alone, and warns once that it has not tried it."""

from __future__ import annotations

import pickle

import pytest
from upath import UPath

from tests.tools.conftest import Options, paths

pytestmark = pytest.mark.filterwarnings("ignore:UPath 'storagedriver' filesystem not explicitly:UserWarning")


def test_a_tree(options: Options) -> None:
    root = UPath("storagedriver://u", **options)
    directory = root / "d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "x.txt").write_text("text")
    (directory / "y.bin").write_bytes(b"bytes")
    with (root / "z.txt").open("w") as file:
        file.write("more")
    assert sorted(path.path for path in directory.iterdir()) == ["/u/d/x.txt", "/u/d/y.bin"]
    assert sorted(path.path for path in root.rglob("*.txt")) == ["/u/d/x.txt", "/u/z.txt"]
    assert ((directory / "x.txt").read_text(), (directory / "x.txt").stat().st_size) == ("text", 4)
    assert (directory.is_dir(), directory.is_file(), (directory / "none").exists()) == (True, False, False)
    (directory / "x.txt").rename(directory / "w.txt")
    (directory / "y.bin").unlink()
    assert paths(options) == ["/u/d/w.txt", "/u/z.txt"]
    root.rmdir(recursive=True)
    assert paths(options) == []


def test_a_path_travels(options: Options) -> None:
    path = UPath("storagedriver://u/x.txt", **options)
    path.write_text("text")
    again = pickle.loads(pickle.dumps(path))
    assert (again == path, again.read_text(), again.name, again.parent.path) == (True, "text", "x.txt", "/u")
    with pytest.raises(FileNotFoundError):
        (again.parent / "none").read_text()
