"""Deleting: batches, the reasons of keys that stay, and servers without bulk delete."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.s3 import deleting
from storagedriver.errors import PermissionDeniedError, StorageDriverError, UnavailableError
from tests.servers.faults import Answer, FaultProxy

Proxied = tuple[FsspecDriver, FaultProxy]


def failures(root: str, **codes: str) -> bytes:
    errors = "".join(
        f"<Error><Key>{root}/dir/{name}</Key><Code>{code}</Code><Message>of a test</Message></Error>"
        for name, code in codes.items()
    )
    return f"<?xml version='1.0'?><DeleteResult>{errors}</DeleteResult>".encode()


@pytest.fixture
def filled(proxied: Proxied) -> Proxied:
    driver, proxy = proxied
    for name in "abcde":
        driver.put_content(f"/dir/{name}", b"x")
    return driver, proxy


@pytest.mark.parametrize(
    ("code", "expected"),
    [("AccessDenied", PermissionDeniedError), ("Odd", StorageDriverError), ("InternalError", UnavailableError)],
)
def test_keys_that_stay_are_named(
    filled: Proxied, root: str, code: str, expected: type[StorageDriverError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_FIRST_PAUSE", 0.01)
    driver, proxy = filled
    proxy.add(Answer(200, failures(root, a=code, c=code)), method="POST", query="delete", times=None)
    with pytest.raises(StorageDriverError) as caught:
        driver.delete("/dir")
    assert type(caught.value) is expected
    assert "2 of 5 keys were not deleted: 'dir/a'" in str(caught.value)
    assert f"'dir/c' ({code}: of a test)" in str(caught.value)


def test_keys_that_the_server_was_too_busy_for_are_asked_for_again(filled: Proxied, root: str) -> None:
    driver, proxy = filled
    proxy.add(Answer(200, failures(root, **dict.fromkeys("abcde", "SlowDown"))), method="POST", query="delete")
    driver.delete("/dir")
    assert driver.list("/") == []


def test_keys_that_are_missing_are_deleted(filled: Proxied, root: str) -> None:
    driver, proxy = filled
    proxy.add(Answer(200, failures(root, a="NoSuchKey")), method="POST", query="delete")
    driver.delete("/dir")


@pytest.mark.parametrize("status", [405, 501])
def test_server_without_bulk_delete(filled: Proxied, status: int) -> None:
    driver, proxy = filled
    proxy.add(Answer(status), method="POST", query="delete", times=None)
    driver.delete("/dir")
    assert driver.list("/") == []
    assert len(proxy.matching("DELETE")) >= 5


def test_bulk_delete_carries_a_checksum(filled: Proxied) -> None:
    driver, proxy = filled
    driver.delete("/dir")
    (request,) = proxy.matching("POST", query="delete")
    assert request.headers["content-md5"]


def test_more_keys_than_one_request_takes(filled: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "_BATCH", 2)
    driver, proxy = filled
    driver.delete("/dir")
    assert len(proxy.matching("POST", query="delete")) == 3
    assert driver.list("/") == []
