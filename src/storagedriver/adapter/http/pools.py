"""The connections of one process: straight to a host, or by the proxy that the environment names."""

from __future__ import annotations

import socket
import urllib.request
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from storagedriver.adapter.http.connection import Connection, NotSentError, Opened

if TYPE_CHECKING:
    from storagedriver.adapter.http.secure import Trust

__all__ = ["Pool", "Pools"]

#: How many connections to a host are kept while they are idle.
_KEPT = 64
_PORTS = {"http": 80, "https": 443}


class Pools:
    """The pools of one process, by scheme and host.

    Parameters
    ----------
    verify : bool
        Whether certificates are checked.
    ca_bundle : str or None
        A file of certificates to trust in place of the system's.
    """

    def __init__(self, *, verify: bool, ca_bundle: str | None) -> None:
        self._verify = verify
        self._ca_bundle = ca_bundle
        self._pools: dict[tuple[str, str], Pool] = {}

    def get(self, scheme: str, host: str) -> Pool:
        """The pool of a host."""
        pool = self._pools.get((scheme, host))
        if pool is None:
            # Two threads that come first make one each, and one of the two is dropped.
            pool = self._pools.setdefault((scheme, host), Pool(scheme, host, self._trust))
        return pool

    def close(self) -> None:
        """Close the connections that are idle."""
        for pool in self._pools.values():
            pool.close()

    def _trust(self) -> Trust:
        from storagedriver.adapter.http.secure import Trust  # noqa: PLC0415 - urllib3 is slow to load

        return Trust(verify=self._verify, ca_bundle=self._ca_bundle)


class Pool:
    """The connections to one host.

    Parameters
    ----------
    scheme, host : str
        Those of a URL; the host with its port, if one is named.
    trust : callable
        Gives what certificates are checked with.

    Attributes
    ----------
    is_forwarded : bool
        Whether requests go to a proxy that is given the whole URL.
    forwarded_headers : mapping
        What every request to such a proxy has on top. A tunnel has no such
        headers: what goes through it is the server's to read.
    """

    def __init__(self, scheme: str, host: str, trust: Callable[[], Trust]) -> None:
        self._scheme = scheme
        parts = urlsplit(f"{scheme}://{host}")
        self._place = _place(parts)
        self._trust = trust
        proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
        proxy = proxies.get(scheme) or proxies.get("all") or ""
        self._proxy = urlsplit(proxy if "://" in proxy or not proxy else f"http://{proxy}") if proxy else None
        self.is_forwarded = self._proxy is not None and scheme == "http"
        self.forwarded_headers = self._credentials() if self.is_forwarded else {}
        self._idle: list[Connection] = []
        # A driver that is dropped without being closed leaves no connection behind.
        weakref.finalize(self, _close, self._idle)

    def take(self, timeout: float) -> Connection:
        """An idle connection, or a new one.

        Raises
        ------
        NotSentError
            If there is none to be had within `timeout` seconds.
        TLSError
            If the server's certificate is not trusted.
        """
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_alive:
                return connection
            connection.close()
        return Connection(self._connect(timeout))

    def give(self, connection: Connection) -> None:
        """Take a connection back; it is kept if another request may be sent on it."""
        if connection.is_reusable and len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that are idle."""
        _close(self._idle)

    def _credentials(self) -> dict[str, str]:
        from storagedriver.adapter.http.secure import credentials  # noqa: PLC0415 - urllib3 is slow to load

        return {} if self._proxy is None else credentials(self._proxy)

    def _connect(self, timeout: float) -> Opened:
        if self._scheme == "http" and self._proxy is None:
            return _Plain(self._place, timeout)
        from storagedriver.adapter.http.secure import connected  # noqa: PLC0415 - urllib3 is slow to load

        proxy_place = None if self._proxy is None else _place(self._proxy)
        return connected(self._scheme, self._place, self._proxy, proxy_place, self._trust(), timeout)


class _Plain:
    """A connection straight to a host, without TLS: a socket."""

    def __init__(self, place: tuple[str, int], timeout: float) -> None:
        try:
            self.sock = socket.create_connection(place, timeout)
        except TimeoutError as error:
            raise NotSentError("the connection timed out") from error
        except (OSError, UnicodeError) as error:
            raise NotSentError(str(error)) from error
        # A head and its body are sent in one piece, or shall not wait for each other.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close it."""
        self.sock.close()


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def _place(parts: SplitResult) -> tuple[str, int]:
    """Host and port of a URL; an IPv6 address comes without brackets."""
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]
