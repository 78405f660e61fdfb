"""URLs of a mirror, and URLs that are rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from storagedriver import StorageDriver, factory, middleware
from storagedriver.errors import InvalidPathError, ParameterError, StorageDriverWarning
from storagedriver.middleware import MiddlewareDriver


class Signs(MiddlewareDriver):
    """Gives one URL, and keeps what it was asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(factory.create("inmemory"))
        self.url = url
        self.asked: list[Any] = []

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,
    ) -> str | None:
        self.asked.append((path, method, expires, client_address))
        return self.url


def redirected(base: str, path: str = "/docker/registry/v2/blobs/a-b_c.d/data") -> str | None:
    return middleware.create("redirect", factory.create("inmemory"), {"baseurl": base}).redirect_url(path)


def rewritten(url: str, **options: str) -> str | None:
    return middleware.create("rewrite", Signs(url), options).redirect_url("/a")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://m.example", "https://m.example/a/b"),
        ("https://m.example/", "https://m.example/a/b"),
        ("http://m.example:8080/x/y/", "http://m.example:8080/x/y/a/b"),
        ("https://m.example/x//y/../z", "https://m.example/x/z/a/b"),
        ("https://m.example//x", "https://m.example/x/a/b"),
        ("https://m.example/x%20y+z(1)", "https://m.example/x%20y+z%281%29/a/b"),
        ("https://[::1]:443", "https://[::1]:443/a/b"),
    ],
)
def test_redirect_joins_base_and_path(base: str, url: str) -> None:
    assert redirected(base, "/a/b") == url


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("http://s:9000/b/k?X=1%2F2&Y=", {"scheme": "https"}, "https://s:9000/b/k?X=1%2F2&Y="),
        ("http://s:9000/b/k?X=1", {"host": "cdn.example:8443"}, "http://cdn.example:8443/b/k?X=1"),
        ("http://s/b/k?X=1", {"trimpathprefix": "/b"}, "http://s/k?X=1"),
        ("http://s/b/k?X=1", {"trimpathprefix": "/b/"}, "http://s/k?X=1"),
        ("http://s/b/k", {"trimpathprefix": "/other"}, "http://s/b/k"),
        ("http://s/b%20c/k%2Fl", {"trimpathprefix": "/b c"}, "http://s/k/l"),
        ("http://s/b%2fc/k", {"trimpathprefix": "/x"}, "http://s/b%2fc/k"),
        ("http://s/b", {"trimpathprefix": "/b"}, "http://s"),
        ("http://s/b/k", {"scheme": "https", "host": "h", "trimpathprefix": "/b"}, "https://h/k"),
        ("http://s/b/k", {}, "http://s/b/k"),
    ],
)
def test_rewrite_replaces_parts(url: str, options: Mapping[str, str], expected: str) -> None:
    assert rewritten(url, **options) == expected


def test_rewrite_passes_on_what_is_asked() -> None:
    below = Signs("http://s/a")
    driver = middleware.create("rewrite", middleware.create("rewrite", below, {}), {"host": "h"})
    driver.redirect_url("/a", "HEAD", timedelta(seconds=5), "192.0.2.1")
    driver.redirect_url("/b")
    assert below.asked == [("/a", "HEAD", timedelta(seconds=5), "192.0.2.1"), ("/b", "GET", None, None)]


def test_the_driver_below_uses_its_own_time_where_none_is_asked(s3: StorageDriver) -> None:
    driver = middleware.create("rewrite", s3, {"host": "h"})
    assert "X-Amz-Expires=1200&" in str(driver.redirect_url("/a"))
    assert "X-Amz-Expires=60&" in str(driver.redirect_url("/a", expires=timedelta(minutes=1)))


def test_the_last_one_of_a_chain_is_applied_last(s3: StorageDriver) -> None:
    base = {"baseurl": "https://m.example/x"}
    first = middleware.create("rewrite", middleware.create("redirect", s3, base), {"host": "h", "trimpathprefix": "/x"})
    assert first.redirect_url("/a") == "https://h/a"
    second = middleware.create("redirect", middleware.create("rewrite", s3, {"host": "h"}), base)
    assert second.redirect_url("/a") == "https://m.example/x/a"


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("redirect", {}, "baseurl"),
        ("redirect", {"baseurl": ""}, "baseurl"),
        ("redirect", {"baseurl": ["https://x"]}, "baseurl"),
        ("redirect", {"baseurl": "m.example"}, "baseurl"),
        ("redirect", {"baseurl": "https:///x"}, "baseurl"),
        ("redirect", {"baseurl": "https://"}, "baseurl"),
        ("redirect", {"baseurl": "https:m.example"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example:http"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example:70000"}, "baseurl"),
        ("redirect", {"baseurl": "https://[::1"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example/a b"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example/\n"}, "baseurl"),
        ("redirect", {"baseurl": "https://müller.example"}, "baseurl"),
        ("redirect", {"baseurl": "https://user:hunter2@m.example"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example?key=hunter2"}, "baseurl"),
        ("redirect", {"baseurl": "https://m.example/#"}, "baseurl"),
        ("rewrite", {"scheme": "https://"}, "scheme"),
        ("rewrite", {"scheme": True}, "scheme"),
        ("rewrite", {"host": "https://h"}, "host"),
        ("rewrite", {"host": "h/path"}, "host"),
        ("rewrite", {"host": "h\r\nX: y"}, "host"),
        ("rewrite", {"host": {"a": "b"}}, "host"),
        ("rewrite", {"trimpathprefix": ["/a"]}, "trimpathprefix"),
    ],
)
def test_bad_options_are_refused_by_name(name: str, options: Mapping[str, Any], option: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: invalid parameter: {option}: ") as caught:
        middleware.create(name, factory.create("inmemory"), options)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_a_warning_with_the_nearest_name() -> None:
    with pytest.warns(StorageDriverWarning, match="rewrite: unknown parameter 'hots' is ignored, did you mean 'host'"):
        middleware.create("rewrite", factory.create("inmemory"), {"hots": "x"})


def test_the_path_of_a_url_of_s3_is_trimmed(s3: StorageDriver) -> None:
    driver = middleware.create("rewrite", s3, {"trimpathprefix": "/registry/some"})
    assert urlsplit(str(driver.redirect_url("/a"))).path == "/root/a"


def test_any_name_is_quoted_where_the_driver_takes_any() -> None:
    driver = factory.create("inmemory", {"names": "any"})
    mirror = middleware.create("redirect", driver, {"baseurl": "https://m.example"})
    assert mirror.name_rule == "any"
    assert mirror.redirect_url("/a b/\u00fc=1%2F?#") == "https://m.example/a%20b/%C3%BC=1%252F%3F%23"
    with pytest.raises(InvalidPathError):
        middleware.create("redirect", factory.create("inmemory"), {"baseurl": "https://m.example"}).redirect_url("/a b")
