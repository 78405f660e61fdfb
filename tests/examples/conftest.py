"""The server of the example, and the driver's name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.tinystore import create
from storagedriver import factory
from tests.examples.tinystore_server import TinyServer, serving


@pytest.fixture(scope="package", autouse=True)
def registered() -> Iterator[None]:
    """The driver by its name; a package has an entry point instead."""
    factory.register("tinystore", create)
    yield
    factory.unregister("tinystore")


@pytest.fixture(scope="session")
def tinystore() -> Iterator[TinyServer]:
    with serving("registry") as server:
        yield server
