"""An endpoint that gives out tokens as Microsoft's does, for azure-identity; Azurite takes any signature."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

from tests.servers.base import HOST

TENANT, CLIENT, SECRET = "tenant-of-a-test", "client-of-a-test", "secret-of-the-application"

_HEADER = {"alg": "RS256", "typ": "JWT", "kid": "key-of-a-test"}
#: What all tokens begin with.
TOKEN_HEAD = base64.urlsafe_b64encode(json.dumps(_HEADER).encode()).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        told = {name: values[0] for name, values in form.items()}
        type(self).asked.append(told)
        if self.path == f"/{TENANT}/oauth2/v2.0/token" and told.get("client_secret") == SECRET:
            self._answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token()})
        else:
            self._answer(401, {"error": "invalid_client", "error_description": "the secret is not the right one"})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def token() -> str:
    """A token for the blob service, signed by nobody."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now - 10,
        "nbf": now - 10,
        "exp": now + 3600,
    }
    parts = [json.dumps(_HEADER).encode(), json.dumps(claims).encode(), b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@contextmanager
def token_service(certificate: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its URL, and what it was asked; the key lies beside the certificate."""
    _Handler.asked = []
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, Path(certificate).with_name("key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://{HOST}:{server.server_address[1]}", _Handler.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
