"""The addresses of Amazon's network, as Amazon publishes them.

The document: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
import time
import warnings
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from storagedriver.adapter.http.answer import AnswerError, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.connection import HTTPError
from storagedriver.adapter.limits import PerProcess
from storagedriver.errors import StorageDriverWarning

__all__ = ["AddressRanges", "Networks"]

#: The seconds within which the document is there.
_TIMEOUT = 15.0
#: The seconds until the next attempt after one that failed.
_RETRY = 60.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
#: An address with a port, as servers write that of a client.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks:
    """A set of networks that is asked for addresses.

    Parameters
    ----------
    prefixes : iterable of str
        The networks, as ``10.0.0.0/8``; what is none is passed over.
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        # By version and length of the prefix: an address is looked up once for each length, not for each network.
        self._known: dict[tuple[int, int], set[int]] = {}
        for prefix in prefixes:
            try:
                network = ipaddress.ip_network(prefix, strict=False)
            except ValueError:
                continue
            shift = network.max_prefixlen - network.prefixlen
            self._known.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def __bool__(self) -> bool:
        return bool(self._known)

    def __contains__(self, address: _Address) -> bool:
        number = int(address)
        return any(
            number >> shift in networks
            for (version, shift), networks in self._known.items()
            if version == address.version
        )


class AddressRanges:
    """The addresses at a URL, read when they are first asked for and when they are old.

    Parameters
    ----------
    url : str
        Where the document is.
    regions : collection of str
        Whose addresses are meant, in lower case; none: all.
    frequency : timedelta
        How old the addresses may become. They are kept where they cannot be
        read again, and that is tried again after a minute.
    """

    def __init__(self, url: str, regions: Collection[str], frequency: timedelta) -> None:
        self._url = url
        self._regions = tuple(regions)
        self._frequency = frequency
        self._client = HTTPClient(timeout=_TIMEOUT, attempts=2)
        self._lock: PerProcess[threading.Lock] = PerProcess(threading.Lock)
        self._networks: Networks | None = None
        self._due = time.monotonic()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url, self._regions, self._frequency)

    def contains(self, address: str | None) -> bool:
        """Whether an address is one of them; False for what is no address, and where they are not known.

        Parameters
        ----------
        address : str or None
            That of a client, maybe with a port.
        """
        parsed = _parse(address)
        if parsed is None:
            return False
        self._update()
        networks = self._networks
        return networks is not None and parsed in networks

    def close(self) -> None:
        """Close the connections of this process."""
        self._client.close()

    def _update(self) -> None:
        if time.monotonic() < self._due:
            return
        lock = self._lock.get()
        # While one thread reads, the others go by the old addresses if there are some.
        if not lock.acquire(blocking=self._networks is None):
            return
        try:
            if time.monotonic() < self._due:
                return
            pause = min(_RETRY, self._frequency.total_seconds())
            try:
                self._networks = Networks(self._selected(self._read()))
            except (AnswerError, HTTPError, OSError, ValueError, RecursionError) as error:
                known = "those known before are used" if self._networks else "clients are sent to CloudFront"
                self._warn(f"cannot be read, {known}: {error}")
            else:
                pause = self._frequency.total_seconds()
                if self._regions and not self._networks:
                    self._warn(f"has none of {', '.join(self._regions)} (option awsregion)")
            finally:
                # Last: the threads that wait for the first addresses go by this.
                self._due = time.monotonic() + pause
        finally:
            lock.release()

    def _warn(self, what: str) -> None:
        host = urlsplit(self._url).netloc
        message = f"cloudfront: the document of addresses at {host} (option iprangesurl) {what}"
        warnings.warn(message, StorageDriverWarning, stacklevel=6)

    def _read(self) -> Any:
        url = self._url
        for _ in range(_MOST_REDIRECTS):
            request = Signed("GET", url)
            answer = self._client.request(lambda request=request: request, expected={200, *_REDIRECTS})  # type: ignore[misc]
            if answer.status not in _REDIRECTS:
                return json.loads(answer.content)
            url = urljoin(url, answer.headers.get("Location", ""))
            if not url.startswith(("http://", "https://")):
                raise ValueError("it redirects to what is no http or https URL")
        raise ValueError(f"it redirects more than {_MOST_REDIRECTS} times")

    def _selected(self, document: Any) -> Iterator[str]:
        """The networks of a document that are meant."""
        for entries, name in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
            listed = document.get(entries) if isinstance(document, dict) else None
            if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
                raise ValueError("the answer is no such document")
            for entry in listed:
                if not self._regions or str(entry.get("region")).lower() in self._regions:
                    yield str(entry.get(name))


def _parse(text: str | None) -> _Address | None:
    if text is None:
        return None
    found = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ipaddress.ip_address((found["v6"] or found["v4"]) if found else text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
