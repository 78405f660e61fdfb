"""What all tests share: the servers' fixtures, and the switch for slow tests."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.servers.plugin", "tests.matrix.plugin", "tests.faults.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes or gigabytes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or os.environ.get("STORAGEDRIVER_SLOW") == "1":
        return
    skip = pytest.mark.skip(reason="slow: runs with --slow or STORAGEDRIVER_SLOW=1")
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(skip)
