"""WsgiDAV on cheroot, a WebDAV server (RFC 4918) in a thread of the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

from tests.servers.base import HOST

__all__ = ["WebdavServer", "serving"]

_THREADS = 16


@dataclass(frozen=True)
class WebdavServer:
    """A running server with one user, who may read and write everything.

    Attributes
    ----------
    url : str
        Where its root is.
    root : Path
        The directory that it serves.
    """

    url: str
    root: Path
    username: str = "registry"
    password: str = "secret-of-the-webdav-tests"


@contextmanager
def serving(root: Path) -> Iterator[WebdavServer]:
    """Serve a directory until the end of the block."""
    details = WebdavServer("", root)
    settings = {
        "provider_mapping": {"/": str(root)},
        "simple_dc": {"user_mapping": {"*": {details.username: {"password": details.password}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "property_manager": False,
        "lock_storage": False,
        "dir_browser": {"enable": False},
        "logging": {"enable": False},
        "verbose": 0,
    }
    server = wsgi.Server((HOST, 0), WsgiDAVApp(settings), numthreads=_THREADS)
    server.shutdown_timeout = 1
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield WebdavServer(f"http://{HOST}:{server.bind_addr[1]}/", root)
    finally:
        server.stop()
        thread.join()
