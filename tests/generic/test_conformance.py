"""The conformance suite over filesystems that have nothing in common but fsspec."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import Capabilities
from storagedriver.drivers.fsspec import create
from storagedriver.testsuites import suite
from tests.generic.places import obstore_filesystem, sftp_url
from tests.servers.s3 import S3Server
from tests.servers.sshd import SFTPServer
from tests.variants import only

SECRET = "secret-of-the-conformance-tests"
KEPT = Capabilities(key_and_prefix=False, empty_directories=True, conflicts_detected="always", server_side_copy=False)
IMPLIED = Capabilities(
    key_and_prefix=False, empty_directories=False, conflicts_detected="always", server_side_copy=False
)
IN_MEMORY = Capabilities(
    multiprocess=False,
    key_and_prefix=False,
    empty_directories=True,
    conflicts_detected="always",
    server_side_copy=False,
)


def over_file(tmp_path: Path) -> FsspecDriver:
    return create({"url": f"file://{tmp_path}/root"})


def over_file_with_any_name(tmp_path: Path) -> FsspecDriver:
    return create({"url": f"file://{tmp_path}/root", "names": "any"})


def over_file_below_a_root(tmp_path: Path) -> FsspecDriver:
    return create({"url": f"file://{tmp_path}", "rootdirectory": "deep/er"})


def over_a_chain(tmp_path: Path) -> FsspecDriver:
    return create({"url": f"dir::file://{tmp_path}", "rootdirectory": "below"})


def over_memory() -> Iterator[FsspecDriver]:
    root = uuid.uuid4().hex
    with create({"url": f"memory://{root}"}) as driver:
        yield driver
    fs = fsspec.filesystem("memory")
    if fs.exists(root):
        fs.rm(root, recursive=True)


def over_sftp(sftp: SFTPServer) -> FsspecDriver:
    url, options = sftp_url(sftp)
    return create({"url": url, "storage_options": options})


def over_obstore(moto_s3: S3Server, rootdirectory: str) -> FsspecDriver:
    fs = obstore_filesystem(moto_s3)
    return create({"fs": fs, "rootdirectory": f"{moto_s3.bucket}/{rootdirectory}"})


def over_obstore_written_directly(moto_s3: S3Server, rootdirectory: str) -> FsspecDriver:
    fs = obstore_filesystem(moto_s3)
    return create({"fs": fs, "rootdirectory": f"{moto_s3.bucket}/{rootdirectory}", "put": "direct"})


def over_s3fs(moto_s3: S3Server, rootdirectory: str) -> FsspecDriver:
    options = {"key": moto_s3.access_key, "secret": moto_s3.secret_key, "endpoint_url": moto_s3.endpoint}
    return create({"url": f"s3://{moto_s3.bucket}/{rootdirectory}", "storage_options": options})


def sftp_that_refuses(sftp: SFTPServer, tmp_path: Path) -> FsspecDriver:
    url, options = sftp_url(sftp)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    return create({"url": url, "storage_options": {**options, "key_filename": str(tmp_path / "key")}})


def sftp_that_is_not_there(refused_endpoint: str) -> FsspecDriver:
    options = {"username": "somebody", "password": SECRET}
    return create({"url": refused_endpoint.replace("http:", "sftp:") + "/root", "storage_options": options})


def obstore_without_bucket(moto_s3: S3Server) -> FsspecDriver:
    return create({"fs": obstore_filesystem(moto_s3), "rootdirectory": "no-such-bucket/root"})


def obstore_that_refuses(seaweedfs: S3Server) -> FsspecDriver:
    fs = obstore_filesystem(seaweedfs, secret_access_key=SECRET)
    return create({"fs": fs, "rootdirectory": f"{seaweedfs.bucket}/root"})


def obstore_that_is_not_there(moto_s3: S3Server, refused_endpoint: str) -> FsspecDriver:
    fs = obstore_filesystem(moto_s3, endpoint=refused_endpoint, secret_access_key=SECRET)
    return create({"fs": fs, "rootdirectory": f"{moto_s3.bucket}/root"})


TestFile = suite("file", over_file, KEPT, registered_as="fsspec")
# How paths are put together matters where names are made and listed, and where staged files lie beside them.
_PATHS = only("names", "unfinished", "listing", "stat", "moving", "copying", "deleting", "walk", "errors")
TestAnyName = suite("file with any name", over_file_with_any_name, KEPT, names="any")
TestFileBelowARoot = suite("file below a root", over_file_below_a_root, KEPT, areas=_PATHS)
TestChain = suite("chain", over_a_chain, KEPT, areas=_PATHS)
TestMemory = suite("memory", over_memory, IN_MEMORY)
# Over a network: what is written, what is left where a call fails, and what an error is. The rest is the same code as
# over a disk.
_REMOTE = only("content", "streams", "uploads", "unfinished", "replacing", "moving", "deleting", "errors", "objects")
TestSFTP = suite(
    "sftp",
    over_sftp,
    replace(KEPT, atomic_replace=False),
    areas=_REMOTE,
    make_refused=sftp_that_refuses,
    make_unreachable=sftp_that_is_not_there,
    secrets=[SECRET],
)


class ObstoreIsNoProcessOfItsOwn:
    """The cases that obstore itself cannot pass; test_obstore.py has those of them that make sense."""

    def test_driver_can_be_used_after_a_fork(self) -> None:
        pytest.skip("obstore has threads that do not survive a fork: its calls hang in the child")

    def _aborts(self) -> None:
        pytest.skip("obstore aborts now and then when its process ends")

    test_upload_goes_on_in_another_process = _aborts
    test_driver_can_be_sent_to_another_process = _aborts
    test_error_can_be_sent_from_another_process = _aborts


_obstore = suite(
    "obstore",
    over_obstore,
    IMPLIED,
    areas=_REMOTE,
    make_missing_bucket=obstore_without_bucket,
    make_refused=obstore_that_refuses,
    make_unreachable=obstore_that_is_not_there,
    secrets=[SECRET],
)
# Puts are written in another way; uploads and readers are not.
_obstore_direct = suite(
    "obstore direct",
    over_obstore_written_directly,
    IMPLIED,
    areas=only("content", "names", "moving", "errors", "concurrency"),
)


class TestObstore(ObstoreIsNoProcessOfItsOwn, _obstore):  # type: ignore[misc, valid-type]
    pass


class TestObstoreDirect(ObstoreIsNoProcessOfItsOwn, _obstore_direct):  # type: ignore[misc, valid-type]
    pass


# There is a driver for S3; this one is to hold over its fsspec filesystem all the same.
TestS3fs = pytest.mark.slow(suite("s3fs", over_s3fs, replace(IMPLIED, signs_urls=True)))
