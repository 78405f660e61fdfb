"""The parameters: what is refused offline, and what each changes in a request or a URL."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.s3 import parameters as s3_parameters
from storagedriver.drivers.s3.sdk import SDK
from storagedriver.drivers.s3.urls import place_of
from storagedriver.errors import (
    InvalidStorageDriverError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverWarning,
)
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

KEYS = {"accesskey": "AKIDEXAMPLE", "secretkey": "of-a-test"}
AMAZON = {**KEYS, "bucket": "registry", "region": "eu-west-1"}
OWN = {**KEYS, "bucket": "registry", "regionendpoint": "http://127.0.0.1:9"}


def create(parameters: dict[str, Any]) -> FsspecDriver:
    driver = factory.create("s3", parameters)
    assert isinstance(driver, FsspecDriver)
    return driver


def url(parameters: dict[str, Any]) -> str:
    """Where a request goes, without sending one."""
    with create(parameters) as driver:
        signed = driver.redirect_url("/a/b")
    assert signed is not None
    return signed


@pytest.mark.parametrize(
    ("base", "changes", "parameter", "expected"),
    [
        (AMAZON, {"bucket": None}, "bucket", "required"),
        (AMAZON, {"bucket": "s3://registry"}, "bucket", "without a scheme"),
        (AMAZON, {"bucket": "registry/prefix"}, "bucket", "rootdirectory"),
        (AMAZON, {"bucket": ".."}, "bucket", "cannot be the name"),
        (AMAZON, {"bucket": "a b"}, "bucket", "cannot be the name"),
        (AMAZON, {"region": None}, "region", "required"),
        (AMAZON, {"region": "eu-wset-1"}, "region", "'eu-west-1'"),
        (AMAZON, {"region": "aws-global"}, "region", "none that"),
        (AMAZON, {"secretkey": None}, "secretkey", "accesskey is given"),
        (AMAZON, {"accesskey": ""}, "accesskey", "secretkey is given"),
        (AMAZON, {"v4auth": False}, "v4auth", "version 4"),
        (OWN, {"v4auth": "f", "regionendpoint": "s3.eu-west-1.amazonaws.com"}, "v4auth", "version 4"),
        (OWN, {"regionendpoint": "http://host//b"}, "regionendpoint", "host"),
        (OWN, {"redirectendpoint": "http://host/path"}, "redirectendpoint", "host"),
        (OWN, {"regionendpoint": "http://host/path?x=1"}, "regionendpoint", "and a path"),
        (OWN, {"regionendpoint": "http://host/a/../b"}, "regionendpoint", "and a path"),
        (OWN, {"regionendpoint": "http://host/a b"}, "regionendpoint", "and a path"),
        (
            OWN,
            {"regionendpoint": "https://acct.r2.cloudflarestorage.com/registry"},
            "regionendpoint",
            "'registry' in it is the name of a bucket, which belongs into bucket",
        ),
        (OWN, {"regionendpoint": "acct.eu.r2.cloudflarestorage.com/other/"}, "regionendpoint", "'other' in it"),
        (OWN, {"regionendpoint": "ftp://host"}, "regionendpoint", "http://"),
        (OWN, {"regionendpoint": "http://user:of-a-test@host"}, "regionendpoint", "a URL with a user"),
        (OWN, {"regionendpoint": "http://host/?key=of-a-test"}, "regionendpoint", "a query"),
        (OWN, {"redirectendpoint": "cdn.example.com"}, "redirectendpoint", "begin with"),
        (OWN, {"redirectendpoint": "https://cdn.example.com/x"}, "redirectendpoint", "host"),
        (OWN, {"redirectendpoint": "https://cdn.example.com?x=1"}, "redirectendpoint", "host"),
        (AMAZON, {"accelerate": True, "usefipsendpoint": True}, "accelerate", "contradicts usefipsendpoint"),
        (AMAZON, {"accelerate": True, "bucket": "a.b"}, "accelerate", "dot"),
        (AMAZON, {"chunksize": (5 << 20) - 1}, "chunksize", "5242880"),
        (AMAZON, {"chunksize": (5 << 30) + 1}, "chunksize", "5368709120"),
        (AMAZON, {"multipartcopychunksize": 1}, "multipartcopychunksize", "5242880"),
        (AMAZON, {"multipartcopymaxconcurrency": 0}, "multipartcopymaxconcurrency", "at least 1"),
        (AMAZON, {"multipartcopythresholdsize": -1}, "multipartcopythresholdsize", "from 0"),
        (AMAZON, {"storageclass": "COLD"}, "storageclass", "GLACIER_IR"),
        (AMAZON, {"objectacl": "public"}, "objectacl", "public-read"),
        (AMAZON, {"loglevel": True}, "loglevel", "debugwithsigning"),
        (AMAZON, {"payloadsigning": "sometimes"}, "payloadsigning", "always"),
        (AMAZON, {"timeout": 0}, "timeout", "above 0"),
        (AMAZON, {"uploadconcurrency": 0}, "uploadconcurrency", "at least 1"),
        (AMAZON, {"readconcurrency": "many"}, "readconcurrency", "at least 1"),
        (AMAZON, {"encrypt": "yes"}, "encrypt", "true or false"),
    ],
)
def test_what_cannot_be_is_refused_offline(
    base: dict[str, Any], changes: dict[str, Any], parameter: str, expected: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        create({**base, **changes})
    assert caught.value.driver_name == "s3"
    assert caught.value.path == parameter
    assert expected in str(caught.value)
    assert "of-a-test" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["a.b.c", "Legacy_Bucket", "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"])
def test_unusual_bucket_names_are_left_to_the_server(bucket: str) -> None:
    create({**AMAZON, "bucket": bucket})


def test_unknown_region_is_fine_with_an_endpoint() -> None:
    assert "%2Fgarage%2Fs3%2F" in url({**OWN, "region": "garage"})


def test_unknown_parameter_is_a_warning() -> None:
    with pytest.warns(StorageDriverWarning, match="did you mean 'bucket'"):
        create({**AMAZON, "buckets": "x"})


@pytest.mark.parametrize("name", ["s3", "s3aws", "s3_v2"])
def test_it_is_registered_by_all_names_of_registries(name: str) -> None:
    assert factory.create(name, AMAZON).name == name


@pytest.mark.parametrize("name", ["b2", "cos", "minio", "obs", "r2", "rados"])
def test_the_name_of_another_driver_says_which_one_to_use(name: str) -> None:
    with pytest.raises(InvalidStorageDriverError, match="the driver s3 speaks to every store of its protocol"):
        factory.create(name, AMAZON)


@pytest.mark.parametrize("parameter", ["usedualstack", "accelerate", "usefipsendpoint"])
def test_what_chooses_one_of_amazons_endpoints_does_nothing_beside_another_one(parameter: str) -> None:
    with pytest.warns(StorageDriverWarning, match=f"{parameter} .*does nothing beside regionendpoint"):
        assert url({**OWN, parameter: "true"}).startswith("http://127.0.0.1:9/registry/a/b?")


def test_accelerated_buckets_are_virtual_hosts() -> None:
    with pytest.warns(StorageDriverWarning, match="forcepathstyle does nothing beside accelerate"):
        signed = url({**AMAZON, "accelerate": True, "forcepathstyle": True})
    assert signed.startswith("https://registry.s3-accelerate.amazonaws.com/a/b?")


@pytest.mark.parametrize(
    ("level", "expected"),
    [("logdebug", "did you mean 'debug'?"), ("logDebugWithSigning", "'debugwithsigning'"), ("xyz", "of off, debug")],
)
def test_a_word_that_is_no_loglevel_means_off(level: str, expected: str) -> None:
    with pytest.warns(StorageDriverWarning, match="means off") as caught:
        assert s3_parameters.load("s3", {**AMAZON, "loglevel": level}).loglevel == "off"
    assert expected in str(caught[0].message)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("credentialsconfigpath", "AWS_SHARED_CREDENTIALS_FILE"),
        ("checksum_disabled", "set checksums to never"),
        ("objectownership", "bucket-owner-full-control"),
    ],
)
def test_a_parameter_of_another_registry_says_what_to_do(parameter: str, expected: str) -> None:
    with pytest.warns(StorageDriverWarning, match=expected):
        create({**AMAZON, parameter: "x"})


def test_pathstyle_of_another_registry_is_forcepathstyle() -> None:
    assert url({**AMAZON, "pathstyle": "true"}).startswith("https://s3.eu-west-1.amazonaws.com/registry/a/b?")


def test_an_endpoint_that_ends_with_the_bucket_is_a_warning() -> None:
    with pytest.warns(StorageDriverWarning, match="http://host/registry/registry/; leave the bucket out"):
        create({**OWN, "regionendpoint": "http://host/registry"})


@pytest.mark.parametrize("style", [None, True, False])
def test_requests_go_where_signed_urls_go(style: bool | None) -> None:
    parameters = {**OWN, "region": "eu", "regionendpoint": "https://host/storage/v1/s3/", "forcepathstyle": style}
    parsed = s3_parameters.load("s3", parameters)
    sdk = SDK(parsed, parsed.endpoint)
    try:
        assert place_of(parsed, parsed.endpoint, sdk) == sdk.place()
    finally:
        sdk.close()


def test_pickled_driver_is_the_same_and_shows_no_secret() -> None:
    driver = create({**AMAZON, "rootdirectory": "/root/"})
    again = pickle.loads(pickle.dumps(driver))
    with driver, again:
        assert urlsplit(again.redirect_url("/a")).path == urlsplit(str(driver.redirect_url("/a"))).path == "/root/a"
    parsed = s3_parameters.load("s3", AMAZON)
    assert "of-a-test" not in repr(driver) + repr(parsed)


@pytest.mark.parametrize(
    ("parameters", "begin"),
    [
        (AMAZON, "https://registry.s3.eu-west-1.amazonaws.com/a/b?"),
        ({**AMAZON, "secure": "false"}, "http://registry.s3.eu-west-1.amazonaws.com/a/b?"),
        ({**AMAZON, "bucket": "a.b"}, "https://s3.eu-west-1.amazonaws.com/a.b/a/b?"),
        ({**AMAZON, "forcepathstyle": "true"}, "https://s3.eu-west-1.amazonaws.com/registry/a/b?"),
        ({**AMAZON, "region": "cn-north-1"}, "https://registry.s3.cn-north-1.amazonaws.com.cn/a/b?"),
        ({**AMAZON, "usedualstack": True}, "https://registry.s3.dualstack.eu-west-1.amazonaws.com/a/b?"),
        ({**AMAZON, "accelerate": True}, "https://registry.s3-accelerate.amazonaws.com/a/b?"),
        (
            {**AMAZON, "accelerate": True, "usedualstack": True},
            "https://registry.s3-accelerate.dualstack.amazonaws.com/a/b?",
        ),
        (
            {**AMAZON, "region": "us-east-1", "usefipsendpoint": True},
            "https://registry.s3-fips.us-east-1.amazonaws.com/a/b?",
        ),
        ({**AMAZON, "rootdirectory": "/some//root/"}, "https://registry.s3.eu-west-1.amazonaws.com/some//root/a/b?"),
        ({**AMAZON, "redirectendpoint": "https://cdn.example.com"}, "https://cdn.example.com/registry/a/b?"),
        ({**AMAZON, "region": "us-east-1"}, "https://registry.s3.us-east-1.amazonaws.com/a/b?"),
        ({**AMAZON, "region": "us-east-1", "bucket": "a.b"}, "https://s3.us-east-1.amazonaws.com/a.b/a/b?"),
        (
            {**AMAZON, "region": "us-east-1", "forcepathstyle": True},
            "https://s3.us-east-1.amazonaws.com/registry/a/b?",
        ),
        ({**AMAZON, "region": "us-east-1", "forcepathstyle": False}, "https://registry.s3.us-east-1.amazonaws.com/a/"),
        (OWN, "http://127.0.0.1:9/registry/a/b?"),
        ({**OWN, "regionendpoint": "http://host:81/storage/v1/s3"}, "http://host:81/storage/v1/s3/registry/a/b?"),
        ({**OWN, "regionendpoint": "host/p/", "forcepathstyle": False}, "https://registry.host/p/a/b?"),
        ({**OWN, "regionendpoint": "store.example.com"}, "https://store.example.com/registry/a/b?"),
        (
            {**OWN, "regionendpoint": "store.example.com:81", "secure": False},
            "http://store.example.com:81/registry/a/b?",
        ),
        (
            {**OWN, "regionendpoint": "https://store.example.com/", "secure": False},
            "https://store.example.com/registry/a/b?",
        ),
        ({**OWN, "regionendpoint": "store.example.com", "forcepathstyle": True}, "https://store.example.com/registry/"),
        ({**OWN, "regionendpoint": "https://host.example.com/a/s3/"}, "https://host.example.com/a/s3/registry/"),
        (
            {**OWN, "regionendpoint": "store.example.com", "forcepathstyle": False},
            "https://registry.store.example.com/a/b?",
        ),
        (
            {**OWN, "forcepathstyle": False, "redirectendpoint": "http://cdn.example.com:8080"},
            "http://registry.cdn.example.com:8080/a/b?",
        ),
    ],
)
def test_where_requests_go(parameters: dict[str, Any], begin: str) -> None:
    assert url(parameters).startswith(begin)


def test_settings_of_the_environment_do_not_replace_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other")
    signed = url(AMAZON)
    assert "AKIDEXAMPLE" in signed
    assert "eu-west-1" in signed
    assert "Security-Token" not in signed


def test_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    signed = url({**AMAZON, "accesskey": "", "secretkey": ""})
    assert "AKIDOTHER" in signed


def test_without_credentials(monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with create(seaweedfs.parameters("x", accesskey="", secretkey="")) as driver:
        assert driver.redirect_url("/a") is None
        with pytest.raises(PermissionDeniedError, match="set accesskey and secretkey"):
            driver.get_content("/a")


@pytest.fixture
def behind_proxy(
    make_s3: MakeS3, moto_s3: S3Server, root: str, fault_proxy: StartProxy
) -> Callable[..., tuple[FsspecDriver, FaultProxy]]:
    """A driver on moto, which takes any header, and the proxy that has seen its requests."""

    def start(**parameters: Any) -> tuple[FsspecDriver, FaultProxy]:
        proxy = fault_proxy(moto_s3.endpoint)
        return make_s3(moto_s3, root, regionendpoint=proxy.endpoint, **parameters), proxy

    return start


def write_in_all_ways(driver: FsspecDriver) -> None:
    """A put, an upload, one that goes on from a short part and ends within another, a copy, and one in parts."""
    driver.put_content("/put", b"x")
    with driver.writer("/upload") as writer:
        writer.write(b"x")
        writer.close()
    with driver.writer("/upload", append=True) as writer:
        writer.write(b"y" * (6 << 20))
        writer.commit()
    driver.copy("/put", "/copy")
    driver.copy("/upload", "/large")


def writes(proxy: FaultProxy) -> list[dict[str, str]]:
    """The headers of the requests that make objects: puts, copies and the beginnings of uploads."""
    puts = [request for request in proxy.matching("PUT") if "uploadId" not in request.query]
    begins = [request for request in proxy.matching("POST") if request.query.startswith("uploads")]
    assert len(puts) == 3
    assert len(begins) == 2
    return [dict(request.headers) for request in (*puts, *begins)]


SMALL = {"multipartcopythresholdsize": 5 << 20, "multipartcopychunksize": 5 << 20}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {},
            {
                "content-type": "application/octet-stream",
                "x-amz-acl": "private",
                "x-amz-storage-class": "STANDARD",
                "x-amz-server-side-encryption": None,
            },
        ),
        ({"storageclass": "none"}, {"x-amz-storage-class": None}),
        ({"storageclass": "standard_ia"}, {"x-amz-storage-class": "STANDARD_IA"}),
        ({"objectacl": "bucket-owner-full-control"}, {"x-amz-acl": "bucket-owner-full-control"}),
        ({"encrypt": "true"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"encrypt": True, "keyid": "key-1"},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "key-1"},
        ),
        (
            {"keyid": "key-1"},
            {"x-amz-server-side-encryption": None, "x-amz-server-side-encryption-aws-kms-key-id": None},
        ),
    ],
)
def test_what_every_object_is_written_with(
    behind_proxy: Callable[..., tuple[FsspecDriver, FaultProxy]],
    parameters: dict[str, Any],
    expected: dict[str, str | None],
) -> None:
    driver, proxy = behind_proxy(**SMALL, **parameters)
    write_in_all_ways(driver)
    for headers in writes(proxy):
        assert {name: headers.get(name) for name in expected} == expected


def test_useragent_is_appended(behind_proxy: Callable[..., tuple[FsspecDriver, FaultProxy]]) -> None:
    driver, proxy = behind_proxy(useragent="my-registry/1")
    driver.put_content("/a", b"x")
    agent = proxy.requests[0].headers["user-agent"]
    assert agent.startswith("storagedriver/")
    assert agent.endswith(" my-registry/1")
    driver.copy("/a", "/b")
    agent = proxy.requests[-1].headers["user-agent"]
    assert agent.startswith("storagedriver/")
    assert agent.endswith(" my-registry/1")


@pytest.mark.parametrize(("payloadsigning", "signed"), [("auto", True), ("always", True), ("never", False)])
def test_payloads_are_signed_over_http_unless_told_not_to(
    behind_proxy: Callable[..., tuple[FsspecDriver, FaultProxy]], payloadsigning: str, signed: bool
) -> None:
    driver, proxy = behind_proxy(payloadsigning=payloadsigning)
    driver.put_content("/a", b"x")
    (put,) = proxy.matching("PUT")
    assert (put.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD") == signed


@pytest.mark.parametrize(
    ("parameters", "signed"),
    [
        (AMAZON, False),
        ({**AMAZON, "secure": False}, True),
        (OWN, True),
        ({**OWN, "regionendpoint": "store.example.com"}, False),
        ({**OWN, "regionendpoint": "store.example.com", "payloadsigning": "Always"}, True),
    ],
)
def test_payload_signing_follows_the_scheme(parameters: dict[str, Any], signed: bool) -> None:
    assert s3_parameters.load("s3", parameters).signs_payloads == signed


def test_payloads_may_go_unsigned_to_a_server_that_checks(make_s3: MakeS3, s3_server: S3Server, root: str) -> None:
    driver = make_s3(s3_server, root, payloadsigning="never")
    driver.put_content("/a", b"content")
    with driver.writer("/b") as writer:
        writer.write(b"content")
        writer.commit()
    assert driver.get_content("/a") == driver.get_content("/b") == b"content"


def test_signatures_of_version_2(make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy) -> None:
    proxy = fault_proxy(s3_server.endpoint)
    driver = make_s3(s3_server, root, regionendpoint=proxy.endpoint, v4auth="false")
    driver.put_content("/a", b"content")
    assert driver.get_content("/a") == b"content"
    assert driver.list("/") == ["/a"]
    assert all(
        request.headers.get("authorization", "").startswith("AWS ") or "Signature=" in request.query
        for request in proxy.requests
    )
    assert "AWSAccessKeyId=" in str(driver.redirect_url("/a"))


def test_chunksize_and_uploadconcurrency(behind_proxy: Callable[..., tuple[FsspecDriver, FaultProxy]]) -> None:
    driver, proxy = behind_proxy(chunksize="6291456", uploadconcurrency=2)
    with driver.writer("/a") as writer:
        writer.write(b"x" * (20 << 20))
        writer.commit()
    sizes = [request.sent for request in proxy.matching("PUT", query="partNumber")]
    assert sorted(sizes) == [2 << 20, 6 << 20, 6 << 20, 6 << 20]
    assert proxy.peak <= 2


@pytest.mark.parametrize("level", s3_parameters.LOG_LEVELS)
def test_loglevel(
    make_s3: MakeS3, s3_server: S3Server, root: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "storagedriver.s3")
    driver = make_s3(s3_server, root, loglevel=level.upper(), secretkey=s3_server.secret_key)
    driver.put_content("/a", b"the content")
    assert not driver.exists("/missing")
    logged = [record.getMessage() for record in caplog.records if record.name == "storagedriver.s3"]
    assert any("PUT" in line for line in logged) == (
        level not in ("off", "debugwithrequesterrors", "debugwithrequestretries")
    )
    assert any("404" in line for line in logged) == (level != "off")
    assert s3_server.secret_key not in "".join(logged) or s3_server.name == "moto"
    assert "the content" not in "".join(logged)


def test_yaml_off_is_a_loglevel() -> None:
    create({**AMAZON, "loglevel": False})


def test_a_bucket_in_the_endpoint_is_found_by_the_first_listing(
    make_s3: MakeS3, s3_server: S3Server, root: str
) -> None:
    bucket = s3_server.parameters(root)["bucket"]
    with pytest.warns(StorageDriverWarning, match="leave the bucket out of regionendpoint"):
        driver = make_s3(s3_server, root, regionendpoint=f"{s3_server.endpoint}/{bucket}")
    with pytest.raises(ParameterError, match="leave the bucket's name out of the endpoint") as caught:
        driver.list("/")
    assert caught.value.path == "regionendpoint"
