"""The middleware ``alicdn``: signed URLs of Alibaba Cloud CDN in front of an OSS bucket."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import SplitResult, urlsplit

from storagedriver import parameters
from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError
from storagedriver.middleware.driver import for_urls
from storagedriver.middleware.network import NetworkDriver
from storagedriver.middleware.options import base_url, lifetime

__all__ = ["AliCDN", "AliCDNOptions", "create", "sign_a", "sign_b", "sign_c"]

_NAME = "alicdn"
#: The time of type B is that of China.
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class AliCDNOptions:
    """The options of ``alicdn``.

    Attributes
    ----------
    baseurl : str
        The accelerated domain, and what its paths begin with.
    authtype : {"a", "b", "c"}
        The type of URL signing that the domain is configured for.
    privatekey : str
        The key that it is configured with.
    duration : object
        How far in the future the time of a URL is, in Go's notation. The
        network adds the validity period that the domain is configured for.
    """

    baseurl: str = parameters.string(required=True)
    authtype: str = parameters.choice("", ("a", "b", "c"), fold=str.lower)
    privatekey: str = parameters.string(required=True, secret=True)
    duration: Any = parameters.anything()


@for_urls
def create(driver: StorageDriver, options: Mapping[str, Any]) -> AliCDN:
    """Put ``alicdn`` around a driver.

    Parameters
    ----------
    driver : StorageDriver
        The driver below; it serves ``oss``.
    options : mapping
        See `AliCDNOptions` (registry/storage/driver/middleware/alicdn in
        distribution, up to the commit that removed it before 3.0).

    Raises
    ------
    ParameterError
        If an option is missing or has a bad value.
    """
    given = parameters.parse(AliCDNOptions, _NAME, options)
    base = base_url(_NAME, "baseurl", given.baseurl, scheme="https", allowed="http https")
    if not given.authtype:
        raise ParameterError("it is required, one of a, b, c", driver_name=_NAME, path="authtype")
    last = lifetime(_NAME, "duration", given.duration, timedelta(minutes=20))
    return AliCDN(driver, base, last, given)


class AliCDN(NetworkDriver):
    """URLs with a digest over path, time and key.

    Parameters
    ----------
    driver, base, lifetime
        As for `NetworkDriver`.
    options : AliCDNOptions
        Type and key.
    """

    network = _NAME

    def __init__(self, driver: StorageDriver, base: SplitResult, lifetime: timedelta, options: AliCDNOptions) -> None:
        super().__init__(driver, base, lifetime)
        self._options = options

    def sign(self, url: str, expires: int) -> str:
        """A URL of the type of the options."""
        return _TYPES[self._options.authtype](url, self._options.privatekey, expires)


def sign_a(url: str, key: str, moment: int, rand: str = "") -> str:
    """Sign a URL by type A: https://www.alibabacloud.com/help/en/cdn/user-guide/type-a-signing.

    Parameters
    ----------
    url : str
        The URL, quoted and without a query.
    key : str
        The domain's key.
    moment : int
        The time of the URL, in seconds since the epoch.
    rand : str
        What makes it unlike others, without a hyphen; ``""``: a new UUID.
    """
    rand = rand or uuid.uuid4().hex
    digest = _md5(f"{urlsplit(url).path}-{moment}-{rand}-0-{key}")
    return f"{url}?auth_key={moment}-{rand}-0-{digest}"


def sign_b(url: str, key: str, moment: int) -> str:
    """Sign a URL by type B: https://www.alibabacloud.com/help/en/cdn/user-guide/type-b-signing.

    The parameters are those of `sign_a`. The time has whole minutes; the
    seconds are dropped.
    """
    minute = datetime.fromtimestamp(moment, _CHINA).strftime("%Y%m%d%H%M")
    parts = urlsplit(url)
    return parts._replace(path=f"/{minute}/{_md5(key + minute + parts.path)}{parts.path}").geturl()


def sign_c(url: str, key: str, moment: int) -> str:
    """Sign a URL by type C, format 1: https://www.alibabacloud.com/help/en/cdn/user-guide/type-c-signing.

    The parameters are those of `sign_a`.
    """
    time = f"{moment:X}"
    parts = urlsplit(url)
    return parts._replace(path=f"/{_md5(key + parts.path + time)}/{time}{parts.path}").geturl()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


_TYPES: Mapping[str, Callable[[str, str, int], str]] = {"a": sign_a, "b": sign_b, "c": sign_c}
