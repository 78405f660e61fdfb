"""URLs of Alibaba Cloud CDN: the examples of its documentation, and the time that they work."""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from storagedriver import StorageDriver, factory, middleware
from storagedriver.errors import ParameterError, StorageDriverWarning
from storagedriver.middleware.alicdn import sign_a, sign_b, sign_c

#: The key of the documentation's examples.
KEY = "aliyuncdnexp1234"
OPTIONS = {"baseurl": "https://cdn.example.com", "authtype": "c", "privatekey": KEY}


def test_type_a_is_that_of_the_documentation() -> None:
    # https://www.alibabacloud.com/help/en/cdn/user-guide/type-a-signing, today's example and the older one
    base = "http://cdn.example.com/video/standard"
    expected = f"{base}/test.mp4?auth_key=1444435200-0-0-23bf85053008f5c0e791667a313e28ce"
    assert sign_a(f"{base}/test.mp4", KEY, 1444435200, "0") == expected
    expected = f"{base}/1K.html?auth_key=1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f"
    assert sign_a(f"{base}/1K.html", KEY, 1444435200, "0") == expected


def test_type_b_is_that_of_the_documentation() -> None:
    # https://www.alibabacloud.com/help/en/cdn/user-guide/type-b-signing; 8 o'clock in China
    moment = int(datetime(2015, 8, 15, 0, 0, 59, tzinfo=timezone.utc).timestamp())
    path = "/4/44/44c0909bcfc20a01afaf256ca99a8b8b.mp3"
    expected = f"http://cdn.example.com/201508150800/9044548ef1527deadafa49a890a377f0{path}"
    assert sign_b(f"http://cdn.example.com{path}", KEY, moment) == expected


def test_type_c_is_that_of_the_documentation() -> None:
    # https://www.alibabacloud.com/help/en/cdn/user-guide/type-c-signing, format 1
    expected = "http://cdn.example.com/a37fa50a5fb8f71214b1e7c95ec7a1bd/55CE8100/test.flv"
    assert sign_c("http://cdn.example.com/test.flv", KEY, 0x55CE8100) == expected


@pytest.mark.parametrize("base", ["cdn.example.com", "https://cdn.example.com/"])
def test_the_url_is_signed_for_the_path(oss: StorageDriver, base: str) -> None:
    driver = middleware.create("alicdn", oss, {**OPTIONS, "baseurl": base})
    url = str(driver.redirect_url("/docker/data"))
    moment = int(url.split("/")[4], 16)
    assert url == sign_c("https://cdn.example.com/docker/data", KEY, moment)


def test_type_a_has_another_random_part_each_time(oss: StorageDriver) -> None:
    driver = middleware.create("alicdn", oss, {**OPTIONS, "authtype": "A"})
    urls = {driver.redirect_url("/a"), driver.redirect_url("/a")}
    assert len(urls) == 2
    for url in urls:
        _, rand, uid, _ = str(url).partition("auth_key=")[2].split("-")
        assert re.fullmatch("[0-9a-f]{32}", rand)
        assert uid == "0"


def test_the_path_that_is_signed_is_the_one_of_the_url(oss: StorageDriver) -> None:
    driver = middleware.create("alicdn", oss, {**OPTIONS, "baseurl": "https://cdn.example.com/base%20path/"})
    url = str(driver.redirect_url("/a"))
    moment = int(url.split("/")[4], 16)
    assert url == sign_c("https://cdn.example.com/base%20path/a", KEY, moment)


def test_the_time_is_the_duration_or_what_is_asked(oss: StorageDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)

    def moment(driver: StorageDriver, **asked: Any) -> int:
        return int(str(driver.redirect_url("/a", **asked)).split("/")[4], 16) - 1_700_000_000

    assert moment(middleware.create("alicdn", oss, OPTIONS)) == 1200
    driver = middleware.create("alicdn", oss, {**OPTIONS, "duration": "1h30m"})
    assert moment(driver) == 5400
    assert moment(driver, expires=timedelta(seconds=90)) == 90
    assert moment(driver, expires=timedelta(microseconds=1)) == 1
    chain = middleware.create("rewrite", driver, {"scheme": "http"})
    assert moment(chain) == 5400


def test_other_drivers_keep_their_urls(s3: StorageDriver) -> None:
    with pytest.warns(StorageDriverWarning, match="alicdn changes nothing: it cannot serve the driver s3"):
        driver = middleware.create("alicdn", s3, OPTIONS)
    assert str(driver.redirect_url("/a")).startswith("http://s3.example:9000/registry/some/root/a?")
    memory = factory.create("inmemory")
    with pytest.warns(StorageDriverWarning, match="inmemory"):
        driver = middleware.create("alicdn", memory, OPTIONS)
    assert driver.redirect_url("/a") is None
    assert driver.capabilities == memory.capabilities


def test_it_replaces_the_urls_of_other_middleware_as_in_the_registry(oss: StorageDriver) -> None:
    below = middleware.create("redirect", oss, {"baseurl": "https://m.example"})
    driver = middleware.create("alicdn", below, OPTIONS)
    assert str(driver.redirect_url("/a")).startswith("https://cdn.example.com/")


def test_the_key_is_not_shown(oss: StorageDriver) -> None:
    driver = middleware.create("alicdn", oss, OPTIONS)
    assert KEY not in repr(driver)
    assert KEY not in repr(vars(driver))
    again = pickle.loads(pickle.dumps(driver))
    assert "/docker/data" in str(again.redirect_url("/docker/data"))


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ({"baseurl": None}, "baseurl"),
        ({"baseurl": "ftp://cdn.example.com"}, "baseurl"),
        ({"authtype": None}, "authtype"),
        ({"authtype": "d"}, "authtype"),
        ({"privatekey": ""}, "privatekey"),
        ({"privatekey": {KEY: KEY}}, "privatekey"),
        ({"duration": "20"}, "duration"),
        ({"duration": 1200}, "duration"),
        ({"duration": "-20m"}, "duration"),
        ({"duration": "0s"}, "duration"),
        ({"duration": "20 minutes"}, "duration"),
        ({"duration": "99999999999999h"}, "duration"),
        ({"duration": True}, "duration"),
    ],
)
def test_bad_options_are_refused_by_name(oss: StorageDriver, changed: Mapping[str, Any], option: str) -> None:
    with pytest.raises(ParameterError, match=f"alicdn: invalid parameter: {option}: ") as caught:
        middleware.create("alicdn", oss, {**OPTIONS, **changed})
    assert KEY not in str(caught.value)
