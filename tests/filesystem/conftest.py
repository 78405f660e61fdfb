from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    """A filesystem whose uploads can be seen, with small blocks and the names of a registry."""
    parameters = {"rootdirectory": str(tmp_path / "root")}
    options: dict[str, Any] = {"names": "registry", "block_size": 1000, "skip_instance_cache": True}
    return StorageDriverFileSystem("filesystem", parameters=parameters, **options)


@pytest.fixture(params=["dictionary", "filesystem", "inmemory"])
def any_fs(request: pytest.FixtureRequest) -> Iterator[StorageDriverFileSystem]:
    """Each of them, one after the other."""
    if request.param == "inmemory":
        with factory.create("inmemory") as driver:
            yield StorageDriverFileSystem(driver, block_size=1000)
    else:
        yield request.getfixturevalue({"dictionary": "fs", "filesystem": "local"}[request.param])
