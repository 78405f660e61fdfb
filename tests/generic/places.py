"""Where the tests of the generic store put their files."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.servers.s3 import S3Server
from tests.servers.sshd import SFTPServer


def sftp_url(server: SFTPServer) -> tuple[str, dict[str, Any]]:
    """A root directory of its own on an SFTP server."""
    url = f"sftp://{server.host}:{server.port}{server.root}/{uuid.uuid4().hex}"
    options = {
        "username": server.username,
        "key_filename": server.key_file,
        "look_for_keys": False,
        "allow_agent": False,
    }
    return url, options


def obstore_filesystem(server: S3Server, **config: str) -> Any:
    """obstore's own fsspec filesystem over an S3 server."""
    module = pytest.importorskip("obstore.fsspec")
    settings = {
        "endpoint": server.endpoint,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
        "region": server.region,
        **config,
    }
    return module.FsspecStore(
        "s3",
        config=settings,
        client_options={"allow_http": True},
        retry_config={"max_retries": 1},
        skip_instance_cache=True,
    )
