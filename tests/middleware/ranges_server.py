"""A server that gives a document of addresses as Amazon's does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.base import HOST

#: As https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html has it.
DOCUMENT = {
    "syncToken": "1700000000",
    "createDate": "2023-11-14-22-13-20",
    "prefixes": [
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "network_border_group": "x", "service": "AMAZON"},
        {"ip_prefix": "52.93.178.234/32", "region": "us-west-1", "network_border_group": "x", "service": "AMAZON"},
        {"ip_prefix": "3.5.0.0/16", "region": "us-east-1", "network_border_group": "x", "service": "S3"},
        {"ip_prefix": "none", "region": "us-east-1", "network_border_group": "x", "service": "S3"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2a05:d07a:a000::/40", "region": "us-east-1", "network_border_group": "x", "service": "S3"},
    ],
}


class RangesServer:
    """What it answers can be changed while it runs.

    Attributes
    ----------
    url : str
        Where the document is.
    status, body, headers
        What is answered.
    asked : int
        How many requests came.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.body = json.dumps(DOCUMENT).encode()
        self.headers: dict[str, str] = {}
        self.asked = 0


@contextmanager
def ranges_server() -> Iterator[RangesServer]:
    """A server that runs until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked += 1
            moved = self.path == "/moved"
            self.send_response(302 if moved else server.status)
            if moved:
                self.send_header("Location", "/ranges.json")
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            self.wfile.write(server.body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as listening:
        server = RangesServer(f"http://{HOST}:{listening.server_port}/ranges.json")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
