"""Each parameter of the oss driver: what it does, or why it is refused."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import MissingExtraError, ParameterError, StorageDriverWarning, UnavailableError
from storagedriver.testsuites.faults.actions import Gather
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, pattern, same_bytes, upload
from tests.oss.conftest import MakeOSS
from tests.servers.oss import OSSServer
from tests.servers.plugin import StartProxy

_MIB = 1 << 20
_LEAST: dict[str, Any] = {
    "accesskeyid": "an-id",
    "accesskeysecret": "a-secret-of-a-test",
    "region": "oss-cn-hangzhou",
    "bucket": "my-bucket",
}


def _url(**parameters: Any) -> str:
    """Where the driver sends its requests, without the signature."""
    with factory.create("oss", {**_LEAST, **parameters}) as driver:
        url = driver.redirect_url("/dir/file")
    assert url is not None
    return url.partition("?")[0]


@pytest.mark.parametrize("name", _LEAST)
def test_required(name: str) -> None:
    with pytest.raises(ParameterError, match=rf"oss: .*{name}.*required"):
        factory.create("oss", {**_LEAST, name: ""})


@pytest.mark.parametrize(
    ("parameters", "url"),
    [
        ({}, "https://my-bucket.oss-cn-hangzhou.aliyuncs.com/dir/file"),
        ({"rootdirectory": "/a/b/"}, "https://my-bucket.oss-cn-hangzhou.aliyuncs.com/a/b/dir/file"),
        ({"rootdirectory": "/"}, "https://my-bucket.oss-cn-hangzhou.aliyuncs.com/dir/file"),
        ({"secure": "false"}, "http://my-bucket.oss-cn-hangzhou.aliyuncs.com/dir/file"),
        ({"internal": True}, "https://my-bucket.oss-cn-hangzhou-internal.aliyuncs.com/dir/file"),
        (
            {"endpoint": "my-bucket.oss-cn-beijing.aliyuncs.com"},
            "https://my-bucket.oss-cn-beijing.aliyuncs.com/dir/file",
        ),
        ({"endpoint": "oss-cn-beijing.aliyuncs.com"}, "https://my-bucket.oss-cn-beijing.aliyuncs.com/dir/file"),
        ({"endpoint": "files.example.com"}, "https://files.example.com/dir/file"),
        ({"endpoint": "files.example.com:8080", "secure": False}, "http://files.example.com:8080/dir/file"),
        ({"endpoint": "http://files.example.com/"}, "http://files.example.com/dir/file"),
        ({"endpoint": "oss.example.com", "addressing": "virtual"}, "https://my-bucket.oss.example.com/dir/file"),
        ({"endpoint": "oss.example.com", "addressing": "Path"}, "https://oss.example.com/my-bucket/dir/file"),
        ({"endpoint": "http://192.0.2.1:80"}, "http://192.0.2.1:80/my-bucket/dir/file"),
        ({"endpoint": "localhost:80"}, "https://localhost:80/my-bucket/dir/file"),
        ({"endpoint": "192.0.2.1", "addressing": "cname"}, "https://192.0.2.1/dir/file"),
        ({"endpoint": "files.example.com", "region": "anything at all"}, "https://files.example.com/dir/file"),
        ({"endpoint": "files.example.com", "internal": True}, "https://files.example.com/dir/file"),
    ],
)
def test_where_the_bucket_is(parameters: dict[str, Any], url: str) -> None:
    assert _url(**parameters) == url


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bucket": "My-Bucket"}, "bucket.*lower-case"),
        ({"bucket": "ab"}, "bucket.*3 to 63"),
        ({"bucket": "my-bucket/dir"}, "bucket.*rootdirectory"),
        ({"bucket": "oss://my-bucket"}, "bucket.*without a scheme"),
        ({"region": "cn-hangzhou"}, "region.*did you mean 'oss-cn-hangzhou'"),
        ({"region": "oss-cn-hangzhou.aliyuncs.com"}, "region.*'oss-cn-hangzhou'"),
        ({"endpoint": "ftp://files.example.com"}, "endpoint.*http"),
        ({"endpoint": "files.example.com/dir"}, "endpoint.*host"),
        ({"endpoint": "https://me:password@files.example.com"}, "endpoint.*a URL with a user or a password"),
        ({"addressing": "host"}, "addressing.*'host'.*auto, path, virtual, cname"),
        ({"addressing": "path"}, "addressing.*endpoint of your own"),
        ({"addressing": "virtual", "endpoint": "192.0.2.1"}, "addressing.*address"),
        ({"addressing": "virtual", "endpoint": "my-bucket.example.com"}, "addressing.*already"),
        ({"chunksize": 5 * _MIB - 1}, "chunksize.*5242880"),
        ({"chunksize": "10M"}, "chunksize.*'10M'"),
        ({"encrypt": "yes"}, "encrypt.*true or false"),
        ({"internal": 2}, "internal.*true or false"),
        ({"secure": "no"}, "secure.*true or false"),
        ({"payloadsigning": "sometimes"}, "payloadsigning.*auto, always, never"),
        ({"timeout": 0}, "timeout.*above 0"),
        ({"uploadconcurrency": 0}, "uploadconcurrency.*at least 1"),
        ({"readconcurrency": 0}, "readconcurrency.*at least 1"),
    ],
)
def test_what_cannot_be(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=rf"^oss: .*{message}") as caught:
        factory.create("oss", {**_LEAST, **parameters})
    assert "password@" not in str(caught.value)


def test_unknown_parameter() -> None:
    with pytest.warns(StorageDriverWarning, match="'acceskeyid' is ignored, did you mean 'accesskeyid'"):
        factory.create("oss", {**_LEAST, "acceskeyid": "x"})


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("ossfs", "storagedriver.drivers.oss."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ossfs", None)
    with pytest.raises(MissingExtraError, match=r"storagedriver\[oss\]"):
        factory.create("oss", _LEAST)


def test_nothing_shows_the_secret() -> None:
    with factory.create("oss", _LEAST) as driver:
        assert isinstance(driver, FsspecDriver)
        shown = (
            repr(driver)
            + repr(driver._store)
            + repr(vars(driver._store)["_parameters"])
            + str(driver.redirect_url("/file"))
        )
    assert "a-secret-of-a-test" not in shown


@pytest.mark.parametrize("payloadsigning", ["auto", "always", "never"])
def test_payloadsigning(make_oss: MakeOSS, oss: OSSServer, fault_proxy: StartProxy, payloadsigning: str) -> None:
    proxy = fault_proxy(oss.endpoint)
    driver = make_oss("payload", endpoint=proxy.endpoint, payloadsigning=payloadsigning)
    driver.put_content("/file", b"content")
    upload(driver, "/upload", b"content")
    bodies = proxy.matching("PUT")
    assert len(bodies) == 2
    for request in bodies:
        assert ("content-md5" in request.headers) is (payloadsigning != "never")


def test_chunksize(proxied: tuple[FsspecDriver, FaultProxy], make_oss: MakeOSS, root: str) -> None:
    proxy = proxied[1]
    driver = make_oss(root, endpoint=proxy.endpoint, chunksize=6 * _MIB)
    content = pattern(13 * _MIB)
    upload(driver, "/upload", content)
    assert [request.sent for request in sorted(proxy.matching("PUT"), key=lambda request: request.query)] == [
        6 * _MIB,
        6 * _MIB,
        _MIB,
    ]
    same_bytes(driver.get_content("/upload"), content)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_uploadconcurrency(
    proxied: tuple[FsspecDriver, FaultProxy], make_oss: MakeOSS, root: str, concurrency: int
) -> None:
    proxy = proxied[1]
    proxy.add(Gather(concurrency), query="partNumber", times=None)
    driver = make_oss(root, endpoint=proxy.endpoint, chunksize=5 * _MIB, uploadconcurrency=concurrency)
    content = pattern(21 * _MIB)
    with driver.writer("/upload") as writer:
        # The path is looked at by two requests.
        proxy.peak = 0
        writer.write(content)
        writer.commit()
    assert proxy.peak == concurrency
    same_bytes(driver.get_content("/upload"), content)


def test_readconcurrency(proxied: tuple[FsspecDriver, FaultProxy], make_oss: MakeOSS, root: str) -> None:
    proxy = proxied[1]
    content = pattern(40 * _MIB)
    make_oss(root).put_content("/file", content)
    driver = make_oss(root, endpoint=proxy.endpoint, readconcurrency=3)
    proxy.add(Gather(3), method="GET", skip=1, times=None)
    with driver.reader("/file", 3) as reader:
        assert reader.size == len(content)
        same_bytes(drain(reader, _MIB), content[3:])
    assert proxy.peak == 3
    ranges = proxy.matching("GET")
    assert len(ranges) == 5
    assert all("if-match" in request.headers for request in ranges[1:])
    for offset, length in ((0, 5), (8 * _MIB - 1, 2), (len(content) - 1, 9), (len(content), 9), (0, 0)):
        with driver.reader("/file", offset, length) as reader:
            same_bytes(drain(reader), content[offset : offset + length])
    with driver.reader("/file") as reader:
        assert reader.read(3) == content[:3]


def test_timeout(black_hole: str) -> None:
    with factory.create("oss", {**_LEAST, "endpoint": black_hole, "timeout": 1}) as driver:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            driver.get_content("/file")
        assert 0.9 < time.monotonic() - began < 5


def test_virtual_hosts(make_oss: MakeOSS, oss: OSSServer, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody resolves such a name here, so the server is taken for the proxy to it.
    monkeypatch.setenv("http_proxy", oss.endpoint)
    endpoint = "http://oss-test-1.example.com"
    virtual = make_oss(root, endpoint=endpoint, addressing="virtual")
    virtual.put_content("/dir/file", b"content")
    upload(virtual, "/dir/upload", b"content", end="close")
    upload(virtual, "/dir/upload", append=True)
    virtual.copy("/dir/file", "/dir/copy")
    assert virtual.filesystem.cat("dir/file") == b"content"
    monkeypatch.delenv("http_proxy")
    plain = make_oss(root)
    assert plain.list("/dir") == ["/dir/copy", "/dir/file", "/dir/upload"]
    assert plain.get_content("/dir/upload") == plain.get_content("/dir/copy") == b"content"


@pytest.mark.parametrize("style", ["path", "cname"])
def test_filesystem_below(make_oss: MakeOSS, oss: OSSServer, root: str, style: str) -> None:
    endpoint = oss.endpoint if style == "path" else oss.own_endpoint
    driver = make_oss(root, endpoint=endpoint, addressing=style)
    driver.put_content("/dir/file", b"content")
    filesystem = driver.filesystem
    assert filesystem.cat("dir/file") == b"content"
    filesystem.pipe("dir/other", b"other")
    assert driver.get_content("/dir/other") == b"other"
    assert sorted(filesystem.ls("dir", detail=False)) == ["dir/file", "dir/other"]


@pytest.mark.parametrize(
    ("parameters", "version"),
    [
        ({}, "v4"),
        ({"internal": True}, "v4"),
        ({"endpoint": "oss-cn-hangzhou.aliyuncs.com"}, "v4"),
        ({"endpoint": "files.example.com"}, "v1"),
        ({"endpoint": "files.example.com", "signatureversion": "V4"}, "v4"),
        ({"region": "oss-accelerate"}, "v1"),
        ({"signatureversion": "v1"}, "v1"),
    ],
)
def test_signatureversion(parameters: dict[str, Any], version: str) -> None:
    with factory.create("oss", {**_LEAST, **parameters}) as driver:
        url = driver.redirect_url("/file")
    assert url is not None
    if version == "v4":
        assert "x-oss-signature-version=OSS4-HMAC-SHA256" in url
        assert "%2Fcn-hangzhou%2Foss%2F" in url
    else:
        assert "OSSAccessKeyId=an-id" in url


def test_signatures_of_version_4_need_a_region() -> None:
    with pytest.raises(ParameterError, match="region: 'oss-accelerate' is no region"):
        factory.create("oss", {**_LEAST, "region": "oss-accelerate", "signatureversion": "v4"})
    with pytest.raises(ParameterError, match="signatureversion.*'v2'.*auto, v1, v4"):
        factory.create("oss", {**_LEAST, "signatureversion": "v2"})
