"""The middleware ``rewrite``: another scheme, host or beginning of the path in the URLs that the driver below signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from storagedriver import parameters
from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError
from storagedriver.middleware.driver import MiddlewareDriver, for_urls
from storagedriver.middleware.options import SCHEME, check_host, quoted

__all__ = ["Rewrite", "RewriteOptions", "create"]

_NAME = "rewrite"


@dataclass(frozen=True)
class RewriteOptions:
    """The options of ``rewrite``; an empty one changes nothing.

    Attributes
    ----------
    scheme : str
        The scheme of the URLs.
    host : str
        Their host, with its port if it is to have one.
    trimpathprefix : str
        What is taken off the beginning of their paths, where they begin so.
    """

    scheme: str = parameters.string()
    host: str = parameters.string()
    trimpathprefix: str = parameters.string()


@for_urls
def create(driver: StorageDriver, options: Mapping[str, Any]) -> Rewrite:
    """Put ``rewrite`` around a driver.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    options : mapping
        See `RewriteOptions` (registry/storage/driver/middleware/rewrite in distribution 3).

    Raises
    ------
    ParameterError
        If ``scheme`` or ``host`` cannot be one.
    """
    given = parameters.parse(RewriteOptions, _NAME, options)
    if given.scheme and not SCHEME.fullmatch(given.scheme):
        detail = f"{given.scheme!r} is not allowed, it must be a scheme alone, such as https"
        raise ParameterError(detail, driver_name=_NAME, path="scheme")
    if given.host:
        check_host(_NAME, "host", given.host)
    return Rewrite(driver, given)


class Rewrite(MiddlewareDriver):
    """The URLs of the driver below with parts of them replaced. Where it signs none, there is none.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    options : RewriteOptions
        What to replace.
    """

    def __init__(self, driver: StorageDriver, options: RewriteOptions) -> None:
        super().__init__(driver)
        self._options = options

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,
    ) -> str | None:
        """The URL of the driver below, rewritten."""
        url = super().redirect_url(path, method, expires, client_address)
        if not url:
            return None
        parts = urlsplit(url)
        if self._options.scheme:
            parts = parts._replace(scheme=self._options.scheme)
        if self._options.host:
            user, at, _ = parts.netloc.rpartition("@")
            parts = parts._replace(netloc=f"{user}{at}{self._options.host}")
        plain = unquote(parts.path)
        if self._options.trimpathprefix and plain.startswith(self._options.trimpathprefix):
            parts = parts._replace(path=quoted(plain.removeprefix(self._options.trimpathprefix)))
        return parts.geturl()
