"""Signed URLs, fetched with the standard library."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import timedelta
from http.client import HTTPResponse
from typing import cast

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError, UnsupportedMethodError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import pattern, put_all, same_bytes, upload

__all__ = ["Urls"]

CONTENT = pattern(50_000, 1)


def _fetch(url: str, method: str) -> HTTPResponse:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, method=method)
    return cast("HTTPResponse", opener.open(request, timeout=30))


class Urls(Cases):
    """Cases of `redirect_url`."""

    def test_url_gives_the_content(self, driver: StorageDriver) -> None:
        upload(driver, "/dir/a.b-c_d/data", CONTENT)
        url = self._url(driver, "/dir/a.b-c_d/data", "GET")
        if url is None:
            return
        with _fetch(url, "GET") as response:
            assert response.status == 200
            same_bytes(response.read(), CONTENT, "what the URL gives")

    def test_url_for_head_gives_the_size(self, driver: StorageDriver) -> None:
        upload(driver, "/data", CONTENT)
        url = self._url(driver, "/data", "HEAD")
        if url is None:
            return
        with _fetch(url, "HEAD") as response:
            assert response.status == 200
            assert response.headers["Content-Length"] == str(len(CONTENT))
            assert response.read() == b""

    def test_get_is_the_default(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"content")
        url = driver.redirect_url("/data")
        assert (url is not None) is self.capabilities.signs_urls
        if url is not None:
            with _fetch(url, "GET") as response:
                assert response.read() == b"content"

    def test_url_follows_the_content(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"old")
        url = self._url(driver, "/data", "GET")
        driver.put_content("/data", b"new")
        if url is not None:
            with _fetch(url, "GET") as response:
                assert response.read() == b"new"

    def test_existence_is_not_looked_up(self, driver: StorageDriver) -> None:
        url = self._url(driver, "/missing", "GET")
        if url is None:
            return
        with pytest.raises(urllib.error.HTTPError) as caught:
            _fetch(url, "GET")
        with caught.value as answer:
            assert answer.code in (403, 404)

    def test_expiry_and_client_can_be_given(self, driver: StorageDriver) -> None:
        driver.put_content("/data", b"content")
        for expires in (timedelta(seconds=30), timedelta(hours=1)):
            url = driver.redirect_url("/data", "GET", expires, "192.0.2.7")
            assert (url is not None) is self.capabilities.signs_urls
            if url is not None:
                with _fetch(url, "GET") as response:
                    assert response.read() == b"content"

    def test_expiry_that_is_not_positive_is_refused(self, driver: StorageDriver) -> None:
        put_all(driver, ["/data"])
        for expires in (timedelta(0), timedelta(seconds=-1), timedelta(days=-400)):
            with self.fails(driver, ParameterError):
                driver.redirect_url("/data", expires=expires)

    def test_other_methods_are_refused(self, driver: StorageDriver) -> None:
        put_all(driver, ["/data"])
        for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS", "", "FETCH"):
            with self.fails(driver, UnsupportedMethodError):
                driver.redirect_url("/data", method)

    def _url(self, driver: StorageDriver, path: str, method: str) -> str | None:
        url = driver.redirect_url(path, method)
        if not self.capabilities.signs_urls:
            assert url is None, "a driver that declares that it cannot sign gave a URL"
            return None
        assert url is not None, "a driver that declares that it signs gave no URL"
        assert url.startswith(("http://", "https://"))
        self.holds_no_secret(url, "a URL")
        return url
