"""fsspec's own suites over drivers.

Over `StorageDriverFileSystem` they run whole: no suite uses a name outside the
path rule, and empty directories, which only the driver ``filesystem`` keeps,
are what `supports_empty_directories` is for. What the contract of a driver
excludes beyond that, and what happens instead, is in test_exclusions.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from storagedriver import factory
from storagedriver.filesystem import StorageDriverFileSystem
from tests.servers.s3 import S3Server
from tests.variants import EDGE_CASES


class Suites(
    AbstractCopyTests,  # type: ignore[misc]
    AbstractGetTests,  # type: ignore[misc]
    AbstractOpenTests,  # type: ignore[misc]
    AbstractPipeTests,  # type: ignore[misc]
    AbstractPutTests,  # type: ignore[misc]
    AbstractFixtures,  # type: ignore[misc]
):
    @pytest.fixture
    def fs_path(self) -> str:
        return f"/{uuid.uuid4().hex}"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)


class TestFilesystem(Suites):
    @pytest.fixture
    def fs(self, tmp_path: Path) -> StorageDriverFileSystem:
        parameters = {"rootdirectory": str(tmp_path / "root")}
        return StorageDriverFileSystem("filesystem", parameters=parameters, skip_instance_cache=True)


class TestTopLevel(TestFilesystem):
    """The same with everything directly below the root of the driver."""

    slow_cases = EDGE_CASES

    @pytest.fixture
    def fs_path(self) -> str:
        return ""


class TestBelow(TestFilesystem):
    """The other direction: the rooted fsspec filesystem that a driver stands on."""

    slow_cases = EDGE_CASES

    #: fsspec's `DirFileSystem` drops the trailing slash that these are about.
    excluded = (
        "test_put_file_to_new_directory",
        "test_get_directory_to_existing_directory",
        "test_get_directory_to_new_directory",
        "test_get_directory_recursive",
        "test_copy_file_to_new_directory",
        "test_copy_directory_to_existing_directory",
    )

    @pytest.fixture(autouse=True)
    def _excluded(self, request: pytest.FixtureRequest) -> None:
        if request.node.name in self.excluded:
            reason = "DirFileSystem takes a path with a trailing slash for one without"
            request.applymarker(pytest.mark.xfail(reason=reason, strict=False))

    @pytest.fixture
    def fs(self, tmp_path: Path) -> Any:
        return factory.create("filesystem", {"rootdirectory": str(tmp_path)}).filesystem


class TestInMemory(Suites):
    @pytest.fixture
    def fs(self) -> Iterator[StorageDriverFileSystem]:
        with factory.create("inmemory") as driver:
            yield StorageDriverFileSystem(driver)

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestS3(Suites):
    slow_cases = EDGE_CASES

    @pytest.fixture(scope="class")
    @classmethod
    def fs(cls, seaweedfs: S3Server) -> StorageDriverFileSystem:
        return StorageDriverFileSystem("s3", parameters=seaweedfs.parameters())

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False
