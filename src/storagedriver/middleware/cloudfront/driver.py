"""`CloudFront`: signed URLs of a distribution, or for some clients those of S3 itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

from storagedriver.driver import StorageDriver
from storagedriver.middleware.cloudfront.options import NAME, CloudFrontOptions, parse, refusal
from storagedriver.middleware.cloudfront.signer import Signer
from storagedriver.middleware.network import NetworkDriver
from storagedriver.middleware.options import base_url

if TYPE_CHECKING:
    from storagedriver.middleware.cloudfront.ranges import AddressRanges

__all__ = ["CloudFront", "load"]


class CloudFront(NetworkDriver):
    """The URLs of a CloudFront distribution whose origin is the bucket of the driver below.

    Parameters
    ----------
    driver, base, lifetime
        As for `NetworkDriver`.
    signer : Signer
        Signs the URLs.
    ranges : AddressRanges, optional
        The clients that are sent to the bucket itself.
    """

    network = NAME
    #: As in the registry, whose middleware asks the driver below for the key of the object.
    next_to_driver = True

    def __init__(
        self,
        driver: StorageDriver,
        base: SplitResult,
        lifetime: timedelta,
        signer: Signer,
        ranges: AddressRanges | None = None,
    ) -> None:
        super().__init__(driver, base, lifetime)
        self._signer = signer
        self._ranges = ranges

    def goes_to_store(self, client_address: str | None) -> bool:
        """Whether the client is in Amazon's network, and is to be sent to the bucket for it."""
        return self._ranges is not None and self._ranges.contains(client_address)

    def sign(self, url: str, expires: int) -> str:
        """A URL with a canned policy."""
        return self._signer.sign(url, expires)

    def close(self) -> None:
        """Close the driver below, and the connection for the addresses."""
        try:
            if self._ranges is not None:
                self._ranges.close()
        finally:
            super().close()


def load(driver: StorageDriver, options: Mapping[str, Any]) -> CloudFront:
    """Make it of the registry's options.

    Raises
    ------
    ParameterError
        If an option is missing or has a bad value.
    """
    given = parse(options)
    base = base_url(NAME, "baseurl", given.baseurl, scheme="https", allowed="http https")
    lifetime = given.lifetime
    ranges = _ranges(given)
    pem = given.read_key()
    try:
        signer = Signer(given.keypairid, pem)
    except ValueError as error:
        raise refusal("privatekey", str(error)) from None
    return CloudFront(driver, base, lifetime, signer, ranges)


def _ranges(given: CloudFrontOptions) -> AddressRanges | None:
    frequency = given.frequency
    url = base_url(NAME, "iprangesurl", given.iprangesurl, allowed="http https", query=True)
    if given.ipfilteredby == "none":
        return None
    from storagedriver.middleware.cloudfront.ranges import AddressRanges  # noqa: PLC0415 - most ask for no addresses

    regions = given.regions if given.ipfilteredby == "awsregion" else ()
    return AddressRanges(url._replace(path=url.path or "/").geturl(), regions, frequency)
