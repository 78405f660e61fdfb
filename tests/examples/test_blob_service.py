"""The example of a service that stores blobs, under a real HTTP client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.base import free_ports
from tests.servers.s3 import S3Server

ROOT = Path(__file__).parents[2]


class Service:
    """The service in a process that can be killed and started again."""

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "BLOBS_DRIVER": driver, "BLOBS_PARAMETERS": json.dumps(parameters)}
        self.start()

    def start(self) -> None:
        arguments = ["examples.blob_service:app", "--port", str(self.port), "--log-level", "warning"]
        self.process = subprocess.Popen([sys.executable, "-m", "uvicorn", *arguments], cwd=ROOT, env=self.environment)
        for _ in range(600):
            try:
                requests.get(self.url, timeout=5)
            except requests.ConnectionError:
                assert self.process.poll() is None
                time.sleep(0.05)
            else:
                return
        pytest.fail("the service does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def request(self, method: str, path: str, **others: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=30, allow_redirects=False, **others)

    def store(self, name: str, content: bytes) -> None:
        upload = self.request("POST", "/uploads").headers["Location"]
        assert self.request("PATCH", upload, data=content, headers={"Upload-Offset": "0"}).status_code == 204
        query = {"upload": upload.rpartition("/")[2]}
        assert self.request("PUT", f"/blobs/{name}", params=query).status_code == 201


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service("filesystem", {"rootdirectory": str(tmp_path_factory.mktemp("blobs"))})
    yield service
    service.kill()


def test_an_upload_in_three_requests_survives_a_kill(service: Service) -> None:
    content = os.urandom(3 << 20)
    upload = service.request("POST", "/uploads").headers["Location"]
    sent = 0
    for _ in range(3):
        piece = content[sent : sent + (1 << 20)]
        answer = service.request("PATCH", upload, data=piece, headers={"Upload-Offset": str(sent)})
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(sent + len(piece)))
        service.kill()
        service.start()
        sent = int(service.request("HEAD", upload).headers["Upload-Offset"])
        assert sent == int(answer.headers["Upload-Offset"])
    assert service.request("GET", "/blobs/large").status_code == 404
    assert service.request("PUT", "/blobs/large", params={"upload": upload.rpartition("/")[2]}).status_code == 201
    assert service.request("GET", "/blobs/large").content == content
    assert service.request("HEAD", upload).status_code == 404


def test_a_piece_at_a_wrong_offset_is_refused_and_says_the_right_one(service: Service) -> None:
    upload = service.request("POST", "/uploads").headers["Location"]
    service.request("PATCH", upload, data=b"12345", headers={"Upload-Offset": "0"})
    for offset in ("0", "6"):
        answer = service.request("PATCH", upload, data=b"67", headers={"Upload-Offset": offset})
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "5")


@pytest.mark.parametrize(
    ("asked", "status", "content", "described"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=0-" + "9" * 5000, 200, b"0123456789", None),
    ],
)
def test_ranges(service: Service, asked: str, status: int, content: bytes | None, described: str | None) -> None:
    service.store("a", b"0123456789")
    answer = service.request("GET", "/blobs/a", headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, described)
    assert content is None or answer.content == content


def test_a_content_that_is_known_is_not_sent_again(service: Service) -> None:
    service.store("a", b"content")
    tag = service.request("GET", "/blobs/a").headers["ETag"]
    assert service.request("GET", "/blobs/a", headers={"If-None-Match": tag}).status_code == 304
    service.store("a", b"another")
    answer = service.request("GET", "/blobs/a", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (200, b"another")
    several = f'"x", W/{answer.headers["ETag"]}'
    assert service.request("GET", "/blobs/a", headers={"If-None-Match": several}).status_code == 304


def test_a_download_that_goes_on_gets_no_part_of_another_content(service: Service) -> None:
    service.store("a", b"content")
    tag = service.request("GET", "/blobs/a").headers["ETag"]
    headers = {"Range": "bytes=3-", "If-Range": tag}
    assert service.request("GET", "/blobs/a", headers=headers).content == b"tent"
    service.store("a", b"another")
    answer = service.request("GET", "/blobs/a", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"another")


def test_head_says_what_get_would_give(service: Service) -> None:
    service.store("a", b"content")
    head, get = (service.request(method, "/blobs/a", headers={"Accept-Encoding": ""}) for method in ("HEAD", "GET"))
    names = ("ETag", "Content-Length", "Content-Type", "Last-Modified", "Accept-Ranges")
    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]
    assert (head.status_code, head.content) == (200, b"")
    assert service.request("HEAD", "/blobs/a", headers={"Range": "bytes=2-3"}).headers["Content-Length"] == "7"
    assert service.request("HEAD", "/blobs/missing").status_code == 404


def test_a_client_is_sent_to_the_store(seaweedfs: S3Server, rootdirectory: str) -> None:
    service = Service("s3", seaweedfs.parameters(rootdirectory))
    try:
        service.store("a", b"content")
        answer = service.request("GET", "/blobs/a", params={"redirect": "true"})
        assert answer.status_code == 307
        assert requests.get(answer.headers["Location"], timeout=30).content == b"content"
        assert service.request("DELETE", "/blobs/a").status_code == 204
        assert service.request("DELETE", "/blobs/a").json()["error"] == "PathNotFoundError"
    finally:
        service.kill()
