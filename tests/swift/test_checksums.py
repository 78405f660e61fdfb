"""The parameter `checksums`: bytes that are damaged on their way are found with ``always``."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.swift.parameters import load
from storagedriver.errors import IntegrityError, ParameterError
from storagedriver.swiftfs.container import Container
from storagedriver.testsuites.faults.actions import DamageRequest, OtherBody
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import MIB, drain, pattern, same_bytes, upload
from tests.servers.plugin import StartProxy
from tests.servers.swift import SwiftServer
from tests.swift.conftest import MakeSwift, names, through_proxy
from tests.swift.test_parameters import GOOD

Proxied = tuple[FsspecDriver, FaultProxy]
CONTENT = pattern(2 * MIB + 100)


def damaged(content: bytes) -> bytes:
    """The content with its last byte changed."""
    return content[:-1] + bytes([content[-1] ^ 1]) if content else content


@pytest.fixture
def always(make_swift: MakeSwift, swift: SwiftServer, fault_proxy: StartProxy) -> Proxied:
    """A driver that checks, and the proxy that its requests go through."""
    return through_proxy(make_swift(prefix="reg", chunksize=MIB, checksums="always"), swift, fault_proxy)


def test_other_words_are_refused() -> None:
    assert load("swift", {**GOOD, "checksums": "Always"}).checksums == "always"
    with pytest.raises(ParameterError, match="checksums"):
        load("swift", {**GOOD, "checksums": "sometimes"})


def test_what_is_not_damaged_is_written_and_read(always: Proxied, container: Container) -> None:
    driver, _ = always
    driver.put_content("/plain", CONTENT)
    driver.put_content("/plain", CONTENT)
    driver.put_content("/empty", b"")
    upload(driver, "/small", b"content")
    upload(driver, "/large", CONTENT)
    upload(driver, "/large", b"more", append=True)
    for number in (1, 2):
        container.put(f"else/{number}", b"%d," % number)
    lines = f'[{{"path": "/{container.name}/else/1"}}, {{"path": "/{container.name}/else/2"}}]'
    container.request("PUT", "reg/files/slo", query={"multipart-manifest": "put"}, body=lines.encode())
    expected = {
        "/plain": CONTENT,
        "/empty": b"",
        "/small": b"content",
        "/large": CONTENT + b"more",
        "/slo": b"1,2,",
    }
    for path, content in expected.items():
        same_bytes(driver.get_content(path), content)
        for offset, length in ((0, None), (1, None), (0, 5), (3, 1)):
            with driver.reader(path, offset, length) as reader:
                same_bytes(drain(reader), content[offset : None if length is None else offset + length])


def test_damaged_read_is_made_again(always: Proxied) -> None:
    driver, proxy = always
    driver.put_content("/plain", CONTENT)
    upload(driver, "/large", CONTENT)
    for path, part in (("/plain", "/files/plain"), ("/large", "/segments/")):
        rule = proxy.add(OtherBody(damaged), method="GET", path=part)
        same_bytes(driver.get_content(path), CONTENT)
        assert rule.hits == 1


def test_read_that_stays_damaged_is_an_error(always: Proxied) -> None:
    driver, proxy = always
    driver.put_content("/plain", CONTENT)
    upload(driver, "/large", CONTENT)
    for path, part in (("/plain", "/files/plain"), ("/large", "/segments/")):
        proxy.add(OtherBody(damaged), method="GET", path=part, times=2)
        with pytest.raises(IntegrityError, match=path):
            driver.get_content(path)
        proxy.reset()


@pytest.mark.parametrize("path", ["/plain", "/large"])
def test_damaged_stream_is_an_error(always: Proxied, path: str) -> None:
    driver, proxy = always
    driver.put_content("/plain", CONTENT)
    upload(driver, "/large", CONTENT)
    proxy.add(OtherBody(damaged), method="GET", path="/files/plain" if path == "/plain" else "/segments/", times=None)
    with driver.reader(path) as reader, pytest.raises(IntegrityError, match=path):
        drain(reader)
    with driver.reader(path, 10, 10) as reader:
        assert len(drain(reader)) == 10


def test_damaged_put_is_made_again(always: Proxied) -> None:
    driver, proxy = always
    rules = [proxy.add(DamageRequest(), method="PUT", path=part) for part in ("/files/plain", "/files/small")]
    driver.put_content("/plain", CONTENT)
    upload(driver, "/small", b"content")
    rules.append(proxy.add(DamageRequest(), method="PUT", path="/segments/"))
    upload(driver, "/large", CONTENT)
    assert [rule.hits for rule in rules] == [1, 1, 1]
    for path, content in (("/plain", CONTENT), ("/small", b"content"), ("/large", CONTENT)):
        same_bytes(driver.get_content(path), content)


@pytest.mark.parametrize("size", [1000, 2 * MIB + 5])
def test_put_that_stays_damaged_is_an_error(always: Proxied, container: Container, size: int) -> None:
    driver, proxy = always
    proxy.add(DamageRequest(), method="PUT", times=None)
    with pytest.raises(IntegrityError, match="/data"):
        driver.put_content("/data", pattern(size))
    writer = driver.writer("/data")
    writer.write(pattern(size))
    with pytest.raises(IntegrityError, match="/data"):
        writer.commit()
    assert list(names(container)) == ["reg/files/first"]
    proxy.reset()
    writer.commit()
    same_bytes(driver.get_content("/data"), pattern(size))


@pytest.mark.parametrize("checksums", ["auto", "never"])
def test_other_values_check_nothing(
    make_swift: MakeSwift, swift: SwiftServer, fault_proxy: StartProxy, checksums: str
) -> None:
    parameters = {} if checksums == "auto" else {"checksums": checksums}
    driver, proxy = through_proxy(make_swift(prefix="reg", **parameters), swift, fault_proxy)
    driver.put_content("/data", CONTENT)
    proxy.add(OtherBody(damaged), method="GET", times=None)
    assert driver.get_content("/data") == damaged(CONTENT)
    with driver.reader("/data") as reader:
        assert drain(reader) == damaged(CONTENT)
    assert all("etag" not in request.headers for request in proxy.requests)


def test_stream_of_a_damaged_segment_raises_again(always: Proxied) -> None:
    driver, proxy = always
    upload(driver, "/large", pattern(3 * MIB))
    proxy.add(OtherBody(damaged), method="GET", path="/segments/")
    with driver.reader("/large") as reader:
        for _ in range(3):
            with pytest.raises(IntegrityError):
                drain(reader, 100_000)
