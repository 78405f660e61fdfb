"""Connections with TLS, and through proxies, as urllib3 opens them. It is loaded by those who need one."""

from __future__ import annotations

import functools
import os
import ssl
from urllib.parse import SplitResult, unquote

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError as ConnectionFailure
from urllib3.exceptions import SSLError
from urllib3.util import create_urllib3_context, make_headers, parse_url

from storagedriver.adapter.http.connection import NotSentError, TLSError

__all__ = ["Trust", "connected", "credentials"]

_OUT_OF_DATE = "the certificate is out of date: renew it, or set the clock of this machine"
_OTHER_NAME = "the certificate is for another name: give that one in the endpoint"
#: X509_V_ERR_… of OpenSSL's x509_vfy.h.
_OF_CERTIFICATES = {9: _OUT_OF_DATE, 10: _OUT_OF_DATE, 62: _OTHER_NAME, 64: _OTHER_NAME}
#: OpenSSL's reasons where what has answered is not TLS.
_NO_TLS = {"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER"}

#: A host and its port.
Place = tuple[str, int]


class Trust:
    """What certificates are checked with.

    Parameters
    ----------
    verify : bool
        Whether they are checked.
    ca_bundle : str or None
        A file, or a directory, of certificates to trust in place of the system's.
    """

    def __init__(self, *, verify: bool, ca_bundle: str | None) -> None:
        self._verify = verify
        self._ca_bundle = ca_bundle

    @property
    def context(self) -> ssl.SSLContext:
        """The context of this process."""
        return _context(os.getpid(), self._verify, self._ca_bundle)


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


def credentials(proxy: SplitResult) -> dict[str, str]:
    """The headers by which a user of a proxy says who it is."""
    if proxy.username is None:
        return {}
    return make_headers(proxy_basic_auth=f"{unquote(proxy.username)}:{unquote(proxy.password or '')}")


def connected(
    scheme: str, target: Place, proxy: SplitResult | None, proxy_place: Place | None, trust: Trust, timeout: float
) -> HTTPConnection:
    """Open a connection.

    Parameters
    ----------
    scheme : {"http", "https"}
        How the target is spoken to.
    target : (str, int)
        Its host and port.
    proxy : SplitResult or None
        The URL of the proxy, if there is one.
    proxy_place : (str, int) or None
        The proxy's host and port.
    trust : Trust
        What certificates are checked with.
    timeout : float
        The seconds that it may take.

    Raises
    ------
    NotSentError
        If there is none to be had.
    TLSError
        If a certificate is not trusted.
    """
    made = _made(scheme, target, proxy, proxy_place, trust, timeout)
    try:
        made.connect()
    except (SSLError, ssl.SSLError) as error:
        made.close()
        raise failed(error) from error
    except (OSError, ConnectionFailure) as error:
        made.close()
        cause = error.__cause__
        if isinstance(cause, ssl.SSLError):
            raise failed(error) from error
        timed_out = isinstance(cause, TimeoutError) or "timed out" in str(error)
        raise NotSentError("the connection timed out" if timed_out else str(cause or error)) from error
    except BaseException:
        made.close()
        raise
    return made


def failed(error: BaseException) -> TLSError:
    """The error, with what a user can do about it where that is not to trust another certificate."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        arguments = [argument for argument in found.args if isinstance(argument, ssl.SSLError)]
        found = arguments[0] if arguments else found.__cause__
    if isinstance(found, ssl.SSLCertVerificationError):
        return TLSError(str(error), _OF_CERTIFICATES.get(found.verify_code, ""))
    if found is not None and (found.reason or "") in _NO_TLS:
        return TLSError(
            str(error), "the server speaks no TLS there: begin the endpoint with http://, or name its TLS port"
        )
    return TLSError(
        str(error), "the server and this machine have no version of TLS in common, or it wants a certificate"
    )


def _made(
    scheme: str, target: Place, proxy: SplitResult | None, proxy_place: Place | None, trust: Trust, timeout: float
) -> HTTPConnection:
    """A connection that is not open yet."""
    if proxy is None or proxy_place is None:
        return _to(scheme, target, trust, timeout)
    if scheme == "http":
        # The proxy is given the whole URL.
        return _to(proxy.scheme, proxy_place, trust, timeout)
    context = trust.context
    tunnel = HTTPSConnection(
        *proxy_place,
        timeout=timeout,
        ssl_context=context,
        proxy=parse_url(proxy.geturl()),
        proxy_config=ProxyConfig(
            context, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
        ),
    )
    tunnel.set_tunnel(*target, credentials(proxy), scheme=proxy.scheme)
    return tunnel


def _to(scheme: str, place: Place, trust: Trust, timeout: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(*place, timeout=timeout)
    return HTTPSConnection(*place, timeout=timeout, ssl_context=trust.context)
