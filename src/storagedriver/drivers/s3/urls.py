"""Where a bucket is: its URL, and the region that requests are signed for."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from storagedriver.drivers.s3.parameters import S3Parameters

__all__ = ["HOST_LABEL", "Place", "place_of", "quoted"]

#: A bucket whose name can be a part of a host.
HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
#: The region of a server of one's own, where none is given.
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Place:
    """Where a bucket is.

    Attributes
    ----------
    url : str
        The URL that keys are put behind, with a ``/`` at its end.
    region : str
        The region.
    """

    url: str
    region: str

    def in_host(self, bucket: str) -> bool:
        """Whether the bucket is a part of the host, and not of the path."""
        return not urlsplit(self.url).path.endswith(f"/{bucket}/")


class Resolver(Protocol):
    """The SDK, which knows Amazon's endpoints and the user's profiles."""

    def place(self) -> Place:
        """Where the bucket is."""


def place_of(parameters: S3Parameters, endpoint: str, sdk: Resolver) -> Place:
    """Where the bucket of a driver is, computed here for a server of one's own, and by the SDK for Amazon's.

    Parameters
    ----------
    parameters : S3Parameters
        The driver's parameters.
    endpoint : str
        The URL of the server, ``""`` for the one that the region says.
    sdk : Resolver
        Is asked where that takes its data.
    """
    region = parameters.region or os.environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
    if not endpoint or parameters.bucket.startswith("arn:") or not _is_region_known(parameters):
        return sdk.place()
    if parameters.forcepathstyle is not False:
        return Place(f"{endpoint}/{parameters.bucket}/", region)
    if not HOST_LABEL.fullmatch(parameters.bucket) or _is_address(urlsplit(endpoint).hostname or ""):
        return sdk.place()
    scheme, _, rest = endpoint.partition("://")
    return Place(f"{scheme}://{parameters.bucket}.{rest}/", region)


def quoted(key: str) -> str:
    """A key for a URL, as it is signed."""
    return quote(key, safe="/~")


def _is_region_known(parameters: S3Parameters) -> bool:
    """Whether no profile of the user's can say another region."""
    if parameters.region or os.environ.get("AWS_DEFAULT_REGION"):
        return True
    if os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE"):
        return False
    files = (os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"), os.environ.get("AWS_SHARED_CREDENTIALS_FILE", ""))
    return not any(file and Path(file).expanduser().exists() for file in files)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
