"""What the tests of the s3 driver share: drivers on any of the servers, and empty buckets."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

MakeS3 = Callable[..., FsspecDriver]


@pytest.fixture
def make_s3() -> Iterator[MakeS3]:
    """``make_s3(server, rootdirectory, identity=None, **parameters)`` gives a driver that is closed at the end."""
    with ExitStack() as stack:

        def make(server: S3Server, rootdirectory: str = "", **parameters: Any) -> FsspecDriver:
            driver = factory.create("s3", server.parameters(rootdirectory, **parameters))
            assert isinstance(driver, FsspecDriver)
            return stack.enter_context(driver)

        yield make


@pytest.fixture
def root() -> str:
    """A root directory of the test's own."""
    return f"s3/{uuid.uuid4().hex}"


@pytest.fixture
def driver(make_s3: MakeS3, s3_server: S3Server, root: str) -> FsspecDriver:
    """A driver on each of the servers, one after the other."""
    return make_s3(s3_server, root)


@pytest.fixture
def proxied(
    make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy
) -> tuple[FsspecDriver, FaultProxy]:
    """The same behind a proxy, and the proxy."""
    proxy = fault_proxy(s3_server.endpoint)
    return make_s3(s3_server, root, regionendpoint=proxy.endpoint), proxy


@pytest.fixture
def answered(
    make_s3: MakeS3, any_s3_server: S3Server, root: str, fault_proxy: StartProxy
) -> tuple[FsspecDriver, FaultProxy]:
    """The same where the proxy answers, or loses what was answered: which server it is does not matter."""
    proxy = fault_proxy(any_s3_server.endpoint)
    return make_s3(any_s3_server, root, regionendpoint=proxy.endpoint), proxy


def empty_bucket(server: S3Server) -> str:
    """A bucket of this process's own, with nothing in it."""
    name = f"empty-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with server.client() as client:
        if name not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)
        for upload in client.list_multipart_uploads(Bucket=name).get("Uploads", []):
            client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
    return name
