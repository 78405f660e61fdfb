"""The middleware ``cloudfront``: signed URLs of Amazon CloudFront in front of an S3 bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storagedriver.driver import StorageDriver
from storagedriver.errors import needing_extra
from storagedriver.middleware.driver import for_urls

if TYPE_CHECKING:
    from storagedriver.middleware.cloudfront.driver import CloudFront

__all__ = ["create"]


@for_urls
def create(driver: StorageDriver, options: Mapping[str, Any]) -> CloudFront:
    """Put ``cloudfront`` around a driver. The private key is read; nothing is sent.

    Parameters
    ----------
    driver : StorageDriver
        The driver below; it serves ``s3`` and ``s3aws``.
    options : mapping
        See `storagedriver.middleware.cloudfront.options.CloudFrontOptions`.

    Raises
    ------
    MissingExtraError
        If cryptography is not installed.
    ParameterError
        If an option is missing or has a bad value.
    """
    with needing_extra("cloudfront", "cloudfront"):
        from storagedriver.middleware.cloudfront.driver import load  # noqa: PLC0415 - needs cryptography, an extra

        return load(driver, options)
