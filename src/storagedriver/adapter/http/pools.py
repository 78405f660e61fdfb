"""The connections of one process: straight to a host, or by the proxy that the environment names."""

from __future__ import annotations

import functools
import os
import socket
import ssl
import urllib.request
import weakref
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError as ConnectionFailure
from urllib3.exceptions import SSLError
from urllib3.util import create_urllib3_context, make_headers, parse_url

from storagedriver.adapter.http.connection import Connection, NotSentError, TLSError

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
            pool = self._pools.setdefault((scheme, host), Pool(scheme, host, self._context))
        return pool

    def close(self) -> None:
        """Close the connections that are idle."""
        for pool in self._pools.values():
            pool.close()

    def _context(self) -> ssl.SSLContext:
        return _context(os.getpid(), self._verify, self._ca_bundle)


class Pool:
    """The connections to one host.

    Parameters
    ----------
    scheme, host : str
        Those of a URL; the host with its port, if one is named.
    context : callable
        Gives what certificates are checked with.

    Attributes
    ----------
    is_forwarded : bool
        Whether requests go to a proxy that is given the whole URL.
    forwarded_headers : mapping
        What every request to such a proxy has on top. A tunnel has no such
        headers: what goes through it is the server's to read.
    """

    def __init__(self, scheme: str, host: str, context: Callable[[], ssl.SSLContext]) -> None:
        self._scheme = scheme
        parts = urlsplit(f"{scheme}://{host}")
        self._host, self._port = _place(parts)
        self._context = context
        proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
        proxy = proxies.get(scheme) or proxies.get("all") or ""
        self._proxy = urlsplit(proxy if "://" in proxy or not proxy else f"http://{proxy}") if proxy else None
        self.is_forwarded = self._proxy is not None and scheme == "http"
        self._proxy_headers = {} if self._proxy is None else _credentials(self._proxy)
        self.forwarded_headers = self._proxy_headers if self.is_forwarded else {}
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

    def _connect(self, timeout: float) -> HTTPConnection:
        made = self._make(timeout)
        try:
            made.connect()
        except (SSLError, ssl.SSLError) as error:
            made.close()
            raise TLSError(str(error)) from error
        except (OSError, ConnectionFailure) as error:
            made.close()
            cause = error.__cause__
            if isinstance(cause, ssl.SSLError):
                raise TLSError(str(error)) from error
            raise NotSentError(_said(error)) from error
        except BaseException:
            made.close()
            raise
        return made

    def _make(self, timeout: float) -> HTTPConnection:
        """A connection that is not open yet."""
        if self._proxy is None:
            if self._scheme == "http":
                return HTTPConnection(self._host, self._port, timeout=timeout)
            return self._secure(self._host, self._port, timeout)
        host, port = _place(self._proxy)
        if self._scheme == "http" and self._proxy.scheme == "http":
            return HTTPConnection(host, port, timeout=timeout)
        if self._scheme == "http":
            return self._secure(host, port, timeout)
        context = self._context()
        tunnel = HTTPSConnection(
            host,
            port,
            timeout=timeout,
            ssl_context=context,
            proxy=parse_url(self._proxy.geturl()),
            proxy_config=ProxyConfig(
                context, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
            ),
        )
        tunnel.set_tunnel(self._host, self._port, self._proxy_headers, scheme=self._proxy.scheme)
        return tunnel

    def _secure(self, host: str, port: int, timeout: float) -> HTTPSConnection:
        return HTTPSConnection(host, port, timeout=timeout, ssl_context=self._context())


@functools.lru_cache(maxsize=16)
def _context(pid: int, verify: bool, ca_bundle: str | None) -> ssl.SSLContext:
    """One for all drivers of a process: to load the system's certificates takes 10 ms and more."""
    del pid
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)
    if not verify:
        return context
    if ca_bundle is None:
        context.load_default_certs()
    elif os.path.isdir(ca_bundle):  # noqa: PTH112 - OpenSSL's word is a path
        context.load_verify_locations(capath=ca_bundle)
    else:
        context.load_verify_locations(cafile=ca_bundle)
    return context


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def _place(parts: SplitResult) -> tuple[str, int]:
    """Host and port of a URL; an IPv6 address comes without brackets."""
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    return make_headers(proxy_basic_auth=f"{unquote(proxy.username)}:{unquote(proxy.password or '')}")


def _said(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, socket.timeout) or "timed out" in str(error):
        return "the connection timed out"
    return str(cause or error)
