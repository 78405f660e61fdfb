"""What a registry does, on the servers that people run: each vendor is a row of `tests.s3.vendors`."""

from __future__ import annotations

import gzip
import re
from datetime import datetime, timezone

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import (
    BucketNotFoundError,
    InvalidAnswerError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
)
from storagedriver.testsuites.faults.actions import Answer, OtherBody
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, upload
from tests.cut_listings import Proxied
from tests.on_the_way import CONTENT, OnTheWay, Transcode, assert_read_as_stored
from tests.s3.conftest import MakeS3
from tests.s3.vendors import VENDORS, refusal
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server


@pytest.fixture(params=VENDORS)
def vendor(
    request: pytest.FixtureRequest,
    fault_proxy: StartProxy,
    make_s3: MakeS3,
    moto_s3: S3Server,
    root: str,
    monkeypatch: pytest.MonkeyPatch,
) -> FsspecDriver:
    """A driver on one of the servers; every copy but the smallest is made in parts, and pages are small."""
    monkeypatch.setattr("storagedriver.drivers.s3.listing._MOST", 2)
    asked = VENDORS[request.param]
    proxy: FaultProxy = fault_proxy(moto_s3.endpoint)
    for rule in asked.rules:
        rule(proxy)
    parameters = {"multipartcopythresholdsize": 1000, **asked.parameters}
    return make_s3(moto_s3, root, regionendpoint=proxy.endpoint + asked.path, **parameters)


def test_a_registry_works_on_it(vendor: FsspecDriver) -> None:
    driver = vendor
    # Put, get, stat, a stream from an offset.
    driver.put_content("/dir/a/data", CONTENT)
    assert driver.get_content("/dir/a/data") == CONTENT
    found = driver.stat("/dir/a/data")
    assert (found.size, found.is_dir) == (len(CONTENT), False)
    assert datetime(2024, 1, 1, tzinfo=timezone.utc) < found.mod_time < datetime(2100, 1, 1, tzinfo=timezone.utc)
    with driver.reader("/dir/a/data", 99_000) as reader:
        assert drain(reader) == CONTENT[99_000:]
    # An upload that is gone on with, and one over what is there.
    with driver.writer("/dir/b/data") as writer:
        writer.write(CONTENT)
        writer.close()
    upload(driver, "/dir/b/data", CONTENT[:1000], append=True)
    assert driver.get_content("/dir/b/data") == CONTENT + CONTENT[:1000]
    # Moves in one request and in parts.
    driver.put_content("/dir/c/small", b"small")
    driver.move("/dir/c/small", "/dir/c/link")
    driver.move("/dir/b/data", "/dir/c/data")
    assert driver.get_content("/dir/c/link") == b"small"
    assert driver.get_content("/dir/c/data") == CONTENT + CONTENT[:1000]
    # Listings of several pages.
    for number in range(3):
        driver.put_content(f"/dir/d/{number}", b"")
    paths = ["/dir/a/data", "/dir/c/data", "/dir/c/link", "/dir/d/0", "/dir/d/1", "/dir/d/2"]
    files = list(driver.files("/dir"))
    assert [info.path for info in files] == paths
    assert {info.version for info in files if info.path == "/dir/a/data"} == {found.version}
    assert driver.list("/dir") == ["/dir/a", "/dir/c", "/dir/d"]
    assert driver.list("/dir/d") == ["/dir/d/0", "/dir/d/1", "/dir/d/2"]
    assert list(driver.uploads("/")) == []
    # The deletion of a tree.
    driver.delete("/dir")
    assert driver.list("/") == []


def _gzipped(server: S3Server, root: str) -> bytes:
    """An object that another program has stored in gzip."""
    stored = gzip.compress(CONTENT, mtime=0)
    with server.client() as client:
        client.put_object(Bucket=server.bucket, Key=f"{root}/dir/file", Body=stored, ContentEncoding="gzip")
    return stored


class TestOnTheWay(OnTheWay):
    @pytest.fixture
    def behind(self, answered: Proxied) -> Proxied:
        return answered


def test_an_object_that_was_stored_in_gzip_is_read_as_it_is_stored(
    make_s3: MakeS3, any_s3_server: S3Server, root: str
) -> None:
    assert_read_as_stored(make_s3(any_s3_server, root), _gzipped(any_s3_server, root))


@pytest.mark.parametrize("call", ["stat", "get", "reader"])
def test_google_does_not_decompress_it(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy, call: str
) -> None:
    """Its interface is known by its host, or behind another one by its answers: by the first of them."""
    stored, proxy = _gzipped(moto_s3, root), fault_proxy(moto_s3.endpoint)
    proxy.add(Transcode(), path="/dir/file", times=None)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint)
    if call == "get":
        assert driver.get_content("/dir/file") == stored
    elif call == "reader":
        with driver.reader("/dir/file") as reader:
            assert drain(reader) == stored
    assert_read_as_stored(driver, stored)
    # Listings are not read from gzip.
    assert driver.list("/dir") == ["/dir/file"]
    assert not [seen for seen in proxy.requests if seen.query and "gzip" in seen.headers["accept-encoding"]]


def test_a_redirect_is_a_wrong_region_or_endpoint(answered: Proxied) -> None:
    driver, proxy = answered
    body = b"<Error><Code>TemporaryRedirect</Code><Endpoint>elsewhere.example.com</Endpoint></Error>"
    proxy.add(Answer(307, body), times=None)
    with pytest.raises(ParameterError, match="points to elsewhere.example.com"):
        driver.get_content("/dir/file")


def test_alibaba_wants_the_bucket_in_the_host(answered: Proxied) -> None:
    """https://help.aliyun.com/en/oss/developer-reference/use-aws-sdks-to-access-oss."""
    driver, proxy = answered
    message = "Please use virtual hosted style to access."
    proxy.add(refusal(403, "SecondLevelDomainForbidden", message), times=None)
    with pytest.raises(PermissionDeniedError, match="set forcepathstyle to false"):
        driver.put_content("/dir/file", b"x")


def test_an_acl_that_was_asked_for_is_not_left_out(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    proxy = fault_proxy(moto_s3.endpoint)
    proxy.add(
        refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"),
        when=lambda request: "x-amz-acl" in request.headers,
        times=None,
    )
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint, objectacl="public-read")
    with pytest.raises(StorageDriverError, match="leave objectacl out"):
        driver.put_content("/dir/file", b"x")


def test_an_acl_is_left_out_only_where_the_server_refuses_it(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
) -> None:
    """Without it an object has the ACL that the bucket gives, which may be a more open one."""
    proxy = fault_proxy(moto_s3.endpoint)
    for name in ("x-amz-checksum-crc32c", "x-amz-storage-class"):
        proxy.add(Answer(501), when=lambda request, name=name: name in request.headers, times=None)  # type: ignore[misc]
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint)
    for _ in range(2):
        driver.put_content("/dir/file", b"x")
    (*_, last) = proxy.requests
    assert (last.headers.get("x-amz-acl"), "x-amz-storage-class" in last.headers) == ("private", False)
    assert len(proxy.matching(method="PUT")) <= 6


def test_a_denied_deletion_is_not_tried_key_by_key(answered: Proxied) -> None:
    driver, proxy = answered
    for number in range(3):
        driver.put_content(f"/dir/{number}", b"x")
    proxy.add(refusal(403, "AccessDenied", "Access Denied"), method="POST", query="delete", times=None)
    with pytest.raises(PermissionDeniedError):
        driver.delete("/dir")
    assert not [request for request in proxy.requests if request.method == "DELETE"]
    proxy.reset()
    proxy.add(refusal(404, "NoSuchBucket", "The bucket does not exist"), method="POST", query="delete", times=None)
    with pytest.raises(BucketNotFoundError):
        driver.delete("/dir")
    proxy.reset()
    assert len(driver.list("/dir")) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb"(?!)", b""),
        (rb"<IsTruncated>[^<]*<", rb"<IsTruncated>perhaps<"),
        (rb"<Key>[^<]*dir[^<]*<", rb"<Key>another/file<"),
    ],
    ids=["a token that does not move", "neither true nor false", "a name of another directory"],
)
def test_a_listing_that_cannot_be_is_an_error(
    make_s3: MakeS3,
    moto_s3: S3Server,
    root: str,
    fault_proxy: StartProxy,
    monkeypatch: pytest.MonkeyPatch,
    old: bytes,
    new: bytes,
) -> None:
    monkeypatch.setattr("storagedriver.drivers.s3.listing._MOST", 2)
    proxy = fault_proxy(moto_s3.endpoint)
    driver = make_s3(moto_s3, root, regionendpoint=proxy.endpoint)
    for number in range(5):
        driver.put_content(f"/dir/{number}", b"x")
    assert len(driver.list("/dir")) == 5
    first: list[bytes] = []

    def change(body: bytes) -> bytes:
        first.append(re.sub(old, new, body))
        return first[0]

    proxy.add(OtherBody(change), method="GET", query="list-type", times=None)
    for call in (lambda: driver.list("/dir"), lambda: list(driver.files("/dir")), lambda: driver.delete("/dir")):
        with pytest.raises(InvalidAnswerError):
            call()
        first.clear()
    proxy.reset()
    assert driver.list("/dir")[-1] == "/dir/4"
