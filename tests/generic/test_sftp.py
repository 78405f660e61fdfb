"""SFTP through fsspec: one connection, which can break."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from storagedriver.drivers.fsspec import create
from storagedriver.errors import ConflictError, UnavailableError
from tests.generic.places import sftp_url
from tests.servers.sshd import SFTPServer


def test_connection_that_broke_is_made_again(sftp: SFTPServer) -> None:
    url, options = sftp_url(sftp)
    with create({"url": url, "storage_options": options}) as driver:
        driver.put_content("/a", b"content")
        driver.filesystem.fs.client.close()
        with pytest.raises(UnavailableError):
            driver.get_content("/a")
        assert driver.get_content("/a") == b"content"


def test_stream_goes_on_after_its_connection_broke(sftp: SFTPServer) -> None:
    url, options = sftp_url(sftp)
    with create({"url": url, "storage_options": options}) as driver:
        content = os.urandom(300_000)
        driver.put_content("/a", content)
        with driver.reader("/a") as reader:
            head = reader.read(1000)
            driver.filesystem.fs.client.close()
            assert head + reader.readall() == content


def test_file_and_directory_of_one_name_conflict(sftp: SFTPServer) -> None:
    # The server's own word for it is "Failure".
    url, options = sftp_url(sftp)
    with create({"url": url, "storage_options": options}) as driver:
        driver.put_content("/a", b"file")
        with pytest.raises(ConflictError):
            driver.put_content("/a/b/c", b"x")
        driver.put_content("/d/e", b"file")
        with pytest.raises(ConflictError):
            driver.put_content("/d", b"x")


SCRIPT = """
import json, os, signal, sys
from storagedriver.drivers.fsspec import create
driver = create(json.loads(sys.argv[1]))
with driver.writer("/dir/data") as writer:
    writer.write(b"durable")
writer = driver.writer("/dir/data", append=True)
writer.write(b"x" * (2 << 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_upload_of_a_process_that_was_killed_goes_on(sftp: SFTPServer) -> None:
    url, options = sftp_url(sftp)
    parameters: dict[str, Any] = {"url": url, "storage_options": options}
    command = [sys.executable, "-c", SCRIPT, json.dumps(parameters)]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with create(parameters) as driver:
        with driver.writer("/dir/data", append=True) as writer:
            size = writer.size
            writer.write(b" end")
            writer.commit()
        content = driver.get_content("/dir/data")
        assert content == b"durable" + b"x" * (size - 7) + b" end"
        assert list(driver.uploads()) == []
