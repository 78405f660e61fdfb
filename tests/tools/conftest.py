"""The stores that the tools are used on: two in each run, the others with ``--slow``."""

# mypy: disable-error-code="no-untyped-call"
# Dask has annotations for a part of its calls only.

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from storagedriver import factory

Options = dict[str, Any]


def options_of(store: str, request: pytest.FixtureRequest, directory: Path) -> Options:
    """The ``storage_options`` of an empty place on a store."""
    root = f"test/{uuid.uuid4().hex}"
    if store == "filesystem":
        return {"driver": "filesystem", "parameters": {"rootdirectory": str(directory / "root")}}
    if store == "swift":
        # The container is not there before the first write.
        server = request.getfixturevalue("swift")
        return {"driver": "swift", "parameters": server.parameters(f"test-{uuid.uuid4().hex}", prefix=root)}
    server = request.getfixturevalue({"s3": "seaweedfs", "azure": "azurite", "gcs": "fake_gcs"}[store])
    return {"driver": store, "parameters": server.parameters(root)}


@pytest.fixture(
    params=["filesystem", "s3", *(pytest.param(name, marks=pytest.mark.slow) for name in ("azure", "gcs", "swift"))]
)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> Options:
    """The ``storage_options`` of an empty place on each of the stores."""
    return options_of(request.param, request, tmp_path)


def paths(options: Options, below: str = "/") -> list[str]:
    """The files that the driver finds."""
    with factory.create(options["driver"], {**options["parameters"], "names": "any"}) as driver:
        return [info.path for info in driver.files(below)]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Client]:
    """A cluster of two processes."""
    with (
        LocalCluster(
            n_workers=2,
            processes=True,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as processes,
        Client(processes) as client,
    ):
        yield client
