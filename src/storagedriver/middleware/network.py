"""`NetworkDriver`: signed URLs of a content delivery network that has the store as its origin."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from datetime import timedelta
from typing import ClassVar
from urllib.parse import SplitResult, quote

from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import StorageDriverWarning
from storagedriver.middleware.driver import MiddlewareDriver, SigningMiddleware

__all__ = ["NetworkDriver"]


class NetworkDriver(SigningMiddleware):
    """A middleware for one content delivery network.

    Around a driver whose store the network cannot serve it changes nothing,
    and warns of it when it is made, as the registry does at each URL. A driver
    says by a method ``origin_path(network, path)`` that it can be served, see
    `storagedriver.adapter.driver.FsspecDriver.origin_path`.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    base : urllib.parse.SplitResult
        Scheme, host and path that the URLs begin with.
    lifetime : timedelta
        How long a URL works for which no time is asked.
    """

    #: The name of the middleware.
    network: ClassVar[str]
    #: Whether there must be no other middleware between the driver and this one.
    next_to_driver: ClassVar[bool] = False

    def __init__(self, driver: StorageDriver, base: SplitResult, lifetime: timedelta) -> None:
        super().__init__(driver)
        self._base = base._replace(path=base.path.rstrip("/")).geturl()
        self._lifetime = lifetime
        self._is_served = self._origin_path("/file") is not None
        if not self._is_served:
            is_late = self.next_to_driver and isinstance(driver, MiddlewareDriver)
            reason = "it must be the first one in the list" if is_late else f"it cannot serve the driver {driver.name}"
            message = f"middleware {self.network} changes nothing: {reason}"
            warnings.warn(message, StorageDriverWarning, stacklevel=4)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver below; there are URLs in any case if the network serves it."""
        return super().capabilities if self._is_served else self.driver.capabilities

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,
    ) -> str | None:
        """A signed URL of the network, or that of the driver below for a client that is sent to the store."""
        if self._is_served:
            self.check_url(path, method, expires)
            if not self.goes_to_store(client_address):
                seconds = int((self._lifetime if expires is None else expires).total_seconds())
                key = quote(self._origin_path(path) or "", safe="/~")
                return self.sign(f"{self._base}/{key}", int(time.time()) + max(1, seconds))
        return MiddlewareDriver.redirect_url(self, path, method, expires, client_address)

    def goes_to_store(self, client_address: str | None) -> bool:  # noqa: ARG002 - some networks choose
        """Whether this client is sent to the store itself."""
        return False

    @abstractmethod
    def sign(self, url: str, expires: int) -> str:
        """A URL of the network with a signature.

        Parameters
        ----------
        url : str
            The URL, quoted.
        expires : int
            When it stops working, in seconds since the epoch.
        """

    def _origin_path(self, path: str) -> str | None:
        if self.next_to_driver and isinstance(self.driver, MiddlewareDriver):
            return None
        find = getattr(self.driver, "origin_path", None)
        found: str | None = None if find is None else find(self.network, path)
        return found
