"""The middleware ``redirect``: the URLs of a mirror that serves the files by their paths."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, unquote

from storagedriver import parameters
from storagedriver.driver import StorageDriver
from storagedriver.middleware.driver import SigningMiddleware, for_urls
from storagedriver.middleware.options import base_url, quoted

__all__ = ["Redirect", "RedirectOptions", "create"]

_NAME = "redirect"


@dataclass(frozen=True)
class RedirectOptions:
    """The options of ``redirect``.

    Attributes
    ----------
    baseurl : str
        Scheme and host of the mirror, and what its paths begin with.
    """

    baseurl: str = parameters.string(required=True)


@for_urls
def create(driver: StorageDriver, options: Mapping[str, Any]) -> Redirect:
    """Put ``redirect`` around a driver.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    options : mapping
        See `RedirectOptions` (registry/storage/driver/middleware/redirect in
        distribution 3; 2.x uses scheme and host alone).

    Raises
    ------
    ParameterError
        If ``baseurl`` is missing or no such URL.
    """
    given = parameters.parse(RedirectOptions, _NAME, options)
    return Redirect(driver, base_url(_NAME, "baseurl", given.baseurl))


class Redirect(SigningMiddleware):
    """Every URL is the base URL with the path behind it. Nothing is signed, so nothing expires.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    base : urllib.parse.SplitResult
        Scheme, host and path that the URLs begin with.
    """

    def __init__(self, driver: StorageDriver, base: SplitResult) -> None:
        super().__init__(driver)
        self._base = base

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,  # noqa: ARG002 - the same for all
    ) -> str | None:
        """The URL of the mirror."""
        self.check_url(path, method, expires)
        joined = posixpath.normpath(f"{unquote(self._base.path)}/{path}")
        return self._base._replace(path=quoted("/" + joined.lstrip("/"))).geturl()
