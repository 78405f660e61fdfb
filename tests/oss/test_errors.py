"""What the store refuses, and what it says in an unusual way."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import upload
from tests.oss.conftest import MakeOSS

Call = Callable[[FsspecDriver], object]

_WRITING: dict[str, Call] = {
    "put_content": lambda driver: driver.put_content("/file", b"x"),
    "writer": lambda driver: upload(driver, "/file", b"x"),
    "append": lambda driver: upload(driver, "/file", b"x", append=True),
    "move": lambda driver: driver.move("/file", "/dest"),
    "copy": lambda driver: driver.copy("/file", "/dest"),
    "delete": lambda driver: driver.delete("/file"),
    "uploads": lambda driver: list(driver.uploads()),
    "purge_uploads": lambda driver: driver.purge_uploads(),
}
_LISTING: dict[str, Call] = {
    "stat of the root": lambda driver: driver.stat("/"),
    "stat of what is missing": lambda driver: driver.stat("/missing"),
    "exists": lambda driver: driver.exists("/missing"),
    "list": lambda driver: driver.list("/dir"),
    "walk": lambda driver: list(driver.files("/dir")),
    "uploads": lambda driver: list(driver.uploads()),
    "delete": lambda driver: driver.delete("/file"),
}


@pytest.mark.parametrize("call", _WRITING)
def test_a_reader_must_not_write(driver: FsspecDriver, make_oss: MakeOSS, root: str, call: str) -> None:
    driver.put_content("/file", b"content")
    reader = make_oss(root, identity="reader")
    assert reader.get_content("/file") == b"content"
    with pytest.raises(PermissionDeniedError, match="AccessDenied"):
        _WRITING[call](reader)
    assert driver.get_content("/file") == b"content"
    assert [info.path for info in driver.files()] == ["/file"]


@pytest.mark.parametrize("call", _LISTING)
def test_without_the_right_to_list_nothing_is_missing(
    driver: FsspecDriver, make_oss: MakeOSS, root: str, call: str
) -> None:
    driver.put_content("/file", b"content")
    writer = make_oss(root, identity="writer")
    assert writer.stat("/file").size == 7
    with pytest.raises(PermissionDeniedError, match="AccessDenied"):
        _LISTING[call](writer)
    assert driver.get_content("/file") == b"content"


def test_unknown_access_key(make_oss: MakeOSS) -> None:
    with pytest.raises(PermissionDeniedError, match="InvalidAccessKeyId.*check accesskeyid"):
        make_oss(accesskeyid="nobody").stat("/")


def test_wrong_secret(make_oss: MakeOSS) -> None:
    with pytest.raises(PermissionDeniedError, match="SignatureDoesNotMatch.*check accesskeysecret"):
        make_oss(accesskeysecret="another").get_content("/file")


def test_keys_that_stay_are_reported_with_their_reasons(driver: FsspecDriver, make_oss: MakeOSS, root: str) -> None:
    kept = [f"/dir/kept/{number}" for number in range(3)]
    for path in ("/dir/a", "/dir/z", *kept):
        driver.put_content(path, b"x")
    with pytest.raises(PermissionDeniedError, match="3 of 5 keys were not deleted: .*AccessDenied") as caught:
        make_oss(root, identity="keeper").delete("/dir")
    assert all(path[1:] in str(caught.value) for path in kept)
    assert [info.path for info in driver.files()] == kept


def test_only_the_stores_own_word_is_not_found(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    driver.put_content("/file", b"content")
    proxy.add(Answer(404, b"<html>Not found</html>"), times=None)
    calls: list[Call] = [
        lambda driver: driver.get_content("/file"),
        lambda driver: driver.list("/"),
        *_WRITING.values(),
    ]
    for call in calls:
        with pytest.raises(StorageDriverError) as caught:
            call(driver)
        assert not isinstance(caught.value, PathNotFoundError)


def test_head_without_a_reason(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    driver.put_content("/dir/file", b"content")
    proxy.add(Answer(404), method="HEAD", times=None)
    assert driver.stat("/dir").is_dir
    with pytest.raises(PathNotFoundError):
        driver.stat("/missing")
    proxy.add(Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>"), method="GET", times=None)
    with pytest.raises(BucketNotFoundError):
        driver.stat("/missing")


def _error(code: str, more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>Said by a test.</Message>{more}</Error>".encode()


@pytest.mark.parametrize(
    ("answer", "expected", "message"),
    [
        (Answer(403), PermissionDeniedError, "HTTP 403 without a reason"),
        (Answer(401), PermissionDeniedError, "HTTP 401"),
        (Answer(403, _error("InvalidObjectState")), StorageDriverError, "has to be restored first"),
        (Answer(403, _error("RequestTimeTooSkewed")), PermissionDeniedError, "check the clock"),
        (Answer(403, _error("UserDisable")), PermissionDeniedError, "account"),
        (
            Answer(403, _error("AccessDenied", "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>")),
            ParameterError,
            "the bucket is at oss-cn-beijing.aliyuncs.com, set region or endpoint",
        ),
        (Answer(301), ParameterError, "another endpoint"),
        (Answer(412, _error("PreconditionFailed")), ConflictError, "PreconditionFailed"),
        (Answer(409), ConflictError, "HTTP 409"),
        (Answer(400, _error("InvalidDigest")), IntegrityError, "InvalidDigest"),
        (Answer(400, _error("Unheard-Of")), StorageDriverError, "Unheard-Of: Said by a test."),
        (Answer(429), UnavailableError, "429"),
        (Answer(503, _error("QpsLimitExceeded")), UnavailableError, "QpsLimitExceeded"),
    ],
)
def test_what_answers_mean(
    proxied: tuple[FsspecDriver, FaultProxy], answer: Answer, expected: type[Exception], message: str
) -> None:
    driver, proxy = proxied
    proxy.add(answer, times=None)
    with pytest.raises(StorageDriverError, match=message) as caught:
        driver.get_content("/file")
    assert type(caught.value) is expected
    assert caught.value.path == "/file"


def test_what_a_header_says_after_head(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    for description, expected in (
        (_error("NoSuchBucket"), BucketNotFoundError),
        (_error("InvalidAccessKeyId"), PermissionDeniedError),
        (b"no description", StorageDriverError),
    ):
        proxy.add(Answer(400, headers={"x-oss-err": base64.b64encode(description).decode()}), method="HEAD")
        with pytest.raises(StorageDriverError) as caught:
            driver.stat("/file")
        assert type(caught.value) is expected
    proxy.add(Answer(400, headers={"x-oss-err": "not in base64"}), method="HEAD")
    with pytest.raises(StorageDriverError, match="HTTP 400 without a reason"):
        driver.stat("/file")


def test_a_description_that_is_no_xml(proxied: tuple[FsspecDriver, FaultProxy]) -> None:
    driver, proxy = proxied
    proxy.add(Answer(403, _error("SignatureDoesNotMatch", "<StringToSign>\x01</StringToSign>")))
    with pytest.raises(PermissionDeniedError, match="SignatureDoesNotMatch: Said by a test.; check accesskeysecret"):
        driver.get_content("/file")


@pytest.mark.parametrize("page", [b"", b"<html>login<br></html>", b"<ListBucketResult><IsTruncated>"])
def test_a_page_of_somebody_else(proxied: tuple[FsspecDriver, FaultProxy], page: bytes) -> None:
    driver, proxy = proxied
    proxy.add(Answer(200, page), method="GET", times=None)
    with pytest.raises(InvalidAnswerError, match="what is no XML"):
        driver.list("/")
