"""A server that lists a bucket of a million objects, none of which is there.

A page is made of a template, so that the time of a walk is the client's::

    python -m benchmarks.million --count 1000000
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Million"]

_HOST = "127.0.0.1"
_PAGE = 1000
_DIGITS = 7
_ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
_OBJECT = (
    "<Contents><Key>{key}</Key><LastModified>2026-01-01T{hour:02d}:{minute:02d}:{second:02d}.000Z</LastModified>"
    f"<ETag>{_ETAG.replace(chr(34), '&quot;')}</ETag><Size>1024</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def _object(prefix: str, number: int) -> str:
    key = f"{prefix}d{number // _PAGE:0{_DIGITS}d}/{number:0{_DIGITS}d}"
    return _OBJECT.format(key=key, hour=number // 3600 % 24, minute=number // 60 % 60, second=number % 60)


def _answer(query: dict[str, list[str]], count: int) -> str:
    """A page of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
    prefix = query.get("prefix", [""])[0]
    most = min(int(query.get("max-keys", [str(_PAGE)])[0]), _PAGE)
    first = int(query.get("continuation-token", ["0"])[0])
    last = min(first + most, count)
    more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < count else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name><Prefix>{prefix}</Prefix><KeyCount>{last - first}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"<IsTruncated>{str(last < count).lower()}</IsTruncated>{more}"
        + "".join([_object(prefix, number) for number in range(first, last)])
        + "</ListBucketResult>"
    )


def _handler(count: int) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 20

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            body = _answer(query, count).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler


class Million:
    """The server, in a process of its own.

    Parameters
    ----------
    count : int
        How many objects it lists.

    Attributes
    ----------
    parameters : dict
        Those of the s3 driver.
    """

    def __init__(self, count: int = 1_000_000) -> None:
        command = [sys.executable, "-m", "benchmarks.million", "--count", str(count)]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[1], text=True)
        assert self._process.stdout is not None
        port = json.loads(self._process.stdout.readline())
        self.parameters = {
            "bucket": "bucket",
            "region": "us-east-1",
            "regionendpoint": f"http://{_HOST}:{port}",
            "accesskey": "key",
            "secretkey": "secret",
            "forcepathstyle": True,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def main() -> None:
    """Serve until the standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, required=True)
    server = ThreadingHTTPServer((_HOST, 0), _handler(parser.parse_args().count))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
