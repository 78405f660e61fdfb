"""The servers themselves: each answers a real client, and the fault proxy does what its rules say."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import paramiko
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.servers.docker_registry import Registry
from tests.servers.s3 import S3Server, s3_client
from tests.servers.sshd import SFTPServer
from tests.servers.swift import SwiftServer

PART = b"p" * (5 << 20)


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


class TestS3:
    def test_gives_back_a_multipart_object(self, s3_server: S3Server, rootdirectory: str) -> None:
        where = {"Bucket": s3_server.bucket, "Key": f"{rootdirectory}/a"}
        with s3_server.client() as client:
            upload = client.create_multipart_upload(**where)["UploadId"]
            parts = []
            for number, body in enumerate((PART, b"tail"), 1):
                answer = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
            assert client.get_object(**where)["Body"].read() == PART + b"tail"

    @pytest.mark.parametrize(
        ("identity", "refused"),
        [
            ("readonly", {"put"}),
            ("nowrite", {"put"}),
            ("nolist", {"list"}),
            ("noread", {"get"}),
            ("nothing", {"put", "list", "get"}),
            ("elsewhere", {"put", "list", "get"}),
        ],
    )
    def test_seaweedfs_refuses_what_a_user_may_not_do(
        self, seaweedfs: S3Server, rootdirectory: str, identity: str, refused: set[str]
    ) -> None:
        where = {"Bucket": seaweedfs.bucket, "Key": f"{rootdirectory}/a"}
        with seaweedfs.client() as admin:
            admin.put_object(**where, Body=b"x")
        with seaweedfs.client(identity) as client:
            calls: dict[str, Callable[[], Any]] = {
                "put": lambda: client.put_object(**where, Body=b"y"),
                "get": lambda: client.get_object(**where),
                "list": lambda: client.list_objects_v2(Bucket=seaweedfs.bucket, Prefix=rootdirectory),
            }
            for name, call in calls.items():
                if name in refused:
                    with pytest.raises(ClientError) as error:
                        call()
                    assert code(error) == "AccessDenied"
                else:
                    call()

    def test_checks_signatures(self, seaweedfs: S3Server, swift_s3: S3Server) -> None:
        for server in (seaweedfs, swift_s3):
            with closing(s3_client(server.endpoint, server.access_key, "wrong", server.region)) as client:
                with pytest.raises(ClientError) as error:
                    client.list_objects_v2(Bucket=server.bucket)
                assert code(error) == "SignatureDoesNotMatch"


def test_swift_speaks_its_own_protocol(swift: SwiftServer) -> None:
    request = urllib.request.Request(swift.auth_url, headers={"X-Auth-User": swift.user, "X-Auth-Key": swift.key})
    with urllib.request.urlopen(request, timeout=10) as response:
        token, storage_url = response.headers["X-Auth-Token"], response.headers["X-Storage-Url"]
    assert storage_url == swift.storage_url
    request = urllib.request.Request(f"{storage_url}?format=json", headers={"X-Auth-Token": token})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert isinstance(json.load(response), list)


def test_sftp_writes_below_its_root(sftp: SFTPServer, rootdirectory: str) -> None:
    key = paramiko.Ed25519Key.from_private_key_file(sftp.key_file)
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(sftp.host, sftp.port, sftp.username, pkey=key, allow_agent=False, look_for_keys=False)
        with client.open_sftp() as session:
            path = f"{sftp.root}/{rootdirectory.replace('/', '-')}"
            with session.open(path, "wb") as writing:
                writing.write(b"content")
            assert session.stat(path).st_size == 7
            with pytest.raises(PermissionError):
                session.open("/refused", "wb")


def test_registry_answers(registry: Callable[..., Registry], tmp_path: Path) -> None:
    running = registry({"filesystem": {"rootdirectory": str(tmp_path)}})
    with urllib.request.urlopen(f"{running.endpoint}/v2/_catalog", timeout=10) as response:
        assert json.load(response) == {"repositories": []}


def test_refused_port_refuses(refused_endpoint: str) -> None:
    with (
        closing(s3_client(refused_endpoint, "a", "s", "us-east-1")) as client,
        pytest.raises(EndpointConnectionError),
    ):
        client.list_buckets()


def test_black_hole_takes_a_connection_and_is_silent(black_hole: str) -> None:
    with (
        closing(s3_client(black_hole, "a", "s", "us-east-1", read_timeout=0.3)) as client,
        pytest.raises(ReadTimeoutError),
    ):
        client.list_buckets()
