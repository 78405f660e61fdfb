"""Deleting: batches, the reasons of keys that stay, and servers without bulk delete."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.s3 import deleting, listing
from storagedriver.errors import PermissionDeniedError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, Gather
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import put_all
from tests.s3.conftest import MakeS3
from tests.servers.s3 import S3Server
from tests.walking import delete_in_batches

Proxied = tuple[FsspecDriver, FaultProxy]


def failures(root: str, **codes: str) -> bytes:
    errors = "".join(
        f"<Error><Key>{root}/dir/{name}</Key><Code>{code}</Code><Message>of a test</Message></Error>"
        for name, code in codes.items()
    )
    return f"<?xml version='1.0'?><DeleteResult>{errors}</DeleteResult>".encode()


@pytest.fixture
def filled(answered: Proxied) -> Proxied:
    driver, proxy = answered
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


def test_batches_run_at_the_same_time(filled: Proxied) -> None:
    driver, proxy = filled
    delete_in_batches(driver, 2)
    proxy.reset()
    proxy.add(Gather(3), method="POST", query="delete", times=None)
    driver.delete("/dir")
    assert len(proxy.matching("POST", query="delete")) == 3
    assert proxy.peak == 3
    assert driver.list("/") == []


def test_keys_that_stay_are_named_whatever_batch_they_were_in(filled: Proxied, root: str) -> None:
    driver, proxy = filled
    delete_in_batches(driver, 2)
    for name in "ae":
        answer = Answer(200, failures(root, **{name: "AccessDenied"}))
        proxy.add(answer, method="POST", query="delete")
    with pytest.raises(PermissionDeniedError, match="2 of 5 keys were not deleted") as caught:
        driver.delete("/dir")
    assert "'dir/a'" in str(caught.value)
    assert "'dir/e'" in str(caught.value)


def test_tree_of_several_pages(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST", 7)
    driver, _ = proxied
    delete_in_batches(driver, 2)
    put_all(driver, [f"/tree/{number % 4}/{number:02}" for number in range(40)])
    put_all(driver, ["/tree-", "/tree.x/y", "/treee"])
    driver.delete("/tree")
    assert driver.list("/") == ["/tree-", "/tree.x", "/treee"]


def test_keys_that_xml_cannot_carry_are_deleted(make_s3: MakeS3, moto_s3: S3Server, root: str) -> None:
    driver = make_s3(moto_s3, root)
    for key in ("dir/a", "dir/\x01", "dir/\x1f", "dir/z"):
        driver._store.put(key, memoryview(b"x"))
    driver.delete("/dir")
    assert driver.list("/") == []
