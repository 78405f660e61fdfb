"""What the servers that speak Google's protocol have in common."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GCSServer:
    """A running emulator, with one bucket of the run's. Neither of the two knows users or rights."""

    name: str
    version: str
    endpoint: str
    bucket: str

    def parameters(self, rootdirectory: str = "", **others: Any) -> dict[str, Any]:
        """The parameters of the gcs driver; `others` adds and replaces."""
        return {"endpoint": self.endpoint, "bucket": self.bucket, "rootdirectory": rootdirectory, **others}

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of Google's SDK, for what a test does behind the driver's back."""
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - slow to load
        from google.cloud import storage  # noqa: PLC0415 - the same

        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = {"api_endpoint": self.endpoint}
        with closing(storage.Client(project="test", credentials=credentials, client_options=options)) as client:
            yield client

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """A request without any SDK; a header's ``-`` is written ``_``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.endpoint}{path}", body, named, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            content: bytes = answer.read()
        return content


def make_bucket(server: GCSServer, name: str) -> None:
    """Make a bucket that keeps nothing of what is deleted, if it is not there."""
    try:
        server.send("GET", f"/storage/v1/b/{name}")
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 404:
                raise
        json_type = {"Content_Type": "application/json"}
        server.send("POST", "/storage/v1/b?project=test", json.dumps({"name": name}).encode(), **json_type)
        # By default an emulator keeps for a week what was deleted, and slows down over it.
        policy = {"softDeletePolicy": {"retentionDurationSeconds": "0"}}
        server.send("PATCH", f"/storage/v1/b/{name}", json.dumps(policy).encode(), **json_type)


def check(server: GCSServer) -> None:
    """Make the run's bucket, and see that an object can be written to it and read back."""
    make_bucket(server, server.bucket)
    name, content = f"ready-{uuid.uuid4().hex}", b"x" * 100_000
    server.send(
        "POST",
        f"/upload/storage/v1/b/{server.bucket}/o?uploadType=media&name={name}",
        content,
        Content_Type="application/octet-stream",
    )
    if server.send("GET", f"/download/storage/v1/b/{server.bucket}/o/{name}?alt=media") != content:
        raise OSError(f"{server.name} did not give back what was written")
    server.send("DELETE", f"/storage/v1/b/{server.bucket}/o/{name}")
