"""How many requests each call makes, on a driver that has been used before.

On s3 and oss a writer that is made looks at its path with one request more than
for the older uploads alone: without it a small stream could not be published
under a condition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.testsuites.helpers import MIB, drain, pattern, upload
from tests.servers.plugin import StartProxy

SMALL = pattern(1000)
LARGE = pattern(25 * MIB)


def read(driver: StorageDriver, path: str, offset: int = 0) -> None:
    with driver.reader(path, offset) as reader:
        drain(reader)


Call = Callable[[StorageDriver], object]
#: What is there before a call, and the call.
CALLS: dict[str, tuple[Call, Call]] = {
    "put": (lambda _: None, lambda driver: driver.put_content("/a", SMALL)),
    "put over a file": (
        lambda driver: driver.put_content("/a", b"old"),
        lambda driver: driver.put_content("/a", SMALL),
    ),
    "get": (lambda driver: driver.put_content("/a", SMALL), lambda driver: driver.get_content("/a")),
    "stat of a file": (lambda driver: driver.put_content("/a", SMALL), lambda driver: driver.stat("/a")),
    "stat of a directory": (lambda driver: driver.put_content("/d/a", SMALL), lambda driver: driver.stat("/d")),
    "exists, of nothing": (lambda _: None, lambda driver: driver.exists("/a")),
    "read": (lambda driver: driver.put_content("/a", SMALL), lambda driver: read(driver, "/a")),
    "read from an offset": (lambda driver: driver.put_content("/a", SMALL), lambda driver: read(driver, "/a", 10)),
    "read past the end": (lambda driver: driver.put_content("/a", SMALL), lambda driver: read(driver, "/a", 1000)),
    "list": (lambda driver: driver.put_content("/d/a", SMALL), lambda driver: driver.list("/d")),
    "walk": (lambda driver: driver.put_content("/d/e/a", SMALL), lambda driver: list(driver.files("/d"))),
    "copy": (lambda driver: driver.put_content("/a", SMALL), lambda driver: driver.copy("/a", "/b")),
    "move": (lambda driver: driver.put_content("/a", SMALL), lambda driver: driver.move("/a", "/b")),
    "delete": (lambda driver: driver.put_content("/a", SMALL), lambda driver: driver.delete("/a")),
    "delete of a tree": (lambda driver: driver.put_content("/d/e/a", SMALL), lambda driver: driver.delete("/d")),
    "small stream": (lambda _: None, lambda driver: upload(driver, "/a", SMALL)),
    "large stream": (lambda _: None, lambda driver: upload(driver, "/a", LARGE)),
    "small stream, closed": (lambda _: None, lambda driver: upload(driver, "/a", SMALL, end="close")),
    "small stream, resumed": (
        lambda driver: upload(driver, "/a", SMALL, end="close"),
        lambda driver: upload(driver, "/a", append=True),
    ),
    "small stream, cancelled": (lambda _: None, lambda driver: upload(driver, "/a", SMALL, end="cancel")),
    "upload_size": (lambda driver: upload(driver, "/a", SMALL, end="close"), lambda driver: driver.upload_size("/a")),
}
#: The fixture of a server, the parameter that names it, and others.
SERVERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "s3": ("seaweedfs", "regionendpoint", {}),
    "azure": ("azurite", "serviceurl", {}),
    "gcs": ("fake_gcs", "endpoint", {}),
    "oss": ("oss", "endpoint", {}),
}

#: How many requests each makes on the servers, in their order.
MOST: dict[str, tuple[int, int, int, int]] = {
    "put": (1, 1, 1, 1),
    "put over a file": (1, 1, 1, 1),
    "get": (1, 1, 1, 1),
    "stat of a file": (1, 1, 1, 1),
    "stat of a directory": (2, 2, 2, 2),
    "exists, of nothing": (2, 2, 2, 2),
    "read": (1, 1, 1, 1),
    "read from an offset": (1, 1, 1, 1),
    "read past the end": (2, 1, 2, 2),
    "list": (1, 1, 1, 1),
    "walk": (1, 1, 1, 1),
    "copy": (2, 1, 2, 2),
    "move": (3, 2, 3, 3),
    "delete": (4, 5, 3, 4),
    "delete of a tree": (5, 7, 3, 5),
    "small stream": (3, 2, 3, 3),
    "large stream": (7, 8, 6, 7),
    "small stream, closed": (4, 4, 5, 4),
    "small stream, resumed": (4, 3, 5, 4),
    "small stream, cancelled": (2, 3, 2, 2),
    "upload_size": (3, 2, 1, 3),
}


@pytest.mark.parametrize("name", SERVERS)
def test_no_call_makes_more_requests_than_it_needs(
    name: str, request: pytest.FixtureRequest, fault_proxy: StartProxy, rootdirectory: str
) -> None:
    fixture, parameter, more = SERVERS[name]
    server = request.getfixturevalue(fixture)
    proxy = fault_proxy(server.endpoint)
    suffix = f"/{server.account}" if name == "azure" else ""
    counts = {}
    for what, (prepare, call) in CALLS.items():
        parameters = server.parameters(f"{rootdirectory}/{what.replace(' ', '-').replace(',', '')}", **more)
        with factory.create(name, {**parameters, parameter: proxy.endpoint + suffix}) as driver:
            prepare(driver)
            driver.list("/")
            seen = len(proxy.requests)
            call(driver)
            counts[what] = len(proxy.requests) - seen
    assert counts == {what: most[list(SERVERS).index(name)] for what, most in MOST.items()}
