"""A middleware leaves everything as it is that it does not change."""

from __future__ import annotations

import os
import pickle
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storagedriver import Capabilities, StorageDriver, configuration, factory, middleware
from storagedriver.errors import InvalidPathError, ParameterError, UnsupportedMethodError
from storagedriver.middleware import MiddlewareDriver
from storagedriver.testsuites import suite

REDIRECT = {"baseurl": "https://mirror.example/v1"}


def make_rewritten() -> StorageDriver:
    return middleware.create("rewrite", factory.create("inmemory"), {"scheme": "https"})


TestConformance = suite(
    "rewrite",
    make_rewritten,
    Capabilities(unfinished="shown", multiprocess=False, conflicts_detected="always"),
    # What is about the store itself, the suites of the drivers have.
    areas=["content", "uploads", "sizes", "listing", "stat", "moving", "copying", "deleting", "walk", "urls", "errors"],
)


def test_every_call_of_the_contract_goes_to_the_driver_below() -> None:
    # Its coroutines make the calls of the wrapper itself.
    contract = {name for name in vars(StorageDriver) if not name.startswith("_")} - {"aio"}
    assert {name for name in contract if name not in vars(MiddlewareDriver)} == set()


def test_what_the_driver_has_beside_the_contract_is_there(tmp_path: Path) -> None:
    below = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    driver: Any = middleware.create("redirect", below, REDIRECT)
    driver.put_content("/a", b"1")
    assert driver.filesystem.cat_file("/a") == b"1"
    with pytest.raises(AttributeError, match="nothing_such"):
        driver.nothing_such  # noqa: B018


def test_capabilities_are_those_of_the_driver_but_for_urls(tmp_path: Path) -> None:
    below = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    rewritten = middleware.create("rewrite", below, {})
    assert rewritten.capabilities == below.capabilities
    assert rewritten.redirect_url("/a") is None
    redirected = middleware.create("redirect", below, REDIRECT)
    assert redirected.capabilities.signs_urls
    assert redirected.capabilities.unfinished == below.capabilities.unfinished
    assert redirected.name == "filesystem"


def test_a_chain_can_be_pickled_and_used_after_a_fork(tmp_path: Path) -> None:
    below = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    driver = middleware.create("rewrite", middleware.create("redirect", below, REDIRECT), {"host": "h"})
    other = pickle.loads(pickle.dumps(driver))
    other.put_content("/a", b"1")
    assert driver.get_content("/a") == b"1"
    assert other.redirect_url("/a") == driver.redirect_url("/a") == "https://h/v1/a"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        pid = os.fork()
    if pid == 0:
        os._exit(0 if driver.get_content("/a") == b"1" and driver.redirect_url("/a") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_closing_closes_the_driver_below() -> None:
    closed = []

    class Below(MiddlewareDriver):
        def close(self) -> None:
            closed.append(True)
            super().close()

    with middleware.create("rewrite", middleware.create("redirect", Below(factory.create("inmemory")), REDIRECT)):
        pass
    assert closed == [True]


def test_arguments_are_checked_though_the_url_is_not_signed() -> None:
    driver = middleware.create("redirect", factory.create("inmemory"), REDIRECT)
    with pytest.raises(InvalidPathError):
        driver.redirect_url("/a/../b")
    with pytest.raises(UnsupportedMethodError, match="PUT"):
        driver.redirect_url("/a", "PUT")
    for expires in (timedelta(0), timedelta(seconds=-1), timedelta.max):
        with pytest.raises(ParameterError, match="expires"):
            driver.redirect_url("/a", expires=expires)


def test_a_driver_that_fails_to_be_wrapped_is_closed() -> None:
    closed = []

    class Below(MiddlewareDriver):
        def close(self) -> None:
            closed.append(True)

    factory.register("closing", lambda _: Below(factory.create("inmemory")))
    try:
        found = configuration.load("storage: closing\nmiddleware: {storage: [{name: redirect}]}", {})
        with pytest.raises(ParameterError, match="redirect: .*baseurl: it is required"):
            found.create_driver()
    finally:
        factory.unregister("closing")
    assert closed == [True]
