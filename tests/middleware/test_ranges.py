"""Clients in Amazon's network are sent to S3 itself, by the addresses that Amazon publishes."""

from __future__ import annotations

import json
import os
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storagedriver import StorageDriver, middleware
from storagedriver.errors import StorageDriverWarning
from tests.middleware.ranges_server import DOCUMENT, RangesServer, ranges_server

IN_OREGON, IN_VIRGINIA, ELSEWHERE = "52.93.178.234", "3.5.1.2", "192.0.2.1"

Make = Callable[..., StorageDriver]


@pytest.fixture
def server() -> Iterator[RangesServer]:
    with ranges_server() as server:
        yield server


@pytest.fixture
def make(s3: StorageDriver, key_file: Path, server: RangesServer) -> Make:
    def make(**others: Any) -> StorageDriver:
        options = {"baseurl": "d1.cloudfront.example", "privatekey": str(key_file), "keypairid": "K2"}
        return middleware.create("cloudfront", s3, {**options, "iprangesurl": server.url, **others})

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds by which the clock is ahead."""
    ahead = [0.0]
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + ahead[0])
    return ahead


def direct(driver: StorageDriver, address: str | None) -> bool:
    """Whether a client is sent to S3."""
    url = str(driver.redirect_url("/a", client_address=address))
    assert url.startswith(("http://s3.example:9000/", "https://d1.cloudfront.example/"))
    return url.startswith("http://s3.example:9000/")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (IN_OREGON, True),
        (IN_VIRGINIA, True),
        ("52.93.178.235", False),
        (ELSEWHERE, False),
        ("2a05:d07a:a0ff::1", True),
        ("2a05:d07b:a0ff::1", False),
        ("::ffff:3.5.1.2", True),
        ("3.5.1.2:40000", True),
        ("[2a05:d07a:a000::1]:40000", True),
        ("[2a05:d07a:a000::1]", True),
        ("fe80::1%eth0", False),
        ("client.example", False),
        ("", False),
        (None, False),
    ],
)
def test_a_client_is_found_by_its_address(make: Make, address: str | None, expected: bool) -> None:
    assert direct(make(ipfilteredby="aws"), address) is expected


def test_regions_are_compared_in_any_case(make: Make) -> None:
    driver = make(ipfilteredby=" AWSRegion ", awsregion="EU-West-1, us-east-1")
    assert direct(driver, IN_VIRGINIA)
    assert direct(driver, "2a05:d07a:a000::1")
    assert not direct(driver, IN_OREGON)


@pytest.mark.parametrize("others", [{}, {"ipfilteredby": "none"}, {"ipfilteredby": "None"}, {"ipfilteredby": ""}])
def test_nothing_is_asked_where_nothing_is_filtered(make: Make, server: RangesServer, others: dict[str, str]) -> None:
    assert not direct(make(awsregion="us-east-1", **others), IN_VIRGINIA)
    assert server.asked == 0


def test_the_addresses_are_read_at_the_first_url_and_when_they_are_old(
    make: Make, server: RangesServer, clock: list[float]
) -> None:
    driver = make(ipfilteredby="aws", updatefrequency="1h")
    assert server.asked == 0
    assert not direct(driver, None)
    assert server.asked == 0
    assert direct(driver, IN_OREGON)
    assert not direct(driver, ELSEWHERE)
    assert server.asked == 1
    server.body = json.dumps({**DOCUMENT, "prefixes": [{"ip_prefix": f"{ELSEWHERE}/32", "region": "x"}]}).encode()
    clock[0] += 3590
    assert direct(driver, IN_OREGON)
    clock[0] += 20
    assert not direct(driver, IN_OREGON)
    assert direct(driver, ELSEWHERE)
    assert server.asked == 2


def test_the_misspelt_frequency_is_the_frequency(make: Make, server: RangesServer, clock: list[float]) -> None:
    driver = make(ipfilteredby="aws", updatefrenquency="10m", updatefrequency="9h")
    assert direct(driver, IN_OREGON)
    clock[0] += 610
    assert direct(driver, IN_OREGON)
    assert server.asked == 2


BAD = [
    pytest.param(403, b"no", id="refused"),
    pytest.param(200, b"<html>Sign in</html>", id="a page"),
    pytest.param(200, b"[]", id="another document"),
    pytest.param(200, b"{}", id="nothing in it"),
    pytest.param(200, b'{"prefixes": [], "ipv6_prefixes": {"a": 1}}', id="half of it"),
    pytest.param(200, b'{"prefixes": ["3.5.0.0/16"], "ipv6_prefixes": []}', id="another form"),
    pytest.param(200, b"\xff\xfe", id="no text"),
    pytest.param(200, b"[" * 200_000, id="a deep document"),
]


@pytest.mark.parametrize(("status", "body"), BAD)
def test_without_the_addresses_clients_are_sent_to_cloudfront(
    make: Make, server: RangesServer, clock: list[float], status: int, body: bytes
) -> None:
    good = server.body
    server.status, server.body = status, body
    driver = make(ipfilteredby="aws")
    with pytest.warns(StorageDriverWarning, match="iprangesurl.* cannot be read, clients are sent to CloudFront"):
        assert not direct(driver, IN_OREGON)
    assert not direct(driver, IN_OREGON)
    assert server.asked == 1
    server.status, server.body = 200, good
    clock[0] += 61
    assert direct(driver, IN_OREGON)


@pytest.mark.parametrize(("status", "body"), BAD)
def test_addresses_are_kept_where_they_cannot_be_read_again(
    make: Make, server: RangesServer, clock: list[float], status: int, body: bytes
) -> None:
    driver = make(ipfilteredby="aws")
    assert direct(driver, IN_OREGON)
    server.status, server.body = status, body
    clock[0] += 13 * 3600
    with pytest.warns(StorageDriverWarning, match="those known before are used"):
        assert direct(driver, IN_OREGON)
    assert direct(driver, IN_OREGON)
    assert server.asked == 2


def test_a_server_that_is_not_there_is_a_warning(make: Make) -> None:
    driver = make(ipfilteredby="aws", iprangesurl="http://127.0.0.1:9/ranges.json?token=hunter2")
    with pytest.warns(StorageDriverWarning, match="127.0.0.1:9") as caught:
        assert not direct(driver, IN_OREGON)
    assert "hunter2" not in str(caught[0].message)


def test_redirects_are_followed(make: Make, server: RangesServer) -> None:
    assert direct(make(ipfilteredby="aws", iprangesurl=server.url.replace("ranges.json", "moved")), IN_OREGON)
    server.status, server.headers = 301, {"Location": "file:///etc/passwd"}
    with pytest.warns(StorageDriverWarning, match="no http or https"):
        assert not direct(make(ipfilteredby="aws"), IN_OREGON)
    server.headers = {"Location": "/"}
    with pytest.warns(StorageDriverWarning, match="more than 5 times"):
        assert not direct(make(ipfilteredby="aws"), IN_OREGON)


def test_a_region_that_has_no_addresses_is_a_warning(make: Make) -> None:
    driver = make(ipfilteredby="awsregion", awsregion="us-esat-1")
    with pytest.warns(StorageDriverWarning, match=r"none of us-esat-1 \(option awsregion\)"):
        assert not direct(driver, IN_VIRGINIA)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not direct(driver, IN_VIRGINIA)


def test_many_threads_read_the_addresses_once(make: Make, server: RangesServer) -> None:
    driver = make(ipfilteredby="aws")
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(direct(driver, IN_OREGON))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    assert server.asked == 1


def test_it_goes_on_after_a_fork_that_came_while_the_addresses_were_read(make: Make, clock: list[float]) -> None:
    driver: Any = make(ipfilteredby="aws")
    assert direct(driver, IN_OREGON)
    clock[0] += 13 * 3600
    with driver._ranges._lock.get(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        pid = os.fork()
    if pid == 0:
        due = driver._ranges._due
        ok = direct(driver, IN_OREGON) and driver._ranges._due > due
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_it_is_pickled_without_what_it_has_read(make: Make, server: RangesServer) -> None:
    driver = make(ipfilteredby="awsregion", awsregion="us-east-1")
    assert direct(driver, IN_VIRGINIA)
    again = pickle.loads(pickle.dumps(driver))
    assert direct(again, IN_VIRGINIA)
    assert not direct(again, IN_OREGON)
    assert server.asked == 2
    again.close()
