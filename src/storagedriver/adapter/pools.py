"""The pools of connections below the lane."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sized
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["Pools"]

_SIZE = 64
#: Up to so many bytes a body goes out with the head, in one write and one packet.
_SMALL = 32 << 10


class _Connection(HTTPConnection):
    """A connection that sends a small body together with its head: half the system calls, and half the wakings."""

    _held: list[bytes] | None = None

    def __str__(self) -> str:
        # It stands in errors that users read.
        return f"{self.host}:{self.port}"

    def request(self, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> None:
        """Send a request."""
        size = len(body) if isinstance(body, Sized) else _SMALL + 1
        if size > _SMALL:
            super().request(method, url, body, *args, **options)
            return
        held: list[bytes] = []
        self._held = held
        try:
            super().request(method, url, body, *args, **options)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        """Send, or hold what is to be sent together."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _TLSConnection(HTTPSConnection, _Connection):
    """The same over TLS."""


class Pools:
    """The connections of one process, by host: straight to it, or by the proxy that the environment names.

    Parameters
    ----------
    tls : mapping
        How certificates are checked, as urllib3 takes it.
    """

    def __init__(self, tls: Mapping[str, Any]) -> None:
        self._tls = tls
        self._by_host: dict[tuple[str, str], urllib3.HTTPConnectionPool | urllib3.ProxyManager] = {}

    def send(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """Send a request to the host of a URL, and give the answer before its content."""
        parts = urlsplit(url)
        pool = self._by_host.get(parts[:2])
        if pool is None:
            # Two threads that come first make one each, and one of the two is dropped.
            pool = self._by_host.setdefault(parts[:2], self._make(*parts[:2]))
        # A pool of one host is told the path alone: to find the host's pool anew costs as much as signing.
        target = url if isinstance(pool, urllib3.ProxyManager) else url[len(parts.scheme) + 3 + len(parts.netloc) :]
        return pool.urlopen(method, target or "/", **options)

    def clear(self) -> None:
        """Close all connections."""
        for pool in self._by_host.values():
            if isinstance(pool, urllib3.ProxyManager):
                pool.clear()
            else:
                pool.close()
        self._by_host.clear()

    def _make(self, scheme: str, host: str) -> urllib3.HTTPConnectionPool | urllib3.ProxyManager:
        proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
        proxy = proxies.get(scheme) or proxies.get("all")
        if proxy:
            return urllib3.ProxyManager(proxy, maxsize=_SIZE, **self._tls)
        tls = self._tls if scheme == "https" else {}
        pool = urllib3.connection_from_url(f"{scheme}://{host}", maxsize=_SIZE, **tls)
        pool.ConnectionCls = _TLSConnection if scheme == "https" else _Connection
        return pool
