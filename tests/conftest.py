"""What all tests share: the servers' fixtures, the switch for slow tests, and the SDK's data files."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal

import pytest

from tests.variants import is_slow

pytest_plugins = ["tests.servers.plugin", "tests.matrix.plugin", "tests.faults.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow",
        action="store_true",
        help="run the tests that take minutes or gigabytes, and all cases of all variants",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--slow"):
        # Test modules choose by it while they are imported, the suite while it runs.
        os.environ["STORAGEDRIVER_SLOW"] = "1"
    _keep_data_files()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts a background job so. Tests of an interrupt need one that arrives.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if is_slow():
        return
    skip = pytest.mark.skip(reason="slow: runs with --slow or STORAGEDRIVER_SLOW=1")
    for item in items:
        named = getattr(item, "originalname", "") in getattr(getattr(item, "cls", None), "slow_cases", ())
        if named or item.get_closest_marker("slow") is not None:
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    # All that was imported and collected stays. It need not be looked at in each garbage collection, which tests that
    # look for unclosed streams call often, nor be copied in each fork.
    gc.collect()
    gc.freeze()


def _keep_data_files() -> None:
    """Read each data file of botocore once.

    A session parses them anew, 3 MB of objects and most of the time that it takes to make a driver, and the tests make
    more than a thousand.
    """
    with contextlib.suppress(ImportError):
        from botocore.loaders import JSONFileLoader  # noqa: PLC0415 - where it is installed

        read = JSONFileLoader.load_file
        if not hasattr(read, "__wrapped__"):
            kept = functools.cache(functools.partial(read, JSONFileLoader()))
            JSONFileLoader.load_file = functools.wraps(read)(lambda _, path: kept(path))  # type: ignore[assignment, method-assign]
