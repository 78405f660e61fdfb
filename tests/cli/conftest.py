"""A driver that outlives the invocations, and a way to invoke."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from storagedriver import factory
from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke


@pytest.fixture(autouse=True)
def _no_configuration_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("REGISTRY_", "STORAGEDRIVER_")):
            monkeypatch.delenv(name)


@pytest.fixture
def store() -> Iterator[DictDriver]:
    """The driver ``dict``, one for the whole test."""
    driver = DictDriver()

    def create(parameters: Mapping[str, Any]) -> DictDriver:
        driver.parameters = dict(parameters)
        driver.fault("create")
        return driver

    factory.register("dict", create)
    yield driver
    factory.unregister("dict")


@pytest.fixture
def invoke() -> Invoke:
    return Invoke(())


@pytest.fixture
def run(store: DictDriver) -> Invoke:  # noqa: ARG001 - registers the driver
    """Invoke the command on `store`."""
    return Invoke(("--driver", "dict"))
