"""The rule of names: any for a driver by name, a registry's for the others, and nothing is lost in silence."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from storagedriver import InvalidPathError, ParameterError, StorageDriver, StorageDriverWarning, factory
from storagedriver.filesystem import StorageDriverFileSystem
from storagedriver.parameters import NamingParameters
from storagedriver.unnamed import UnnamedKeysError
from tests.filesystem.dictionary import DictionaryDriver

ODD = ["/a b", "/year=2024/x+y", "/ü/%2F", "/q?x#y", "/'\"", "/\U0001f600"]


def fs_of(root: Path, **options: Any) -> StorageDriverFileSystem:
    parameters = {"rootdirectory": str(root), **options.pop("parameters", {})}
    return StorageDriverFileSystem("filesystem", parameters=parameters, **options)


def test_a_driver_by_name_takes_any_name(tmp_path: Path) -> None:
    fs = fs_of(tmp_path)
    for path in ODD:
        fs.pipe_file(path, path.encode())
        with fs.open(f"{path}.x", "wb") as file:
            file.write(b"x")
    assert fs.find("/") == sorted([*ODD, *(f"{path}.x" for path in ODD)])
    assert [fs.cat_file(path) for path in ODD] == [path.encode() for path in ODD]
    fs.mv("/year=2024", "/year=2025 b", recursive=True)
    fs.copy("/ü", "/é", recursive=True)
    fs.get("/é", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got/%2F").read_bytes() == "/ü/%2F".encode()
    fs.rm("/got", recursive=True)
    for name in fs.ls("/", detail=False):
        fs.rm(name, recursive=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"names": "registry"}, {"parameters": {"names": "registry"}}], ids=str)
def test_the_strict_rule_can_be_had(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = fs_of(tmp_path, **options)
    assert fs.driver.name_rule == "registry"
    with pytest.raises(InvalidPathError, match=r"'/a b'.*begins with /.*A-Z a-z 0-9 \. _ -.*names: any"):
        fs.pipe_file("/a b", b"")
    assert pickle.loads(pickle.dumps(fs)).driver.name_rule == "registry"
    assert fs_of(tmp_path).driver.name_rule == "any", "two filesystems with other rules share a driver"


def test_a_driver_that_is_given_keeps_its_rule(tmp_path: Path) -> None:
    driver = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    assert StorageDriverFileSystem(driver).driver.name_rule == "registry"
    with pytest.raises(ParameterError, match="keeps its rule"):
        StorageDriverFileSystem(driver, names="any")
    with pytest.raises(ParameterError, match="'some' is not allowed, it must be one of registry, any"):
        StorageDriverFileSystem("inmemory", names="some")  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(driver)).name_rule == "registry"
    other = factory.create("filesystem", {"rootdirectory": str(tmp_path), "names": "any"})
    assert pickle.loads(pickle.dumps(other)).name_rule == "any"


def test_a_driver_that_knows_no_rule_is_a_registrys(recwarn: pytest.WarningsRecorder) -> None:
    """Nothing is added to the parameters of a driver of another package."""
    given: list[dict[str, Any]] = []

    def create(parameters: Any) -> StorageDriver:
        given.append(parameters)
        return DictionaryDriver()

    factory.register("test-names", create)
    try:
        assert StorageDriverFileSystem("test-names", parameters={"a": 1}).driver.name_rule == "registry"
    finally:
        factory.unregister("test-names")
    assert given == [{"a": 1}]
    assert list(recwarn) == []


def test_a_configuration_is_a_registrys(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/root\n")
    assert StorageDriverFileSystem(config=str(config)).driver.name_rule == "registry"
    assert StorageDriverFileSystem(config=str(config), names="any").driver.name_rule == "any"


def test_below_a_registry_the_strict_rule_holds(tmp_path: Path) -> None:
    fs = fs_of(tmp_path)
    writes: list[Callable[[str], Any]] = [
        lambda path: fs.pipe_file(path, b""),
        lambda path: fs.open(path, "wb"),
        lambda path: fs.open(path, "ab"),
        lambda path: fs.cp_file("/file", path),
        lambda path: fs.mv("/file", path),
        fs.makedirs,
    ]
    fs.pipe_file("/file", b"x")
    for write in writes:
        with pytest.raises(InvalidPathError, match=r"below /docker/registry/v2"):
            write("/docker/registry/v2/repositories/a b")
    assert fs.find("/") == ["/file"]
    fs.pipe_file("/docker/registry/v2/repositories/a/b", b"x")


def test_our_own_files_can_be_deleted_and_not_made(tmp_path: Path) -> None:
    fs = fs_of(tmp_path)
    name = f"/.storagedriver-{'0' * 32}.part"
    for path in (name, f"/d{name}", f"{name}/x"):
        with pytest.raises(InvalidPathError, match="temporary file of storagedriver"):
            fs.open(path, "wb")
        with pytest.raises(InvalidPathError, match="temporary file of storagedriver"):
            fs.pipe_file(path, b"")
    (tmp_path / name[1:]).write_bytes(b"left by a kill")
    assert fs.ls("/") == []
    fs.driver.delete(name)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[StorageDriverFileSystem]:
    (tmp_path / "sales/year=2024").mkdir(parents=True)
    for name in ("sales/year=2024/x.csv", "sales/a.csv", "sales/sub/b.csv", "sales/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with factory.create("filesystem", {"rootdirectory": str(tmp_path)}) as driver:
        yield StorageDriverFileSystem(driver)


TREE_CALLS: dict[str, Callable[[StorageDriverFileSystem], Any]] = {
    "find": lambda fs: fs.find("/sales"),
    "find of a level": lambda fs: fs.find("/sales", maxdepth=1, withdirs=True),
    "find of all": lambda fs: fs.find(""),
    "walk": lambda fs: list(fs.walk("/sales")),
    "walk from the bottom": lambda fs: list(fs.walk("/", topdown=False)),
    "du": lambda fs: fs.du("/sales"),
    "tree": lambda fs: fs.tree("/sales"),
    "cat": lambda fs: fs.cat("/sales", recursive=True),
    "expand_path": lambda fs: fs.expand_path("/sales", recursive=True),
    "glob of the directory": lambda fs: fs.glob("/sales/*"),
    "glob of the files": lambda fs: fs.glob("/sales/*/*.csv"),
    "glob of a tree": lambda fs: fs.glob("/sales/**/*.csv"),
    "open_files": lambda fs: fsspec.core.expand_paths_if_needed(["/sales/**/*.csv"], "rb", 1, fs, None),
    "cp": lambda fs: fs.cp("/sales/*", "/copied", recursive=True),
}


@pytest.mark.filterwarnings("ignore:.*no path can name")
@pytest.mark.parametrize("call", TREE_CALLS)
def test_a_call_on_a_tree_raises_before_it_loses_a_file(strict: StorageDriverFileSystem, call: str) -> None:
    with pytest.raises(UnnamedKeysError, match=r"key.? below it, 'sales/year=2024.*names: any"):
        TREE_CALLS[call](strict)
    assert not strict.exists("/copied")


def test_a_pattern_that_matches_no_such_key_is_no_matter(strict: StorageDriverFileSystem) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert strict.glob("/sales/*.csv") == ["/sales/a.csv"]
        assert strict.glob("/sales/s*/*.csv") == ["/sales/sub/b.csv"]
        assert strict.find("/sales/sub") == ["/sales/sub/b.csv"]
        assert strict.glob("/sales/{a,b}/*") == []
        assert strict.glob("/a b/*", detail=True) == {}


def test_a_list_and_a_walk_of_a_driver_warn_once_with_the_count(strict: StorageDriverFileSystem) -> None:
    driver = strict.driver
    calls = (
        (lambda: driver.list("/sales"), "1 key below /sales is"),
        (lambda: list(driver.files("/sales")), "2 keys below /sales are"),
    )
    for call, expected in calls:
        with pytest.warns(StorageDriverWarning) as caught:
            call()
        [warning] = caught
        assert expected in str(warning.message)


@pytest.mark.usefixtures("strict")
def test_a_driver_can_be_made_to_raise(tmp_path: Path) -> None:
    with factory.create("filesystem", {"rootdirectory": str(tmp_path), "unnamed": "error"}) as driver:
        for call in (lambda: driver.list("/sales"), lambda: list(driver.files())):
            with pytest.raises(UnnamedKeysError):
                call()
        assert driver.list("/sales/sub") == ["/sales/sub/b.csv"]
        with pytest.raises(UnnamedKeysError):
            pickle.loads(pickle.dumps(driver)).list("/sales")
        driver.delete("/sales")
        assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_no_text_have_no_name(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    Path(bytes(tmp_path / "d").decode() + "/\udcff").write_bytes(b"x")
    fs = fs_of(tmp_path)
    with pytest.raises(UnnamedKeysError, match=r"without UTF-8.*StorageDriver.filesystem"):
        fs.find("/d")
    with pytest.raises(InvalidPathError):
        fs.pipe_file("/d/\udcff", b"")
    fs.driver.delete("/d")
    assert fs.ls("/") == []


def test_the_defaults_are_those_of_a_registry() -> None:
    assert NamingParameters() == NamingParameters(names="registry", unnamed="warn")
    with pytest.raises(ParameterError, match="'some' is not allowed, it must be one of registry, any"):
        factory.create("inmemory", {"names": "some"})
