"""Signed URLs, fetched by a client that is not ours."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import ParameterError
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server


def fetch(url: str | None, method: str = "GET", **headers: str) -> tuple[bytes, dict[str, str]]:
    assert url is not None
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def test_url_is_made_offline_and_fetches(
    make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint)
    get, head = driver.redirect_url("/dir/a"), driver.redirect_url("/dir/a", "HEAD")
    assert proxy.requests == []
    driver.put_content("/dir/a", b"0123456789")
    content, headers = fetch(get)
    assert content == b"0123456789"
    assert headers["content-type"] == "application/octet-stream"
    assert fetch(get, Range="bytes=2-4")[0] == b"234"
    assert fetch(head, "HEAD")[1]["content-length"] == "10"


def test_url_is_signed_for_the_redirectendpoint(
    make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    public = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, redirectendpoint=public.endpoint)
    driver.put_content("/a", b"content")
    assert public.requests == []
    url = driver.redirect_url("/a")
    assert str(url).startswith(public.endpoint + "/")
    assert fetch(url)[0] == b"content"
    assert len(public.requests) == 1


def test_url_with_a_changed_signature_is_refused(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    driver = make_s3(seaweedfs, root)
    driver.put_content("/a", b"content")
    url = str(driver.redirect_url("/a"))
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(url.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    caught.value.close()
    assert caught.value.code == 403


@pytest.mark.parametrize("expires", [timedelta(seconds=1), timedelta(minutes=20), timedelta(days=7)])
def test_life_of_a_url(driver: FsspecDriver, expires: timedelta) -> None:
    query = parse_qs(urlsplit(str(driver.redirect_url("/a", expires=expires))).query)
    assert query["X-Amz-Expires"] == [str(int(expires.total_seconds()))]


@pytest.mark.parametrize("expires", [timedelta(0), timedelta(days=7, seconds=1)])
def test_life_that_s3_does_not_sign(driver: FsspecDriver, expires: timedelta) -> None:
    with pytest.raises(ParameterError):
        driver.redirect_url("/a", expires=expires)


def test_url_holds_no_secret(make_s3: MakeS3, seaweedfs: S3Server, root: str) -> None:
    assert seaweedfs.secret_key not in str(make_s3(seaweedfs, root).redirect_url("/a"))


def test_filesystem_is_rooted_where_the_driver_is(driver: FsspecDriver) -> None:
    driver.put_content("/dir/a", b"content")
    call: Callable[[str], bytes] = driver.filesystem.cat_file
    assert call("dir/a") == b"content"
