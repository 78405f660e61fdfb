from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver


@pytest.fixture
def driver() -> DictionaryDriver:
    return DictionaryDriver()


@pytest.fixture
def fs(driver: DictionaryDriver) -> StorageDriverFileSystem:
    """A filesystem whose uploads cannot be seen, with small blocks."""
    return StorageDriverFileSystem(driver, block_size=1000)


@pytest.fixture
def local(tmp_path: Path) -> StorageDriverFileSystem:
    """A filesystem whose uploads can be seen, with small blocks."""
    parameters = {"rootdirectory": str(tmp_path / "root")}
    return StorageDriverFileSystem("filesystem", parameters=parameters, block_size=1000, skip_instance_cache=True)


@pytest.fixture(params=["dictionary", "filesystem", "inmemory"])
def any_fs(request: pytest.FixtureRequest) -> Iterator[StorageDriverFileSystem]:
    """Each of them, one after the other."""
    if request.param == "inmemory":
        with factory.create("inmemory") as driver:
            yield StorageDriverFileSystem(driver, block_size=1000)
    else:
        yield request.getfixturevalue({"dictionary": "fs", "filesystem": "local"}[request.param])
