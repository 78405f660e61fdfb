"""Copies that the store goes on with after its answer: the source stays until they are done."""

from __future__ import annotations

import time

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.azure.conftest import MakeAzure
from tests.servers.azurite import AzuriteServer

COPY = "copy-of-a-test"
ACCEPTED = Answer(
    202,
    headers={
        "x-ms-request-id": "any",
        "x-ms-copy-id": COPY,
        "x-ms-copy-status": "pending",
        "ETag": '"0x1"',
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    },
)


def state(status: str, copy_id: str = COPY, **more: str) -> Answer:
    headers = {"x-ms-copy-id": copy_id, "x-ms-copy-status": status, "x-ms-blob-type": "BlockBlob", "ETag": '"0x1"'}
    return Answer(200, headers={"x-ms-request-id": "any", **headers, **more})


def accept(proxy: FaultProxy, *states: Answer, times: int | None = 1) -> None:
    proxy.add(ACCEPTED, method="PUT", path="/dest")
    for answer in states:
        proxy.add(answer, method="HEAD", path="/dest", times=times)


def test_pending_copy_is_waited_for(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/source", b"content")
    accept(proxy, state("pending"), state("pending"), state("success"))
    proxied.move("/source", "/dest")
    seen = [(request.method, request.path.rpartition("/")[2]) for request in proxy.requests[1:]]
    assert seen == [("PUT", "dest"), *[("HEAD", "dest")] * 3, ("DELETE", "source")]


@pytest.mark.parametrize("status", ["failed", "aborted", ""])
def test_copy_that_did_not_succeed_is_an_error_and_the_source_stays(
    proxied: FsspecDriver, proxy: FaultProxy, status: str
) -> None:
    proxied.put_content("/source", b"content")
    accept(proxy, state("pending"), state(status, **{"x-ms-copy-status-description": "because of a test"}))
    with pytest.raises(StorageDriverError, match=status or "no status") as caught:
        proxied.move("/source", "/dest")
    assert type(caught.value) is StorageDriverError
    assert "because of a test" in str(caught.value)
    assert proxied.get_content("/source") == b"content"


@pytest.mark.parametrize("retries", [-1, 5])
def test_copy_that_stays_pending_is_unavailable_at_the_deadline(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, retries: int
) -> None:
    url = f"{proxy.endpoint}/{azurite.account}"
    driver = make_azure(root, serviceurl=url, timeout=1, max_retries=retries)
    driver.put_content("/source", b"content")
    accept(proxy, state("pending", **{"x-ms-copy-progress": f"0/{16 << 20}"}), times=None)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match="pending after 2 s"):
        driver.move("/source", "/dest")
    assert 0.5 < time.monotonic() - start < 10
    assert not proxy.matching("DELETE")
    assert not proxy.matching("PUT", query="comp=copy"), "the copy must not be aborted"
    assert driver.get_content("/source") == b"content"


def test_copy_that_somebody_else_has_overwritten_is_a_conflict(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/source", b"content")
    accept(proxy, state("success", copy_id="another"))
    with pytest.raises(ConflictError):
        proxied.move("/source", "/dest")
    assert proxied.exists("/source")


def test_copy_is_on_the_server(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    content = bytes(1 << 20)
    proxied.put_content("/source", content)
    proxy.reset()
    proxied.move("/source", "/dest")
    assert sum(request.sent + request.received for request in proxy.requests) < 10_000
    assert proxied.get_content("/dest") == content


def test_source_that_the_store_cannot_verify_is_not_found_only_if_it_is_not_there(
    proxied: FsspecDriver, proxy: FaultProxy
) -> None:
    refused = Answer(404, headers={"x-ms-error-code": "CannotVerifyCopySource"})
    proxy.add(refused, method="PUT", path="/dest", times=2)
    with pytest.raises(PathNotFoundError):
        proxied.copy("/source", "/dest")
    proxied.put_content("/source", b"content")
    with pytest.raises(StorageDriverError, match="CannotVerifyCopySource") as caught:
        proxied.copy("/source", "/dest")
    assert not isinstance(caught.value, PathNotFoundError)


def test_refused_copy_keeps_the_source(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    proxied.put_content("/source", b"content")
    proxy.add(Answer(403, headers={"x-ms-error-code": "AuthorizationFailure"}), method="PUT", path="/dest")
    with pytest.raises(PermissionError):
        proxied.move("/source", "/dest")
    assert proxied.exists("/source")
