"""A service account with a made-up key, and the token service that takes its word.

google-auth asks a real HTTP server for its tokens here, as it asks Google's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HOST = "127.0.0.1"
EMAIL = "tests@storagedriver.example"


@cache
def private_key() -> str:
    """A key in PEM, the same one for the whole process; a short one, which each driver reads and checks sooner."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def key_info(token_uri: str = "https://tokens.storagedriver.example/token") -> dict[str, Any]:
    """What the file of a service account's key holds."""
    return {
        "type": "service_account",
        "project_id": "made-up",
        "private_key_id": "0123456789abcdef0123456789abcdef",
        "private_key": private_key(),
        "client_email": EMAIL,
        "token_uri": token_uri,
    }


class TokenService(ThreadingHTTPServer):
    """It gives tokens ``token-1``, ``token-2``, ... at ``/token``, and to nobody at ``/refused`` and ``/busy``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.given = 0
        self.url = f"http://{HOST}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: TokenService

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self.server.given += 1
            token = f"token-{self.server.given}"
            self._answer(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
        elif self.path == "/busy":
            self._answer(503, {"error": "internal_failure"})
        else:
            self._answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        pass

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[TokenService]:
    """A token service in a thread, until the end of the block."""
    with TokenService() as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
