"""Signatures are those that Alibaba's SDK makes, and the SDK is not needed for them."""

from __future__ import annotations

import urllib.request
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import oss2
import pytest

from storagedriver import factory
from storagedriver.drivers.oss.parameters import OSSParameters, load
from storagedriver.drivers.oss.signer import Credentials, Request, Signer, SignerV1, SignerV4
from tests.imported import imported
from tests.oss.conftest import MakeOSS
from tests.servers.oss import OSSServer

_NOW = datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone.utc)
_BUCKET = "my-bucket"
_KEYS = ["", "a", "dir/a b+c", "ä/日本", "a~b-c_d.e", "dir/./../x", "%2F?d&e=f#g", 'quote"<>', "\x01\r\n", "//"]

_QUERIES: list[dict[str, str]] = [
    {},
    {"uploads": ""},
    {"delete": "", "encoding-type": "url"},
    {"uploadId": "0004B9895DBBB6EC98E36", "partNumber": "17"},
    {"uploadId": "A/B+C=", "max-parts": "1000", "part-number-marker": "5"},
    {"list-type": "2", "prefix": "a b/ä+", "delimiter": "/", "max-keys": "1000", "encoding-type": "url"},
    {"list-type": "2", "prefix": "", "continuation-token": "CgJiYw--/+=", "start-after": "dir/~"},
    {"uploads": "", "prefix": "a/", "key-marker": "a/ä", "upload-id-marker": "1", "max-uploads": "1000"},
    {"acl": "", "versionId": "x", "versions": ""},
]
_HEADERS: list[dict[str, str]] = [
    {},
    {"Content-Type": "application/octet-stream", "x-oss-server-side-encryption": "AES256"},
    {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==", "x-oss-object-acl": "private", "If-Match": '"1"'},
    {"Range": "bytes=1-2", "x-oss-range-behavior": "standard"},
    {"X-OSS-Copy-Source": "/my-bucket/a%2Fb%20c", "x-oss-copy-source-range": "bytes=0-9", "Content-Type": "a/b"},
]
_SIGNERS: dict[str, Signer] = {
    "v1": SignerV1(Credentials("an-id", "a-secret")),
    "v4": SignerV4(Credentials("an-id", "a-secret"), "cn-hangzhou"),
}
_SDK = {"v1": oss2.Auth("an-id", "a-secret"), "v4": oss2.AuthV4("an-id", "a-secret")}


class _FixedTime(datetime):
    @classmethod
    def utcnow(cls) -> _FixedTime:
        return cls(_NOW.year, _NOW.month, _NOW.day, _NOW.hour, _NOW.minute, _NOW.second)


@pytest.fixture(autouse=True)
def _fixed_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the SDK takes for the time of a signature."""
    if "version" in request.fixturenames:
        monkeypatch.setattr("oss2.auth.datetime", _FixedTime)
        monkeypatch.setattr("time.time", _NOW.timestamp)


def _ours(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> Request:
    return Request(method, f"https://host/{_BUCKET}/key", f"/{_BUCKET}/{key}", list(query.items()), headers)


def _sdks(method: str, query: dict[str, str], headers: dict[str, str]) -> Any:
    return oss2.http.Request(
        method,
        f"https://host/{_BUCKET}/key",
        params=dict(query),
        headers=dict(headers),
        region="cn-hangzhou",
        product="oss",
    )


@pytest.mark.parametrize("version", _SIGNERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("headers", _HEADERS, ids=range(len(_HEADERS)))
def test_requests_are_signed_as_by_the_sdk(version: str, method: str, headers: dict[str, str]) -> None:
    for key in _KEYS:
        for query in _QUERIES:
            expected = _sdks(method, query, headers)
            _SDK[version]._sign_request(expected, _BUCKET, key)
            signed = _SIGNERS[version].sign(_ours(method, key, query, headers), _NOW.timestamp())
            covered = {name.lower(): value for name, value in expected.headers.items() if value is not None}
            del covered["user-agent"]
            assert {name.lower(): value for name, value in signed.headers.items()} == covered, (key, query)
            asked = urlsplit(signed.url).query
            assert dict(parse_qsl(asked, keep_blank_values=True)) == query
            assert "=&" not in f"{asked}&"


@pytest.mark.parametrize("version", _SIGNERS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("key", [key for key in _KEYS if key])
def test_urls_are_signed_as_by_the_sdk(version: str, method: str, key: str) -> None:
    for query in ({}, {"versionId": "a b"}, {"uploads": "", "prefix": "ä/"}):
        expected = _SDK[version]._sign_url(_sdks(method, query, {}), _BUCKET, key, 3600)
        signed = _SIGNERS[version].presign(_ours(method, key, query, {}), _NOW.timestamp(), 3600)
        assert sorted(urlsplit(signed).query.split("&")) == sorted(urlsplit(expected).query.split("&"))
        assert signed.partition("?")[0] == expected.partition("?")[0]


@pytest.mark.parametrize("version", _SIGNERS)
def test_a_day_has_its_own_key(version: str) -> None:
    signer, request = _SIGNERS[version], _ours("GET", "a", {}, {})
    first, second, again = (signer.sign(request, _NOW.timestamp() + offset) for offset in (0, 1, 0))
    assert first == again
    assert first.headers["Authorization"] != second.headers["Authorization"]


@pytest.mark.parametrize("signatureversion", ["v1", "v4"])
def test_no_sdk_is_loaded(oss: OSSServer, root: str, signatureversion: str) -> None:
    parameters = oss.parameters(root, signatureversion=signatureversion)
    assert imported("oss", parameters, ("oss2", "ossfs", "aiohttp", "requests"), signs=True) == []


@pytest.mark.parametrize("signatureversion", ["v1", "v4"])
def test_white_space_around_the_access_key_does_not_matter(
    make_oss: MakeOSS, oss: OSSServer, root: str, signatureversion: str
) -> None:
    key_id, secret = oss.identities["admin"]
    driver = make_oss(
        root, accesskeyid=f" {key_id}\n", accesskeysecret=f"{secret}\n", signatureversion=signatureversion
    )
    driver.put_content("/file", b"content")
    url = driver.redirect_url("/file")
    assert url is not None
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == b"content"


def test_credentials_do_not_show_the_secret() -> None:
    parameters = {"accesskeyid": "an-id", "accesskeysecret": "a-secret", "region": "oss-cn-hangzhou", "bucket": _BUCKET}
    assert isinstance(load("oss", parameters), OSSParameters)
    with factory.create("oss", parameters) as driver:
        assert "a-secret" not in repr(driver)
    assert "a-secret" not in repr(Credentials("an-id", "a-secret"))
