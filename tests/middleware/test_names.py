"""Middleware by name: registration, and the entry points of other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from storagedriver import StorageDriver, configuration, factory, middleware
from storagedriver.errors import InvalidMiddlewareError, InvalidStorageDriverError
from storagedriver.middleware import MiddlewareDriver

MODULE = """
from storagedriver.middleware import MiddlewareDriver
class Named(MiddlewareDriver):
    def redirect_url(self, path, method="GET", expires=None, client_address=None):
        return self.word + ":" + path
def create(driver, options):
    made = Named(driver)
    made.word = options["word"]
    return made
"""


def make(driver: StorageDriver, options: Mapping[str, Any]) -> StorageDriver:
    del options
    return MiddlewareDriver(driver)


@pytest.fixture
def registered() -> Iterator[str]:
    middleware.register("by-hand", make)
    yield "by-hand"
    middleware.unregister("by-hand")


def test_the_middleware_of_this_package_is_known_by_name() -> None:
    assert {"alicdn", "cloudfront", "redirect", "rewrite"} <= set(middleware.names())
    assert middleware.names() == sorted(middleware.names())


def test_registered_middleware_is_made(registered: str) -> None:
    assert registered in middleware.names()
    assert isinstance(middleware.create(registered, factory.create("inmemory")), MiddlewareDriver)
    with pytest.raises(ValueError, match="storage middleware named 'by-hand' is registered already"):
        middleware.register(registered, make)
    with pytest.raises(ValueError, match="must not be None"):
        middleware.register("nothing", None)


def test_an_unknown_name_is_an_error_that_names_what_is_known() -> None:
    found = configuration.load("storage: inmemory\nmiddleware: {storage: [{name: redirct}]}", {})
    with pytest.raises(InvalidMiddlewareError, match=r"redirct.*did you mean 'redirect'.*rewrite") as caught:
        found.create_driver()
    assert isinstance(caught.value, InvalidStorageDriverError)


def test_an_unknown_one_that_is_disabled_does_not_matter() -> None:
    text = "storage: inmemory\nmiddleware: {storage: [{name: unheard, disabled: true}]}"
    assert configuration.load(text, {}).create_driver().redirect_url("/a") is None


def test_middleware_of_another_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "brings_middleware-1.0.dist-info"
    info.mkdir()
    (tmp_path / "brings_middleware.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings-middleware\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[storagedriver.middleware]\nstrange = brings_middleware:create\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = "storage: inmemory\nmiddleware: {storage: [{name: strange, options: {word: x}}]}"
    assert configuration.load(text, {}).create_driver().redirect_url("/a") == "x:/a"
