"""Signatures with the account's key, and that they take no SDK."""

from __future__ import annotations

import urllib.request
from datetime import datetime, timezone

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.azure.signing import VERSION, SharedKey
from tests.imported import imported
from tests.servers.azurite import AzuriteServer

KEY = "c2VjcmV0IG9mIGEgdGVzdA=="
URL = "https://acct.blob.core.windows.net/container/a%20b/%2E/c"


def test_requests_with_the_accounts_key_import_no_sdk(azurite: AzuriteServer, root: str) -> None:
    packages = ("adlfs", "azure.core", "azure.identity", "aiohttp", "requests")
    assert imported("azure", azurite.parameters(root), packages, signs=True) == []


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", "", {}),
        ("GET", "?restype=container&comp=list&prefix=a%2Fb%20c%2B&marker=", {}),
        ("PUT", "?comp=block&blockid=YWJj%2BMTIz%3D%3D", {"Content-Length": "12"}),
        ("PUT", "", {"Content-Length": "0", "x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}),
        (
            "PUT",
            "",
            {"x-ms-meta-a_b": "1", "x-ms-meta-a1": "2", "x-ms-meta-ab": "3", "x-ms-meta-a": "", "If-Match": '"1"'},
        ),
    ],
)
def test_requests_are_signed_as_the_sdk_signs_them(method: str, query: str, headers: dict[str, str]) -> None:
    headers = {"x-ms-version": VERSION, "x-ms-date": "Thu, 01 Jan 2026 00:00:00 GMT", **headers}
    request = HttpRequest(method, URL + query, headers=headers)
    with BlobServiceClient(URL, {"account_name": "acct", "account_key": KEY}) as client:
        client.credential.on_request(PipelineRequest(request, PipelineContext(None)))
    assert SharedKey("acct", KEY).authorization(method, URL + query, headers) == request.headers["Authorization"]


@pytest.mark.parametrize("secure", [False, True])
def test_urls_are_signed_as_the_sdk_signs_them(secure: bool) -> None:
    end = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    expected = generate_blob_sas(
        account_name="acct",
        account_key=KEY,
        container_name="container",
        blob_name="a b/c",
        permission=BlobSasPermissions(read=True),
        expiry=end,
        protocol="https" if secure else None,
    )
    made = SharedKey("acct", KEY).query("container", "a b/c", end, secure=secure)

    def fields(query: str) -> set[str]:
        return {pair.partition("=")[0] for pair in query.split("&")}

    assert fields(made) == fields(expected)


def test_a_signed_url_gives_the_content(driver: FsspecDriver) -> None:
    driver.put_content("/a", b"content")
    url = driver.redirect_url("/a")
    assert url is not None
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(SharedKey("acct", KEY))
