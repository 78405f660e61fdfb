"""The factory: names, registration and the entry points of other packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storagedriver import InvalidStorageDriverError, MissingExtraError, StorageDriver, factory
from tests.dict_driver import DictDriver

METADATA = "Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
MODULE = """
from tests.dict_driver import DictDriver
loaded = True
def create(parameters):
    return DictDriver()
"""


def make(parameters: object = None) -> StorageDriver:
    del parameters
    return DictDriver()


@pytest.fixture
def registered() -> Iterator[str]:
    factory.register("by-hand", make)
    yield "by-hand"
    factory.unregister("by-hand")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Install a package that brings a driver: a module and its metadata on the path."""
    before = set(sys.modules)

    def install(package: str, driver: str, module: str = MODULE, target: str = "create") -> None:
        name = package.replace("-", "_")
        site = tmp_path / package
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{name}.py").write_text(module)
        (info / "METADATA").write_text(METADATA.format(package=package))
        (info / "entry_points.txt").write_text(f"[storagedriver.drivers]\n{driver} = {name}:{target}\n")
        monkeypatch.syspath_prepend(site)

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("brings"):
            del sys.modules[name]


def test_the_drivers_of_this_package_are_known_by_name() -> None:
    assert {"filesystem", "fsspec", "inmemory", "s3", "s3aws"} <= set(factory.names())
    assert factory.names() == sorted(factory.names())


def test_a_driver_is_made_by_name_with_parameters(tmp_path: Path) -> None:
    driver = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    assert driver.name == "filesystem"
    assert factory.create("inmemory").name == "inmemory"


def test_an_unknown_name_is_an_error_that_names_what_is_known() -> None:
    with pytest.raises(InvalidStorageDriverError, match=r"filesytem.*did you mean 'filesystem'.*inmemory"):
        factory.create("filesytem", {})
    with pytest.raises(InvalidStorageDriverError, match="did you mean 's3'"):
        factory.create("S3", {})


def test_a_registered_driver_is_made(registered: str) -> None:
    assert registered in factory.names()
    assert isinstance(factory.create(registered, {}), DictDriver)


def test_registering_a_name_twice_is_an_error(registered: str) -> None:
    with pytest.raises(ValueError, match="registered already"):
        factory.register(registered, make)


def test_registering_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="must not be None"):
        factory.register("nothing", None)
    assert "nothing" not in factory.names()


def test_a_driver_of_another_package_is_found_and_loaded_only_when_it_is_made(install: object) -> None:
    install("brings-one", "strange")  # type: ignore[operator]
    assert "strange" in factory.names()
    assert "brings_one" not in sys.modules
    assert isinstance(factory.create("strange", {}), DictDriver)
    assert "brings_one" in sys.modules


def test_a_name_registered_by_hand_wins_over_an_entry_point(install: object, registered: str) -> None:
    install("brings-broken", registered, module="raise RuntimeError('must not be imported')")  # type: ignore[operator]
    assert isinstance(factory.create(registered, {}), DictDriver)


def test_two_packages_with_one_name_are_an_error_that_names_both(install: object) -> None:
    install("brings-one", "strange")  # type: ignore[operator]
    install("brings-two", "strange")  # type: ignore[operator]
    with pytest.raises(InvalidStorageDriverError, match="strange.*brings-one, brings-two"):
        factory.create("strange", {})


def test_a_package_that_cannot_be_loaded_is_an_error_that_says_why(install: object) -> None:
    install("brings-broken", "strange", module="raise RuntimeError('out of order')")  # type: ignore[operator]
    with pytest.raises(InvalidStorageDriverError, match="strange.*brings_broken:create.*out of order") as caught:
        factory.create("strange", {})
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_missing_target_is_an_error_of_the_factory(install: object) -> None:
    install("brings-less", "strange", target="nothing")  # type: ignore[operator]
    with pytest.raises(InvalidStorageDriverError, match="strange.*nothing"):
        factory.create("strange", {})


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("s3fs", "storagedriver.drivers.s3"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"s3.*pip install .*storagedriver\[s3\]"):
        factory.create("s3", {"bucket": "b", "region": "us-east-1"})
