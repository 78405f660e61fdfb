"""The driver's parameters in the words of ossfs."""

from __future__ import annotations

from typing import Any

from storagedriver.drivers.oss.parameters import OSSParameters, is_address
from storagedriver.errors import UnsupportedMethodError
from storagedriver.translation import Translation, place

__all__ = ["options", "translate"]


def options(parameters: OSSParameters) -> dict[str, Any]:
    """The options of ossfs."""
    return {
        "endpoint": parameters.url,
        "key": parameters.accesskeyid,
        "secret": parameters.accesskeysecret,
    }


def translate(parameters: OSSParameters) -> Translation:
    """The URL and the options of ossfs.

    ossfs puts the bucket before the endpoint's host, or into the path where
    that is an address (oss2, _UrlMaker).

    Raises
    ------
    UnsupportedMethodError
        If that is not where the parameters say that the bucket is.
    """
    if parameters.style != ("path" if is_address(parameters.host) else "virtual"):
        detail = f"ossfs has no addressing {parameters.style!r} at {parameters.host}; storagedriver:// does"
        raise UnsupportedMethodError(detail)
    return place("oss", parameters.bucket, parameters.prefix), options(parameters)
