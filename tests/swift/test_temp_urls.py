"""Signed URLs: whose key, which digest, and where there is none."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest

from storagedriver import UnsupportedMethodError
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.swiftfs.container import Container
from storagedriver.testsuites.helpers import MIB, pattern, upload
from tests.swift.conftest import TEMP_URL_KEY, MakeSwift


def fetch(url: str | None, method: str = "GET") -> bytes:
    assert url is not None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, method=method), timeout=30) as answer:
        return bytes(answer.read())


def keys(container: Container) -> dict[str, str]:
    headers = container.client.request("HEAD", container.name).headers
    return {name.lower(): value for name, value in headers.items() if "temp-url-key" in name.lower()}


def set_key(container: Container, key: str) -> None:
    container.client.request("POST", container.name, headers={"X-Container-Meta-Temp-URL-Key": key})


def test_key_of_the_user_is_written_when_first_needed(make_swift: MakeSwift, container: Container) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY)
    driver.put_content("/a", b"content")
    assert keys(container) == {}
    assert fetch(driver.redirect_url("/a")) == b"content"
    assert keys(container) == {"x-container-meta-temp-url-key": TEMP_URL_KEY}


def test_key_that_another_program_has_set_goes_on_working(make_swift: MakeSwift, container: Container) -> None:
    set_key(container, "another-key")
    theirs = make_swift()
    theirs.put_content("/a", b"content")
    url = theirs.redirect_url("/a")
    ours = make_swift(secretkey=TEMP_URL_KEY)
    assert fetch(ours.redirect_url("/a")) == b"content"
    assert fetch(url) == b"content"
    assert keys(container)["x-container-meta-temp-url-key-2"] == TEMP_URL_KEY


def test_without_a_key_there_is_no_url(make_swift: MakeSwift, container: Container) -> None:
    driver = make_swift()
    driver.put_content("/a", b"content")
    assert driver.redirect_url("/a") is None
    assert keys(container) == {}, "a key was made up"


def test_key_of_the_container_makes_the_container(make_swift: MakeSwift) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY)
    assert driver.redirect_url("/a") is not None
    assert driver.list("/") == []


def test_large_object(make_swift: MakeSwift) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY, chunksize=MIB)
    upload(driver, "/large", pattern(3 * MIB))
    assert fetch(driver.redirect_url("/large")) == pattern(3 * MIB)


def test_url_is_for_one_path_and_one_time(make_swift: MakeSwift) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY)
    driver.put_content("/a", b"content")
    driver.put_content("/b", b"content")
    url = driver.redirect_url("/a")
    assert url is not None
    for wrong in (url.replace("/a?", "/b?"), url[:-1] + ("0" if url[-1] != "0" else "1")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(wrong)
        with caught.value as answer:
            assert answer.code == 401
    with pytest.raises(UnsupportedMethodError):
        driver.redirect_url("/a", "PUT")


def info(driver: FsspecDriver, **tempurl: Any) -> None:
    """Have the driver believe that the cluster describes itself so."""
    driver.filesystem.fs.client._info = {"swift": {"version": "2.38.3"}, **tempurl}


@pytest.mark.parametrize(
    ("offer", "length"),
    [
        ({"methods": ["GET"]}, 40),
        ({"methods": ["GET"], "allowed_digests": ["sha1", "sha256"]}, 64),
        ({"methods": ["GET"], "allowed_digests": ["sha1"]}, 40),
        ({"methods": ["GET"], "allowed_digests": ["sha512"]}, None),
    ],
    ids=["old", "new", "sha1", "sha512"],
)
def test_digest_is_one_that_the_cluster_takes(make_swift: MakeSwift, offer: Any, length: int | None) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY)
    driver.put_content("/a", b"content")
    info(driver, tempurl=offer)
    url = driver.redirect_url("/a")
    assert fetch(url) == b"content"
    assert fetch(driver.redirect_url("/a", "HEAD"), "HEAD") == b""
    signature = str(url).partition("temp_url_sig=")[2].partition("&")[0]
    assert len(signature) == length or signature.startswith("sha512%3A")


def test_cluster_without_temporary_urls(make_swift: MakeSwift) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY)
    info(driver)
    assert driver.redirect_url("/a") is None
    info(driver, tempurl={"methods": ["PUT"]})
    assert driver.redirect_url("/a") is None
    assert driver.redirect_url("/a", "HEAD") is not None


def test_where_info_is_closed_the_parameters_count(make_swift: MakeSwift, container: Container) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY, tempurlcontainerkey=True, tempurlmethods=["GET"])
    driver.put_content("/a", b"content")
    driver.filesystem.fs.client._info = {}
    assert fetch(driver.redirect_url("/a")) == b"content"
    assert keys(container) == {"x-container-meta-temp-url-key": TEMP_URL_KEY}
    none = make_swift(secretkey=TEMP_URL_KEY, tempurlmethods="PUT")
    none.filesystem.fs.client._info = {}
    assert none.redirect_url("/a") is None


def test_key_of_the_account(make_swift: MakeSwift, container: Container) -> None:
    account = {"X-Account-Meta-Temp-URL-Key": "of-the-account"}
    container.client.request("POST", headers=account)
    try:
        driver = make_swift()
        driver.put_content("/a", b"content")
        assert fetch(driver.redirect_url("/a")) == b"content"
        assert keys(container) == {}
    finally:
        container.client.request("POST", headers=dict.fromkeys(account, ""))


def test_access_key_goes_into_the_signature(make_swift: MakeSwift) -> None:
    driver = make_swift(secretkey=TEMP_URL_KEY, accesskey="access", tenantid=42)
    assert "temp_url_sig=42%3Aaccess%3A" in str(driver.redirect_url("/a"))
